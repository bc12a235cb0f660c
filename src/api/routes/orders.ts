/** Orders: create, list, look up, cancel. Answers 202 where the outcome is known later. */
import { parseFixed } from "../../core/fixed.ts";
import type { BotPort, NewOrderRequest } from "../bot-port.ts";
import { readPage } from "../paging.ts";
import { ProblemError, valueOf } from "../problem.ts";
import { CancelAll, EmptyQuery, Id, IdempotencyHeaders, listOf, NewOrder, Order, OrdersQuery } from "../schema.ts";
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
      const { symbol, side, type, time_in_force, quantity, limit_price } = request.body;
      const order: NewOrderRequest = {
        idempotencyKey: idempotencyKey(request.headers["idempotency-key"]),
        keyId: callerId(request),
        symbol,
        side,
        type,
        timeInForce: time_in_force ?? "day",
        quantity: positive(quantity, "quantity"),
        limitPrice: limitPrice(type, limit_price),
      };
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

function limitPrice(type: "market" | "limit", price: string | undefined): string | null {
  const field = { field: "limit_price" };
  if (type === "limit") {
    if (price === undefined) {
      throw new ProblemError(400, "LIMIT_PRICE_REQUIRED", "a limit order needs limit_price", field);
    }
    return positive(price, "limit_price");
  }
  if (price === undefined) return null;
  throw new ProblemError(400, "LIMIT_PRICE_NOT_ALLOWED", "a market order has no limit_price", field);
}
