/**
 * Puts timer records between market records, so that time passes for an engine in the recorded order and a replay of it
 * repeats every decision. Pure: venue time comes in with the records, or from `onClock` in quiet markets. Owned by the
 * thread that writes the inbound rings; allocates nothing.
 */
import { KIND_TIMER, NO_INSTRUMENT, type RecordBuffer } from "../core/market/record.ts";

/** Timers stand on whole multiples of this, microseconds of venue time. */
export const TIMER_INTERVAL_US = 1_000_000;

/** Takes records one by one, in order; `records` and `slot` are valid during the call. */
export interface InboundSink {
  append(records: RecordBuffer, slot: number): void;
}

export class InboundSequencer {
  readonly #sink: InboundSink;
  readonly #timer: RecordBuffer;
  /** The newest whole second that venue time has reached; NaN before the first record. */
  #boundaryUs = Number.NaN;

  /** `timer` is one slot of scratch space that the sequencer may overwrite; the caller allocates it once. */
  constructor(sink: InboundSink, timer: RecordBuffer) {
    this.#sink = sink;
    this.#timer = timer;
  }

  /**
   * Passes record `slot` on. When its venue time reaches a whole second that no record reached before, one timer at that
   * second goes first; of several passed seconds only the latest gets one. Records from the past cause none.
   */
  append(records: RecordBuffer, slot: number): void {
    this.#reach(records.lane(slot, 1), records.lane(slot, 2));
    this.#sink.append(records, slot);
  }

  /**
   * Venue time in a market where nothing happens, by the caller's venue clock; not used in lockstep. Both times are
   * epoch microseconds.
   */
  onClock(venueNowUs: number, receivedTimeUs: number): void {
    this.#reach(venueNowUs, receivedTimeUs);
  }

  /** The first time seen only sets the clock. */
  #reach(venueTimeUs: number, receivedTimeUs: number): void {
    const boundaryUs = Math.floor(venueTimeUs / TIMER_INTERVAL_US) * TIMER_INTERVAL_US;
    if (boundaryUs <= this.#boundaryUs) return;
    const first = Number.isNaN(this.#boundaryUs);
    if (Number.isNaN(boundaryUs)) return;
    this.#boundaryUs = boundaryUs;
    if (first) return;
    this.#timer.header(0, KIND_TIMER, 0, NO_INSTRUMENT, 0, boundaryUs, receivedTimeUs);
    this.#sink.append(this.#timer, 0);
  }
}
