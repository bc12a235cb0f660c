import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, ExtensionCodec } from "@msgpack/msgpack";
import type { MarketTick } from "../../../src/simulator/market-source.ts";
import { tickMessage } from "../../../src/simulator/data/live/tick-message.ts";
import { barShape, NEWS } from "../../../src/simulator/data/message/messages.ts";
import { Frame } from "../../../src/simulator/data/stream/frame.ts";
import { JsonCodec, MsgpackCodec, type StreamCodec } from "../../../src/simulator/data/stream/stream-codec.ts";
import type { Body } from "../client.ts";
import { COIN, quote, STOCK, tick, trade } from "./data-server.ts";

/** 2026-03-03T15:00:01.5Z. */
const SECONDS = 1.5;
const T = "2026-03-03T15:00:01.5Z";
const BAR = { startUs: Date.parse("2026-03-03T15:00:00Z") * 1000, open: 10, high: 12, low: 9, close: 11 };
const VOLUME = { volume: 300, tradeCount: 2, vwap: 10.5 };

/** Tick by tick what the protocol says of each message: keys, types and their order. */
const EXPECTED: readonly [name: string, tick: MarketTick, message: Body][] = [
  [
    "a stock's quote",
    quote(STOCK, SECONDS, 100, 100.5),
    { T: "q", S: "ACME", bx: "N", bp: 100, bs: 200, ax: "P", ap: 100.5, as: 300, c: ["R"], z: "A", t: T },
  ],
  [
    "a coin's quote",
    quote(COIN, SECONDS, 100, 100.5),
    { T: "q", S: "BTC/USD", bp: 100, bs: 200, ap: 100.5, as: 300, t: T },
  ],
  [
    "a stock's trade",
    trade(STOCK, SECONDS, 100.25, 50, { tradeId: 2 ** 40, conditions: ["@", "I"], exchange: "V" }),
    { T: "t", S: "ACME", i: 2 ** 40, x: "V", p: 100.25, s: 50, c: ["@", "I"], z: "C", t: T },
  ],
  [
    "a coin's trade that a seller began",
    trade(COIN, SECONDS, 60_000, 0.5, { tradeId: 7, aggressor: 2 }),
    { T: "t", S: "BTC/USD", p: 60_000, s: 0.5, t: T, i: 7, tks: "S" },
  ],
  [
    "a status",
    tick("status", STOCK, SECONDS, {
      halted: true,
      statusCode: "H",
      statusMessage: "Trading Halt",
      reasonCode: "T12",
      reasonMessage: "News",
      tape: "C",
    }),
    { T: "s", S: "ACME", sc: "H", sm: "Trading Halt", rc: "T12", rm: "News", t: T, z: "C" },
  ],
  [
    "price bands",
    tick("luld", STOCK, SECONDS, { limitUp: 110, limitDown: 90, indicator: "B", tape: "A" }),
    { T: "l", S: "ACME", u: 110, d: 90, i: "B", t: T, z: "A" },
  ],
  [
    "a correction",
    tick("correction", STOCK, SECONDS, {
      original: { tradeId: 1, price: 100, size: 10, conditions: ["@"] },
      corrected: { tradeId: 2, price: 101, size: 20, conditions: ["@", "F"] },
      exchange: "Q",
      tape: "C",
    }),
    {
      T: "c",
      S: "ACME",
      x: "Q",
      oi: 1,
      op: 100,
      os: 10,
      oc: ["@"],
      ci: 2,
      cp: 101,
      cs: 20,
      cc: ["@", "F"],
      t: T,
      z: "C",
    },
  ],
  [
    "a cancellation",
    tick("cancelError", STOCK, SECONDS, { tradeId: 1, price: 100, size: 10, exchange: "Q", action: "C", tape: "C" }),
    { T: "x", S: "ACME", i: 1, x: "Q", p: 100, s: 10, a: "C", t: T, z: "C" },
  ],
  [
    "an imbalance",
    tick("imbalance", STOCK, SECONDS, { price: 99.5, tape: "C" }),
    { T: "i", S: "ACME", p: 99.5, z: "C", t: T },
  ],
  [
    "a changed book",
    tick("book", COIN, SECONDS, { reset: false, bids: [{ price: 10, size: 0 }], asks: [{ price: 11, size: 2.5 }] }),
    { T: "o", S: "BTC/USD", t: T, b: [{ p: 10, s: 0 }], a: [{ p: 11, s: 2.5 }] },
  ],
  [
    "a whole book",
    tick("book", COIN, SECONDS, { reset: true, bids: [{ price: 10, size: 1 }], asks: [] }),
    { T: "o", S: "BTC/USD", t: T, b: [{ p: 10, s: 1 }], a: [], r: true },
  ],
];

