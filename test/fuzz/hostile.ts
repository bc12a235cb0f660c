/** Hostile input by a seed: bytes, JSON and MessagePack that are wrong in the ways that break readers. */
import { Random } from "../core/support/random.ts";

const TEXTS = [
  "",
  "\u0000",
  "AAPL",
  "a".repeat(3000),
  "\ud800",
  "__proto__",
  "constructor",
  "💸",
  "1e999",
  "-0",
  "NaN",
  "2026-13-45T99:99:99Z",
];
const NUMBERS = [0, -0, -1, 1e308, -1e308, 0.1, 2 ** 53, 2 ** 63, Number.MIN_VALUE, 4294967296];

export class Hostile {
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.integer(0, list.length - 1)] as T;
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.random.integer(0, most) }, () => this.random.integer(0, 255)));
  }

  /** A value of a type that nobody asked for. */
  value(depth = 3): unknown {
    switch (this.random.integer(0, depth > 0 ? 8 : 4)) {
      case 0:
        return null;
      case 1:
        return this.random.next() < 0.5;
      case 2:
        return this.pick(NUMBERS);
      case 3:
      case 4:
        return this.pick(TEXTS);
      case 5:
      case 6:
        return Array.from({ length: this.random.integer(0, 4) }, () => this.value(depth - 1));
      default:
        return Object.fromEntries(
          Array.from({ length: this.random.integer(0, 4) }, () => [this.pick(TEXTS), this.value(depth - 1)]),
        );
    }
  }

  /** `good` with some of its fields made of something else, left out, or more than there should be. */
  spoiled(good: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const fields: Record<string, unknown> = { ...good };
    const names = Object.keys(fields);
    for (let n = this.random.integer(1, 3); n > 0; n--) {
      const name = this.pick(names);
      const kind = this.random.integer(0, 3);
      if (kind === 0) delete fields[name];
      else if (kind === 1) fields[this.pick(TEXTS)] = this.value();
      else fields[name] = this.value();
    }
    return fields;
  }

  /** Bytes of something good: cut off, with bits turned over, with parts doubled or torn out. */
  damaged(good: Uint8Array): Buffer {
    const bytes = Buffer.from(good);
    const at = this.random.integer(0, Math.max(0, bytes.length - 1));
    switch (this.random.integer(0, 3)) {
      case 0:
        return bytes.subarray(0, at);
      case 1:
        for (let n = this.random.integer(1, 8); n > 0 && bytes.length > 0; n--) {
          const place = this.random.integer(0, bytes.length - 1);
          bytes[place] = this.random.integer(0, 255);
        }
        return bytes;
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes]);
      default:
        return Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(Math.min(bytes.length, at + this.random.integer(1, 9))),
        ]);
    }
  }

  /** Text that is no JSON, or JSON that nobody expects. */
  json(good: Readonly<Record<string, unknown>>): string {
    switch (this.random.integer(0, 7)) {
      case 0:
        return nestedJson(this.random.integer(1, 30_000));
      case 1:
        return this.bytes(200).toString("latin1");
      case 2:
        return this.damaged(Buffer.from(JSON.stringify(good))).toString("utf8");
      case 3:
        return JSON.stringify(this.value());
      case 4: {
        const name = this.pick(Object.keys(good));
        return JSON.stringify({ ...good, [name]: "\u0001" }).replace(
          '"\\u0001"',
          nestedJson(this.random.integer(1, 25_000)),
        );
      }
      default:
        return JSON.stringify(this.spoiled(good));
    }
  }
}

export function nestedJson(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** MessagePack whose lengths promise more than there is, again and again: each level asks for memory. */
export function greedyMsgpack(header: readonly number[], levels: number): Buffer {
  return Buffer.concat(Array.from({ length: levels }, () => Buffer.from(header)));
}

/** Headers that announce: 65,535 elements, 30 million, 4 thousand million; the same for maps, texts, bytes and extensions. */
export const GREEDY_HEADERS: readonly (readonly number[])[] = [
  [0xdc, 0xff, 0xff],
  [0xdd, 0x01, 0xc9, 0xc3, 0x80],
  [0xdd, 0xff, 0xff, 0xff, 0xff],
  [0xde, 0xff, 0xff],
  [0xdf, 0xff, 0xff, 0xff, 0xff],
  [0xdb, 0xff, 0xff, 0xff, 0xff],
  [0xc6, 0xff, 0xff, 0xff, 0xff],
  [0xc9, 0xff, 0xff, 0xff, 0xff, 0xff],
];
