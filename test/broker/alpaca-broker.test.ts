import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { AlpacaBroker, type AlpacaBrokerOptions } from "../../src/broker/alpaca/alpaca-broker.ts";
import type { NewOrder, SubmitOutcome } from "../../src/broker/broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import { SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { type ScriptedAnswer, ScriptedVenue } from "./scripted-venue.ts";
import { fillActivity, orderBody } from "./wire-samples.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");

const ORDER: NewOrder = {
  ...SIMPLE_TERMS,
  notional: null,
  clientOrderId: "abt-1",
  symbol: "AAPL",
  side: "buy",
  type: "limit",
  timeInForce: "day",
  quantity: fixed("10"),
  limitPrice: fixed("189.12"),
};

const T0_US = Date.parse("2026-11-23T14:30:00Z") * 1000;

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

async function submitAnswered(answer: ScriptedAnswer, deadlineMs = 2000): Promise<SubmitOutcome> {
  venue.answer = () => answer;
  return broker.submit(ORDER, deadlineMs);
}

describe("submit", () => {
  test("sends the order in exact decimals with our keys and reads the accepted order", async () => {
    const outcome = await submitAnswered({ status: 200, body: orderBody() });
    assert.equal(outcome.kind, "accepted");
    const request = venue.requests[0];
    assert.equal(request?.method, "POST");
    assert.equal(request?.path, "/v2/orders");
    assert.equal(request?.headers["apca-api-key-id"], "key");
    assert.equal(request?.headers["apca-api-secret-key"], "secret");
    assert.deepEqual(JSON.parse(request?.body ?? ""), {
      symbol: "AAPL",
      qty: "10",
      side: "buy",
      type: "limit",
      time_in_force: "day",
      client_order_id: "abt-1",
      limit_price: "189.12",
    });
    assert.deepEqual(outcome.kind === "accepted" && outcome.order, {
      id: "61e69015-8549-4bfd-b9c3-01e75843f47d",
      clientOrderId: "abt-1",
      symbol: "AAPL",
      side: "buy",
      type: "limit",
      timeInForce: "day",
      quantity: 10_000_000_000n,
      limitPrice: 189_120_000_000n,
      stopPrice: null,
      orderClass: "",
      trailPrice: null,
      trailPercent: null,
      replaces: null,
      replacedBy: null,
      legs: [],
      filledQuantity: 0n,
      filledAveragePrice: null,
      status: "pending_new",
      submittedAtUs: T0_US + 123_456,
      updatedAtUs: T0_US + 223_456,
    });
  });

  test("reads decimals that come as JSON numbers by their text", async () => {
    const text = JSON.stringify(orderBody()).replace('"189.12"', "90071992.547409931");
    const outcome = await submitAnswered({ status: 200, body: text });
    assert.equal(outcome.kind === "accepted" && outcome.order.limitPrice, 90_071_992_547_409_931n);
  });

  test("a repeated client order id is a duplicate", async () => {
    const body = { code: 40010001, message: "client_order_id must be unique" };
    assert.deepEqual(await submitAnswered({ status: 422, body }), { kind: "duplicate" });
  });

  const busy: [string, Record<string, string>, number][] = [
    [
      "the reset of the rate limit",
      { date: "Mon, 23 Nov 2026 14:30:00 GMT", "x-ratelimit-reset": String(T0_US / 1e6 + 7) },
      7000,
    ],
    ["Retry-After", { "retry-after": "2" }, 2000],
    ["nothing", {}, 1000],
  ];
  for (const [label, headers, afterMs] of busy) {
    test(`429 may be sent again after the time that the venue names by ${label}`, async () => {
      const alone = makeBroker();
      venue.answer = () => ({ status: 429, body: { code: 42910000, message: "rate limit exceeded" }, headers });
      assert.deepEqual(await alone.submit(ORDER, 2000), { kind: "retry_later", afterMs });
      await alone.close();
    });
  }

  const unknowns: [string, ScriptedAnswer][] = [
    ["500", { status: 500, body: { code: 50010000, message: "internal server error" } }],
    ["503 without a body", { status: 503, body: "" }],
    ["504 of a proxy", { status: 504, body: "<html>gateway time-out</html>" }],
    ["408", { status: 408, body: { message: "request timeout" } }],
    ["a 4xx without Alpaca's body", { status: 403, body: "<html>blocked by a proxy</html>" }],
    ["a redirect", { status: 302, body: "", headers: { location: "https://example.org/" } }],
    ["200 with unreadable JSON", { status: 200, body: '{"id": "61e6' }],
    ["200 with an order that lacks its id", { status: 200, body: orderBody({ id: null }) }],
    ["200 about another order", { status: 200, body: orderBody({ client_order_id: "abt-2" }) }],
    ["a reset before the answer", "reset"],
    ["a reset within the answer", "cut"],
  ];
  for (const [label, answer] of unknowns) {
    test(`${label} leaves the outcome unknown and is sent once`, async () => {
      const outcome = await submitAnswered(answer);
      assert.equal(outcome.kind, "unknown");
      assert.equal(venue.requests.length, 1);
    });
  }

  test("no answer before the deadline leaves the outcome unknown", async () => {
    const outcome = await submitAnswered("hang", 50);
    assert.deepEqual(outcome, { kind: "unknown", cause: "no answer before the deadline" });
  });

  test("a venue that refuses connections provably got nothing", async () => {
    const gone = await ScriptedVenue.open();
    const baseUrl = gone.httpUrl;
    await gone.close();
    const lonely = makeBroker({ baseUrl });
    assert.deepEqual(await lonely.submit(ORDER, 2000), { kind: "retry_later", afterMs: 1000 });
    await lonely.close();
  });

  test("beyond the budget of orders nothing is sent, while cancels go on", async () => {
    const frugal = makeBroker({ budget: { orders: 1, cancels: 1 } });
    venue.answer = (request) =>
      request.method === "POST" ? { status: 200, body: orderBody() } : { status: 204, body: "" };
    assert.equal((await frugal.submit(ORDER, 2000)).kind, "accepted");
    const second = await frugal.submit(ORDER, 2000);
    assert.ok(second.kind === "retry_later" && second.afterMs > 0 && second.afterMs <= 60_000);
    for (let i = 0; i < 3; i++) assert.deepEqual(await frugal.cancel("an-id"), { kind: "requested" });
    assert.equal(venue.requests.length, 4);
    await frugal.close();
  });
});

