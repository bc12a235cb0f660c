import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import type { ExtData } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { call, dataStream, isMarket, KEYS, order, Peer, readMsgpack, tradeStream } from "./client.ts";

/** A day of the synthetic market at fifty times real time. */
const BASE = { ...KEYS, port: 0, haltRate: 0, startTime: "2026-03-02T15:00:00Z", speed: 50 };

let simulator: Simulator;
let port: number;

/** Market orders need a quote. */
async function quoted(symbol: string): Promise<void> {
  const crypto = symbol.includes("/");
  const path = crypto ? "/v1beta3/crypto/us" : "/v2/sip";
  const stream = await dataStream(port, path, { quotes: [symbol] });
  await stream.find((message) => message.T === "q" && message.S === symbol);
  await stream.close();
}

before(async () => {
  simulator = await createSimulator(BASE);
  port = await simulator.listen();
  await quoted("DEMO");
  await quoted("BTC/USD");
});

after(() => simulator.close());

describe("keys", () => {
  it("answers 401 without keys and with wrong ones", async () => {
    const bare = await fetch(`http://127.0.0.1:${port}/v2/account`);
    assert.equal(bare.status, 401);
    assert.deepEqual(await bare.json(), { code: 40110000, message: "request is not authorized" });
    const wrong = await fetch(`http://127.0.0.1:${port}/v2/account`, {
      headers: { "APCA-API-KEY-ID": KEYS.keyId, "APCA-API-SECRET-KEY": "wrong" },
    });
    assert.equal(wrong.status, 401);
  });

  it("gives every answer a request id", async () => {
    const answer = await call(port, "GET", "/v2/account");
    assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  });

  it("answers 404 with a body for paths that it does not serve", async () => {
    const answer = await call(port, "GET", "/v2/nothing");
    assert.deepEqual([answer.status, answer.body.code], [404, 40410000]);
  });
});

