/**
 * The client order ids that the bot gives to the broker. An id is a pure function of what caused the order, so that the
 * same decision made twice, by whatever process, has the same id and the broker refuses the second one.
 */
import { createHash } from "node:crypto";

/** What our orders begin with at the broker. */
export const ORDER_ID_PREFIX = "atb-";

/** 200 bits of SHA-256: 40 characters of base 32, 44 with the prefix; the broker takes 48. */
const HASH_BYTES = 25;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/**
 * The id of a strategy's order. `version` is the strategy's own, `trigger` a formatted trigger key, `leg` as in the
 * intent record.
 */
export function strategyOrderId(
  bookId: string,
  instanceId: string,
  version: number,
  trigger: string,
  leg: number,
): string {
  return hashId("strategy", [bookId, instanceId, String(version), trigger, String(leg)]);
}

/** The id of an order that a person or another program asked for with an idempotency key of their own. */
export function manualOrderId(bookId: string, keyId: string, idempotencyKey: string): string {
  return hashId("manual", [bookId, keyId, idempotencyKey]);
}

/** The id of an order that a person had put in the place of another. */
export function replacementOrderId(bookId: string, replaces: string, keyId: string, idempotencyKey: string): string {
  return hashId("replacement", [bookId, replaces, keyId, idempotencyKey]);
}

/** Every part is preceded by its length in bytes, so that no two different lists of parts give the same bytes. */
function hashId(kind: string, parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of [kind, ...parts]) {
    const bytes = Buffer.from(part, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return ORDER_ID_PREFIX + base32(hash.digest().subarray(0, HASH_BYTES));
}

/** `bytes.length` must be a multiple of five: then no padding is needed. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}
