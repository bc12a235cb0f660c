/**
 * Numbers records that share kind, instrument and venue time, so that each has an identity of its own that is a fact of the
 * data. Owned by one engine.
 */
import { LANE_VENUE_TIME_US, RECORD_LANES, type RecordBuffer } from "./record.ts";

export class OrdinalCounter {
  readonly #instruments: number;
  readonly #times: Float64Array;
  readonly #ordinals: Int32Array;

  constructor(kinds: number, instruments: number) {
    this.#instruments = instruments;
    this.#times = new Float64Array(kinds * (instruments + 1)).fill(Number.NaN);
    this.#ordinals = new Int32Array(kinds * (instruments + 1));
  }

  /**
   * Takes the record and returns how many of its kind and instrument with the same venue time came directly before it. An
   * instrument outside the table stands for none. Call once per record.
   */
  next(kind: number, instrument: number, records: RecordBuffer, slot: number): number {
    const timeUs = records.f64[slot * RECORD_LANES + LANE_VENUE_TIME_US] as number;
    const at = kind * (this.#instruments + 1) + Math.min(instrument, this.#instruments);
    const ordinal = this.#times[at] === timeUs ? (this.#ordinals[at] as number) + 1 : 0;
    this.#times[at] = timeUs;
    this.#ordinals[at] = ordinal;
    return ordinal;
  }
}
