/**
 * The reading side of a ring; owned by exactly one thread. It tells how many records can be read, where they lie, and gives
 * their slots back in batches. With nothing to read it parks at once in the operating system; spinning first is a choice
 * for dedicated cores, because a container with a CPU quota is throttled when it spins. `poll`, `slot`, `release` and
 * `park` allocate nothing.
 *
 * No wake-up is lost: the reader sets the park word, then looks for records and the stop word once more, then sleeps only
 * while the park word is still set. A writer stores its cursor (or the stop word), then looks at the park word. All four
 * are sequentially consistent, so at least one of the two sees the other's store.
 */
import { CodedError } from "../errors.ts";
import {
  attachRing,
  DOUBLE_PARKS,
  DOUBLE_RELEASED,
  sequenceOf,
  stopRing,
  WORD_PARK,
  WORD_READ_CURSOR,
  WORD_STOP,
  WORD_WRITE_CURSOR,
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
    Atomics.store(words, WORD_PARK, 0);
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
    if (this.#seen === this.#cursor) this.#seen = Atomics.load(this.#words, WORD_WRITE_CURSOR);
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
   * Blocks this thread until there is a record, the ring is stopped, or `timeoutMs` have passed. A stray wake (the writer
   * acting late on a park word that the reader has meanwhile cleared and set again) sleeps again for the full time.
   */
  park(timeoutMs: number): ParkOutcome {
    if (this.#spins > 0 && this.#spin()) return "ready";
    for (;;) {
      const before = this.#prepare();
      if (before !== null) return before;
      const woken = Atomics.wait(this.#words, WORD_PARK, 1, timeoutMs);
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
      const waiting = Atomics.waitAsync(this.#words, WORD_PARK, 1, timeoutMs);
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

  /** Sets the park word, then looks once more: null when there is nothing to do but sleep. */
  #prepare(): ParkOutcome | null {
    Atomics.store(this.#words, WORD_PARK, 1);
    const outcome = this.#look();
    if (outcome !== null) Atomics.store(this.#words, WORD_PARK, 0);
    else this.#doubles[DOUBLE_PARKS] = (this.#doubles[DOUBLE_PARKS] as number) + 1;
    return outcome;
  }

  #arise(): ParkOutcome | null {
    Atomics.store(this.#words, WORD_PARK, 0);
    return this.#look();
  }

  /** The stop word is read first: whatever was published before the stop is then seen by the load of the cursor. */
  #look(): ParkOutcome | null {
    const stopped = this.isStopped;
    if (this.poll(1) > 0) return "ready";
    return stopped ? "stopped" : null;
  }
}