describe("orders over the wire", () => {
  it("fills a market order, tells it on the stream, and shows it everywhere", async () => {
    const stream = await tradeStream(port);
    const posted = await order(port, "buy 10 DEMO", { client_order_id: "first" });
    assert.equal(posted.status, 200);
    assert.equal(posted.body.status, "pending_new");
    assert.equal(posted.body.filled_qty, "0");
    const isMine = (event: string) => (m: { data?: { event?: string; order?: { id: string } } }) =>
      m.data?.event === event && m.data.order?.id === posted.body.id;
    const opened = await stream.find(isMine("new"));
    const filled = await stream.find(isMine("fill"));
    assert.ok(stream.messages.indexOf(opened) < stream.messages.indexOf(filled));
    assert.ok(stream.binary.every((binary) => binary));
    const { data } = filled;
    assert.deepEqual([data.qty, data.position_qty, data.order.status], ["10", "10", "filled"]);
    assert.equal(data.order.filled_avg_price, data.price);

    const byClientId = await call(port, "GET", "/v2/orders:by_client_order_id?client_order_id=first");
    assert.equal(byClientId.body.id, posted.body.id);
    const byId = await call(port, "GET", `/v2/orders/${posted.body.id}`);
    assert.equal(byId.body.status, "filled");
    const position = await call(port, "GET", "/v2/positions/DEMO");
    assert.deepEqual([position.body.qty, position.body.qty_available, position.body.side], ["10", "10", "long"]);
    const fills = await call(port, "GET", `/v2/account/activities/FILL?order_id=${posted.body.id}`);
    assert.equal(fills.body.length, 1);
    assert.match(fills.body[0].id, /^\d{17}::[0-9a-f-]{36}$/);
    assert.deepEqual([fills.body[0].cum_qty, fills.body[0].leaves_qty], ["10", "0"]);
    assert.ok(fills.body[0].id.endsWith(`::${data.execution_id}`));
    const account = await call(port, "GET", "/v2/account");
    assert.equal(Number(account.body.cash).toFixed(2), (100_000 - 10 * Number(data.price)).toFixed(2));
    await stream.close();
  });

  it("refuses the same client order id with 422 and 40010001", async () => {
    await order(port, "buy 1 DEMO 10", { client_order_id: "twice" });
    const again = await order(port, "buy 1 DEMO 10", { client_order_id: "twice" });
    assert.deepEqual([again.status, again.body], [422, { code: 40010001, message: "client_order_id must be unique" }]);
    await call(port, "DELETE", "/v2/orders");
  });

  it("takes numbers and strings, and says what it does not take", async () => {
    const number = await order(port, "buy 1 DEMO 10", { qty: 1, limit_price: 10.25 });
    assert.deepEqual([number.status, number.body.qty, number.body.limit_price], [200, "1", "10.25"]);
    const cases: readonly [object, number, number, RegExp][] = [
      [{ qty: "1", notional: "5" }, 422, 40010001, /only one of qty or notional/],
      [{ qty: null }, 422, 40010001, /qty or notional is required/],
      [{ qty: "one" }, 422, 40010001, /qty must be a decimal number/],
      [{ side: "hold" }, 422, 42210000, /invalid side/],
      [{ type: "iceberg" }, 422, 42210000, /invalid type/],
      [{ symbol: "NONE" }, 422, 42210000, /asset "NONE" not found/],
      [{ limit_price: "10.001" }, 422, 42210000, /sub-penny/],
    ];
    for (const [fields, status, code, message] of cases) {
      const answer = await order(port, "buy 1 DEMO 10", fields);
      assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(fields));
      assert.match(answer.body.message, message);
    }
    const broken = await fetch(`http://127.0.0.1:${port}/v2/orders`, {
      method: "POST",
      headers: { ...headersOf(), "content-type": "application/json" },
      body: "{",
    });
    assert.deepEqual([broken.status, ((await broken.json()) as { code: number }).code], [400, 40010001]);
    await call(port, "DELETE", "/v2/orders");
  });

  it("cancels one order once, and all of them", async () => {
    const stream = await tradeStream(port);
    const one = (await order(port, "buy 1 DEMO 10")).body.id;
    await order(port, "buy 1 DEMO 11");
    assert.equal((await call(port, "DELETE", `/v2/orders/${one}`)).status, 204);
    await stream.find((m) => m.data?.event === "canceled" && m.data.order.id === one);
    const again = await call(port, "DELETE", `/v2/orders/${one}`);
    assert.deepEqual([again.status, again.body.message], [422, 'order is already in "canceled" state']);
    const all = await call(port, "DELETE", "/v2/orders");
    assert.deepEqual([all.status, all.body.length, all.body[0].status], [207, 1, 200]);
    const unknown = await call(port, "DELETE", "/v2/orders/00000000-0000-4000-8000-000000000000");
    assert.deepEqual([unknown.status, unknown.body.code], [404, 40410000]);
    assert.equal((await call(port, "DELETE", "/v2/orders/nonsense")).status, 422);
    await stream.close();
  });

  it("lists by status, pages by order id, and refuses bad limits", async () => {
    for (let i = 0; i < 5; i++) await order(port, "buy 1 ALFA 1");
    const ids: string[] = [];
    for (let cursor: string | null = null; ; ) {
      const more: string = cursor === null ? "" : `&after_order_id=${cursor}`;
      const { body } = await call(port, "GET", `/v2/orders?status=all&direction=asc&limit=2${more}`);
      ids.push(...body.map((row: { id: string }) => row.id));
      if (body.length < 2) break;
      cursor = ids.at(-1) as string;
    }
    const { body: all } = await call(port, "GET", "/v2/orders?status=all&direction=asc&limit=500");
    assert.deepEqual(
      ids,
      all.map((row: { id: string }) => row.id),
    );
    assert.equal((await call(port, "GET", "/v2/orders?symbols=ALFA")).body.length, 5);
    assert.equal((await call(port, "GET", "/v2/orders?limit=501")).status, 422);
    await call(port, "DELETE", "/v2/orders");
    assert.equal((await call(port, "GET", "/v2/orders")).body.length, 0);
  });

  it("pages fills by the id of the last one", async () => {
    for (let i = 0; i < 4; i++) await order(port, "buy 1 DEMO");
    const all = (await call(port, "GET", "/v2/account/activities/FILL?direction=asc")).body;
    assert.ok(all.length >= 4);
    const first = (await call(port, "GET", "/v2/account/activities/FILL?direction=asc&page_size=2")).body;
    const rest = (await call(port, "GET", `/v2/account/activities/FILL?direction=asc&page_token=${first[1].id}`)).body;
    assert.deepEqual([...first, ...rest], all);
    assert.deepEqual((await call(port, "GET", "/v2/account/activities/DIV")).body, []);
  });

  it("suspends trading by the account's configuration and says so in the account", async () => {
    const set = await call(port, "PATCH", "/v2/account/configurations", { suspend_trade: true });
    assert.equal(set.body.suspend_trade, true);
    assert.equal((await order(port, "buy 1 DEMO")).status, 403);
    assert.equal((await call(port, "GET", "/v2/account")).body.trade_suspended_by_user, true);
    await call(port, "PATCH", "/v2/account/configurations", { suspend_trade: false });
    assert.equal((await call(port, "PATCH", "/v2/account/configurations", { suspend_trade: "yes" })).status, 422);
    assert.equal((await order(port, "buy 1 DEMO")).status, 200);
  });

  it("knows a pair with its slash in assets and without it in positions", async () => {
    assert.equal((await order(port, "buy 0.001 BTC/USD")).status, 200);
    assert.equal((await call(port, "GET", "/v2/assets/BTC%2FUSD")).body.class, "crypto");
    assert.equal((await call(port, "GET", "/v2/positions/BTCUSD")).body.symbol, "BTCUSD");
    const none = await call(port, "GET", "/v2/positions/BRVO");
    assert.deepEqual([none.status, none.body], [404, { code: 40410000, message: "position does not exist" }]);
  });
});

