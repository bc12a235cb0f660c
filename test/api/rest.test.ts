import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CodedError } from "../../src/core/errors.ts";
import { bearer, type RestUnderTest, restUnderTest } from "./harness.ts";
import { HEALTHY, order } from "./memory-bot.ts";

type Reply = Awaited<ReturnType<RestUnderTest["app"]["inject"]>>;

function isProblem(reply: Reply, status: number, code: string, field?: string): void {
  assert.equal(reply.statusCode, status, reply.body);
  assert.match(String(reply.headers["content-type"]), /^application\/problem\+json/);
  const document = reply.json<Record<string, unknown>>();
  assert.equal(document["code"], code);
  assert.equal(document["status"], status);
  assert.equal(document["field"], field);
  assert.equal(document["type"], `urn:algo-trading-bot:problem:${code.toLowerCase().replaceAll("_", "-")}`);
  assert.equal(typeof document["title"], "string");
  assert.equal(typeof document["detail"], "string");
}

describe("the REST face", () => {
  let rest: RestUnderTest;
  before(async () => {
    rest = await restUnderTest();
  });
  after(() => rest.app.close());

  const get = (url: string): Promise<Reply> => rest.app.inject({ method: "GET", url });
  const post = (url: string, payload: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
    rest.app.inject({ method: "POST", url, payload: payload as object, headers: { ...bearer("admin"), ...headers } });
  const valid = { symbol: "AAPL", side: "buy", type: "limit", quantity: "10", limit_price: "185.25" };
  const create = (payload: unknown, key = "key-1"): Promise<Reply> =>
    post("/api/v1/orders", payload, { "idempotency-key": key });

  describe("health", () => {
    after(() => {
      rest.bot.report = HEALTHY;
    });

    it("names each part and answers 200 while the report is good", async () => {
      for (const url of ["/health", "/ready"]) {
        const reply = await get(url);
        assert.equal(reply.statusCode, 200);
        assert.deepEqual(reply.json(), HEALTHY);
      }
    });

    it("answers 503 with the same body when the report is not ok", async () => {
      rest.bot.report = { ...HEALTHY, ok: false, state: "draining" };
      const reply = await get("/ready");
      assert.equal(reply.statusCode, 503);
      assert.equal(reply.json().state, "draining");
    });

    it("answers 200 when it is ok but degraded", async () => {
      rest.bot.report = { ...HEALTHY, state: "degraded" };
      assert.equal((await get("/ready")).statusCode, 200);
    });
  });

  describe("creating an order", () => {
    it("answers 202 with the order and where it is", async () => {
      const reply = await create({ ...valid, time_in_force: "gtc" }, "create-1");
      assert.equal(reply.statusCode, 202, reply.body);
      const created = reply.json();
      assert.equal(created.limit_price, "185.25");
      assert.equal(created.time_in_force, "gtc");
      assert.equal(reply.headers.location, `/api/v1/orders/${created.client_order_id}`);
      assert.deepEqual((await get(reply.headers.location as string)).json(), created);
    });

    it("hands the key's id and the idempotency key to the bot, quoted or bare", async () => {
      const first = await create(valid, "same");
      const second = await create(valid, '"same"');
      assert.equal(second.json().client_order_id, first.json().client_order_id);
      assert.match(rest.bot.calls.at(-1) ?? "", /^createOrder key-admin .*"idempotencyKey":"same"/);
    });

    it("takes day as the time in force where none is said", async () => {
      assert.equal((await create(valid, "default-tif")).json().time_in_force, "day");
    });

    it("needs an Idempotency-Key", async () => {
      isProblem(await post("/api/v1/orders", valid), 400, "IDEMPOTENCY_KEY_MISSING", "Idempotency-Key");
      isProblem(await create(valid, "a b"), 400, "IDEMPOTENCY_KEY_INVALID", "Idempotency-Key");
      isProblem(await create(valid, "x".repeat(65)), 400, "IDEMPOTENCY_KEY_INVALID", "Idempotency-Key");
    });

    it("refuses an unknown field and names it", async () => {
      const reply = await create({ ...valid, qty: "1" });
      isProblem(reply, 400, "FIELD_UNKNOWN", "qty");
      assert.deepEqual(
        reply.json().errors.map((error: { field: string }) => error.field),
        ["qty"],
      );
    });

    it("names every field that is wrong, and what is allowed", async () => {
      const reply = await create({
        symbol: "AAPL",
        side: "hold",
        type: "limit",
        quantity: "1e3",
        limit_price: "185.25",
      });
      isProblem(reply, 400, "FIELD_INVALID", "side");
      const errors: { field: string; message: string }[] = reply.json().errors;
      assert.deepEqual(errors.map((error) => error.field).sort(), ["quantity", "side"]);
      assert.match(errors.find((error) => error.field === "side")?.message ?? "", /buy, sell/);
    });

    it("names a field that is missing", async () => {
      isProblem(await create({ side: "buy", type: "market", quantity: "1" }), 400, "FIELD_MISSING", "symbol");
    });

    it("wants amounts as strings, above zero, with at most nine decimals", async () => {
      isProblem(await create({ ...valid, quantity: 10 }), 400, "FIELD_INVALID", "quantity");
      isProblem(await create({ ...valid, quantity: "0.000" }), 400, "FIELD_INVALID", "quantity");
      isProblem(await create({ ...valid, quantity: "-1" }), 400, "FIELD_INVALID", "quantity");
      isProblem(await create({ ...valid, limit_price: "0" }), 400, "FIELD_INVALID", "limit_price");
      isProblem(await create({ ...valid, quantity: "0.0000000001" }), 400, "FIELD_INVALID", "quantity");
    });

    it("wants a limit price for a limit order only", async () => {
      const { limit_price: _, ...unpriced } = valid;
      isProblem(await create(unpriced), 400, "LIMIT_PRICE_REQUIRED", "limit_price");
      isProblem(await create({ ...valid, type: "market" }), 400, "LIMIT_PRICE_NOT_ALLOWED", "limit_price");
    });

    it("takes every type and class, and passes its terms on", async () => {
      const bracket = {
        symbol: "AAPL",
        side: "buy",
        type: "stop_limit",
        time_in_force: "gtc",
        quantity: "10",
        stop_price: "190",
        limit_price: "191",
        extended_hours: false,
        order_class: "bracket",
        take_profit: { limit_price: "200" },
        stop_loss: { stop_price: "180", limit_price: "179" },
      };
      assert.equal((await create(bracket, "bracket")).statusCode, 202);
      const { keyId: _key, ...passed } = JSON.parse((rest.bot.calls.at(-1) ?? "").split(" ").slice(2).join(" "));
      assert.deepEqual(passed, {
        idempotencyKey: "bracket",
        symbol: "AAPL",
        side: "buy",
        type: "stop_limit",
        timeInForce: "gtc",
        quantity: "10",
        limitPrice: "191",
        stopPrice: "190",
        trailPrice: null,
        trailPercent: null,
        extendedHours: false,
        orderClass: "bracket",
        takeProfitPrice: "200",
        stopLossPrice: "180",
        stopLossLimitPrice: "179",
      });
      const trailing = { symbol: "AAPL", side: "sell", type: "trailing_stop", quantity: "1", trail_percent: "0.5" };
      assert.equal((await create(trailing, "trailing")).json().trail_percent, "0.5");
      isProblem(await create({ ...trailing, limit_price: "1" }), 400, "LIMIT_PRICE_NOT_ALLOWED", "limit_price");
      isProblem(await create({ ...trailing, type: "stop" }), 400, "STOP_PRICE_REQUIRED", "stop_price");
      isProblem(await create({ ...trailing, type: "peg" }), 400, "FIELD_INVALID", "type");
      isProblem(await create({ ...bracket, stop_loss: { stop: "1" } }), 400, "FIELD_UNKNOWN", "stop_loss.stop");
    });

    it("passes the bot's refusal on with its status, code and field", async () => {
      isProblem(await create({ ...valid, symbol: "NOPE" }, "nope"), 422, "SYMBOL_UNKNOWN", "symbol");
    });

    it("refuses bodies that are no JSON object", async () => {
      const raw = (payload: string, type = "application/json"): Promise<Reply> =>
        rest.app.inject({
          method: "POST",
          url: "/api/v1/orders",
          payload,
          headers: { ...bearer("admin"), "idempotency-key": "raw", "content-type": type },
        });
      isProblem(await raw("{"), 400, "BODY_MALFORMED");
      isProblem(await raw(""), 400, "BODY_MALFORMED");
      isProblem(await raw("null"), 400, "FIELD_MISSING", "body");
      isProblem(await raw('"order"'), 400, "FIELD_MISSING", "body");
      isProblem(await raw("a=b", "application/x-www-form-urlencoded"), 415, "MEDIA_TYPE_UNSUPPORTED");
      isProblem(await raw("hello", "text/plain"), 415, "MEDIA_TYPE_UNSUPPORTED");
      isProblem(await raw(JSON.stringify({ symbol: "A".repeat(17_000) })), 413, "BODY_TOO_LARGE");
    });
  });

  describe("reading orders", () => {
    it("filters by state and symbol", async () => {
      const ids = async (query: string): Promise<string[]> =>
        (await get(`/api/v1/orders?${query}`))
          .json()
          .items.map((row: { client_order_id: string }) => row.client_order_id);
      assert.deepEqual((await ids("state=open")).slice(-2), ["order-5", "order-4"]);
      assert.deepEqual(await ids("state=closed"), ["order-3", "order-2", "order-1"]);
      assert.deepEqual(await ids("symbol=BTC/USD"), ["order-3"]);
    });

    it("pages through all rows, also those of one millisecond, and knows the last page", async () => {
      const rows = rest.bot.rows;
      rest.bot.rows = [9, 8, 7, 6, 5, 4, 3, 2, 1].map((i) => order(i, { created_at: 7 }));
      const seen: string[] = [];
      let url: string | null = "/api/v1/orders?limit=2";
      while (url !== null) {
        const { items, next_before }: { items: { client_order_id: string }[]; next_before: number | null } = (
          await get(url)
        ).json();
        seen.push(...items.map((row) => row.client_order_id));
        url = next_before === null ? null : `/api/v1/orders?limit=2&before=${next_before}`;
      }
      assert.deepEqual(
        seen,
        [9, 8, 7, 6, 5, 4, 3, 2, 1].map((i) => `order-${i}`),
      );
      rest.bot.rows = rows;
    });

    it("refuses unknown and invalid query fields by name", async () => {
      isProblem(await get("/api/v1/orders?status=open"), 400, "FIELD_UNKNOWN", "status");
      isProblem(await get("/api/v1/orders?state=new"), 400, "FIELD_INVALID", "state");
      isProblem(await get("/api/v1/orders?limit=0"), 400, "FIELD_INVALID", "limit");
      isProblem(await get("/api/v1/orders?limit=501"), 400, "FIELD_INVALID", "limit");
      isProblem(await get("/api/v1/orders?limit=ten"), 400, "FIELD_INVALID", "limit");
      isProblem(await get("/api/v1/orders?before=yesterday"), 400, "FIELD_INVALID", "before");
      isProblem(await get("/api/v1/account?verbose=1"), 400, "FIELD_UNKNOWN", "verbose");
      isProblem(await get("/api/v1/bars"), 400, "FIELD_MISSING", "symbol");
    });

    it("answers 404 for an id that no order has", async () => {
      isProblem(await get("/api/v1/orders/unknown"), 404, "ORDER_NOT_FOUND", "id");
    });
  });

  describe("changing and settling", () => {
    const change = (body: object, headers: object = { "idempotency-key": "change" }) =>
      rest.app.inject({
        method: "PATCH",
        url: "/api/v1/orders/order-4",
        headers: { ...bearer("trader"), ...headers },
        payload: body,
      });

    it("answers a change with the new order and where it is", async () => {
      const reply = await change({ limit_price: "186", quantity: "12", time_in_force: "gtc" });
      assert.equal(reply.statusCode, 202, reply.body);
      assert.equal(reply.headers.location, "/api/v1/orders/order-20");
      assert.deepEqual([reply.json().replaces, reply.json().limit_price], ["order-4", "186"]);
      assert.match(
        rest.bot.calls.at(-1) ?? "",
        /^replaceOrder order-4 key-trader .*"quantity":"12","limitPrice":"186","stopPrice":null,"trail":null,"timeInForce":"gtc"/,
      );
    });

    it("wants a key, something to change, and nothing that it does not know", async () => {
      isProblem(await change({ limit_price: "186" }, {}), 400, "IDEMPOTENCY_KEY_MISSING", "Idempotency-Key");
      assert.equal((await change({})).statusCode, 400);
      isProblem(await change({ limit_price: "0" }), 400, "FIELD_INVALID", "limit_price");
      isProblem(await change({ side: "sell" }), 400, "FIELD_UNKNOWN", "side");
    });

    it("settles an order on a person's word, with the reason", async () => {
      const reply = await rest.app.inject({
        method: "POST",
        url: "/api/v1/orders/order-4/settle",
        headers: bearer("risk"),
        payload: { reason: "not on the broker's page" },
      });
      assert.equal(reply.statusCode, 200, reply.body);
      assert.equal(reply.json().reject_code, "SETTLED_BY_HAND");
      assert.equal(rest.bot.calls.at(-1), "settleOrder order-4 key-risk not on the broker's page");
    });
  });

  describe("cancelling", () => {
    const remove = (url: string, payload?: object): Promise<Reply> =>
      rest.app.inject({
        method: "DELETE",
        url,
        headers: bearer("trader"),
        ...(payload === undefined ? {} : { payload }),
      });

    it("answers 202 with the order", async () => {
      const reply = await remove("/api/v1/orders/order-4");
      assert.equal(reply.statusCode, 202);
      assert.equal(reply.json().cancel_requested, true);
    });

    it("answers 202 with a count for all orders", async () => {
      const reply = await remove("/api/v1/orders");
      assert.equal(reply.statusCode, 202);
      assert.equal(typeof reply.json().cancel_requested, "number");
    });

    it("passes refusals on", async () => {
      isProblem(await remove("/api/v1/orders/order-1"), 409, "ORDER_CLOSED");
      isProblem(await remove("/api/v1/orders/unknown"), 404, "ORDER_NOT_FOUND", "id");
    });

    it("refuses a body", async () => {
      isProblem(await remove("/api/v1/orders", { symbol: "AAPL" }), 400, "FIELD_UNKNOWN", "symbol");
    });
  });

  describe("strategies and risk", () => {
    it("starts and stops an instance in the name of the key", async () => {
      const reply = await post("/api/v1/strategies/zscore-btc/stop", undefined);
      assert.equal(reply.json().state, "stopped");
      assert.equal(rest.bot.calls.at(-1), "stopStrategy key-admin zscore-btc");
      assert.equal((await post("/api/v1/strategies/zscore-btc/start", {})).json().state, "running");
      isProblem(await post("/api/v1/strategies/none/start", undefined), 404, "STRATEGY_NOT_FOUND", "id");
    });

    it("kills and resumes with a reason", async () => {
      const killed = await post("/api/v1/risk/kill", { reason: "drill" });
      assert.equal(killed.statusCode, 200);
      assert.equal(killed.json().state, "halted");
      assert.equal(rest.bot.calls.at(-1), "kill key-admin drill");
      assert.equal((await get("/api/v1/risk")).json().states[0].state, "halted");
      assert.equal((await post("/api/v1/risk/resume", { reason: "drill over" })).statusCode, 200);
      isProblem(await post("/api/v1/risk/resume", { reason: "again" }), 409, "NOT_HALTED");
      isProblem(await post("/api/v1/risk/kill", {}), 400, "FIELD_MISSING", "reason");
      isProblem(await post("/api/v1/risk/kill", { reason: "x", flatten: true }), 400, "FIELD_UNKNOWN", "flatten");
    });
  });

  describe("what is not served", () => {
    it("answers 404 for an unknown path and 405 with the methods for a known one", async () => {
      isProblem(await get("/api/v1/nothing"), 404, "ROUTE_NOT_FOUND");
      const reply = await rest.app.inject({ method: "PUT", url: "/api/v1/orders/order-1" });
      isProblem(reply, 405, "METHOD_NOT_ALLOWED");
      assert.equal(reply.headers.allow, "DELETE, GET, HEAD, PATCH");
    });

    it("answers 400 for a path that is no URL", async () => {
      isProblem(await get("/api/v1/orders/%zz"), 400, "URL_MALFORMED");
    });

    it("gives no way out of the page's folder", async () => {
      for (const url of ["/page/../faces.ts", "/page/%2e%2e/faces.ts", "/page/..%2ffaces.ts"]) {
        assert.notEqual((await get(url)).statusCode, 200, url);
      }
    });
  });

  describe("failures", () => {
    after(() => {
      rest.bot.failure = null;
    });

    it("tells an expected failure's code with 503", async () => {
      rest.bot.failure = new CodedError("STORE_UNREACHABLE", "the database does not answer");
      isProblem(await get("/api/v1/account"), 503, "STORE_UNREACHABLE");
    });

    it("tells nothing of a bug", async () => {
      rest.bot.failure = new Error("secret detail");
      const reply = await get("/api/v1/account");
      isProblem(reply, 500, "INTERNAL");
      assert.doesNotMatch(reply.body, /secret/);
    });
  });

  it("sends headers that keep pages to themselves", async () => {
    for (const url of ["/", "/page/style.css", "/docs/"]) {
      const { headers } = await get(url);
      assert.match(String(headers["content-security-policy"]), /script-src 'self';/, url);
      assert.equal(headers["x-content-type-options"], "nosniff", url);
      assert.equal(headers["x-frame-options"], "DENY", url);
      assert.equal(headers["referrer-policy"], "no-referrer", url);
      assert.equal(headers["strict-transport-security"], undefined, url);
    }
    const { headers } = await get("/");
    assert.match(String(headers["content-security-policy"]), /connect-src 'self' ws:\/\/localhost:8001/);
  });

  it("sends headers that keep answers from being shown or stored", async () => {
    for (const url of ["/api/v1/account", "/api/v1/nothing", "/health"]) {
      const { headers } = await get(url);
      assert.match(String(headers["content-security-policy"]), /^default-src 'none'/, url);
      assert.equal(headers["x-content-type-options"], "nosniff", url);
      assert.equal(headers["cache-control"], "no-store", url);
    }
  });

  it("refuses JSON that would change an object's prototype", async () => {
    const reply = await rest.app.inject({
      method: "POST",
      url: "/api/v1/risk/kill",
      payload: '{"reason":"x","__proto__":{"flatten":true}}',
      headers: { ...bearer("admin"), "content-type": "application/json" },
    });
    assert.equal(reply.statusCode, 400);
    assert.match(String(reply.headers["content-type"]), /problem\+json/);
  });
});
