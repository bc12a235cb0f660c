import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, describe, it } from "node:test";
import { encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import type { SimulatorConfigInput } from "../../../src/simulator/config.ts";
import { type Body, KEYS, Peer, readMsgpack } from "../client.ts";
import { COIN, DataServer, type DataServerOptions, OTHER, quote, STOCK, START_US, tick, trade } from "./data-server.ts";

const AUTH = { action: "auth", key: KEYS.keyId, secret: KEYS.secret };
const HEADERS = { "APCA-API-KEY-ID": KEYS.keyId, "APCA-API-SECRET-KEY": KEYS.secret };
const PACKED = { "Content-Type": "application/msgpack" };
const EMPTY = {
  trades: [],
  quotes: [],
  bars: [],
  updatedBars: [],
  dailyBars: [],
  statuses: [],
  lulds: [],
  corrections: [],
  cancelErrors: [],
};

let server: DataServer;

async function start(options: DataServerOptions = {}): Promise<DataServer> {
  server = await DataServer.start(options);
  return server;
}

const withConfig = (config: SimulatorConfigInput) => start({ config });

afterEach(() => server.close());

async function connect(path: string, subscription: object | null = null): Promise<Peer> {
  const peer = await Peer.open(server.url(path));
  peer.send(AUTH);
  await peer.find((message) => message.msg === "authenticated");
  if (subscription !== null) await ask(peer, { action: "subscribe", ...subscription });
  return peer;
}

/** Sends a request and waits for the one control message that answers it. */
async function ask(peer: Peer, request: object): Promise<Body> {
  const before = peer.messages.length;
  peer.send(request);
  let at = 0;
  return peer.find((message) => at++ >= before && (message.T === "subscription" || message.T === "error"));
}

const error = (code: number, msg: string) => ({ T: "error", code, msg });

describe("subscriptions", () => {
  it("add, subtract and always answer with the whole state; trades bring their corrections along", async () => {
    await start();
    const peer = await connect("/v2/sip");
    const first = await ask(peer, { action: "subscribe", trades: ["ACME"], quotes: ["ZEBRA"], bars: ["*"] });
    const state = { ...EMPTY, trades: ["ACME"], quotes: ["ZEBRA"], bars: ["*"] };
    assert.deepEqual(first, { T: "subscription", ...state, corrections: ["ACME"], cancelErrors: ["ACME"] });
    const second = await ask(peer, { action: "unsubscribe", trades: ["ACME"], quotes: ["OTHER"] });
    assert.deepEqual(second, { T: "subscription", ...EMPTY, quotes: ["ZEBRA"], bars: ["*"] });
    const third = await ask(peer, { action: "subscribe", imbalances: ["ACME"], trades: [], orderbooks: [] });
    assert.deepEqual(third.imbalances, ["ACME"]);
  });

  it("bring what was asked for and nothing else", async () => {
    await start();
    const peer = await connect("/v2/iex", { quotes: ["ACME"], trades: ["ZEBRA"], statuses: ["*"] });
    server.play(quote(STOCK, 1, 10, 11), quote(OTHER, 1, 10, 11), trade(STOCK, 2, 10), trade(OTHER, 2, 20));
    const halt = { halted: true, statusCode: "H", statusMessage: "", reasonCode: "", reasonMessage: "", tape: "C" };
    server.play(tick("status", OTHER, 3, halt));
    await peer.find((message) => message.T === "s");
    const data = peer.messages.filter(({ T }) => T.length === 1);
    assert.deepEqual(
      data.map(({ T, S }) => [T, S]),
      [
        ["q", "ACME"],
        ["t", "ZEBRA"],
        ["s", "ZEBRA"],
      ],
    );
  });

  it("are refused whole where something in them is wrong", async () => {
    await start();
    const peer = await connect("/v2/sip");
    const wrong: [object, object][] = [
      [
        { action: "subscribe", quotes: ["ACME"], orderbooks: ["ACME"] },
        error(410, "invalid subscribe action for this feed"),
      ],
      [{ action: "subscribe", quotes: ["ACME"], unknown: ["ACME"] }, error(400, "invalid syntax")],
      [{ action: "subscribe", quotes: "ACME" }, error(400, "invalid syntax")],
      [{ action: "subscribe", quotes: ["AC ME"] }, error(400, "invalid syntax")],
      [{ action: "nonsense" }, error(400, "invalid syntax")],
    ];
    for (const [request, expected] of wrong) assert.deepEqual(await ask(peer, request), expected);
    assert.deepEqual(await ask(peer, { action: "unsubscribe" }), { T: "subscription", ...EMPTY });
  });

  it("of crypto name pairs, and show a book whole before its changes", async () => {
    await start();
    const bids = [
      { price: 10, size: 1 },
      { price: 9, size: 2 },
    ];
    server.play(tick("book", COIN, 0, { reset: true, bids, asks: [{ price: 11, size: 3 }] }));
    server.play(tick("book", COIN, 1, { reset: false, bids: [{ price: 10, size: 0 }], asks: [] }));
    const peer = await connect("/v1beta3/crypto/us");
    assert.deepEqual(await ask(peer, { action: "subscribe", quotes: ["BTCUSD"] }), error(400, "invalid syntax"));
    await ask(peer, { action: "subscribe", orderbooks: ["BTC/USD"] });
    server.play(tick("book", COIN, 2, { reset: false, bids: [], asks: [{ price: 12, size: 1 }] }));
    await peer.find((message) => message.T === "o" && message.r === undefined);
    const books = peer.messages.filter(({ T }) => T === "o");
    assert.deepEqual(books, [
      { T: "o", S: "BTC/USD", t: "2026-03-03T15:00:01Z", b: [{ p: 9, s: 2 }], a: [{ p: 11, s: 3 }], r: true },
      { T: "o", S: "BTC/USD", t: "2026-03-03T15:00:02Z", b: [], a: [{ p: 12, s: 1 }] },
    ]);
  });
});

describe("authentication", () => {
  it("is by message, by Alpaca's headers or by basic authorization, each after `connected`", async () => {
    await start();
    const basic = Buffer.from(`${KEYS.keyId}:${KEYS.secret}`).toString("base64");
    for (const headers of [HEADERS, { Authorization: `Basic ${basic}` }]) {
      const peer = await Peer.open(server.url("/v2/iex"), headers);
      await peer.find((message) => message.msg === "authenticated");
      assert.deepEqual(peer.messages, [
        { T: "success", msg: "connected" },
        { T: "success", msg: "authenticated" },
      ]);
      await peer.close();
    }
  });

  it("ends the connection when it fails or does not come in time", async () => {
    await start({ authTimeoutMs: 50 });
    const wrong = await Peer.open(server.url("/v2/iex"), { ...HEADERS, "APCA-API-SECRET-KEY": "wrong" });
    assert.deepEqual(await wrong.find(({ T }) => T === "error"), error(402, "auth failed"));
    await wrong.closed;
    const late = await Peer.open(server.url("/v2/iex"));
    assert.deepEqual(await late.find(({ T }) => T === "error"), error(404, "auth timeout"));
    await late.closed;
  });

  it("is asked for before anything else and not twice", async () => {
    await start();
    const peer = await Peer.open(server.url("/v2/iex"));
    assert.deepEqual(await ask(peer, { action: "subscribe", trades: ["ACME"] }), error(401, "not authenticated"));
    peer.send(AUTH);
    await peer.find((message) => message.msg === "authenticated");
    assert.deepEqual(await ask(peer, AUTH), error(403, "already authenticated"));
  });
});

describe("limits", () => {
  it("of the basic plan: no consolidated tape, thirty symbols with trades or quotes, any number of bars", async () => {
    await withConfig({ dataPlan: "basic" });
    const sip = await Peer.open(server.url("/v2/sip"), HEADERS);
    assert.deepEqual(await sip.find(({ T }) => T === "error"), error(409, "insufficient subscription"));
    await sip.closed;
    const peer = await connect("/v2/iex");
    const symbols = Array.from({ length: 30 }, (_, i) => `SYM${i}`);
    assert.equal((await ask(peer, { action: "subscribe", trades: symbols, quotes: symbols })).trades.length, 30);
    const refused = error(405, "symbol limit exceeded");
    assert.deepEqual(await ask(peer, { action: "subscribe", quotes: ["ACME"] }), refused);
    assert.deepEqual(await ask(peer, { action: "subscribe", trades: ["*"] }), refused);
    const state = await ask(peer, { action: "subscribe", bars: ["*"] });
    assert.deepEqual([state.quotes.length, state.bars], [30, ["*"]]);
  });

  it("of connections per path: the one there stays, and the newcomer may ask again", async () => {
    await withConfig({ dataConnections: 2 });
    const first = await connect("/v2/iex");
    const second = await connect("/v2/iex");
    const third = await Peer.open(server.url("/v2/iex"));
    assert.deepEqual(await ask(third, AUTH), error(406, "connection limit exceeded"));
    await (await connect("/v2/sip")).close();
    await first.close();
    third.send(AUTH);
    await third.find((message) => message.msg === "authenticated");
    await second.close();
  });

  it("of a reader: who leaves too much unread is cut, and meanwhile little is kept for him", async () => {
    const slowClientBytes = 65_536;
    await withConfig({ slowClientBytes });
    const socket = new WebSocket(server.url("/v2/iex"), { headers: HEADERS, perMessageDeflate: false });
    const subscribed = new Promise<void>((resolve) => {
      socket.on("message", (data: Buffer) => {
        if (data.includes('"subscription"')) resolve();
      });
    });
    await once(socket, "open");
    socket.send(JSON.stringify({ action: "subscribe", quotes: ["*"] }));
    await subscribed;
    socket.pause();
    // The kernel takes some megabytes before the simulator has to keep anything.
    const wave = Array.from({ length: 1000 }, (_, i) => quote(STOCK, 0, 10, 11 + (i % 100)));
    while (server.connections > 0) {
      server.play(...wave);
      const { backlogBytes } = server.data.streams;
      assert.ok(backlogBytes < slowClientBytes + 2 * FRAME_BYTES, `${backlogBytes} bytes are kept`);
      await new Promise(setImmediate);
    }
    await (await connect("/v2/iex")).close();
    socket.terminate();
  });

  it("of a reader: who comes back in time reads that he was too slow", async () => {
    await withConfig({ slowClientBytes: 65_536 });
    const slow = await connect("/v2/iex", { quotes: ["*"] });
    slow.socket.pause();
    const wave = Array.from({ length: 100_000 }, (_, i) => quote(STOCK, 0, 10, 11 + (i % 100)));
    server.play(...wave);
    slow.socket.resume();
    assert.deepEqual(await slow.find(({ T }) => T === "error"), error(407, "slow client"));
    await slow.closed;
  });
});

/** Of the largest frame. */
const FRAME_BYTES = 70_000;

describe("encodings", () => {
  it("are MessagePack in both directions where that was asked for", async () => {
    await start();
    const peer = await Peer.open(server.url("/v2/sip"), PACKED, readMsgpack);
    peer.socket.send(encode(AUTH));
    peer.socket.send(encode({ action: "subscribe", quotes: ["ACME"] }));
    await peer.find(({ T }) => T === "subscription");
    server.play(quote(STOCK, 0, 10, 11));
    assert.equal((await peer.find(({ T }) => T === "q")).ap, 11);
    assert.ok(peer.binary.every((binary) => binary));
    peer.socket.send(Buffer.from([0xc1]));
    assert.equal((await peer.find(({ T }) => T === "error")).code, 400);
  });

  it("are understood in fragments and compressed", async () => {
    await start();
    const socket = new WebSocket(server.url("/v2/sip"), { headers: HEADERS, perMessageDeflate: true });
    await once(socket, "open");
    assert.match(socket.extensions, /permessage-deflate/);
    const text = JSON.stringify({ action: "subscribe", quotes: Array.from({ length: 5000 }, (_, i) => `SYM${i}`) });
    const half = text.length / 2;
    const subscribed = new Promise<Body>((resolve) => {
      socket.on("message", (data: Buffer) => {
        const [message] = JSON.parse(data.toString());
        if (message.T === "subscription") resolve(message);
      });
    });
    socket.send(text.slice(0, half), { fin: false });
    socket.send(text.slice(half), { fin: true });
    assert.equal((await subscribed).quotes.length, 5000);
    socket.terminate();
  });

  it("give every client the same message, whichever it speaks", async () => {
    await withConfig({ dataConnections: 4 });
    const text = await connect("/v2/sip", { trades: ["*"] });
    const packed = await Peer.open(server.url("/v2/sip"), { ...HEADERS, ...PACKED }, readMsgpack);
    await packed.find((message) => message.msg === "authenticated");
    packed.send({ action: "subscribe", trades: ["ACME"] });
    await packed.find(({ T }) => T === "subscription");
    server.play(trade(STOCK, 0, 10.5, 7), trade(OTHER, 0, 11, 8), trade(STOCK, 1, 12, 9));
    await text.find((message) => message.s === 9);
    await packed.find((message) => message.s === 9);
    const prices = (peer: Peer) => peer.messages.filter(({ T }) => T === "t").map(({ p }) => p);
    assert.deepEqual(prices(text), [10.5, 11, 12]);
    assert.deepEqual(prices(packed), [10.5, 12]);
  });
});

describe("endpoints of their own kind", () => {
  it("the test stream shows FAKEPACA at any time", { timeout: 60_000 }, async () => {
    await start();
    const peer = await connect("/v2/test", { trades: ["FAKEPACA"], quotes: ["FAKEPACA"] });
    const seen = await peer.find(({ T }) => T === "q");
    assert.equal(seen.S, "FAKEPACA");
    assert.ok(Math.abs(Date.parse(seen.t) - Date.now()) < 60_000);
    assert.equal(server.subscriptions, 0);
    assert.equal(server.data.streams.sent, 0);
  });

  it("the delayed tape comes a quarter of an hour late", async () => {
    await start();
    const peer = await connect("/v2/delayed_sip", { trades: ["ACME"] });
    server.play(trade(STOCK, 0, 10), trade(STOCK, 60, 20));
    server.advance(START_US + 899_999_999);
    server.play(trade(STOCK, 900, 30));
    await peer.find((message) => message.p === 10);
    assert.equal(peer.messages.filter(({ T }) => T === "t").length, 1);
    server.advance(START_US + 960_000_000);
    await peer.find((message) => message.p === 20);
  });

  it("overnight feeds show the night only", async () => {
    // 15:00 in UTC is 10:00 in New York: ten hours later it is 20:00.
    await start();
    const night = await connect("/v1beta1/overnight", { trades: ["ACME"] });
    server.play(trade(STOCK, 10 * 3600 - 1, 10), trade(STOCK, 10 * 3600, 20), trade(STOCK, 18 * 3600 - 1, 30));
    server.play(trade(STOCK, 18 * 3600, 40), trade(STOCK, 34 * 3600, 50));
    await night.find((message) => message.p === 50);
    assert.deepEqual(
      night.messages.filter(({ T }) => T === "t").map(({ p }) => p),
      [20, 30, 50],
    );
  });

  it("news comes out when its time has come, to those who asked for its symbols", async () => {
    const article = { headline: "", summary: "", author: "", url: "", content: "", source: "wire" };
    const at = (seconds: number) => ({ createdUs: START_US + seconds * 1e6, updatedUs: START_US + seconds * 1e6 });
    const news = [
      { id: 2, ...article, ...at(20), symbols: ["ZEBRA"] },
      { id: 1, ...article, ...at(10), symbols: ["ACME", "OTHER"] },
      { id: 3, ...article, ...at(30), symbols: ["ACME"] },
    ];
    await start({ news });
    const peer = await connect("/v1beta1/news", { news: ["ACME"] });
    server.advance(START_US + 15e6);
    server.advance(START_US + 40e6);
    await peer.find(({ id }) => id === 3);
    const told = peer.messages.filter(({ T }) => T === "n").map(({ id, created_at }) => [id, created_at]);
    assert.deepEqual(told, [
      [1, "2026-03-03T15:00:10Z"],
      [3, "2026-03-03T15:00:30Z"],
    ]);
    assert.deepEqual(await ask(peer, { action: "unsubscribe", news: ["ACME"] }), { T: "subscription", news: [] });
  });

  it("options are spoken of in MessagePack only, not by a star, and nothing comes", async () => {
    await start();
    const text = await connect("/v1beta1/indicative");
    const onlyPacked = error(412, "option messages are only available in MsgPack format");
    assert.deepEqual(await ask(text, { action: "subscribe", trades: ["AAPL240315C00225000"] }), onlyPacked);
    const packed = await Peer.open(server.url("/v1beta1/opra"), { ...HEADERS, ...PACKED }, readMsgpack);
    await packed.find((message) => message.msg === "authenticated");
    const noStar = error(413, "star subscription is not allowed for option quotes");
    assert.deepEqual(await ask(packed, { action: "subscribe", quotes: ["*"] }), noStar);
    assert.equal((await ask(packed, { action: "subscribe", bars: ["X"] })).code, 410);
    assert.deepEqual(await ask(packed, { action: "subscribe", trades: ["*"] }), {
      T: "subscription",
      trades: ["*"],
      quotes: [],
    });
  });

  it("all are told when the market cannot go on", async () => {
    await start();
    const peer = await connect("/v2/sip", { trades: ["*"] });
    server.data.streams.fail();
    assert.deepEqual(await peer.find(({ T }) => T === "error"), error(500, "internal error"));
  });
});
