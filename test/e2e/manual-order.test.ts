import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { BotProcess } from "./bot-process.ts";
import { type Body, suiteScope, until } from "./wait.ts";

const FILL_MS = 20_000;
/** No demonstration trades it: nothing but these orders moves its position. */
const SYMBOL = "BTC/USD";
const BUY = { symbol: SYMBOL, side: "buy", type: "market", time_in_force: "gtc", quantity: "0.01" };

describe("an order by hand", () => {
  const scope = suiteScope();
  let bot: BotProcess;
  /** A price that the market will not come to soon, within the collar. */
  let restingPrice = "";

  before(async () => {
    bot = await BotProcess.start(scope);
    await bot.trading();
    const stream = await bot.stream(["quotes"]);
    const isQuoted = () => stream.changes("quotes").find((quote) => quote.symbol === SYMBOL);
    const quote = await until("a quote", isQuoted, (found) => found !== undefined, FILL_MS);
    restingPrice = String(Math.floor(quote.bid * 0.98));
  });

  const orderOf = async (id: string): Promise<Body> => bot.get(`/api/v1/orders/${id}`);
  const inState = (id: string, state: string): Promise<Body> =>
    bot.eventually(`/api/v1/orders/${id}`, (order) => order.state === state, FILL_MS);

  it("is journalled, sent and filled, and the books equal the broker's", async () => {
    const created = await bot.order("first", BUY);
    assert.equal(created.status, 202, JSON.stringify(created.body));
    const id = created.body.client_order_id;
    assert.equal(created.headers.get("location"), `/api/v1/orders/${id}`);
    const filled = await inState(id, "filled");
    assert.equal(filled.filled_quantity, "0.01");
    const { items } = await bot.get(`/api/v1/trades?symbol=${encodeURIComponent(SYMBOL)}`);
    const fills = items.filter((trade: Body) => trade.client_order_id === id);
    assert.ok(fills.length > 0);
    const { positions } = await bot.simulator.ledger();
    const held = (await bot.get("/api/v1/positions")).items.find((row: Body) => row.symbol === SYMBOL);
    assert.equal(held.instance, "manual");
    assert.equal(held.quantity, positions[SYMBOL]);
  });

  it("is one order however often it is sent with its key", async () => {
    const first = await bot.order("repeated", BUY);
    await inState(first.body.client_order_id, "filled");
    const again = await bot.order("repeated", BUY);
    assert.equal(again.status, 202, JSON.stringify(again.body));
    assert.equal(again.body.client_order_id, first.body.client_order_id);
    const theirs = await bot.simulator.get("/v2/orders?status=all&limit=500");
    assert.equal(theirs.filter((order: Body) => order.client_order_id === first.body.client_order_id).length, 1);
  });

  it("is one order when it is sent many times at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => bot.order("at-once", BUY)));
    assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [202]);
    assert.equal(new Set(answers.map((answer) => answer.body.client_order_id)).size, 1);
    await inState(answers[0]?.body.client_order_id, "filled");
  });

  it("is refused with the key of another order", async () => {
    assert.equal((await bot.order("mine", BUY)).status, 202);
    for (const change of [{ quantity: "0.02" }, { side: "sell" }, { type: "limit", limit_price: restingPrice }]) {
      const { status, body } = await bot.order("mine", { ...BUY, ...change });
      assert.equal(status, 422);
      assert.equal(body.code, "ID_CONTENT_MISMATCH");
    }
  });

  it("rests until it is cancelled", async () => {
    const created = await bot.order("resting", { ...BUY, type: "limit", limit_price: restingPrice });
    const id = created.body.client_order_id;
    await inState(id, "accepted");
    const open = await bot.simulator.openOrders();
    assert.ok(open.some((order) => order.client_order_id === id));
    assert.equal((await bot.call("DELETE", `/api/v1/orders/${id}`)).status, 202);
    await inState(id, "canceled");
    assert.equal((await orderOf(id)).filled_quantity, "0");
    assert.equal((await bot.call("DELETE", "/api/v1/orders/nothing")).status, 404);
  });

  it("gives its place to another one, which is journalled and known at the broker by its own id", async () => {
    const limit = { ...BUY, type: "limit", limit_price: restingPrice };
    const created = await bot.order("to be replaced", limit);
    assert.equal(created.status, 400, "a key has no blanks");
    const { body: old } = await bot.order("to-be-replaced", limit);
    await inState(old.client_order_id, "accepted");
    const lower = String(Number(restingPrice) - 1);
    const change = (key: string, body: Body) =>
      bot.call("PATCH", `/api/v1/orders/${old.client_order_id}`, { body, headers: { "idempotency-key": key } });
    assert.equal((await change("same", { limit_price: restingPrice })).body.code, "NOTHING_CHANGED");
    assert.equal((await change("stop", { stop_price: "1" })).body.code, "STOP_PRICE_NOT_ALLOWED");
    const replaced = await change("lower", { limit_price: lower });
    assert.equal(replaced.status, 202, JSON.stringify(replaced.body));
    assert.equal(replaced.body.replaces, old.client_order_id);
    const next = await inState(replaced.body.client_order_id, "accepted");
    assert.equal(next.limit_price, lower);
    await inState(old.client_order_id, "replaced");
    assert.equal((await change("lower", { limit_price: lower })).body.client_order_id, next.client_order_id);
    const open = await bot.simulator.openOrders();
    assert.ok(open.some((order) => order.client_order_id === next.client_order_id && order.limit_price === lower));
    assert.equal((await bot.call("DELETE", `/api/v1/orders/${next.client_order_id}`)).status, 202);
    await inState(next.client_order_id, "canceled");
  });

  it("brings its exits with it, which end with it", async () => {
    const stream = await bot.stream(["quotes"]);
    const isQuoted = () => stream.changes("quotes").find((quote) => quote.symbol === "BRVO");
    const { bid } = await until("a quote", isQuoted, (found) => found !== undefined, FILL_MS);
    const created = await bot.order("bracket", {
      symbol: "BRVO",
      side: "buy",
      type: "limit",
      quantity: "1",
      limit_price: (bid * 0.98).toFixed(2),
      order_class: "bracket",
      take_profit: { limit_price: (bid * 1.5).toFixed(2) },
      stop_loss: { stop_price: (bid * 0.5).toFixed(2) },
    });
    assert.equal(created.status, 202, JSON.stringify(created.body));
    const id = created.body.client_order_id;
    const exits = [`${id}-tp`, `${id}-sl`];
    for (const exit of exits) {
      const { parent_id, side, broker_order_id } = await inState(exit, "accepted");
      assert.deepEqual([parent_id, side], [id, "sell"]);
      assert.notEqual(broker_order_id, null);
    }
    assert.equal((await bot.call("DELETE", `/api/v1/orders/${id}`)).status, 202);
    for (const ended of [id, ...exits]) await inState(ended, "canceled");
  });

  it("of any type rests at the broker as it was ordered", async () => {
    const mid = Number(restingPrice) / 0.98;
    const above = (mid * 1.2).toFixed(0);
    const created = await bot.order("stop-limit", {
      ...BUY,
      type: "stop_limit",
      stop_price: above,
      limit_price: above,
    });
    assert.equal(created.status, 202, JSON.stringify(created.body));
    const id = created.body.client_order_id;
    await inState(id, "accepted");
    const theirs = (await bot.simulator.openOrders()).find((order) => order.client_order_id === id);
    assert.deepEqual([theirs?.type, theirs?.stop_price, theirs?.limit_price], ["stop_limit", above, above]);
    await bot.call("DELETE", `/api/v1/orders/${id}`);
    await inState(id, "canceled");
    const crypto = await bot.order("trailing", { ...BUY, type: "trailing_stop", trail_percent: "1" });
    assert.deepEqual([crypto.status, crypto.body.code, crypto.body.field], [422, "ORDER_INVALID", "type"]);
  });

  it("of known outcome is not settled by hand", async () => {
    const { body } = await bot.order("settled", BUY);
    await inState(body.client_order_id, "filled");
    const settle = (id: string) => bot.call("POST", `/api/v1/orders/${id}/settle`, { body: { reason: "a test" } });
    assert.deepEqual((await settle(body.client_order_id)).body.code, "NOT_UNKNOWN");
    assert.equal((await settle("nothing")).status, 404);
  });

  it("names the field that is wrong", async () => {
    const limit = { ...BUY, type: "limit", limit_price: restingPrice };
    const cases: readonly (readonly [Body, number, string])[] = [
      [{ ...BUY, symbol: "NOPE" }, 422, "symbol"],
      [{ ...BUY, side: "hold" }, 400, "side"],
      [{ ...BUY, quantity: "0" }, 400, "quantity"],
      [{ ...BUY, quantity: "-1" }, 400, "quantity"],
      [{ ...BUY, quantity: 1 }, 400, "quantity"],
      [{ ...BUY, quantity: "0.0000000001" }, 400, "quantity"],
      [{ ...BUY, limit_price: "1" }, 400, "limit_price"],
      [{ ...limit, limit_price: undefined }, 400, "limit_price"],
      [{ ...limit, limit_price: "1" }, 422, "limit_price"],
      [{ ...limit, symbol: "DEMO", quantity: "1", limit_price: "100.001" }, 422, "limit_price"],
      [{ ...BUY, extra: 1 }, 400, "extra"],
    ];
    for (const [order, status, field] of cases) {
      const answer = await bot.order("wrong", order);
      assert.equal(answer.status, status, `${JSON.stringify(order)} got ${JSON.stringify(answer.body)}`);
      assert.equal(answer.body.field, field, JSON.stringify(answer.body));
      assert.ok(answer.body.code.length > 0);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
    }
    const withoutKey = await bot.call("POST", "/api/v1/orders", { body: BUY });
    assert.equal(withoutKey.body.field, "Idempotency-Key");
    const anonymous = await bot.call("POST", "/api/v1/orders", { body: BUY, headers: { authorization: "" } });
    assert.equal(anonymous.status, 401);
  });
});
