/** `/v2/watchlists`, by id and by name. Main thread of the simulator. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { malformed, WireError } from "../wire-error.ts";
import { rfc3339 } from "../wire-time.ts";
import { wireAsset } from "./assets.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { jsonObject } from "./json-body.ts";
import { QueryParameters } from "./query.ts";
import type { Watchlist, Watchlists } from "../watchlists.ts";

type Json = Record<string, unknown>;
type Find = (request: FastifyRequest) => Watchlist;

export interface WatchlistRoutesOptions {
  readonly watchlists: Watchlists;
  readonly directory: InstrumentDirectory;
  readonly accountId: string;
  readonly nowUs: () => number;
  /** Resolves when every change so far is durable. */
  readonly committed: () => Promise<void>;
}

const NOT_FOUND = 40410000;

export function watchlistRoutes(app: FastifyInstance, options: WatchlistRoutesOptions): void {
  const { watchlists, nowUs, committed } = options;
  app.get("/v2/watchlists", () => watchlists.all().map((list) => head(list, options)));
  app.post("/v2/watchlists", async (request) => {
    const { name, symbols } = readContent(request.body, options);
    if (name === null) throw malformed("name is required");
    const list = watchlists.create(randomUUID(), name, symbols ?? [], nowUs());
    await committed();
    return body(list, options);
  });
  const byId: Find = (request) => watchlists.byId((request.params as { id: string }).id);
  const byName: Find = (request) => {
    const name = new QueryParameters(request.query).text("name");
    if (name === null) throw malformed("name is required");
    return watchlists.byName(name);
  };
  listRoutes(app, "/v2/watchlists/:id", byId, options);
  listRoutes(app, "/v2/watchlists::by_name", byName, options);
  app.delete("/v2/watchlists/:id/:symbol", async (request) => {
    const { symbol } = request.params as { symbol: string };
    const list = watchlists.remove(byId(request), symbolOf(symbol, options), nowUs());
    await committed();
    return body(list, options);
  });
}

function listRoutes(app: FastifyInstance, path: string, find: Find, options: WatchlistRoutesOptions): void {
  const { watchlists, nowUs, committed } = options;
  app.get(path, (request) => body(find(request), options));
  app.put(path, async (request) => {
    const { name, symbols } = readContent(request.body, options);
    const list = watchlists.update(find(request), name, symbols, nowUs());
    await committed();
    return body(list, options);
  });
  app.post(path, async (request) => {
    const list = find(request);
    const changed = watchlists.add(list, symbolOf(jsonObject(request.body)["symbol"], options), nowUs());
    await committed();
    return body(changed, options);
  });
  app.delete(path, async (request, reply) => {
    watchlists.delete(find(request));
    await committed();
    return reply.code(204).send();
  });
}

function head(list: Watchlist, { accountId }: WatchlistRoutesOptions): Json {
  return {
    id: list.id,
    account_id: accountId,
    created_at: rfc3339(list.createdAtUs),
    updated_at: rfc3339(list.updatedAtUs),
    name: list.name,
  };
}

function body(list: Watchlist, options: WatchlistRoutesOptions): Json {
  const found = list.symbols.map((symbol) => options.directory.named(symbol));
  const assets = found.filter((instrument) => instrument !== undefined).map(wireAsset);
  return { ...head(list, options), assets };
}

function readContent(
  given: unknown,
  options: WatchlistRoutesOptions,
): { name: string | null; symbols: string[] | null } {
  const { name, symbols } = jsonObject(given);
  if (name !== undefined && typeof name !== "string") throw malformed("name must be a string");
  if (symbols !== undefined && !Array.isArray(symbols)) throw malformed("symbols must be an array of symbols");
  return { name: name ?? null, symbols: symbols?.map((symbol) => symbolOf(symbol, options)) ?? null };
}

function symbolOf(given: unknown, { directory }: WatchlistRoutesOptions): string {
  if (typeof given !== "string" || given === "") throw malformed("symbol is required");
  const found = directory.named(given);
  if (found === undefined) throw new WireError(404, NOT_FOUND, `asset not found for ${given}`);
  return found.symbol;
}
