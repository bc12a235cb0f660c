/** Alpaca quote frames as the stream sends them, made with `@msgpack/msgpack`; shared by the benchmarks that need some. */
import { Encoder, ExtData } from "@msgpack/msgpack";

const encoder = new Encoder();

export interface QuoteMessage {
  readonly symbol: string;
  readonly bid: number;
  readonly ask: number;
  /** Epoch microseconds; below 2106, as the 64-bit timestamp of MessagePack can say. */
  readonly timeUs: number;
}

export function encodeQuotes(quotes: readonly QuoteMessage[]): Uint8Array {
  return encoder.encode(quotes.map(quoteObject));
}

function quoteObject({ symbol, bid, ask, timeUs }: QuoteMessage): object {
  const stamp = Buffer.alloc(8);
  const seconds = Math.floor(timeUs / 1e6);
  stamp.writeBigUInt64BE((BigInt((timeUs - seconds * 1e6) * 1000) << 34n) | BigInt(seconds));
  const t = new ExtData(-1, new Uint8Array(stamp));
  return { T: "q", S: symbol, bx: "V", bp: bid, bs: 300, ax: "V", ap: ask, as: 200, c: ["R"], z: "C", t };
}
