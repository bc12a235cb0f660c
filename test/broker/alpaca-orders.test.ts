/** Every type and class of order on the wire, replacements, closing and activities, against scripted answers over sockets. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { AlpacaBroker, type AlpacaBrokerOptions } from "../../src/broker/alpaca/alpaca-broker.ts";
import type { NewOrder, OrderReplacement } from "../../src/broker/broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import { SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { ManualTimers } from "./manual-timers.ts";
import { ScriptedVenue } from "./scripted-venue.ts";
import { orderBody } from "./wire-samples.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");

const MARKET: NewOrder = {
  ...SIMPLE_TERMS,
  notional: null,
  clientOrderId: "abt-1",
  symbol: "AAPL",
  side: "buy",
  type: "market",
  timeInForce: "day",
  quantity: fixed("10"),
};
const LIMIT: NewOrder = { ...MARKET, type: "limit", limitPrice: fixed("189.12") };
const PLAIN = { symbol: "AAPL", side: "buy", client_order_id: "abt-1" };

let venue: ScriptedVenue;
let broker: AlpacaBroker;

before(async () => {
  venue = await ScriptedVenue.open();
  broker = makeBroker();
});

after(async () => {
  await broker.close();
  await venue.close();
});

beforeEach(() => {
  venue.requests.length = 0;
  venue.answer = () => ({ status: 200, body: orderBody() });
});

function makeBroker(overrides: Partial<AlpacaBrokerOptions> = {}): AlpacaBroker {
  return new AlpacaBroker({
    baseUrl: venue.httpUrl,
    dataUrl: venue.httpUrl,
    streamUrl: venue.streamUrl,
    keyId: "key",
    secretKey: "secret",
    cryptoPairs: ["BTC/USD"],
    budget: { orders: 1000, queries: 1000 },
    ...overrides,
  });
}

describe("an order is written as Alpaca documents it", () => {
  const bodies: [string, NewOrder, Record<string, unknown>][] = [
    ["market on the close", { ...MARKET, timeInForce: "cls" }, { qty: "10", type: "market", time_in_force: "cls" }],
    [
      "limit on the open",
      { ...LIMIT, timeInForce: "opg" },
      { qty: "10", type: "limit", time_in_force: "opg", limit_price: "189.12" },
    ],
    [
      "fill or kill",
      { ...LIMIT, timeInForce: "fok" },
      { qty: "10", type: "limit", time_in_force: "fok", limit_price: "189.12" },
    ],
    [
      "notional",
      { ...MARKET, quantity: null, notional: fixed("25.5") },
      { notional: "25.5", type: "market", time_in_force: "day" },
    ],
    [
      "fractional",
      { ...MARKET, quantity: fixed("0.123456789") },
      { qty: "0.123456789", type: "market", time_in_force: "day" },
    ],
    [
      "stop",
      { ...MARKET, type: "stop", stopPrice: fixed("200") },
      { qty: "10", type: "stop", time_in_force: "day", stop_price: "200" },
    ],
    [
      "stop limit",
      { ...MARKET, type: "stop_limit", stopPrice: fixed("200"), limitPrice: fixed("201.5"), timeInForce: "gtc" },
      { qty: "10", type: "stop_limit", time_in_force: "gtc", stop_price: "200", limit_price: "201.5" },
    ],
    [
      "trailing stop by price",
      { ...MARKET, type: "trailing_stop", trailPrice: fixed("1.25") },
      { qty: "10", type: "trailing_stop", time_in_force: "day", trail_price: "1.25" },
    ],
    [
      "trailing stop by percent",
      { ...MARKET, type: "trailing_stop", trailPercent: fixed("0.5") },
      { qty: "10", type: "trailing_stop", time_in_force: "day", trail_percent: "0.5" },
    ],
    [
      "extended hours",
      { ...LIMIT, extendedHours: true },
      { qty: "10", type: "limit", time_in_force: "day", limit_price: "189.12", extended_hours: true },
    ],
    [
      "bracket",
      {
        ...LIMIT,
        orderClass: "bracket",
        takeProfitPrice: fixed("200"),
        stopLossPrice: fixed("180"),
        stopLossLimitPrice: fixed("179.5"),
      },
      {
        qty: "10",
        type: "limit",
        time_in_force: "day",
        limit_price: "189.12",
        order_class: "bracket",
        take_profit: { limit_price: "200" },
        stop_loss: { stop_price: "180", limit_price: "179.5" },
      },
    ],
    [
      "oto",
      { ...MARKET, orderClass: "oto", stopLossPrice: fixed("180") },
      {
        qty: "10",
        type: "market",
        time_in_force: "day",
        order_class: "oto",
        stop_loss: { stop_price: "180" },
      },
    ],
    [
      "oco",
      { ...LIMIT, side: "sell", orderClass: "oco", limitPrice: fixed("200"), stopLossPrice: fixed("180") },
      {
        side: "sell",
        qty: "10",
        type: "limit",
        time_in_force: "day",
        order_class: "oco",
        take_profit: { limit_price: "200" },
        stop_loss: { stop_price: "180" },
      },
    ],
    [
      "crypto",
      { ...LIMIT, symbol: "BTC/USD", timeInForce: "ioc", quantity: fixed("0.5") },
      { symbol: "BTC/USD", qty: "0.5", type: "limit", time_in_force: "ioc", limit_price: "189.12" },
    ],
  ];
  for (const [label, order, body] of bodies) {
    test(label, async () => {
      assert.equal((await broker.submit(order, 5000)).kind, "accepted");
      assert.deepEqual(JSON.parse(venue.requests[0]?.body ?? ""), { ...PLAIN, ...body });
    });
  }
});

describe("an order that cannot be written is refused before it is sent, naming the field", () => {
  const bracket: NewOrder = {
    ...MARKET,
    orderClass: "bracket",
    takeProfitPrice: fixed("200"),
    stopLossPrice: fixed("180"),
  };
  const refused: [string, NewOrder][] = [
    ["type", { ...MARKET, type: "iceberg" as NewOrder["type"] }],
    ["timeInForce", { ...MARKET, timeInForce: "week" as NewOrder["timeInForce"] }],
    ["clientOrderId", { ...MARKET, clientOrderId: "x".repeat(129) }],
    ["clientOrderId", { ...MARKET, clientOrderId: "with space" }],
    ["limitPrice", { ...LIMIT, limitPrice: null }],
    ["limitPrice", { ...MARKET, limitPrice: fixed("1") }],
    ["limitPrice", { ...LIMIT, limitPrice: 0n }],
    ["stopPrice", { ...MARKET, type: "stop" }],
    ["trailPrice", { ...MARKET, type: "trailing_stop" }],
    ["trailPrice", { ...MARKET, type: "trailing_stop", trailPrice: 1n, trailPercent: 1n }],
    ["trailPrice", { ...MARKET, trailPrice: 1n }],
    ["trailPercent", { ...MARKET, type: "trailing_stop", trailPercent: fixed("100") }],
    ["timeInForce", { ...MARKET, type: "stop", stopPrice: fixed("1"), timeInForce: "ioc" }],
    ["quantity", { ...MARKET, quantity: null }],
    ["quantity", { ...MARKET, notional: fixed("1") }],
    ["quantity", { ...MARKET, quantity: -1n }],
    ["notional", { ...LIMIT, quantity: null, notional: fixed("1") }],
    ["timeInForce", { ...MARKET, quantity: fixed("0.5"), timeInForce: "gtc" }],
    ["quantity", { ...MARKET, quantity: fixed("1.5"), type: "trailing_stop", trailPrice: fixed("1") }],
    ["orderClass", { ...bracket, quantity: fixed("1.5") }],
    ["extendedHours", { ...MARKET, extendedHours: true }],
    ["extendedHours", { ...LIMIT, timeInForce: "ioc", extendedHours: true }],
    ["timeInForce", { ...MARKET, symbol: "BTC/USD" }],
    ["type", { ...MARKET, symbol: "BTC/USD", type: "stop", stopPrice: fixed("1"), timeInForce: "gtc" }],
    ["orderClass", { ...bracket, symbol: "BTC/USD", timeInForce: "gtc" }],
    ["takeProfitPrice", { ...MARKET, takeProfitPrice: fixed("1") }],
    ["takeProfitPrice", { ...bracket, stopLossPrice: null }],
    ["takeProfitPrice", { ...bracket, takeProfitPrice: fixed("180") }],
    ["takeProfitPrice", { ...bracket, side: "sell" }],
    ["takeProfitPrice", { ...bracket, orderClass: "oto" }],
    ["timeInForce", { ...bracket, timeInForce: "cls" }],
    ["type", { ...bracket, type: "stop", stopPrice: fixed("1") }],
    ["stopLossLimitPrice", { ...MARKET, stopLossLimitPrice: fixed("1") }],
  ];
  for (const [field, order] of refused) {
    test(`${field}: ${order.type} ${order.timeInForce} ${order.orderClass}`, async () => {
      const outcome = await broker.submit(order, 5000);
      assert.ok(outcome.kind === "rejected", outcome.kind);
      assert.equal(outcome.code, "BROKER_INVALID_ORDER");
      assert.ok(outcome.message.startsWith(`${field} `), outcome.message);
      assert.equal(venue.requests.length, 0);
    });
  }
});

describe("replace", () => {
  const NOTHING: OrderReplacement = {
    clientOrderId: "abt-2",
    quantity: null,
    limitPrice: null,
    stopPrice: null,
    trail: null,
    timeInForce: null,
  };

  test("sends only what changes, and reads the order that takes the place", async () => {
    const old = "61e69015-8549-4bfd-b9c3-01e75843f47d";
    venue.answer = () => ({
      status: 200,
      body: orderBody({ id: "new-id", client_order_id: "abt-2", replaces: old, qty: "8", limit_price: "190" }),
    });
    const outcome = await broker.replace(
      old,
      { ...NOTHING, quantity: fixed("8"), limitPrice: fixed("190"), timeInForce: "gtc" },
      5000,
    );
    assert.equal(venue.requests[0]?.method, "PATCH");
    assert.equal(venue.requests[0]?.path, `/v2/orders/${old}`);
    assert.deepEqual(JSON.parse(venue.requests[0]?.body ?? ""), {
      qty: "8",
      limit_price: "190",
      time_in_force: "gtc",
      client_order_id: "abt-2",
    });
    assert.ok(outcome.kind === "accepted");
    assert.deepEqual([outcome.order.id, outcome.order.replaces], ["new-id", old]);
  });

  test("a trail keeps its kind", async () => {
    venue.answer = () => ({ status: 200, body: orderBody({ client_order_id: "abt-2" }) });
    await broker.replace("an-id", { ...NOTHING, trail: fixed("0.75") }, 5000);
    assert.equal(venue.requests[0]?.body, '{"trail":"0.75","client_order_id":"abt-2"}');
  });

  for (const [field, change] of [
    ["replacement", {}],
    ["quantity", { quantity: fixed("1.5") }],
    ["limitPrice", { limitPrice: 0n }],
  ] as const) {
    test(`what cannot be written is refused here: ${field}`, async () => {
      const outcome = await broker.replace("an-id", { ...NOTHING, ...change }, 5000);
      assert.ok(outcome.kind === "rejected" && outcome.message.startsWith(field));
      assert.equal(venue.requests.length, 0);
    });
  }

  test("an answer about the old order proves nothing", async () => {
    const outcome = await broker.replace("an-id", { ...NOTHING, quantity: fixed("8") }, 5000);
    assert.equal(outcome.kind, "unknown");
  });
});

describe("closing a position", () => {
  test("asks by the name without the slash, for all or for a quantity", async () => {
    venue.answer = () => ({ status: 200, body: orderBody({ symbol: "BTC/USD", side: "sell", type: "market" }) });
    const all = await broker.closePosition("BTC/USD", null);
    assert.ok(all.kind === "requested" && all.order?.side === "sell");
    await broker.closePosition("AAPL", fixed("2.5"));
    assert.deepEqual(
      venue.requests.map(({ method, path, query }) => [method, path, query.get("qty")]),
      [
        ["DELETE", "/v2/positions/BTCUSD", null],
        ["DELETE", "/v2/positions/AAPL", "2.5"],
      ],
    );
  });

  const answers: [number, object, string][] = [
    [404, { code: 40410000, message: "position does not exist" }, "not_found"],
    [403, { code: 40310000, message: "insufficient qty", held_for_orders: "3" }, "rejected"],
    [429, { code: 42910000, message: "rate limit exceeded" }, "failed"],
    [500, { message: "oops" }, "failed"],
  ];
  for (const [status, body, kind] of answers) {
    test(`${status} is ${kind}`, async () => {
      venue.answer = () => ({ status, body });
      assert.equal((await broker.closePosition("F", null)).kind, kind);
    });
  }
});

describe("activities without a trade", () => {
  const row = (n: number, overrides: Record<string, unknown> = {}): Record<string, unknown> => ({
    activity_type: "DIV",
    activity_sub_type: "CDIV",
    id: `20261123000000000::${String(n).padStart(4, "0")}`,
    date: "2026-11-23",
    created_at: "2026-11-23T05:00:00.5Z",
    net_amount: "2.4",
    symbol: "AAPL",
    qty: "10",
    per_share_amount: "0.24",
    status: "executed",
    ...overrides,
  });

  test("are paged to the end and read exactly, with fields missing that their kind does not have", async () => {
    const rows = [
      ...Array.from({ length: 100 }, (_, n) => row(n)),
      row(100, { activity_type: "SPLIT", qty: "60", net_amount: "0", created_at: "2026-11-23T06:00:00Z" }),
      row(101, { activity_type: "CFEE", symbol: "BTCUSD", qty: "-0.000000025", created_at: "2026-11-23T07:00:00Z" }),
      { activity_type: "FUTURE", id: "a::b", date: "2026-11-24", net_amount: -0.1 },
    ];
    venue.answer = ({ query }) => {
      const token = query.get("page_token");
      const from = token === null ? 0 : rows.findIndex((candidate) => candidate["id"] === token) + 1;
      return { status: 200, body: rows.slice(from, from + 100) };
    };
    const outcome = await broker.activitiesSince(Date.parse("2026-11-23T00:00:00Z") * 1000);
    assert.ok(outcome.kind === "ok");
    assert.equal(outcome.value.length, 103);
    assert.equal(venue.requests[0]?.query.get("category"), "non_trade_activity");
    assert.equal(venue.requests[0]?.query.get("after"), "2026-11-22T23:59:59.999000Z");
    assert.deepEqual(outcome.value.slice(100), [
      {
        id: rows[100]?.["id"],
        type: "SPLIT",
        status: "executed",
        symbol: "AAPL",
        quantity: fixed("60"),
        netAmount: 0n,
        price: null,
        date: "2026-11-23",
        createdAtUs: Date.parse("2026-11-23T06:00:00Z") * 1000,
        description: "",
      },
      {
        id: rows[101]?.["id"],
        type: "CFEE",
        status: "executed",
        symbol: "BTC/USD",
        quantity: -25n,
        netAmount: fixed("2.4"),
        price: null,
        date: "2026-11-23",
        createdAtUs: Date.parse("2026-11-23T07:00:00Z") * 1000,
        description: "",
      },
      {
        id: "a::b",
        type: "FUTURE",
        status: "executed",
        symbol: null,
        quantity: null,
        netAmount: -100_000_000n,
        price: null,
        date: "2026-11-24",
        createdAtUs: Date.parse("2026-11-24T00:00:00Z") * 1000,
        description: "",
      },
    ]);
  });
});

describe("reading is tolerant", () => {
  test("of types, classes and statuses that are new", async () => {
    venue.answer = () => ({
      status: 200,
      body: [orderBody({ type: "peg", time_in_force: "gtd", order_class: "grid", status: "pondering" })],
    });
    const outcome = await broker.openOrders();
    assert.ok(outcome.kind === "ok");
    const [order] = outcome.value;
    assert.deepEqual(
      [order?.type, order?.timeInForce, order?.orderClass, order?.status],
      ["peg", "gtd", "grid", "pondering"],
    );
  });

  test("and takes the legs of a parent in", async () => {
    const leg = orderBody({ id: "leg-1", client_order_id: "theirs", side: "sell", status: "held" });
    venue.answer = () => ({ status: 200, body: orderBody({ order_class: "bracket", legs: [leg] }) });
    const outcome = await broker.order("an-id");
    assert.ok(outcome.kind === "ok");
    assert.equal(venue.requests[0]?.query.get("nested"), "true");
    assert.deepEqual(
      outcome.value.legs.map(({ id, status }) => [id, status]),
      [["leg-1", "held"]],
    );
  });
});

describe("the venue's own count of messages", () => {
  const NOW = "Mon, 23 Nov 2026 14:30:00 GMT";
  const count = (limit: number, remaining: number): Record<string, string> => ({
    date: NOW,
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(Date.parse(NOW) / 1000 + 20),
  });

  test("holds orders back before it is used up, until its reset, and cancels never", async () => {
    const timers = new ManualTimers();
    const shared = makeBroker({ timers });
    // A fifth of 10 is kept for cancels: of 4 left, two may be used.
    venue.answer = ({ method }) =>
      method === "POST"
        ? { status: 200, body: orderBody(), headers: count(10, 4) }
        : { status: 204, body: "", headers: count(10, 2) };
    assert.equal((await shared.submit(MARKET, 5000)).kind, "accepted");
    assert.deepEqual(await shared.cancel("an-id"), { kind: "requested" });
    assert.deepEqual(await shared.submit(MARKET, 5000), { kind: "retry_later", afterMs: 20_000 });
    assert.deepEqual(await shared.cancel("an-id"), { kind: "requested" });
    timers.advance(20_000);
    assert.equal((await shared.submit(MARKET, 5000)).kind, "accepted");
    await shared.close();
  });

  test("a 429 stops orders and queries until the reset that it names", async () => {
    const timers = new ManualTimers();
    const shared = makeBroker({ timers });
    venue.answer = () => ({ status: 429, body: { message: "too many requests." }, headers: count(200, 0) });
    assert.deepEqual(await shared.submit(MARKET, 5000), { kind: "retry_later", afterMs: 20_000 });
    assert.deepEqual(await shared.submit(MARKET, 5000), { kind: "retry_later", afterMs: 20_000 });
    assert.equal((await shared.account()).kind, "failed");
    assert.equal(venue.requests.length, 1);
    timers.advance(20_000);
    await shared.submit(MARKET, 5000);
    assert.equal(venue.requests.length, 2);
    await shared.close();
  });
});

describe("connections", () => {
  test("the socket is destroyed at the deadline, so that nothing can arrive later", async () => {
    const ended = venue.nextSocketEnd();
    venue.answer = () => "hang";
    const outcome = await broker.submit(MARKET, 50);
    assert.deepEqual(outcome, { kind: "unknown", cause: "no answer before the deadline" });
    await ended;
  });

  test("are kept alive between requests", async () => {
    const alone = makeBroker();
    const earlier = venue.socketsOpened;
    for (let n = 0; n < 3; n++) assert.equal((await alone.submit(MARKET, 5000)).kind, "accepted");
    assert.equal(venue.socketsOpened - earlier, 1);
    await alone.close();
  });

  test("a redirect is not followed: our keys go nowhere else", async () => {
    const elsewhere = await ScriptedVenue.open();
    venue.answer = () => ({ status: 307, body: "", headers: { location: `${elsewhere.httpUrl}/v2/orders` } });
    assert.equal((await broker.submit(MARKET, 5000)).kind, "unknown");
    assert.equal((await broker.account()).kind, "failed");
    assert.equal(elsewhere.requests.length, 0);
    await elsewhere.close();
  });

  test("a failed request is logged with the id that Alpaca gave it", async () => {
    const lines: object[] = [];
    const noted = makeBroker({ log: { info: () => {}, warn: (fields) => void lines.push(fields) } });
    venue.answer = () => ({ status: 500, body: { message: "oops" } });
    await noted.account();
    assert.deepEqual(lines, [{ request: "GET /v2/account", status: 500, requestId: "req-1" }]);
    await noted.close();
  });
});