describe("reference data", () => {
  it("has a clock and New York's calendar", async () => {
    const clock = (await call(port, "GET", "/v2/clock")).body;
    assert.equal(clock.is_open, true);
    assert.match(clock.timestamp, /-05:00$/);
    const days = (await call(port, "GET", "/v2/calendar?start=2026-11-25&end=2026-11-30")).body;
    assert.deepEqual(
      days.map((day: { date: string; close: string; settlement_date: string }) => [
        day.date,
        day.close,
        day.settlement_date,
      ]),
      [
        ["2026-11-25", "16:00", "2026-11-27"],
        ["2026-11-27", "13:00", "2026-11-30"],
        ["2026-11-30", "16:00", "2026-12-01"],
      ],
    );
  });

  it("pages bars and joins minutes to longer bars", async () => {
    const range = "start=2026-03-02T13:00:00Z&end=2026-03-02T14:59:59Z";
    const path = `/v2/stocks/bars?symbols=DEMO,ALFA&timeframe=1Min&${range}`;
    const whole = (await call(port, "GET", `${path}&limit=10000`)).body;
    assert.deepEqual(Object.keys(whole.bars), ["ALFA", "DEMO"]);
    assert.equal(whole.next_page_token, null);
    const bars: Record<string, unknown[]> = { ALFA: [], DEMO: [] };
    for (let token: string | null = ""; token !== null; ) {
      const page: { bars: Record<string, unknown[]>; next_page_token: string | null } = (
        await call(port, "GET", `${path}&limit=77${token === "" ? "" : `&page_token=${encodeURIComponent(token)}`}`)
      ).body;
      for (const [symbol, rows] of Object.entries(page.bars)) bars[symbol]?.push(...rows);
      token = page.next_page_token;
    }
    assert.deepEqual(bars, whole.bars);
    const hours = (await call(port, "GET", `/v2/stocks/bars?symbols=DEMO&timeframe=1Hour&${range}`)).body.bars.DEMO;
    const minutes = whole.bars.DEMO.slice(0, 60);
    assert.equal(hours[0].t, "2026-03-02T13:00:00Z");
    assert.equal(hours[0].h, Math.max(...minutes.map((bar: { h: number }) => bar.h)));
    assert.equal(hours[0].c, minutes.at(-1).c);
    assert.equal(
      hours[0].v,
      minutes.reduce((sum: number, bar: { v: number }) => sum + bar.v, 0),
    );
    assert.deepEqual(
      (await call(port, "GET", `/v2/stocks/bars?symbols=DEMO&timeframe=1H&${range}`)).body.bars.DEMO,
      hours,
    );
    assert.deepEqual((await call(port, "GET", `${path.replace("1Min", "1min")}&limit=10000`)).body, whole);
    assert.equal((await call(port, "GET", "/v2/stocks/bars?symbols=DEMO&timeframe=7Weeks")).status, 400);
  });

  it("gives the latest quote and trade, crypto without keys", async () => {
    const quote = (await call(port, "GET", "/v2/stocks/quotes/latest?symbols=DEMO")).body.quotes.DEMO;
    assert.ok(quote.bp > 0 && quote.ap > quote.bp);
    const open = await fetch(`http://127.0.0.1:${port}/v1beta3/crypto/us/latest/quotes?symbols=BTC/USD`);
    assert.equal(open.status, 200);
    const bad = await fetch(`http://127.0.0.1:${port}/v1beta3/crypto/us/bars?symbols=BTCUSD&timeframe=1Min`);
    assert.deepEqual([bad.status, await bad.json()], [400, { message: "invalid symbol: BTCUSD" }]);
  });
});