function framed(codec: StreamCodec, encode: () => void, count = 1): Buffer {
  const frame = new Frame(codec);
  for (let i = 0; i < count; i++) {
    encode();
    frame.append();
  }
  return frame.take();
}

/** Times become what they are in JSON, to the microsecond. */
function unpacked(bytes: Buffer): Body[] {
  const extensionCodec = new ExtensionCodec();
  extensionCodec.register({ type: -1, encode: () => null, decode: timeText });
  return decode(bytes, { extensionCodec }) as Body[];
}

function timeText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return new Date(view.getUint32(0) * 1000).toISOString().replace(".000Z", "Z");
  const seconds = Number(view.getBigUint64(0) & 0x3ffffffffn);
  const fraction = String(Number(view.getBigUint64(0) >> 34n))
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

describe("messages of the market-data streams", () => {
  for (const [name, given, expected] of EXPECTED) {
    it(`has ${name} with the documented fields, in JSON and in MessagePack`, () => {
      const instrument = given.index === COIN.index ? COIN : STOCK;
      const message = tickMessage(given, instrument);
      assert.ok(message !== null);
      for (const codec of [new JsonCodec(), new MsgpackCodec()]) {
        const bytes = framed(codec, () => codec.encode(message.shape, instrument.symbol, message.value));
        const [read] = codec.binary ? unpacked(bytes) : JSON.parse(bytes.toString());
        assert.deepEqual(read, expected);
        assert.deepEqual(Object.keys(read).slice(0, 2), ["T", "S"]);
      }
    });
  }

  it("has bars of minutes, of changed minutes and of days", () => {
    for (const letter of ["b", "u", "d"] as const) {
      const codec = new MsgpackCodec();
      const bytes = framed(codec, () => codec.encode(barShape(letter, STOCK), "ACME", { ...BAR, ...VOLUME }));
      const expected = { T: letter, S: "ACME", o: 10, h: 12, l: 9, c: 11, v: 300, n: 2, vw: 10.5 };
      assert.deepEqual(unpacked(bytes), [{ ...expected, t: "2026-03-03T15:00:00Z" }]);
    }
  });

  it("has prices as floats and shares as integers, as typed readers need them", () => {
    const codec = new MsgpackCodec();
    const bytes = framed(codec, () => codec.encode(barShape("b", STOCK), "ACME", { ...BAR, ...VOLUME }));
    const after = (key: string) =>
      bytes[bytes.indexOf(Buffer.from([0xa0 | key.length, ...Buffer.from(key)])) + key.length + 1];
    assert.equal(after("o"), 0xcb);
    assert.equal(after("v"), 0xcd);
    assert.equal(after("t"), 0xd6);
    const coins = framed(codec, () => codec.encode(barShape("b", COIN), "BTC/USD", { ...BAR, ...VOLUME }));
    assert.equal(coins[coins.indexOf(Buffer.from([0xa1, 0x76])) + 2], 0xcb);
  });

  it("has news with times of its own and without a symbol", () => {
    const codec = new MsgpackCodec();
    const createdUs = BAR.startUs;
    const article = { id: 5, headline: "Ünïcode", summary: "", author: "A", url: "", content: "", symbols: ["ACME"] };
    const given = { ...article, createdUs, updatedUs: createdUs + 1, source: "wire" };
    const [read] = unpacked(framed(codec, () => codec.encode(NEWS, null, given)));
    assert.deepEqual(read, {
      T: "n",
      ...article,
      created_at: "2026-03-03T15:00:00Z",
      updated_at: "2026-03-03T15:00:00.000001Z",
      source: "wire",
    });
  });

  it("puts any number of messages into one array", () => {
    const message = tickMessage(quote(STOCK, 0, 1, 2), STOCK);
    assert.ok(message !== null);
    for (const codec of [new JsonCodec(), new MsgpackCodec()]) {
      for (const count of [1, 15, 16, 700]) {
        const bytes = framed(codec, () => codec.encode(message.shape, "ACME", message.value), count);
        const read: Body[] = codec.binary ? unpacked(bytes) : JSON.parse(bytes.toString());
        assert.equal(read.length, count);
        assert.ok(read.every((each) => each.ap === 2));
      }
    }
  });
});
