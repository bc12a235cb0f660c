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