describe("the trade-update stream", () => {
  it("says nothing before authentication and refuses wrong keys and listening too early", async () => {
    const peer = await Peer.open(`ws://127.0.0.1:${port}/stream`);
    peer.send({ action: "listen", data: { streams: ["trade_updates"] } });
    peer.send({ action: "auth", key: KEYS.keyId, secret: "wrong" });
    peer.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
    await peer.find((message) => message.data.status === "authorized");
    assert.deepEqual(
      peer.messages.map((message) => [message.stream, message.data.status, message.data.action]),
      [
        ["authorization", "unauthorized", "listen"],
        ["authorization", "unauthorized", "authenticate"],
        ["authorization", "authorized", "authenticate"],
      ],
    );
    peer.send({ action: "listen", data: { streams: ["trade_updates", "unknown"] } });
    const listening = await peer.find((message) => message.stream === "listening");
    assert.deepEqual(listening.data.streams, ["trade_updates"]);
    await peer.close();
  });

  it("serves one connection and frees the place when it closes", async () => {
    const first = await tradeStream(port);
    const second = await Peer.open(`ws://127.0.0.1:${port}/stream`);
    second.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
    const refusal = await second.find((message) => message.action === "error");
    assert.deepEqual(refusal.data, { error_message: "connection limit exceeded", code: 406 });
    assert.equal(await second.closed, 1008);
    await first.close();
    await (await tradeStream(port)).close();
  });
});

describe("the market-data stream", () => {
  const auth = { action: "auth", key: KEYS.keyId, secret: KEYS.secret };

  it("walks through connected, authenticated, subscription and data", async () => {
    const peer = await Peer.open(`ws://127.0.0.1:${port}/v2/iex`);
    peer.send({ action: "subscribe", trades: ["DEMO"] });
    peer.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
    peer.send(auth);
    peer.send({ action: "subscribe", trades: ["DEMO"], quotes: ["DEMO", "ALFA"] });
    peer.send({ action: "unsubscribe", quotes: ["ALFA"] });
    peer.send({ action: "subscribe", orderbooks: ["DEMO"] });
    peer.socket.send("nonsense");
    await peer.find((message) => message.code === 400);
    assert.deepEqual(
      peer.messages.filter((message) => !isMarket(message)),
      [
        { T: "success", msg: "connected" },
        { T: "error", code: 401, msg: "not authenticated" },
        { T: "success", msg: "authenticated" },
        { T: "error", code: 403, msg: "already authenticated" },
        subscription({ trades: ["DEMO"], quotes: ["DEMO", "ALFA"] }),
        subscription({ trades: ["DEMO"], quotes: ["DEMO"] }),
        { T: "error", code: 410, msg: "invalid subscribe action for this feed" },
        { T: "error", code: 400, msg: "invalid syntax" },
      ],
    );
    const trade = await peer.find((message) => message.T === "t");
    assert.equal(trade.S, "DEMO");
    assert.match(trade.t, /^2026-03-02T\d\d:\d\d:\d\d\.\d{1,6}Z$/);
    await peer.close();
    assert.ok(!peer.messages.some((message) => message.T === "q" && message.S !== "DEMO" && message.S !== "ALFA"));
  });

  it("refuses wrong keys with 402 and a second connection to the endpoint with 406, not to another", async () => {
    const wrong = await Peer.open(`ws://127.0.0.1:${port}/v2/iex`);
    wrong.send({ action: "auth", key: "no", secret: "no" });
    assert.equal((await wrong.find((message) => message.T === "error")).code, 402);
    await wrong.closed;
    const first = await dataStream(port, "/v2/iex", { quotes: ["*"] });
    const second = await Peer.open(`ws://127.0.0.1:${port}/v2/iex`);
    second.send(auth);
    assert.equal((await second.find((message) => message.T === "error")).code, 406);
    for (const path of ["/v1beta3/crypto/us", "/v1beta2/crypto"]) {
      const crypto = await dataStream(port, path, { quotes: ["BTC/USD"] });
      await crypto.find((message) => message.T === "q" && message.S === "BTC/USD");
      await crypto.close();
    }
    await first.close();
    second.send(auth);
    await second.find((message) => message.msg === "authenticated");
    await second.close();
  });

  it("speaks MessagePack with T first and times as 64-bit timestamps, and takes the keys as headers", async () => {
    const headers = { ...headersOf(), "Content-Type": "application/msgpack" };
    const peer = await Peer.open(`ws://127.0.0.1:${port}/v2/sip`, headers, readMsgpack);
    await peer.find((message) => message.msg === "authenticated");
    peer.send({ action: "subscribe", quotes: ["*"], bars: ["*"] });
    const quote = await peer.find((message) => message.T === "q");
    assert.ok(peer.binary.every((binary) => binary));
    assert.equal(Object.keys(quote)[0], "T");
    const { type, data } = quote.t as ExtData;
    const bytes = data as Uint8Array;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.deepEqual([type, view.byteLength], [-1, 8]);
    const seconds = Number(view.getBigUint64(0) & 0x3ffffffffn);
    assert.ok(Math.abs(seconds - Date.parse("2026-03-02T15:00:00Z") / 1000) < 86_400);
    const bar = await peer.find((message) => message.T === "b");
    assert.ok(bar.l <= bar.o && bar.o <= bar.h && bar.v > 0 && bar.n > 0);
    await peer.close();
  });
});

