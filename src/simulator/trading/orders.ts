/** `/v2/orders`: submit, list, look up, replace and cancel. Main thread of the simulator. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { FIXED_ONE } from "../../core/fixed.ts";
import type { CancelRow, NewVenueOrder, VenueOrder } from "../../venue/order.ts";
import type { Exchange } from "../exchange.ts";
import { malformed, WireError } from "../wire-error.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { readOrderChange } from "./order-change.ts";
import { legsOf, listOrders } from "./order-list.ts";
import { readOrderRequest } from "./order-request.ts";
import { QueryParameters } from "./query.ts";
import { wireOrder } from "./wire-order.ts";

type Json = Record<string, unknown>;

const NOT_FOUND = 40410000;
const FORBIDDEN = 40310000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface OrderRoutesOptions {
  readonly exchange: Exchange;
  readonly directory: InstrumentDirectory;
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
}

export function orderRoutes(app: FastifyInstance, options: OrderRoutesOptions): void {
  const { exchange, directory } = options;
  const { venue } = exchange;
  app.post("/v2/orders", (request) => submit(request.body, options));
  app.get("/v2/orders", (request) => {
    const rows = listOrders(venue, directory, new QueryParameters(request.query));
    return rows.map(({ order, legs }) => wireOrder(order, directory, legs));
  });
  app.get("/v2/orders::by_client_order_id", (request) => {
    const id = new QueryParameters(request.query).text("client_order_id");
    if (id === null) throw malformed("client_order_id is required");
    return wireOrder(found(venue.orderByClientId(id), id), directory);
  });
  app.get("/v2/orders/:id", (request) => {
    const id = idOf(request);
    const order = found(venue.order(id), id);
    const nested = new QueryParameters(request.query).flag("nested");
    return wireOrder(order, directory, nested ? legsOf(order, venue) : null);
  });
  app.patch("/v2/orders/:id", (request) => replace(idOf(request), request.body, options));
  app.delete("/v2/orders/:id", (request, reply) => cancel(idOf(request), reply, options));
  app.delete("/v2/orders", (_request, reply) => cancelAll(reply, options));
}

async function submit(body: unknown, { exchange, directory, nowUs }: OrderRoutesOptions): Promise<Json> {
  const order = readOrderRequest(body, directory, randomUUID);
  if (!exchange.preferences.fractionalTrading && isFractional(order, directory)) {
    throw new WireError(403, FORBIDDEN, "account is not enabled for fractional trading");
  }
  const result = exchange.submit(order, nowUs());
  await exchange.ledger.committed();
  if (!result.ok) throw WireError.of(result.refusal);
  return wireOrder(result.order, directory, result.legs);
}

/** Whether an order is for parts of a share or for an amount of shares; pairs have no whole ones. */
function isFractional({ symbol, quantity, notional }: NewVenueOrder, directory: InstrumentDirectory): boolean {
  if (directory.named(symbol)?.assetClass !== "us_equity") return false;
  return notional !== null || (quantity !== null && quantity % FIXED_ONE !== 0n);
}

async function replace(id: string, body: unknown, { exchange, directory, nowUs }: OrderRoutesOptions): Promise<Json> {
  const result = exchange.replace(id, readOrderChange(body, randomUUID), nowUs());
  await exchange.ledger.committed();
  if (!result.ok) throw WireError.of(result.refusal);
  return wireOrder(result.order, directory);
}

async function cancel(id: string, reply: FastifyReply, options: OrderRoutesOptions): Promise<FastifyReply> {
  const { exchange, nowUs } = options;
  const result = exchange.cancel(id, nowUs());
  await exchange.ledger.committed();
  if (!result.ok) throw WireError.of(result.refusal);
  return reply.code(204).send();
}

async function cancelAll(reply: FastifyReply, { exchange, nowUs }: OrderRoutesOptions): Promise<FastifyReply> {
  const rows = exchange.cancelAll(nowUs()).map(cancelRow);
  await exchange.ledger.committed();
  return reply.code(207).send(rows);
}

function cancelRow({ id, refusal }: CancelRow): Json {
  return refusal === null ? { id, status: 200 } : { id, status: refusal.status, body: WireError.of(refusal).body };
}

function idOf(request: FastifyRequest): string {
  const { id } = request.params as { id: string };
  if (!UUID.test(id)) throw malformed("order_id must be a UUID");
  return id.toLowerCase();
}

function found(order: VenueOrder | undefined, id: string): VenueOrder {
  if (order === undefined) throw new WireError(404, NOT_FOUND, `order not found for ${id}`);
  return order;
}
