/** `/v2/positions`: what the account holds, and closing it. Main thread of the simulator. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply } from "fastify";
import { FIXED_ONE } from "../../core/fixed.ts";
import type { Holding } from "../../venue/holdings.ts";
import type { VenueMarket } from "../../venue/market.ts";
import type { ClosingSize, SubmitResult } from "../../venue/order.ts";
import type { Exchange } from "../exchange.ts";
import { malformed, WireError } from "../wire-error.ts";
import { decimalOf } from "./decimal.ts";
import { type InstrumentDirectory, plainSymbol } from "./instrument-directory.ts";
import { QueryParameters } from "./query.ts";
import { wireOrder } from "./wire-order.ts";
import { wirePosition } from "./wire-position.ts";

type Json = Record<string, unknown>;

const NOT_FOUND = 40410000;
const MOST_PERCENT = 100n * FIXED_ONE;

export interface PositionRoutesOptions {
  readonly exchange: Exchange;
  readonly directory: InstrumentDirectory;
  readonly nowUs: () => number;
}

export function positionRoutes(app: FastifyInstance, options: PositionRoutesOptions): void {
  const { exchange, directory } = options;
  app.get("/v2/positions", () => positionList(exchange, directory));
  app.get("/v2/positions/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    const held = heldSymbol(symbol, options);
    const row = positionList(exchange, directory, held)[0];
    if (row === undefined) throw absent();
    return row;
  });
  app.delete("/v2/positions/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    return close(heldSymbol(symbol, options), sizeOf(new QueryParameters(request.query)), options);
  });
  app.delete("/v2/positions", (request, reply) => {
    const cancelOrders = new QueryParameters(request.query).flag("cancel_orders");
    return closeAll(cancelOrders, reply, options);
  });
}

/** All positions in order of their first opening, or the one of a symbol. */
export function positionList(exchange: Exchange, directory: InstrumentDirectory, only?: string): Json[] {
  const held = [...exchange.venue.positions()].filter(([symbol]) => only === undefined || symbol === only);
  return held.map(([symbol, holding]) => positionBody(symbol, holding, exchange, directory));
}

function positionBody(symbol: string, holding: Holding, exchange: Exchange, directory: InstrumentDirectory): Json {
  const { venue, lastDay } = exchange;
  const market = venue.market(symbol) as VenueMarket;
  const overnight = { price: lastDay.prices.get(symbol) ?? null, quantity: lastDay.quantities.get(symbol) ?? 0n };
  return wirePosition({ holding, market, available: venue.availableOf(symbol), overnight }, directory);
}

/** A pair is found by its name without the slash only, as Alpaca has it. */
function heldSymbol(name: string, { exchange, directory }: PositionRoutesOptions): string {
  const symbol = directory.named(name)?.symbol;
  const slashed = name.includes("/");
  if (symbol === undefined || slashed || exchange.venue.positionOf(symbol) === 0n) throw absent();
  return symbol;
}

function absent(): WireError {
  return new WireError(404, NOT_FOUND, "position does not exist");
}

function sizeOf(query: QueryParameters): ClosingSize {
  query.atMost(1, ["qty", "percentage"]);
  const quantity = decimalOf(query.text("qty") ?? undefined, "qty");
  const percentage = decimalOf(query.text("percentage") ?? undefined, "percentage");
  if (quantity !== null) {
    if (quantity <= 0n) throw malformed("qty must be > 0");
    return { kind: "quantity", quantity };
  }
  if (percentage === null) return { kind: "all" };
  if (percentage <= 0n || percentage > MOST_PERCENT) throw malformed("percentage must be between 0 and 100");
  return { kind: "percentage", percentage };
}

async function close(symbol: string, size: ClosingSize, options: PositionRoutesOptions): Promise<Json> {
  const { exchange, directory, nowUs } = options;
  const result = exchange.closePosition(symbol, size, randomUUID(), nowUs());
  await exchange.ledger.committed();
  if (!result.ok) throw WireError.of(result.refusal);
  return wireOrder(result.order, directory);
}

async function closeAll(
  cancelOrders: boolean,
  reply: FastifyReply,
  { exchange, directory, nowUs }: PositionRoutesOptions,
): Promise<FastifyReply> {
  if (cancelOrders) exchange.cancelAll(nowUs());
  const symbols = [...exchange.venue.positions()].map(([symbol]) => symbol);
  const rows = symbols.map((symbol) => {
    const result = exchange.closePosition(symbol, { kind: "all" }, randomUUID(), nowUs());
    return closedRow(symbol, result, directory);
  });
  await exchange.ledger.committed();
  return reply.code(207).send(rows);
}

function closedRow(symbol: string, result: SubmitResult, directory: InstrumentDirectory): Json {
  return result.ok
    ? { symbol: plainSymbol(symbol), status: 200, body: wireOrder(result.order, directory) }
    : { symbol: plainSymbol(symbol), status: result.refusal.status, body: WireError.of(result.refusal).body };
}
