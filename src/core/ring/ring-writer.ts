/**
 * The writing side of a ring; owned by exactly one thread. It claims slots, lets the caller fill them with plain stores,
 * and makes a batch of them visible at once. It never blocks: a full ring is an answer, and what to do about it is the
 * caller's decision. Nothing here allocates after construction.
 *
 * Memory order: records are plain stores, then `publish` sets the write word with `Atomics.exchange`; the reader loads that
 * word with `Atomics.load` before it touches a record, so it sees whole records only. In the other direction the
 * reader stores its cursor after its last plain load of a record, and a slot is claimed again only after that store was seen.
 */
import { CodedError } from "../errors.ts";
import {
  attachRing,
  DOUBLE_PUBLICATIONS,
  DOUBLE_PUBLISHED,
  DOUBLE_REFUSALS,
  DOUBLE_WAKES,
  PARK_BIT,
  sequenceOf,
  stopRing,
  WORD_READ_CURSOR,
  WORD_STOP,
  WORD_WRITE,
  writeCursorOf,
  writeWordOf,
} from "./descriptor.ts";

export interface RingWriterOptions {
  /** Size of the records that the caller is going to write; checked against the ring. */
  readonly recordBytes: number;
  /** Slots that `claim` leaves free for `claimReserved`; 0 by default, less than the capacity. */
  readonly reserve?: number;
}

export class RingWriter {
  readonly buffer: SharedArrayBuffer;
  /** Records in the ring. */
  readonly capacity: number;
  /** Slots that only `claimReserved` may use. */
  readonly reserve: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #mask: number;
  /** Cursor of the next record to be claimed, and of the next to be published. */
  #claimed: number;
  #published: number;
  /** Free slots as far as known: counted down by claims, counted anew from the read cursor when that is not enough. */
  #free: number;

  /**
   * Attaches at the last published record; what a writer before this one claimed and did not publish is forgotten.
   * Throws `RING_HEADER` when the buffer is not such a ring, `RING_SHAPE` when the reserve does not fit.
   */
  constructor(buffer: SharedArrayBuffer, options: RingWriterOptions) {
    const { words, doubles, capacity } = attachRing(buffer, options.recordBytes);
    const reserve = options.reserve ?? 0;
    if (!Number.isInteger(reserve) || reserve < 0 || reserve >= capacity) {
      throw new CodedError("RING_SHAPE", `ring reserve must be an integer from 0 to ${capacity - 1}, got ${reserve}`, {
        field: "reserve",
      });
    }
    this.buffer = buffer;
    this.capacity = capacity;
    this.reserve = reserve;
    this.#words = words;
    this.#doubles = doubles;
    this.#mask = capacity - 1;
    const noted = doubles[DOUBLE_PUBLISHED] as number;
    this.#published = writeCursorOf(Atomics.load(words, WORD_WRITE), noted | 0);
    this.#claimed = this.#published;
    this.#free = 0;
    doubles[DOUBLE_PUBLISHED] = sequenceOf(this.#published, noted);
  }

  /** Sequence of the next record to be claimed: an exact integer. */
  get sequence(): number {
    return (this.#doubles[DOUBLE_PUBLISHED] as number) + this.unpublished;
  }

  /** Records claimed and not yet published. */
  get unpublished(): number {
    return (this.#claimed - this.#published) | 0;
  }

  /** Records that the reader has not released yet, unpublished ones included; looks at the reader. */
  get occupancy(): number {
    return this.capacity - this.#countFree();
  }

  /** Slots that `claim` can still give, 0 when only the reserve is left. Looks at the reader only when it knows of none. */
  available(): number {
    const known = this.#free - this.reserve;
    const available = known > 0 ? known : this.#countFree() - this.reserve;
    return available > 0 ? available : 0;
  }

  /** Slot index of the next record, or -1 (counted) when all but the reserve is taken. */
  claim(): number {
    if (this.#free <= this.reserve && this.#countFree() <= this.reserve) return this.#refuse();
    return this.#take();
  }

  /** As `claim`, and may use the reserve: -1 (counted) only when every slot is taken. */
  claimReserved(): number {
    if (this.#free <= 0 && this.#countFree() <= 0) return this.#refuse();
    return this.#take();
  }

  /** Makes every claimed record visible, in order, and wakes the reader if it is parked. */
  publish(): void {
    const count = this.unpublished;
    if (count === 0) return;
    const words = this.#words;
    const doubles = this.#doubles;
    this.#published = this.#claimed;
    doubles[DOUBLE_PUBLISHED] = (doubles[DOUBLE_PUBLISHED] as number) + count;
    doubles[DOUBLE_PUBLICATIONS] = (doubles[DOUBLE_PUBLICATIONS] as number) + 1;
    const before = Atomics.exchange(words, WORD_WRITE, writeWordOf(this.#claimed));
    if ((before & PARK_BIT) !== 0) this.#wake();
  }

  /** Forgets the records claimed since the last `publish`; their slots are given out again. */
  rollback(): void {
    this.#free += this.unpublished;
    this.#claimed = this.#published;
  }

  /** Ends the ring: the reader gets what was published, then "stopped". Claimed records are not published. */
  stop(): void {
    stopRing(this.#words);
  }

  /** True once either side has stopped the ring. */
  get isStopped(): boolean {
    return Atomics.load(this.#words, WORD_STOP) !== 0;
  }

  #wake(): void {
    Atomics.notify(this.#words, WORD_WRITE, 1);
    this.#doubles[DOUBLE_WAKES] = (this.#doubles[DOUBLE_WAKES] as number) + 1;
  }

  #take(): number {
    const slot = this.#claimed & this.#mask;
    this.#claimed = (this.#claimed + 1) | 0;
    this.#free--;
    return slot;
  }

  #countFree(): number {
    const inUse = (this.#claimed - Atomics.load(this.#words, WORD_READ_CURSOR)) | 0;
    this.#free = this.capacity - inUse;
    return this.#free;
  }

  #refuse(): number {
    this.#doubles[DOUBLE_REFUSALS] = (this.#doubles[DOUBLE_REFUSALS] as number) + 1;
    return -1;
  }
}
