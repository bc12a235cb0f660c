/**
 * The reading side of a ring; owned by exactly one thread. It tells how many records can be read, where they lie, and gives
 * their slots back in batches. With nothing to read it parks at once in the operating system; spinning first is a choice
 * for dedicated cores, because a container with a CPU quota is throttled when it spins. `poll`, `slot`, `release` and
 * `park` allocate nothing.
 *
 * No wake-up is lost: the reader sets the park bit in the write word, and that same operation tells it whether records have
 * come; then it looks at the stop word, and sleeps only while the write word stays as it left it. Whoever publishes or
 * stops changes that word, clears the bit with it, and wakes the reader when the bit was set.
 */
import { CodedError } from "../errors.ts";
import {
  attachRing,
  DOUBLE_PARKS,
  DOUBLE_RELEASED,
  PARK_BIT,
  sequenceOf,
  stopRing,
  WORD_READ_CURSOR,
  WORD_STOP,
  WORD_WRITE,
  writeCursorOf,
  writeWordOf,
} from "./descriptor.ts";

/** Why `park` came back. "stopped" only when everything published before has been read. */
export type ParkOutcome = "ready" | "stopped" | "timeout";

export interface RingReaderOptions {
  /** Size of the records that the caller is going to read; checked against the ring. */
  readonly recordBytes: number;
  /** Looks at the write cursor, with `Atomics.pause` between, before parking; 0 (park at once) by default. */
  readonly spins?: number;
}

const SPINS_MAX = 1_000_000;

export class RingReader {
  readonly buffer: SharedArrayBuffer;
  /** Records in the ring. */
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #mask: number;
  readonly #spins: number;
  /** Cursor of the next record to be read, and the write cursor as last seen. */
  #cursor: number;
  #seen: number;

  /**
   * Attaches at the first record that has not been released, so a reader that takes over sees again what the one before it
   * had read and not released. Throws `RING_HEADER` when the buffer is not such a ring, `RING_SHAPE` for bad spins.
   */
  constructor(buffer: SharedArrayBuffer, options: RingReaderOptions) {
    const { words, doubles, capacity } = attachRing(buffer, options.recordBytes);
    const spins = options.spins ?? 0;
    if (!Number.isInteger(spins) || spins < 0 || spins > SPINS_MAX) {
      throw new CodedError("RING_SHAPE", `ring spins must be an integer from 0 to ${SPINS_MAX}, got ${spins}`, {
        field: "spins",
      });
    }
    this.buffer = buffer;
    this.capacity = capacity;
    this.#words = words;
    this.#doubles = doubles;
    this.#mask = capacity - 1;
    this.#spins = spins;
    this.#cursor = Atomics.load(words, WORD_READ_CURSOR);
    this.#seen = this.#cursor;
    doubles[DOUBLE_RELEASED] = sequenceOf(this.#cursor, doubles[DOUBLE_RELEASED] as number);
  }

  /** Sequence of the first record that has not been released: an exact integer. */
  get sequence(): number {
    return this.#doubles[DOUBLE_RELEASED] as number;
  }

  /** True once either side has stopped the ring; records published before may still be unread. */
  get isStopped(): boolean {
    return Atomics.load(this.#words, WORD_STOP) !== 0;
  }

  /** How many records can be read now, at most `limit`. Looks at the writer only when all it has seen are released. */
  poll(limit: number): number {
    if (this.#seen === this.#cursor) this.#seen = writeCursorOf(Atomics.load(this.#words, WORD_WRITE), this.#cursor);
    const readable = (this.#seen - this.#cursor) | 0;
    return readable < limit ? readable : limit;
  }

  /** Slot index of the `index`-th readable record, from 0; valid below what `poll` returned, until `release`. */
  slot(index: number): number {
    return (this.#cursor + index) & this.#mask;
  }

  /** Gives the first `count` readable records back to the writer. More than are readable is a bug and throws. */
  release(count: number): void {
    if (count < 0 || count > ((this.#seen - this.#cursor) | 0))
      throw new RangeError(`released ${count} unread records`);
    this.#cursor = (this.#cursor + count) | 0;
    this.#doubles[DOUBLE_RELEASED] = (this.#doubles[DOUBLE_RELEASED] as number) + count;
    Atomics.store(this.#words, WORD_READ_CURSOR, this.#cursor);
  }

  /**
   * Blocks this thread until there is a record, the ring is stopped, or `timeoutMs` have passed. A stray wake (a writer
   * that acts late on a park bit which has been cleared and set again since) sleeps again for the full time.
   */
  park(timeoutMs: number): ParkOutcome {
    if (this.#spins > 0 && this.#spin()) return "ready";
    for (;;) {
      const before = this.#prepare();
      if (before !== null) return before;
      const woken = Atomics.wait(this.#words, WORD_WRITE, this.#parkedWord(), timeoutMs);
      const after = this.#arise();
      if (after !== null) return after;
      if (woken === "timed-out") return "timeout";
    }
  }

  /**
   * As `park`, for a thread that must not block. One call at a time. It does not keep the process alive, and without
   * `timeoutMs` it ends only with a record or a stop: a dead writer does neither, so whoever sees it die calls `stop`.
   */
  async parkAsync(timeoutMs = Number.POSITIVE_INFINITY): Promise<ParkOutcome> {
    for (;;) {
      const before = this.#prepare();
      if (before !== null) return before;
      const waiting = Atomics.waitAsync(this.#words, WORD_WRITE, this.#parkedWord(), timeoutMs);
      const woken = await waiting.value;
      const after = this.#arise();
      if (after !== null) return after;
      if (woken === "timed-out") return "timeout";
    }
  }

  /** Ends the ring from this side; also wakes a `parkAsync` of this reader. */
  stop(): void {
    stopRing(this.#words);
  }

  #spin(): boolean {
    for (let i = 0; i < this.#spins; i++) {
      if (this.poll(1) > 0) return true;
      Atomics.pause();
    }
    return false;
  }

  /** Sets the park bit, then looks once more: null when there is nothing to do but sleep on the parked word. */
  #prepare(): ParkOutcome | null {
    Atomics.or(this.#words, WORD_WRITE, PARK_BIT);
    const outcome = this.#look();
    if (outcome !== null) Atomics.and(this.#words, WORD_WRITE, ~PARK_BIT);
    else this.#doubles[DOUBLE_PARKS] = (this.#doubles[DOUBLE_PARKS] as number) + 1;
    return outcome;
  }

  /** The write word while this reader has read everything and is parked. */
  #parkedWord(): number {
    return writeWordOf(this.#cursor) | PARK_BIT;
  }

  #arise(): ParkOutcome | null {
    Atomics.and(this.#words, WORD_WRITE, ~PARK_BIT);
    return this.#look();
  }

  /** The stop word is read first: whatever was published before the stop is then seen by the load of the cursor. */
  #look(): ParkOutcome | null {
    const stopped = this.isStopped;
    if (this.poll(1) > 0) return "ready";
    return stopped ? "stopped" : null;
  }
}
