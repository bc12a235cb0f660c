/** Orders: create, list, look up, replace, settle, cancel. Answers 202 where the outcome is known later. */
import { parseFixed } from "../../core/fixed.ts";
import type { Static } from "typebox";
import type { BotPort, NewOrderRequest } from "../bot-port.ts";
import { readPage } from "../paging.ts";
import { ProblemError, valueOf } from "../problem.ts";
import {
  CancelAll,
  EmptyQuery,
  Id,
  IdempotencyHeaders,
  listOf,
  NewOrder,
  Order,
  OrderChange,
  OrdersQuery,
  Reason,
} from "../schema.ts";
import { callerId, KEY_NEEDED, READ_PROBLEMS, refuseBody, type Rest } from "./route.ts";

const tags = ["orders"];

export function addOrderRoutes(app: Rest, bot: BotPort): void {
  app.post(
    "/api/v1/orders",
    {
      config: { access: "trader" },
      schema: {
        tags,
        summary: "Create an order; 202 once it is journalled",
        description: "The same `Idempotency-Key` with the same order gives the same order again.",
        security: KEY_NEEDED,
        headers: IdempotencyHeaders,
        querystring: EmptyQuery,
        body: NewOrder,
        response: { 202: Order, ...READ_PROBLEMS },
      },
      onRequest: async (request) => {
        idempotencyKey(request.headers["idempotency-key"]);
      },
    },
    async (request, reply) => {
      const key = idempotencyKey(request.headers["idempotency-key"]);
      const order = newOrder(request.body, key, callerId(request));
      const created = valueOf(await bot.createOrder(order));
      reply.status(202).header("location", `/api/v1/orders/${created.client_order_id}`);
      return created;
    },
  );

  app.get(
    "/api/v1/orders",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Orders, newest first",
        querystring: OrdersQuery,
        response: { 200: listOf(Order), ...READ_PROBLEMS },
      },
    },
    async (request) => {
      const { state, symbol } = request.query;
      const filter = { state: state ?? "all", symbol: symbol ?? null } as const;
      return readPage(
        request.query,
        (order) => order.position,
        (page) => bot.orders(filter, page),
      );
    },
  );

  app.get(
    "/api/v1/orders/:id",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "One order by its client order id",
        params: Id,
        querystring: EmptyQuery,
        response: { 200: Order, ...READ_PROBLEMS },
      },
    },
    async (request) => {
      const order = await bot.order(request.params.id);
      if (order === null) throw new ProblemError(404, "ORDER_NOT_FOUND", "no order has this id", { field: "id" });
      return order;
    },
  );

  app.patch(
    "/api/v1/orders/:id",
    {
      config: { access: "trader" },
      schema: {
        tags,
        summary: "Put a new order in the place of an open one by hand; 202 once the new one is journalled",
        description:
          "The old order may still fill first; the new one is then rejected. The same `Idempotency-Key` with the same change " +
          "gives the same order again.",
        security: KEY_NEEDED,
        headers: IdempotencyHeaders,
        params: Id,
        querystring: EmptyQuery,
        body: OrderChange,
        response: { 202: Order, ...READ_PROBLEMS },
      },
      onRequest: async (request) => {
        idempotencyKey(request.headers["idempotency-key"]);
      },
    },
    async (request, reply) => {
      const { quantity, limit_price, stop_price, trail, time_in_force } = request.body;
      const change = {
        idempotencyKey: idempotencyKey(request.headers["idempotency-key"]),
        keyId: callerId(request),
        quantity: positiveOrNull(quantity, "quantity"),
        limitPrice: positiveOrNull(limit_price, "limit_price"),
        stopPrice: positiveOrNull(stop_price, "stop_price"),
        trail: positiveOrNull(trail, "trail"),
        timeInForce: time_in_force ?? null,
      };
      const created = valueOf(await bot.replaceOrder(request.params.id, change));
      reply.status(202).header("location", `/api/v1/orders/${created.client_order_id}`);
      return created;
    },
  );

  app.post(
    "/api/v1/orders/:id/settle",
    {
      config: { access: "risk" },
      schema: {
        tags,
        summary: "End an order of unknown outcome that the broker does not know",
        description:
          "The broker is asked once more: an order that is there is taken in instead. Should it arrive after all, it is " +
          "cancelled and its fills are booked.",
        security: KEY_NEEDED,
        params: Id,
        querystring: EmptyQuery,
        body: Reason,
        response: { 200: Order, ...READ_PROBLEMS },
      },
    },
    async (request) => valueOf(await bot.settleOrder(request.params.id, callerId(request), request.body.reason)),
  );

  app.delete(
    "/api/v1/orders/:id",
    {
      config: { access: "trader" },
      schema: {
        tags,
        summary: "Ask for an order to be cancelled",
        security: KEY_NEEDED,
        params: Id,
        querystring: EmptyQuery,
        response: { 202: Order, ...READ_PROBLEMS },
      },
      preValidation: refuseBody,
    },
    async (request, reply) => {
      reply.status(202);
      return valueOf(await bot.cancelOrder(request.params.id));
    },
  );

  app.delete(
    "/api/v1/orders",
    {
      config: { access: "trader" },
      schema: {
        tags,
        summary: "Ask for every open order to be cancelled",
        security: KEY_NEEDED,
        querystring: EmptyQuery,
        response: { 202: CancelAll, ...READ_PROBLEMS },
      },
      preValidation: refuseBody,
    },
    async (_request, reply) => {
      reply.status(202);
      return valueOf(await bot.cancelAllOrders());
    },
  );
}