describe("cancel and kill switch", () => {
  const answers: [ScriptedAnswer, object][] = [
    [{ status: 204, body: "" }, { kind: "requested" }],
    [{ status: 404, body: { code: 40410000, message: "order not found for x" } }, { kind: "not_found" }],
    [
      { status: 422, body: { code: 42210000, message: 'order is already in "filled" state' } },
      { kind: "not_cancelable", message: 'HTTP 422: order is already in "filled" state (request req-1)' },
    ],
    [
      { status: 404, body: "no such page" },
      { kind: "failed", cause: "HTTP 404: no such page (request req-1)" },
    ],
    [
      { status: 500, body: { message: "oops" } },
      { kind: "failed", cause: "HTTP 500: oops (request req-1)" },
    ],
  ];
  for (const [answer, expected] of answers) {
    test(`a cancel answered ${JSON.stringify(answer).slice(0, 70)} gives ${JSON.stringify(expected).slice(0, 40)}`, async () => {
      venue.answer = () => answer;
      assert.deepEqual(await broker.cancel("an/id"), expected);
      assert.equal(venue.requests[0]?.path, "/v2/orders/an%2Fid");
    });
  }

  test("cancelling all takes 207 for taken up", async () => {
    venue.answer = () => ({ status: 207, body: [{ id: "a", status: 200 }] });
    assert.deepEqual(await broker.cancelAll(), { kind: "requested", orders: 1 });
    assert.deepEqual([venue.requests[0]?.method, venue.requests[0]?.path], ["DELETE", "/v2/orders"]);
  });

  test("suspending trade is confirmed by reading the setting back", async () => {
    venue.answer = (request) => ({ status: 200, body: JSON.parse(request.body) as object });
    assert.deepEqual(await broker.suspendTrade(true), { kind: "requested" });
    assert.equal(venue.requests[0]?.body, '{"suspend_trade":true}');
    venue.answer = () => ({ status: 200, body: { suspend_trade: false } });
    assert.equal((await broker.suspendTrade(true)).kind, "failed");
    venue.answer = () => ({ status: 200, body: "[]" });
    assert.equal((await broker.suspendTrade(true)).kind, "failed");
  });
});

