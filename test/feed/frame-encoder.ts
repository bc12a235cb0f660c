/**
 * Builds market-data frames for tests and the benchmark with `@msgpack/msgpack`, which the scanner is compared with.
 */
import { Encoder, ExtData } from "@msgpack/msgpack";

const encoder = new Encoder({ useBigInt64: true });

/** A timestamp extension of 64 bits, as Alpaca sends. */
export function timestamp64(seconds: number, nanoseconds: number): ExtData {
  const data = Buffer.alloc(8);
  data.writeBigUInt64BE((BigInt(nanoseconds) << 34n) | BigInt(seconds));
  return new ExtData(-1, new Uint8Array(data));
}

export function timestamp32(seconds: number): ExtData {
  const data = Buffer.alloc(4);
  data.writeUInt32BE(seconds);
  return new ExtData(-1, new Uint8Array(data));
}

export function timestamp96(seconds: bigint, nanoseconds: number): ExtData {
  const data = Buffer.alloc(12);
  data.writeUInt32BE(nanoseconds);
  data.writeBigInt64BE(seconds, 4);
  return new ExtData(-1, new Uint8Array(data));
}

export function encodeFrame(messages: unknown): Uint8Array {
  return encoder.encode(messages);
}

export function quote(symbol: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    T: "q",
    S: symbol,
    bx: "V",
    bp: 189.12,
    bs: 300,
    ax: "V",
    ap: 189.15,
    as: 200,
    c: ["R"],
    z: "C",
    t: timestamp64(1_795_444_200, 123_456_789),
    ...overrides,
  };
}

export function trade(symbol: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    T: "t",
    S: symbol,
    i: 96_921n,
    x: "D",
    p: 189.13,
    s: 10,
    c: ["@", "I"],
    z: "C",
    t: timestamp64(1_795_444_200, 123_456_789),
    ...overrides,
  };
}