describe("limits and lost peers", () => {
  it("counts requests when told to and answers 429 with headers", async () => {
    const limited = await createSimulator({ ...BASE, requestsPerMinute: 2 });
    const at = await limited.listen();
    const answers = [];
    // Six: two windows of a minute may meet here.
    for (let i = 0; i < 6; i++) answers.push(await call(at, "GET", "/v2/account"));
    const refused = answers.find((answer) => answer.status === 429);
    assert.deepEqual(refused?.body, { code: 42910000, message: "rate limit exceeded" });
    assert.equal(refused?.headers.get("x-ratelimit-limit"), "2");
    assert.match(refused?.headers.get("x-ratelimit-reset") ?? "", /^\d{10}$/);
    await limited.close();
  });

  it("frees the place of a peer that answers no ping", async () => {
    const impatient = await createSimulator({ ...BASE, deadConnectionSeconds: 1 });
    const at = await impatient.listen();
    const mute = new WebSocket(`ws://127.0.0.1:${at}/v2/iex`, { autoPong: false });
    await once(mute, "open");
    mute.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
    assert.equal((await once(mute, "close"))[0], 1006);
    await (await dataStream(at, "/v2/iex", { quotes: ["*"] })).close();
    await impatient.close();
  });

  it("refuses unknown sockets and lockstep outside lockstep", async () => {
    for (const path of ["/nothing", "/simulator/lockstep"]) {
      await assert.rejects(Peer.open(`ws://127.0.0.1:${port}${path}`), /Unexpected server response: 4/);
    }
  });

  it("names the bad field of a configuration", async () => {
    await assert.rejects(createSimulator({ speed: -1 }), { code: "SIMULATOR_CONFIG", field: "speed" });
    await assert.rejects(createSimulator({ startingCash: "much" }), {
      code: "SIMULATOR_CONFIG",
      field: "startingCash",
    });
    await assert.rejects(createSimulator({ sped: 1 }), { code: "SIMULATOR_CONFIG" });
    await assert.rejects(createSimulator({ instruments: [{ symbol: "A" }, { symbol: "A" }] }), {
      code: "SIMULATOR_CONFIG",
      field: "instruments",
    });
  });
});

function subscription(set: Record<string, string[]>): object {
  const { trades = [] } = set;
  return {
    T: "subscription",
    trades: [],
    quotes: [],
    bars: [],
    updatedBars: [],
    dailyBars: [],
    statuses: [],
    lulds: [],
    ...set,
    corrections: trades,
    cancelErrors: trades,
  };
}

function headersOf(): Record<string, string> {
  return { "APCA-API-KEY-ID": KEYS.keyId, "APCA-API-SECRET-KEY": KEYS.secret };
}