const IDEMPOTENCY_KEY = /^(?:"([\w.:-]{1,64})"|([\w.:-]{1,64}))$/;

/** The key, bare or as the quoted string of the IETF draft. */
function idempotencyKey(header: string | string[] | undefined): string {
  const field = { field: "Idempotency-Key" };
  if (header === undefined || header === "") {
    throw new ProblemError(400, "IDEMPOTENCY_KEY_MISSING", "the header Idempotency-Key is required", field);
  }
  const match = typeof header === "string" ? IDEMPOTENCY_KEY.exec(header) : null;
  const key = match?.[1] ?? match?.[2];
  if (key === undefined) {
    const allowed = "Idempotency-Key must be 1 to 64 letters, digits, dots, colons, dashes or underscores";
    throw new ProblemError(400, "IDEMPOTENCY_KEY_INVALID", allowed, field);
  }
  return key;
}

function positive(text: string, field: string): string {
  if (parseFixed(text, field) > 0n) return text;
  throw new ProblemError(400, "FIELD_INVALID", `${field} must be above zero`, { field });
}

function positiveOrNull(text: string | undefined, field: string): string | null {
  return text === undefined ? null : positive(text, field);
}

type PriceField = "limit_price" | "stop_price";
const PRICES: Readonly<Record<NewOrderRequest["type"], readonly PriceField[]>> = {
  market: [],
  limit: ["limit_price"],
  stop: ["stop_price"],
  stop_limit: ["stop_price", "limit_price"],
  trailing_stop: [],
};

/** What each type must have and may not have has codes of its own; the rest is judged with the order. */
function newOrder(body: Static<typeof NewOrder>, idempotency: string, keyId: string): NewOrderRequest {
  const { type, take_profit, stop_loss } = body;
  for (const field of ["limit_price", "stop_price"] as const) {
    const isNeeded = PRICES[type].includes(field);
    if (isNeeded === (body[field] !== undefined)) continue;
    const [code, words] = isNeeded ? ["REQUIRED", "needs"] : ["NOT_ALLOWED", "has no"];
    throw new ProblemError(400, `${field.toUpperCase()}_${code}`, `a ${type} order ${words} ${field}`, { field });
  }
  return {
    idempotencyKey: idempotency,
    keyId,
    symbol: body.symbol,
    side: body.side,
    type,
    timeInForce: body.time_in_force ?? "day",
    quantity: positive(body.quantity, "quantity"),
    limitPrice: positiveOrNull(body.limit_price, "limit_price"),
    stopPrice: positiveOrNull(body.stop_price, "stop_price"),
    trailPrice: positiveOrNull(body.trail_price, "trail_price"),
    trailPercent: positiveOrNull(body.trail_percent, "trail_percent"),
    extendedHours: body.extended_hours ?? false,
    orderClass: body.order_class ?? "simple",
    takeProfitPrice: positiveOrNull(take_profit?.limit_price, "take_profit.limit_price"),
    stopLossPrice: positiveOrNull(stop_loss?.stop_price, "stop_loss.stop_price"),
    stopLossLimitPrice: positiveOrNull(stop_loss?.limit_price, "stop_loss.limit_price"),
  };
}
