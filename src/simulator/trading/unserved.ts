/**
 * What an Alpaca account without options, crypto transfers, locates and tokens answers: empty lists, unknown ids, and
 * refusals. The simulator has nothing behind these, and says so the way the account would. Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { malformed, WireError } from "../wire-error.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { jsonObject } from "./json-body.ts";
import { QueryParameters } from "./query.ts";

const NOT_FOUND = 40410000;
const FORBIDDEN = 40310000;

export function unservedRoutes(app: FastifyInstance, directory: InstrumentDirectory): void {
  optionRoutes(app);
  locateRoutes(app, directory);
  transferRoutes(app);
  app.get("/v2/corporate_actions/announcements", () => []);
  app.get("/v2/corporate_actions/announcements/:id", (request) => {
    throw unknown("corporate action announcement", (request.params as { id: string }).id);
  });
}

function optionRoutes(app: FastifyInstance): void {
  app.get("/v2/options/contracts", () => ({ option_contracts: [], next_page_token: null }));
  app.get("/v2/options/contracts/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    throw new WireError(404, NOT_FOUND, `option contract ${symbol} not found`);
  });
  for (const action of ["exercise", "do-not-exercise"]) {
    app.post(`/v2/positions/:symbol/${action}`, () => {
      throw new WireError(403, FORBIDDEN, "no available position for the specified contract");
    });
  }
}

/** Every asset here is easy to borrow or cannot be borrowed at all. Errors of these routes carry words as codes. */
function locateRoutes(app: FastifyInstance, directory: InstrumentDirectory): void {
  app.get("/v1/locates", () => ({ locates: [], next_page_token: null }));
  app.get("/v1/locates/quotes", (request) => {
    const symbols = new QueryParameters(request.query).list("symbols");
    if (symbols === null) throw malformed("symbols is required");
    return { quotes: [], errors: symbols.map((symbol) => ({ symbol, ...locateRefusal(symbol, directory) })) };
  });
  app.get("/v1/locates/:id", () => {
    throw new WireError(404, null, "locate not found");
  });
  app.post("/v1/locates", (request, reply) => {
    const { symbol } = jsonObject(request.body);
    return reply.code(422).send(locateRefusal(String(symbol), directory));
  });
}

function locateRefusal(symbol: string, directory: InstrumentDirectory): { code: string; message: string } {
  const asset = directory.named(symbol);
  if (asset === undefined) return { code: "symbol_not_found", message: "symbol not found" };
  return asset.shortable
    ? { code: "easy_to_borrow", message: "security is easy-to-borrow and does not require a locate" }
    : { code: "threshold_security", message: "security is on the threshold list and cannot be located" };
}

function transferRoutes(app: FastifyInstance): void {
  for (const path of ["/v2/wallets", "/v2/wallets/transfers", "/v2/wallets/whitelists", "/v2/tokenization/requests"]) {
    app.get(path, () => []);
  }
  app.get("/v2/wallets/transfers/:id", (request) => {
    throw unknown("transfer", (request.params as { id: string }).id);
  });
  app.delete("/v2/wallets/whitelists/:id", (request) => {
    throw unknown("whitelisted address", (request.params as { id: string }).id);
  });
  for (const path of ["/v2/tokenization/requests/:id", "/v2/tokenization/requests::by_client_request_id"]) {
    app.get(path, () => {
      throw new WireError(404, NOT_FOUND, "tokenization request not found");
    });
  }
  const refused = ["/v2/wallets/transfers", "/v2/wallets/whitelists", "/v2/tokenization/mint"];
  for (const path of refused) {
    app.post(path, () => {
      throw new WireError(403, FORBIDDEN, "account is not allowed to transfer assets");
    });
  }
  app.get("/v2/wallets/fees/estimate", () => {
    throw new WireError(403, FORBIDDEN, "account is not allowed to transfer assets");
  });
}

function unknown(what: string, id: string): WireError {
  return new WireError(404, NOT_FOUND, `${what} not found for ${id}`);
}
