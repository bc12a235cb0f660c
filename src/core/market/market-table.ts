/**
 * The newest facts of every instrument of an engine: quote, reference price, halt and price band. Owned by one engine;
 * typed arrays by instrument index, so that a tick writes doubles and allocates nothing. Prices are market doubles, for
 * marks, sizing and collars only.
 */
import { FLAGS_NOT_LAST } from "./bar-builder.ts";
import {
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_VENUE_TIME_US,
  RECORD_LANES,
  type RecordBuffer,
  STATUS_HALTED,
} from "./record.ts";

export class MarketTable {
  /** 0 where there is no quote on the side. */
  readonly bid: Float64Array;
  readonly ask: Float64Array;
  /** Venue time of the quote, epoch microseconds; −Infinity before the first. */
  readonly quoteTimeUs: Float64Array;
  /** Last eligible trade's or bar's price; 0 before the first. */
  readonly reference: Float64Array;
  /** Limits of the price band (LULD); 0 where there is none. */
  readonly bandLower: Float64Array;
  readonly bandUpper: Float64Array;
  /** 1 while trading is halted. */
  readonly halted: Uint8Array;

  constructor(instruments: number) {
    this.bid = new Float64Array(instruments);
    this.ask = new Float64Array(instruments);
    this.quoteTimeUs = new Float64Array(instruments).fill(Number.NEGATIVE_INFINITY);
    this.reference = new Float64Array(instruments);
    this.bandLower = new Float64Array(instruments);
    this.bandUpper = new Float64Array(instruments);
    this.halted = new Uint8Array(instruments);
  }

  /** Takes a quote unless it is older than the known one. A price that is not positive and finite is no quote. */
  quote(records: RecordBuffer, slot: number, instrument: number): void {
    const at = slot * RECORD_LANES;
    const timeUs = records.f64[at + LANE_VENUE_TIME_US] as number;
    if (timeUs < (this.quoteTimeUs[instrument] as number)) return;
    const bid = records.f64[at + LANE_A] as number;
    const ask = records.f64[at + LANE_C] as number;
    this.bid[instrument] = bid > 0 && bid < Number.POSITIVE_INFINITY ? bid : 0;
    this.ask[instrument] = ask > 0 && ask < Number.POSITIVE_INFINITY ? ask : 0;
    this.quoteTimeUs[instrument] = timeUs;
  }

  /** Takes a trade's price when the tape lets it set the last price. */
  trade(records: RecordBuffer, slot: number, instrument: number): void {
    const price = records.f64[slot * RECORD_LANES + LANE_A] as number;
    const eligible = ((records.u32[slot * 16 + 1] as number) & FLAGS_NOT_LAST) === 0;
    if (eligible && price > 0 && price < Number.POSITIVE_INFINITY) this.reference[instrument] = price;
  }

  status(instrument: number, code: number): void {
    this.halted[instrument] = code === STATUS_HALTED ? 1 : 0;
  }

  /** Takes a price band; one that is malformed takes the known one away. */
  band(records: RecordBuffer, slot: number, instrument: number): void {
    const lower = records.lane(slot, LANE_A);
    const upper = records.lane(slot, LANE_B);
    const valid = lower > 0 && upper > lower && upper < Number.POSITIVE_INFINITY;
    this.bandLower[instrument] = valid ? lower : 0;
    this.bandUpper[instrument] = valid ? upper : 0;
  }

  /** Middle of a two-sided quote; 0 when a side is missing. */
  mid(instrument: number): number {
    const bid = this.bid[instrument] as number;
    const ask = this.ask[instrument] as number;
    return bid > 0 && ask > 0 ? (bid + ask) / 2 : 0;
  }
}
