/**
 * Trades and quotes as strategies read them. Each engine has one of each and fills it anew for every tick that somebody
 * listens to. Plain fields, because a getter that is not inlined puts every double that it returns on the heap.
 */
import { LANE_A, LANE_B, LANE_C, LANE_D, LANE_VENUE_TIME_US, RECORD_LANES, type RecordBuffer } from "./record.ts";

/** Valid only during the call that hands it out. */
export class TradeView {
  /** Epoch microseconds by the venue's clock. */
  timeUs = Number.NaN;
  price = Number.NaN;
  size = Number.NaN;
  /** FLAG_* bits. */
  flags = 0;

  read(records: RecordBuffer, slot: number): void {
    const at = slot * RECORD_LANES;
    this.timeUs = records.f64[at + LANE_VENUE_TIME_US] as number;
    this.price = records.f64[at + LANE_A] as number;
    this.size = records.f64[at + LANE_B] as number;
    this.flags = records.u32[slot * 16 + 1] as number;
  }
}

/** Valid only during the call that hands it out. A price of 0 means no quote on that side. */
export class QuoteView {
  /** Epoch microseconds by the venue's clock. */
  timeUs = Number.NaN;
  bid = Number.NaN;
  bidSize = Number.NaN;
  ask = Number.NaN;
  askSize = Number.NaN;
  /** FLAG_* bits. */
  flags = 0;

  read(records: RecordBuffer, slot: number): void {
    const at = slot * RECORD_LANES;
    this.timeUs = records.f64[at + LANE_VENUE_TIME_US] as number;
    this.bid = records.f64[at + LANE_A] as number;
    this.bidSize = records.f64[at + LANE_B] as number;
    this.ask = records.f64[at + LANE_C] as number;
    this.askSize = records.f64[at + LANE_D] as number;
    this.flags = records.u32[slot * 16 + 1] as number;
  }
}
