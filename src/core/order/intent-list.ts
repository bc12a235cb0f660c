/**
 * Intents kept in memory, and the hash by which two runs are compared. For backtests, replays and tests; an engine worker
 * writes to its ring instead.
 */
import {
  INTENT_BYTES,
  INTENT_LANE_INBOUND_NUMBER,
  INTENT_LANE_PUBLISHED_US,
  INTENT_LANE_TRIGGER_RECEIVED_TIME_US,
  INTENT_ORDER,
  INTENT_STATE,
  IntentBuffer,
} from "./intent.ts";
import type { IntentSink } from "./intent-sink.ts";

/**
 * A 64-bit hash of intents in order, over what decides: every byte but the latency stamps (lanes 5 and 14) and the number
 * of the inbound record (lane 13), which depends on the ring's history rather than on the decision. Two 32-bit halves,
 * each in the manner of FNV-1a (Fowler, Noll, Vo) with words for bytes, finished with MurmurHash3's mixer (Appleby). It
 * tells runs apart; it resists no adversary.
 */
export class IntentHash {
  #low = 0x811c9dc5;
  #high = 0xcbf29ce4;
  #count = 0;

  /** Intents taken so far, state records included. */
  get count(): number {
    return this.#count;
  }

  add(intents: IntentBuffer, slot: number): void {
    const state = intents.kind(slot) === INTENT_STATE;
    for (let word = 0; word < INTENT_BYTES / 4; word++) {
      if (!state && isLatency(word >>> 1)) continue;
      const bits = intents.word(slot, word);
      this.#low = Math.imul(this.#low ^ bits, 0x01000193);
      this.#low ^= this.#low >>> 15;
      this.#high = Math.imul(this.#high ^ bits ^ word, 0x85ebca6b);
      this.#high ^= this.#high >>> 13;
    }
    this.#count++;
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    return hex32(mix(this.#high ^ this.#count)) + hex32(mix(this.#low));
  }
}

function isLatency(lane: number): boolean {
  return (
    lane === INTENT_LANE_TRIGGER_RECEIVED_TIME_US ||
    lane === INTENT_LANE_PUBLISHED_US ||
    lane === INTENT_LANE_INBOUND_NUMBER
  );
}

function mix(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** The hash of the first `count` intents of a buffer, or of those from `start` up to `count`. */
export function hashIntents(intents: IntentBuffer, count: number, start = 0): string {
  const hash = new IntentHash();
  for (let slot = start; slot < count; slot++) hash.add(intents, slot);
  return hash.hex();
}

/** A growing list of intents as a sink. */
export class IntentList implements IntentSink {
  #intents: IntentBuffer;
  #claimed = 0;
  #published = 0;
  readonly #limit: number;

  /** `limit`: how many records it takes before `available()` is 0; unlimited by default. */
  constructor(options: { readonly capacity?: number; readonly limit?: number } = {}) {
    this.#intents = IntentBuffer.allocate(options.capacity ?? 1_024);
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
  }

  get intents(): IntentBuffer {
    return this.#intents;
  }

  /** Published records, state records included. */
  get count(): number {
    return this.#published;
  }

  /** Slots of the orders among them. */
  orders(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#published; slot++) if (this.#intents.kind(slot) === INTENT_ORDER) slots.push(slot);
    return slots;
  }

  available(): number {
    return Math.min(this.#limit - this.#claimed, Number.MAX_SAFE_INTEGER);
  }

  claim(): number {
    if (this.#claimed === this.#intents.capacity) this.#grow();
    return this.#claimed++;
  }

  publish(): void {
    this.#published = this.#claimed;
  }

  /** Forgets all records and keeps the memory. */
  clear(): void {
    this.#claimed = 0;
    this.#published = 0;
  }

  hash(start = 0): string {
    return hashIntents(this.#intents, this.#published, start);
  }

  #grow(): void {
    const larger = IntentBuffer.allocate(this.#intents.capacity * 2);
    larger.u8.set(this.#intents.u8);
    this.#intents = larger;
  }
}