describe("reads", () => {
  test("the account without the fields that Alpaca removed", async () => {
    venue.answer = () => ({
      status: 200,
      body: {
        id: "acc",
        status: "ACTIVE",
        cash: "100000.12",
        equity: "100000.123456789012",
        buying_power: "4e5",
        trade_suspended_by_user: true,
      },
    });
    assert.deepEqual(await broker.account(), {
      kind: "ok",
      value: {
        id: "acc",
        status: "ACTIVE",
        cash: fixed("100000.12"),
        equity: fixed("100000.123456789"),
        lastEquity: fixed("100000.123456789"),
        buyingPower: fixed("400000"),
        suspended: true,
      },
    });
  });

  test("positions: crypto gets its slash, shorts their sign", async () => {
    const position = {
      asset_class: "us_equity",
      qty: "-5",
      side: "short",
      avg_entry_price: "10.5",
      current_price: "11",
    };
    venue.answer = () => ({
      status: 200,
      body: [
        { ...position, symbol: "F" },
        { ...position, symbol: "GM", qty: "5" },
        { ...position, symbol: "BTCUSD", asset_class: "crypto", qty: "0.5", side: "long", current_price: null },
        { ...position, symbol: "SHIBUSDT", asset_class: "crypto", qty: "7", side: "long" },
      ],
    });
    const outcome = await broker.positions();
    assert.ok(outcome.kind === "ok");
    assert.deepEqual(
      outcome.value.map(({ symbol, quantity }) => [symbol, quantity]),
      [
        ["F", fixed("-5")],
        ["GM", fixed("-5")],
        ["BTC/USD", fixed("0.5")],
        ["SHIB/USDT", fixed("7")],
      ],
    );
    assert.equal(outcome.value[2]?.currentPrice, null);
  });

  test("the clock in New York's offset", async () => {
    venue.answer = () => ({
      status: 200,
      body: {
        timestamp: "2026-11-23T09:30:00.000000001-05:00",
        is_open: true,
        next_open: "2026-11-24T09:30:00-05:00",
        next_close: "2026-11-23T16:00:00-05:00",
      },
    });
    assert.deepEqual(await broker.clock(), {
      kind: "ok",
      value: { venueTimeUs: T0_US, isOpen: true, nextOpenUs: T0_US + 86_400e6, nextCloseUs: T0_US + 6.5 * 3600e6 },
    });
  });

  test("an asset with its slash encoded in the path", async () => {
    venue.answer = () => ({
      status: 200,
      body: {
        id: "i",
        class: "crypto",
        symbol: "BTC/USD",
        status: "active",
        tradable: true,
        shortable: false,
        fractionable: true,
        min_order_size: "0.000021",
        min_trade_increment: "0.000000001",
        price_increment: "1",
      },
    });
    const outcome = await broker.asset("BTC/USD");
    assert.equal(venue.requests[0]?.path, "/v2/assets/BTC%2FUSD");
    assert.equal(outcome.kind === "ok" && outcome.value.minOrderSize, fixed("0.000021"));
  });

  test("an order that is not there is an answer, a proxy's 404 is none", async () => {
    venue.answer = () => ({ status: 404, body: { code: 40410000, message: "order not found" } });
    assert.deepEqual(await broker.orderByClientId("abt-1"), { kind: "not_found" });
    assert.equal(venue.requests[0]?.path, "/v2/orders:by_client_order_id");
    assert.equal(venue.requests[0]?.query.get("client_order_id"), "abt-1");
    venue.answer = () => ({ status: 404, body: "not here" });
    assert.equal((await broker.orderByClientId("abt-1")).kind, "failed");
  });

  test("orders are paged to the end by the last id, and those before the time left out", async () => {
    const rows = Array.from({ length: 1203 }, (_, i) =>
      orderBody({
        id: `order-${i}`,
        client_order_id: `abt-${i}`,
        submitted_at: stamp(i - 1),
        order_class: i === 700 ? "mleg" : "",
      }),
    );
    venue.answer = ({ query }) => {
      const cursor = query.get("after_order_id");
      const from = cursor === null ? 0 : Number(cursor.slice(6)) + 1;
      return { status: 200, body: rows.slice(from, from + Number(query.get("limit"))) };
    };
    const outcome = await broker.ordersSince(T0_US);
    assert.ok(outcome.kind === "ok");
    assert.equal(outcome.value.length, 1201);
    assert.equal(outcome.value[0]?.id, "order-1");
    assert.equal(venue.requests.length, 3);
    assert.equal(venue.requests[0]?.query.get("after"), "2026-11-23T14:29:59.999000Z");
    assert.equal(venue.requests[0]?.query.get("status"), "all");
    assert.equal(venue.requests[1]?.query.get("after"), null);
  });

  test("paging that does not advance fails instead of giving half a list", async () => {
    const rows = Array.from({ length: 500 }, (_, i) => orderBody({ id: `order-${i}` }));
    venue.answer = () => ({ status: 200, body: rows });
    const outcome = await broker.openOrders();
    assert.equal(outcome.kind, "failed");
    assert.equal(venue.requests[0]?.query.get("status"), "open");
  });

  test("one unreadable order fails the list and names the field", async () => {
    venue.answer = () => ({ status: 200, body: [orderBody(), orderBody({ side: "sideways" })] });
    const outcome = await broker.openOrders();
    assert.ok(outcome.kind === "failed" && outcome.cause.includes("side"));
  });

  test("fills are paged by the last id and keyed by the order's cumulative quantity", async () => {
    const rows = Array.from({ length: 150 }, (_, i) =>
      fillActivity({ id: `fill-${i}`, cum_qty: `${i + 1}.000`, qty: "1", transaction_time: stamp(i) }),
    );
    venue.answer = ({ query }) => {
      const token = query.get("page_token");
      const from = token === null ? 0 : Number(token.slice(5)) + 1;
      return { status: 200, body: rows.slice(from, from + 100) };
    };
    const outcome = await broker.fillsSince(T0_US);
    assert.ok(outcome.kind === "ok");
    assert.equal(outcome.value.length, 150);
    assert.equal(outcome.value[9]?.executionId, "61e69015-8549-4bfd-b9c3-01e75843f47d@10");
    assert.equal(outcome.value[9]?.venueTimeUs, T0_US + 9);
  });

  test("bars of a pair over two pages, the end excluded", async () => {
    const bar = (minute: number): object => ({
      t: `2026-11-23T14:${30 + minute}:00Z`,
      o: 1,
      h: 2,
      l: 0.5,
      c: 1.5,
      v: 0.25,
      n: 3,
      vw: 1.2,
    });
    venue.answer = ({ query }) =>
      query.get("page_token") === null
        ? { status: 200, body: { bars: { "BTC/USD": [bar(0), bar(1)] }, next_page_token: "abc" } }
        : { status: 200, body: { bars: { "BTC/USD": [bar(2)] }, next_page_token: null } };
    const outcome = await broker.bars("BTC/USD", 60, T0_US, T0_US + 120e6);
    assert.ok(outcome.kind === "ok");
    assert.deepEqual(
      outcome.value.map((row) => row.startUs),
      [T0_US, T0_US + 60e6],
    );
    assert.equal(outcome.value[0]?.volume, 0.25);
    assert.equal(venue.requests[0]?.path, "/v1beta3/crypto/us/bars");
    assert.equal(venue.requests[0]?.query.get("timeframe"), "1Min");
    assert.equal(venue.requests[0]?.query.get("end"), "2026-11-23T14:31:59.999999Z");
  });

  test("the latest quote of a share and of a pair, and none", async () => {
    const quote = { t: "2026-11-23T14:30:00.000005Z", bp: 99.5, bs: 100, ap: 100.25, as: 200 };
    venue.answer = ({ query }) => ({ status: 200, body: { quotes: { [query.get("symbols") ?? ""]: quote } } });
    const value = { bid: 99.5, ask: 100.25, timeUs: T0_US + 5 };
    assert.deepEqual(await broker.latestQuote("AAPL"), { kind: "ok", value });
    assert.deepEqual(await broker.latestQuote("BTC/USD"), { kind: "ok", value });
    assert.deepEqual(
      venue.requests.map(({ path }) => path),
      ["/v2/stocks/quotes/latest", "/v1beta3/crypto/us/latest/quotes"],
    );
    venue.answer = () => ({ status: 200, body: { quotes: {} } });
    assert.deepEqual(await broker.latestQuote("AAPL"), { kind: "ok", value: null });
    venue.answer = () => ({ status: 200, body: { quotes: { AAPL: { ...quote, bp: "dear" } } } });
    assert.equal((await broker.latestQuote("AAPL")).kind, "failed");
  });

  test("no bars at all is an empty list", async () => {
    venue.answer = () => ({ status: 200, body: { bars: {}, next_page_token: null } });
    assert.deepEqual(await broker.bars("AAPL", 3600, T0_US, T0_US + 1), { kind: "ok", value: [] });
    assert.equal(venue.requests[0]?.query.get("timeframe"), "1Hour");
  });

  test("an interval that Alpaca does not serve fails without a request", async () => {
    assert.equal((await broker.bars("AAPL", 90, T0_US, T0_US + 1e6)).kind, "failed");
    assert.equal(venue.requests.length, 0);
  });

  const failures: [string, ScriptedAnswer][] = [
    ["a hanging venue", "hang"],
    ["a reset", "reset"],
    ["a cut-off answer", "cut"],
    ["500", { status: 500, body: "" }],
    ["unreadable JSON", { status: 200, body: "{" }],
  ];
  for (const [label, answer] of failures) {
    test(`${label} is a failure with its cause`, async () => {
      const hasty = makeBroker({ readDeadlineMs: 100 });
      venue.answer = () => answer;
      const outcome = await hasty.account();
      assert.ok(outcome.kind === "failed" && outcome.cause.length > 0);
      await hasty.close();
    });
  }
});

/** T0 plus `us` microseconds. */
function stamp(us: number): string {
  const whole = T0_US + us;
  const second = Math.floor(whole / 1e6);
  return `${new Date(second * 1000).toISOString().slice(0, 19)}.${String(whole - second * 1e6).padStart(6, "0")}000Z`;
}
