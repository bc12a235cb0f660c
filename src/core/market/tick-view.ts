/**
 * Trades and quotes as strategies read them: windows onto a record, moved from one record to the next, so that nothing is
 * copied or allocated per tick.
 */
import { LANE_A, LANE_B, LANE_C, LANE_D, LANE_VENUE_TIME_US, RECORD_LANES, type RecordBuffer } from "./record.ts";

/** Owned by one engine; valid only during the call that hands it out. */
class RecordView {
  protected records: RecordBuffer;
  protected slot = 0;

  constructor(records: RecordBuffer) {
    this.records = records;
  }

  moveTo(records: RecordBuffer, slot: number): void {
    this.records = records;
    this.slot = slot;
  }

  protected lane(lane: number): number {
    return this.records.f64[this.slot * RECORD_LANES + lane] as number;
  }

  /** Epoch microseconds by the venue's clock. */
  get timeUs(): number {
    return this.lane(LANE_VENUE_TIME_US);
  }

  /** FLAG_* bits. */
  get flags(): number {
    return this.records.flags(this.slot);
  }
}

export class TradeView extends RecordView {
  get price(): number {
    return this.lane(LANE_A);
  }

  get size(): number {
    return this.lane(LANE_B);
  }
}

/** A price of 0 means no quote on that side. */
export class QuoteView extends RecordView {
  get bid(): number {
    return this.lane(LANE_A);
  }

  get bidSize(): number {
    return this.lane(LANE_B);
  }

  get ask(): number {
    return this.lane(LANE_C);
  }

  get askSize(): number {
    return this.lane(LANE_D);
  }
}
