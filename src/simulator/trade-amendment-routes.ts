/**
 * Busted and corrected trades on demand, as exchanges do with clearly erroneous ones:
 *
 *     POST /simulator/trades/{execution id}/bust
 *     POST /simulator/trades/{execution id}/correct   {"price": "100.25"}   the right price
 *
 * The account hears of it on its streams; the answer is the order as it is then. Main thread of the simulator.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AmendTradeResult, VenueOrder } from "../venue/order.ts";
import type { Exchange } from "./exchange.ts";
import { decimalOf } from "./trading/decimal.ts";
import type { InstrumentDirectory } from "./trading/instrument-directory.ts";
import { jsonObject } from "./trading/json-body.ts";
import { wireOrder } from "./trading/wire-order.ts";
import { malformed, WireError } from "./wire-error.ts";

export interface TradeAmendmentOptions {
  readonly exchange: Exchange;
  readonly directory: InstrumentDirectory;
  readonly nowUs: () => number;
}

export function tradeAmendmentRoutes(app: FastifyInstance, options: TradeAmendmentOptions): void {
  const { exchange, nowUs } = options;
  app.post("/simulator/trades/:id/bust", (request) => answer(exchange.bust(idOf(request), nowUs()), options));
  app.post("/simulator/trades/:id/correct", (request) => {
    const price = decimalOf(jsonObject(request.body)["price"], "price");
    if (price === null || price <= 0n) throw malformed("price must be > 0");
    return answer(exchange.correct(idOf(request), price, nowUs()), options);
  });
}

function idOf(request: FastifyRequest): string {
  return (request.params as { id: string }).id;
}

async function answer(result: AmendTradeResult, { exchange, directory }: TradeAmendmentOptions): Promise<object> {
  await exchange.ledger.committed();
  if (!result.ok) throw WireError.of(result.refusal);
  const amended = result.events.find(({ kind }) => kind === "trade_bust" || kind === "trade_correct");
  return wireOrder(amended?.order as VenueOrder, directory);
}
