import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Body, Peer } from "../client.ts";
import { tradeStream } from "../client.ts";
import { market, refusal, start, type Venue } from "./venue.ts";

const BASE = { symbol: "ACME", qty: "10", side: "buy", time_in_force: "day" };
const LIMIT = { ...BASE, type: "limit", limit_price: "95" };

async function posted(venue: Venue, order: object): Promise<Body> {
  const answer = await venue.post("/v2/orders", order);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function refused(venue: Venue, order: object): Promise<[number, number, string]> {
  return refusal(await venue.post("/v2/orders", order));
}

/** The order by id, its legs under it. */
async function nested(venue: Venue, id: string): Promise<Body> {
  return (await venue.get(`/v2/orders/${id}?nested=true`)).body;
}

const update = (event: string, id: string) => (message: Body) =>
  message.data?.event === event && message.data.order.id === id;

async function listening(t: TestContext, venue: Venue): Promise<Peer> {
  const stream = await tradeStream(venue.port);
  t.after(() => stream.socket.terminate());
  return stream;
}

describe("the order types", () => {
  it("show their own prices and null for those that they do not have", async (t) => {
    const venue = await start(t);
    const prices = ({ type, limit_price, stop_price, trail_price, trail_percent, hwm }: Body): unknown[] => [
      type,
      limit_price,
      stop_price,
      trail_price,
      trail_percent,
      hwm,
    ];
    const stop = await posted(venue, { ...BASE, type: "stop", stop_price: "105" });
    // A buy stop of $50 and more becomes a stop limit 2.5 % above it.
    assert.deepEqual(prices(stop).slice(2), ["105", null, null, null]);
    const stopLimit = await posted(venue, { ...BASE, type: "stop_limit", stop_price: "105", limit_price: "106" });
    assert.deepEqual(prices(stopLimit), ["stop_limit", "106", "105", null, null, null]);
    const trail = await posted(venue, { ...BASE, type: "trailing_stop", trail_price: "2" });
    assert.deepEqual(prices(trail).slice(3, 5), ["2", null]);
    const percent = await posted(venue, { ...BASE, type: "trailing_stop", trail_percent: "5" });
    assert.deepEqual(prices(percent).slice(3, 5), [null, "5"]);
    const later = (await venue.get(`/v2/orders/${percent.id}`)).body;
    // The low-water mark of a buy and 5 % above it.
    assert.deepEqual([later.hwm, later.stop_price], ["100", "105"]);
  });

  it("ask for their prices and refuse those of others", async (t) => {
    const venue = await start(t);
    const cases: readonly [object, string][] = [
      [{ type: "market", limit_price: "95" }, "market orders require no stop or limit price"],
      [{ type: "market", stop_price: "95" }, "market orders require no stop or limit price"],
      [{ type: "limit" }, "limit orders require a limit price"],
      [{ type: "stop" }, "stop orders require a stop price"],
      [{ type: "stop_limit", stop_price: "105" }, "stop limit orders require a limit price"],
      [{ type: "stop_limit", limit_price: "105" }, "stop limit orders require a stop price"],
      [{ type: "trailing_stop" }, "trailing stop orders must specify one of trail_price or trail_percent"],
      [
        { type: "trailing_stop", trail_price: "1", trail_percent: "1" },
        "trailing stop orders must specify one of trail_price or trail_percent",
      ],
      [{ type: "market", qty: "0" }, "qty must be > 0"],
      [{ type: "limit", limit_price: "-1" }, "limit price must be > 0"],
    ];
    for (const [fields, message] of cases) {
      assert.deepEqual(await refused(venue, { ...BASE, ...fields }), [422, 40010001, message], JSON.stringify(fields));
    }
  });

  it("keep Alpaca's rules, each with its status, code and words", async (t) => {
    const venue = await start(t);
    const pair = { symbol: "BTC/USD", qty: "0.01", side: "buy", type: "limit", limit_price: "9000" };
    const cases: readonly [object, number, number, string][] = [
      [
        { ...LIMIT, limit_price: "95.001" },
        422,
        42210000,
        "invalid limit_price 95.001. sub-penny increment does not fulfill minimum pricing criteria",
      ],
      [{ ...LIMIT, qty: "1.5", time_in_force: "gtc" }, 422, 42210000, "fractional orders must be DAY orders"],
      [{ ...pair, time_in_force: "day" }, 422, 42210000, "invalid crypto time_in_force"],
      [
        { ...BASE, type: "market", extended_hours: true },
        422,
        42210000,
        "extended hours order must be DAY limit orders",
      ],
      [{ ...LIMIT, symbol: "NONE" }, 422, 42210000, 'asset "NONE" not found'],
      [{ ...BASE, type: "stop", stop_price: "99" }, 422, 42210000, "stop price must be greater than current price"],
      [{ ...LIMIT, qty: "100000" }, 403, 40310000, "insufficient buying power"],
      [
        { ...pair, time_in_force: "gtc", qty: "0.0001" },
        403,
        40310000,
        "cost basis must be >= minimal amount of order 10",
      ],
      [
        { ...pair, side: "sell", time_in_force: "gtc" },
        403,
        40310000,
        "insufficient balance for BTC (requested: 0.01, available: 0)",
      ],
      [
        { ...LIMIT, qty: "1.5", order_class: "oto", take_profit: { limit_price: "110" } },
        422,
        42210000,
        "fractional orders must be simple orders",
      ],
    ];
    for (const [order, status, code, message] of cases) {
      assert.deepEqual(await refused(venue, order), [status, code, message], JSON.stringify(order));
    }
    const short = (await venue.post("/v2/orders", { ...LIMIT, qty: "100000" })).body;
    assert.deepEqual([short.buying_power, short.cost_basis], ["400000", "9500000"]);
    const wrongSide = (await venue.post("/v2/orders", { ...BASE, type: "stop", stop_price: "99" })).body;
    assert.deepEqual([wrongSide.stop_price, wrongSide.market_price], ["99", "100"]);
  });

  it("refuse an order that could trade with one of the account's own", async (t) => {
    const venue = await start(t);
    const { id } = await posted(venue, LIMIT);
    const answer = await venue.post("/v2/orders", { ...LIMIT, side: "sell", limit_price: "95" });
    assert.deepEqual(
      [answer.status, answer.body],
      [
        403,
        {
          code: 40310000,
          message: "potential wash trade detected. use complex orders",
          existing_order_id: id,
          reject_reason: "opposite side limit order exists",
        },
      ],
    );
  });

  it("for an amount have no quantity, and trade what it buys", async (t) => {
    const venue = await start(t);
    const order = await posted(venue, {
      symbol: "ACME",
      notional: "1000",
      side: "buy",
      type: "market",
      time_in_force: "day",
    });
    assert.deepEqual([order.notional, order.qty], ["1000", null]);
    const filled = (await venue.get(`/v2/orders/${order.id}`)).body;
    // 1,000 / 100.01 = 9.99900009999…, cut after nine decimals.
    assert.deepEqual([filled.status, filled.filled_qty, filled.filled_avg_price], ["filled", "9.999000099", "100.01"]);
  });
});

describe("replacing an order", () => {
  it("answers with a new order that knows the old one, and the old one knows it", async (t) => {
    const venue = await start(t);
    const stream = await listening(t, venue);
    const old = await posted(venue, { ...LIMIT, client_order_id: "old" });
    const answer = await venue.patch(`/v2/orders/${old.id}`, {
      qty: "20",
      limit_price: "94.5",
      client_order_id: "new",
    });
    assert.equal(answer.status, 200);
    const { body } = answer;
    assert.notEqual(body.id, old.id);
    assert.deepEqual(
      [body.replaces, body.replaced_by, body.client_order_id, body.qty, body.limit_price, body.status],
      [old.id, null, "new", "20", "94.5", "pending_new"],
    );
    const replaced = await stream.find(update("replaced", old.id));
    await stream.find(update("new", body.id));
    assert.deepEqual([replaced.data.order.replaced_by, replaced.data.order.status], [body.id, "replaced"]);
    const before = (await venue.get(`/v2/orders/${old.id}`)).body;
    assert.deepEqual([before.status, before.replaced_by, before.replaced_at], ["replaced", body.id, before.updated_at]);
    assert.deepEqual(
      (await venue.get("/v2/orders")).body.map((order: Body) => order.id),
      [body.id],
    );
  });

  it("keeps what is not named and makes an id where none is given", async (t) => {
    const venue = await start(t);
    const old = await posted(venue, LIMIT);
    const { body } = await venue.patch(`/v2/orders/${old.id}`, { limit_price: 94 });
    assert.deepEqual([body.qty, body.limit_price, body.time_in_force, body.side], ["10", "94", "day", "buy"]);
    assert.match(body.client_order_id, /^[0-9a-f-]{36}$/);
  });

  it("is refused in Alpaca's words", async (t) => {
    const venue = await start(t);
    const { id } = await posted(venue, LIMIT);
    const filled = await posted(venue, { ...BASE, type: "market" });
    const patch = async (fields: object, which = id): Promise<[number, number, string]> =>
      refusal(await venue.patch(`/v2/orders/${which}`, fields));
    assert.deepEqual(await patch({}), [422, 42210000, "order parameters are not changed"]);
    assert.deepEqual(await patch({ qty: "10", limit_price: "95" }), [
      422,
      42210000,
      "order parameters are not changed",
    ]);
    assert.deepEqual(await patch({ qty: "10.5" }), [422, 40010001, "qty must be integer"]);
    assert.deepEqual(await patch({ qty: "20", notional: "5" }), [
      422,
      40010001,
      "only one of qty or notional is accepted",
    ]);
    assert.deepEqual((await patch({ notional: "5" })).slice(0, 2), [422, 42210000]);
    assert.deepEqual(await patch({ limit_price: "low" }), [
      422,
      40010001,
      "limit_price must be a decimal number with at most 9 decimals",
    ]);
    assert.deepEqual((await patch({ time_in_force: "gtd" })).slice(0, 2), [422, 42210000]);
    assert.deepEqual((await patch({ qty: "20" }, filled.id)).slice(0, 2), [422, 42210000]);
    assert.equal((await patch({ qty: "20" }, "00000000-0000-4000-8000-000000000000"))[0], 404);
    assert.equal((await patch({ qty: "20" }, "nonsense"))[0], 422);
    assert.equal((await venue.get(`/v2/orders/${id}`)).body.status, "new");
  });
});

describe("groups of orders", () => {
  const BRACKET = {
    ...BASE,
    type: "market",
    order_class: "bracket",
    take_profit: { limit_price: "110" },
    stop_loss: { stop_price: "90", limit_price: "89.5" },
  };

  it("are answered with their legs, and listed nested or flat", async (t) => {
    const venue = await start(t);
    const parent = await posted(venue, { ...BRACKET, type: "limit", limit_price: "95" });
    const shape = (order: Body): unknown[] => [
      order.order_class,
      order.side,
      order.type,
      order.limit_price,
      order.stop_price,
      order.status,
      order.legs,
    ];
    assert.equal(parent.order_class, "bracket");
    assert.deepEqual(parent.legs.map(shape), [
      ["bracket", "sell", "limit", "110", null, "held", null],
      ["bracket", "sell", "stop_limit", "89.5", "90", "held", null],
    ]);
    assert.equal(new Set(parent.legs.map((leg: Body) => leg.client_order_id)).size, 2);
    const rows = (await venue.get("/v2/orders?nested=true")).body;
    assert.deepEqual(
      rows.map((row: Body) => [row.id, row.legs.map((leg: Body) => leg.id)]),
      [[parent.id, parent.legs.map((leg: Body) => leg.id)]],
    );
    const flat = (await venue.get("/v2/orders?direction=asc")).body;
    assert.deepEqual(
      flat.map((row: Body) => [row.id, row.legs]),
      [parent.id, ...parent.legs.map((leg: Body) => leg.id)].map((id) => [id, null]),
    );
    assert.deepEqual((await nested(venue, parent.id)).legs.map(shape), parent.legs.map(shape));
    assert.equal((await venue.get(`/v2/orders/${parent.id}`)).body.legs, null);
  });

  it("show a leg by itself when its parent is not in the list", async (t) => {
    const venue = await start(t);
    const parent = await posted(venue, BRACKET);
    assert.equal((await venue.get(`/v2/orders/${parent.id}`)).body.status, "filled");
    const open = (await venue.get("/v2/orders?nested=true&direction=asc")).body;
    assert.deepEqual(
      open.map((row: Body) => [row.id, row.status, row.legs]),
      parent.legs.map((leg: Body) => [leg.id, "new", null]),
    );
    const all = (await venue.get("/v2/orders?nested=true&status=all")).body;
    assert.deepEqual(
      all.map((row: Body) => [row.id, row.legs.length]),
      [[parent.id, 2]],
    );
  });

  it("end together: one exit fills and the other is cancelled", async (t) => {
    const venue = await start(
      t,
      market((script) => script.wait(1).quote("ACME", 110.5, 110.6).trade("ACME", 110.5)),
    );
    const stream = await listening(t, venue);
    const parent = await posted(venue, BRACKET);
    const [profit, loss] = parent.legs;
    await venue.play(2);
    await stream.find(update("fill", profit.id));
    await stream.find(update("canceled", loss.id));
    assert.equal((await venue.get("/v2/positions/ACME")).status, 404);
  });

  it("of exits take the take-profit as the parent, in either way of writing it", async (t) => {
    const venue = await start(t);
    await posted(venue, { ...BASE, type: "market", qty: "20" });
    const exits = { ...BASE, side: "sell", type: "limit", order_class: "oco", stop_loss: { stop_price: "90" } };
    for (const price of [{ take_profit: { limit_price: "110" } }, { limit_price: "110" }]) {
      const parent = await posted(venue, { ...exits, ...price });
      assert.deepEqual([parent.type, parent.limit_price, parent.order_class], ["limit", "110", "oco"]);
      assert.deepEqual(
        parent.legs.map((leg: Body) => [leg.type, leg.stop_price, leg.order_class]),
        [["stop", "90", "oco"]],
      );
    }
  });

  it("are refused without the exits that their class asks for", async (t) => {
    const venue = await start(t);
    const { stop_loss: _loss, ...withoutLoss } = BRACKET;
    const withoutExits = await refused(venue, withoutLoss);
    assert.deepEqual(withoutExits.slice(0, 2), [422, 40010001]);
    const both = await refused(venue, { ...BRACKET, order_class: "oto" });
    assert.deepEqual(both.slice(0, 2), [422, 40010001]);
    const simple = await refused(venue, { ...BRACKET, order_class: "simple" });
    assert.equal(simple[0], 422);
  });

  it("are cancelled whole when their parent is", async (t) => {
    const venue = await start(t);
    const parent = await posted(venue, { ...BRACKET, type: "limit", limit_price: "95" });
    assert.equal((await venue.delete(`/v2/orders/${parent.id}`)).status, 204);
    const after = await nested(venue, parent.id);
    assert.deepEqual([after.status, ...after.legs.map((leg: Body) => leg.status)], Array(3).fill("canceled"));
  });
});
