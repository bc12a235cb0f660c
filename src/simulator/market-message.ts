/** Market-data messages of Alpaca's stream and REST, and their two encodings. Pure. */
import { Encoder, ExtData } from "@msgpack/msgpack";
import type { Instrument } from "../core/market/instrument.ts";
import type { BookTick, HistoryBar, MarketTick, QuoteTick, StatusTick, TradeTick } from "./market-source.ts";
import { rfc3339 } from "./wire-time.ts";

/** A time that each encoding writes its own way: RFC 3339 in JSON, the timestamp extension in MessagePack. */
export class WireTime {
  readonly us: number;

  constructor(us: number) {
    this.us = us;
  }

  toJSON(): string {
    return rfc3339(this.us);
  }

  /** Extension type −1, 64 bits: 30 bits of nanoseconds, 34 bits of seconds. */
  extension(): ExtData {
    const seconds = Math.floor(this.us / 1e6);
    const nanoseconds = (this.us - seconds * 1e6) * 1000;
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, nanoseconds * 4 + Math.floor(seconds / 4294967296));
    view.setUint32(4, seconds % 4294967296);
    return new ExtData(-1, bytes);
  }
}

/** Stands for a tape that a recording does not name: A's reading of sale conditions is the stricter one. */
const UNKNOWN_TAPE = "A";

export type MarketMessage = Readonly<Record<string, unknown>>;

/** Ticks that have a message of their own; bars get theirs from the bars that they make, actions have none. */
export type MessageTick = Exclude<MarketTick, { readonly kind: "barOpen" | "bar" | "split" | "dividend" }>;

/** The message of a tick: `T`, its symbol and its fields; REST leaves `T` and `S` out. */
export function tickMessage(tick: MessageTick, instrument: Instrument): MarketMessage {
  const crypto = instrument.assetClass === "crypto";
  switch (tick.kind) {
    case "quote":
      return { T: "q", S: instrument.symbol, ...quoteBody(tick, crypto) };
    case "trade":
      return { T: "t", S: instrument.symbol, ...tradeBody(tick, crypto) };
    case "status":
      return { T: "s", S: instrument.symbol, ...statusBody(tick) };
    case "book":
      return { T: "o", S: instrument.symbol, ...bookBody(tick) };
    default:
      return { S: instrument.symbol, ...noticeBody(tick), t: new WireTime(tick.timeUs), z: tick.tape || UNKNOWN_TAPE };
  }
}

function noticeBody(tick: Exclude<MessageTick, { kind: "quote" | "trade" | "status" | "book" }>): MarketMessage {
  switch (tick.kind) {
    case "luld":
      return { T: "l", u: tick.limitUp, d: tick.limitDown, i: tick.indicator };
    case "imbalance":
      return { T: "i", p: tick.price };
    case "cancelError":
      return { T: "x", i: tick.tradeId, x: tick.exchange, p: tick.price, s: tick.size, a: tick.action };
    case "correction": {
      const { original: o, corrected: c, exchange: x } = tick;
      const was = { oi: o.tradeId, op: o.price, os: o.size, oc: o.conditions };
      return { T: "c", x, ...was, ci: c.tradeId, cp: c.price, cs: c.size, cc: c.conditions };
    }
  }
}

export function bookBody(tick: BookTick): MarketMessage {
  const levels = (side: BookTick["bids"]) => side.map(({ price: p, size: s }) => ({ p, s }));
  const body = { t: new WireTime(tick.timeUs), b: levels(tick.bids), a: levels(tick.asks) };
  return tick.reset ? { ...body, r: true } : body;
}

export function quoteBody(tick: QuoteTick, crypto: boolean): MarketMessage {
  const { bid, bidSize, ask, askSize } = tick;
  const t = new WireTime(tick.timeUs);
  if (crypto) return { bp: bid, bs: bidSize, ap: ask, as: askSize, t };
  return {
    bx: tick.bidExchange,
    bp: bid,
    bs: bidSize,
    ax: tick.askExchange,
    ap: ask,
    as: askSize,
    c: ["R"],
    z: tick.tape || UNKNOWN_TAPE,
    t,
  };
}

export function tradeBody(tick: TradeTick, crypto: boolean): MarketMessage {
  const t = new WireTime(tick.timeUs);
  if (crypto) return { p: tick.price, s: tick.size, t, i: tick.tradeId, tks: tick.aggressor === 2 ? "S" : "B" };
  return {
    i: tick.tradeId,
    x: tick.exchange,
    p: tick.price,
    s: tick.size,
    c: tick.conditions,
    z: tick.tape || UNKNOWN_TAPE,
    t,
  };
}

function statusBody(tick: StatusTick): MarketMessage {
  const { statusCode: sc, statusMessage: sm, reasonCode: rc, reasonMessage: rm } = tick;
  return { sc, sm, rc, rm, t: new WireTime(tick.timeUs), z: tick.tape || UNKNOWN_TAPE };
}

export function barMessage(bar: HistoryBar, symbol: string): MarketMessage {
  return { T: "b", S: symbol, ...barBody(bar) };
}

export function barBody(bar: HistoryBar): MarketMessage {
  const { open: o, high: h, low: l, close: c, volume: v, tradeCount: n, vwap: vw } = bar;
  return { o, h, l, c, v, n, vw, t: new WireTime(bar.startUs) };
}

export interface MarketCodec {
  readonly binary: boolean;
  encode(messages: readonly object[]): string | Uint8Array;
}

export const JSON_CODEC: MarketCodec = { binary: false, encode: (messages) => JSON.stringify(messages) };

const encoder = new Encoder();

export const MSGPACK_CODEC: MarketCodec = {
  binary: true,
  encode: (messages) => encoder.encode(messages.map(withExtensions)),
};

function withExtensions(message: object): object {
  const t = (message as { t?: unknown }).t;
  return t instanceof WireTime ? { ...message, t: t.extension() } : message;
}
