/**
 * What happens when a worker falls behind: the writing side of an inbound ring that never blocks and never loses silently.
 * Owned by the main thread, one per engine worker; pure bookkeeping over a RingWriter, no clock, no I/O.
 *
 * While there is room, records go straight into the ring. When there is none:
 * - quotes, statuses, price bands and timers wait in one cell per instrument and kind, where a newer one replaces the older
 *   (FLAG_CONFLATED then says that it did);
 * - any other market record is lost, and one gap record for its instrument waits in its place until it is delivered;
 * - account and control records use the reserve of the ring. When even that is full the history of the worker has a hole:
 *   the answer is "undeliverable", for this record and all later ones, and the caller halts the worker.
 *
 * What waits is written first come, first served, before any later market record of any instrument; so a waiting quote or
 * gap always precedes later records of its instrument. Only account and control records overtake.
 */
import {
  FLAG_CONFLATED,
  KIND_ACCOUNT,
  KIND_CONTROL,
  KIND_GAP,
  KIND_PRICE_BAND,
  KIND_QUOTE,
  KIND_STATUS,
  KIND_TIMER,
  LANE_RECEIVED_TIME_US,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../market/record.ts";
import { RING_DATA_OFFSET } from "./descriptor.ts";
import type { RingWriter } from "./ring-writer.ts";

/** Slots of an inbound ring that are kept for account and control records. */
export const INBOUND_RESERVE = 64;

/**
 * What became of a record: in the ring; waiting for room (alone or in place of an older one); lost, with a gap record
 * waiting; or not deliverable, so that the worker must be halted.
 */
export type AppendOutcome = "written" | "conflated" | "gap" | "undeliverable";

/** Called for each record really written, in order, before it is published. It must copy what it wants to keep. */
export type InboundTap = (records: RecordBuffer, slot: number, sequence: number) => void;

export interface InboundWriterOptions {
  /** Instruments have indexes from 0 to below this number; records of none carry NO_INSTRUMENT. */
  readonly instrumentCount: number;
  readonly tap?: InboundTap;
}

/** Unpublished records that make `append` publish by itself, so that a long frame does not keep the reader waiting. */
const PUBLISH_EVERY = 64;

/** Cells of one instrument. */
const CELL_QUOTE = 0;
const CELL_STATUS = 1;
const CELL_PRICE_BAND = 2;
const CELL_TIMER = 3;
const CELL_GAP = 4;
const CELLS = 5;

export class InboundWriter {
  readonly #ring: RingWriter;
  readonly #records: RecordBuffer;
  readonly #tap: InboundTap | undefined;
  readonly #instrumentCount: number;
  /** One waiting record per cell; the row after the last instrument's is NO_INSTRUMENT's. */
  readonly #cells: RecordBuffer;
  readonly #waiting: Uint8Array;
  /** The cells that wait, oldest first, in a circle that starts at `#head`. */
  readonly #queue: Uint32Array;
  #head = 0;
  #pending = 0;
  #written = 0;
  #conflated = 0;
  #lost = 0;
  #gaps = 0;
  #undeliverable = 0;

  /** The ring holds 64-byte records and has its reserve (INBOUND_RESERVE) set. */
  constructor(ring: RingWriter, options: InboundWriterOptions) {
    const cellCount = (options.instrumentCount + 1) * CELLS;
    this.#ring = ring;
    this.#records = new RecordBuffer(ring.buffer, RING_DATA_OFFSET, ring.capacity);
    this.#tap = options.tap;
    this.#instrumentCount = options.instrumentCount;
    this.#cells = RecordBuffer.allocate(cellCount);
    this.#waiting = new Uint8Array(cellCount);
    this.#queue = new Uint32Array(cellCount);
  }

  /** Records written into the ring. */
  get written(): number {
    return this.#written;
  }

  /** Records overwritten by a newer one of their instrument and kind while they waited. */
  get conflated(): number {
    return this.#conflated;
  }

  /** Market records lost, each covered by a gap record. */
  get lost(): number {
    return this.#lost;
  }

  /** Gap records written into the ring. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Records refused because an account or control record found no slot, that record included. */
  get undeliverable(): number {
    return this.#undeliverable;
  }

  /** Records that wait for room. */
  get pending(): number {
    return this.#pending;
  }

  /**
   * How many market records `append` would write now. A source that must lose nothing (a replay in lockstep) appends no
   * more than that, and waits for the worker when it is 0.
   */
  available(): number {
    if (this.#undeliverable > 0 || this.flush() > 0) return 0;
    return this.#ring.available();
  }

  /**
   * Takes record `slot` of `source` (copied; the caller keeps its buffer). It becomes visible to the worker with the next
   * `flush`, or earlier. An instrument index out of range is a bug and throws a RangeError.
   */
  append(source: RecordBuffer, slot: number): AppendOutcome {
    if (this.#undeliverable > 0) return this.#refuse();
    const kind = source.kind(slot);
    if (kind === KIND_ACCOUNT || kind === KIND_CONTROL) return this.#appendReserved(source, slot);
    if (this.#pending > 0) this.#drain();
    if (this.#pending === 0) {
      const target = this.#ring.claim();
      if (target >= 0) {
        this.#write(source, slot, target);
        return "written";
      }
      this.#ring.publish();
    }
    return this.#hold(kind, source, slot);
  }

  /**
   * Writes what waits as far as there is room, and publishes. Call it after each frame, and from a timer while it returns
   * more than 0: how many records still wait.
   */
  flush(): number {
    if (this.#pending > 0) this.#drain();
    this.#ring.publish();
    return this.#pending;
  }

  #appendReserved(source: RecordBuffer, slot: number): AppendOutcome {
    const target = this.#ring.claimReserved();
    if (target < 0) return this.#refuse();
    this.#write(source, slot, target);
    return "written";
  }

  /** Later records are refused too: a history with a hole must not go on as if it had none. */
  #refuse(): AppendOutcome {
    this.#undeliverable++;
    this.#ring.publish();
    return "undeliverable";
  }

  #write(source: RecordBuffer, slot: number, target: number): void {
    this.#records.copyFrom(source, slot, target);
    this.#written++;
    if (source.kind(slot) === KIND_GAP) this.#gaps++;
    if (this.#tap !== undefined) this.#tap(this.#records, target, this.#ring.sequence - 1);
    if (this.#ring.unpublished >= PUBLISH_EVERY) this.#ring.publish();
  }

  #drain(): void {
    while (this.#pending > 0) {
      const target = this.#ring.claim();
      if (target < 0) {
        this.#ring.publish();
        return;
      }
      const cell = this.#queue[this.#head] as number;
      this.#head = this.#head + 1 === this.#queue.length ? 0 : this.#head + 1;
      this.#pending--;
      this.#waiting[cell] = 0;
      this.#write(this.#cells, cell, target);
    }
  }

  #hold(kind: number, source: RecordBuffer, slot: number): AppendOutcome {
    const row = this.#rowOf(source.instrument(slot));
    const newest = newestWinsCell(kind);
    if (newest < 0) {
      this.#holdGap(kind, row * CELLS + CELL_GAP, source, slot);
      return "gap";
    }
    const cell = row * CELLS + newest;
    this.#cells.copyFrom(source, slot, cell);
    if (this.#waiting[cell] === 0) {
      this.#enqueue(cell);
    } else {
      this.#cells.u32[cell * 16 + 1] = this.#cells.flags(cell) | FLAG_CONFLATED;
      this.#conflated++;
    }
    return "conflated";
  }

  /** The gap carries the times of the first record lost; later losses until its delivery add nothing to it. */
  #holdGap(kind: number, cell: number, source: RecordBuffer, slot: number): void {
    if (kind !== KIND_GAP) this.#lost++;
    if (this.#waiting[cell] !== 0) return;
    const venueTimeUs = source.lane(slot, LANE_VENUE_TIME_US);
    const receivedTimeUs = source.lane(slot, LANE_RECEIVED_TIME_US);
    this.#cells.header(cell, KIND_GAP, 0, source.instrument(slot), 0, venueTimeUs, receivedTimeUs);
    this.#enqueue(cell);
  }

  /** Each cell waits at most once, so the circle never overflows. */
  #enqueue(cell: number): void {
    const tail = this.#head + this.#pending;
    this.#queue[tail < this.#queue.length ? tail : tail - this.#queue.length] = cell;
    this.#pending++;
    this.#waiting[cell] = 1;
  }

  #rowOf(instrument: number): number {
    if (instrument < this.#instrumentCount) return instrument;
    if (instrument === NO_INSTRUMENT) return this.#instrumentCount;
    throw new RangeError(`record of instrument ${instrument}, but there are ${this.#instrumentCount}`);
  }
}

/** The cell of a kind whose newest record says all that the older ones said; -1 for a kind that cannot be replaced. */
function newestWinsCell(kind: number): number {
  switch (kind) {
    case KIND_QUOTE:
      return CELL_QUOTE;
    case KIND_STATUS:
      return CELL_STATUS;
    case KIND_PRICE_BAND:
      return CELL_PRICE_BAND;
    case KIND_TIMER:
      return CELL_TIMER;
    default:
      return -1;
  }
}
