/**
 * Builds the bars of one instrument, interval and price source, and settles which of several sources of the same bar
 * counts: own ticks, bars of the same interval, or shorter bars that divide it. Owned by one engine; it decides nothing
 * and hands a bar out at most once, in rising order of start, except history for warm-up (each of its readers knows what
 * it has seen). Allocates nothing after construction.
 *
 * Bars begin at multiples of the interval since the epoch. A bar without an eligible price is no bar. Which trades count:
 *
 *     flag                   open and close   high and low   volume
 *     none                   yes              yes            yes
 *     FLAG_NOT_LAST          no               yes            yes
 *     FLAG_NOT_HIGH_LOW      yes              no             yes
 *     FLAG_NOT_VOLUME        yes              yes            no
 *     FLAG_ODD_LOT           no               no             yes
 *     FLAG_OUT_OF_SEQUENCE   no               no             yes   (a late print belongs to another time)
 *     the others (session, auction): no effect of their own; the tape's rules are in the flags above
 *
 * A trade of a bar that is closed is late: counted, never added. Quote bars have volume 0.
 */
import { Bar } from "./bar.ts";
import {
  BAR_INTERVAL_SHIFT,
  FLAG_INCOMPLETE,
  FLAG_NOT_HIGH_LOW,
  FLAG_NOT_LAST,
  FLAG_NOT_VOLUME,
  FLAG_ODD_LOT,
  FLAG_OUT_OF_SEQUENCE,
  FLAG_WARM_UP,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  LANE_VENUE_TIME_US,
  RECORD_LANES,
  type RecordBuffer,
} from "./record.ts";

/** What a bar's prices are: trades, or one line of the quotes. */
export type BarSource = "trades" | "mid" | "bid" | "ask";

const NEITHER = FLAG_ODD_LOT | FLAG_OUT_OF_SEQUENCE;
/** A trade with one of these does not set the open or close. */
export const FLAGS_NOT_LAST = NEITHER | FLAG_NOT_LAST;
const FLAGS_NOT_HIGH_LOW = NEITHER | FLAG_NOT_HIGH_LOW;
const NEVER_US = -1;

export class BarBuilder {
  readonly intervalSeconds: number;
  readonly source: BarSource;
  /** The bar that `close`, or `addBar`, has just handed out; overwritten by the next one. */
  readonly bar = new Bar();
  /** Trades that came after their bar had been closed, or that a bar record had already counted. */
  lateTrades = 0;
  /** Bars that were closed with trades missing. */
  incompleteBars = 0;
  /** Bar records that were of no use: known already, misaligned or malformed. */
  ignoredBars = 0;
  /** End of the open bar, epoch microseconds; infinite when none is open. At or after it, call `close` before adding. */
  endUs = Number.POSITIVE_INFINITY;

  readonly #intervalUs: number;
  #startUs = NEVER_US;
  #open = 0;
  #high = 0;
  #low = 0;
  #close = 0;
  #volume = 0;
  #hasOpen = false;
  #hasRange = false;
  #incomplete = false;
  #lastTickUs = NEVER_US;
  #barsUntilUs = NEVER_US;
  #closedUntilUs = NEVER_US;
  #deliveredUs = NEVER_US;
  #incompleteUntilUs = NEVER_US;

  /** `intervalSeconds`: 1 to 65,535, as records can carry. */
  constructor(intervalSeconds: number, source: BarSource = "trades") {
    if (!Number.isInteger(intervalSeconds) || intervalSeconds < 1 || intervalSeconds > 65_535) {
      throw new RangeError(`bar interval must be 1 to 65535 seconds, got ${intervalSeconds}`);
    }
    this.intervalSeconds = intervalSeconds;
    this.#intervalUs = intervalSeconds * 1e6;
    this.source = source;
  }

  /** Adds a trade record. Prices that are not positive and finite, and negative sizes, are ignored. */
  addTrade(records: RecordBuffer, slot: number): void {
    const at = slot * RECORD_LANES;
    const timeUs = records.f64[at + LANE_VENUE_TIME_US] as number;
    const price = records.f64[at + LANE_A] as number;
    const size = records.f64[at + LANE_B] as number;
    if (!(price > 0 && price < Number.POSITIVE_INFINITY && size >= 0 && size < Number.POSITIVE_INFINITY)) return;
    if (timeUs < this.#closedUntilUs || timeUs < this.#startUs || timeUs < this.#barsUntilUs) {
      this.lateTrades++;
      return;
    }
    if (this.#startUs === NEVER_US) this.#begin(timeUs);
    const flags = records.u32[slot * 16 + 1] as number;
    if ((flags & FLAG_NOT_VOLUME) === 0) this.#volume += size;
    if ((flags & FLAGS_NOT_HIGH_LOW) === 0) this.#stretch(price, price);
    if ((flags & FLAGS_NOT_LAST) === 0) this.#last(price, price);
    this.#lastTickUs = timeUs;
  }

  /** Adds a quote record by the builder's source; a quote that lacks the side, or is crossed for `mid`, is ignored. */
  addQuote(records: RecordBuffer, slot: number): void {
    const at = slot * RECORD_LANES;
    const timeUs = records.f64[at + LANE_VENUE_TIME_US] as number;
    if (timeUs < this.#closedUntilUs || timeUs < this.#startUs) return;
    const bid = records.f64[at + LANE_A] as number;
    const ask = records.f64[at + LANE_C] as number;
    let price = 0;
    if (this.source === "bid") price = bid;
    else if (this.source === "ask") price = ask;
    else if (bid > 0 && ask >= bid) price = (bid + ask) / 2;
    if (!(price > 0 && price < Number.POSITIVE_INFINITY)) return;
    if (this.#startUs === NEVER_US) this.#begin(timeUs);
    this.#stretch(price, price);
    this.#last(price, price);
    this.#lastTickUs = timeUs;
  }

  /**
   * Takes a bar or bar update record. One of this interval stands for the whole bar and repairs an incomplete one; one of
   * an interval that divides it is merged, unless ticks or an earlier record cover its time. True when `bar` now holds a
   * complete bar that was not handed out before, or any bar of history of this interval: instances that share a builder
   * warm up one after the other, each from its own start.
   */
  addBar(records: RecordBuffer, slot: number): boolean {
    const flags = records.flags(slot);
    const interval = flags >>> BAR_INTERVAL_SHIFT;
    const startUs = records.lane(slot, LANE_VENUE_TIME_US);
    if (interval === 0 || this.intervalSeconds % interval !== 0) return false;
    const usable = isBar(records, slot) && startUs % (interval * 1e6) === 0;
    const isHistory = (flags & FLAG_WARM_UP) !== 0 && interval === this.intervalSeconds;
    if (!usable || (startUs <= this.#deliveredUs && !isHistory)) {
      this.ignoredBars++;
      return false;
    }
    if (interval === this.intervalSeconds) return this.#take(records, slot, startUs, flags);
    return this.#merge(records, slot, startUs, interval * 1e6, flags);
  }

  /** Ticks up to this time may be missing: the open bar, and any bar that holds the time, is incomplete. */
  gap(timeUs: number): void {
    if (this.#startUs !== NEVER_US) this.#incomplete = true;
    const untilUs = this.#alignedStart(timeUs) + this.#intervalUs;
    if (untilUs > this.#incompleteUntilUs) this.#incompleteUntilUs = untilUs;
  }

  /** Ends the open bar. True when `bar` now holds it; false when it had no price or is incomplete. */
  close(): boolean {
    if (this.#startUs === NEVER_US) return false;
    const startUs = this.#startUs;
    this.#closedUntilUs = this.endUs;
    this.#startUs = NEVER_US;
    this.endUs = Number.POSITIVE_INFINITY;
    if (this.#incomplete) {
      this.incompleteBars++;
      return false;
    }
    if (!this.#hasOpen) return false;
    const high = this.#hasRange ? Math.max(this.#high, this.#open, this.#close) : Math.max(this.#open, this.#close);
    const low = this.#hasRange ? Math.min(this.#low, this.#open, this.#close) : Math.min(this.#open, this.#close);
    this.bar.set(startUs, this.#open, high, low, this.#close, this.#volume);
    this.#deliveredUs = startUs;
    return true;
  }

  #begin(timeUs: number): void {
    this.#startUs = this.#alignedStart(timeUs);
    this.endUs = this.#startUs + this.#intervalUs;
    this.#volume = 0;
    this.#hasOpen = false;
    this.#hasRange = false;
    this.#incomplete = this.#startUs < this.#incompleteUntilUs;
    this.#lastTickUs = NEVER_US;
  }

  #stretch(high: number, low: number): void {
    if (!this.#hasRange || high > this.#high) this.#high = high;
    if (!this.#hasRange || low < this.#low) this.#low = low;
    this.#hasRange = true;
  }

  #last(open: number, close: number): void {
    if (!this.#hasOpen) this.#open = open;
    this.#close = close;
    this.#hasOpen = true;
  }

  #take(records: RecordBuffer, slot: number, startUs: number, flags: number): boolean {
    if ((flags & FLAG_INCOMPLETE) !== 0) {
      this.incompleteBars++;
      return false;
    }
    if (this.#startUs !== NEVER_US && this.#startUs <= startUs) {
      this.#startUs = NEVER_US;
      this.endUs = Number.POSITIVE_INFINITY;
    }
    this.#closedUntilUs = Math.max(this.#closedUntilUs, startUs + this.#intervalUs);
    const at = slot * RECORD_LANES;
    const f64 = records.f64;
    this.bar.set(
      startUs,
      f64[at + LANE_A] as number,
      f64[at + LANE_B] as number,
      f64[at + LANE_C] as number,
      f64[at + LANE_D] as number,
      f64[at + LANE_E] as number,
    );
    this.#deliveredUs = Math.max(this.#deliveredUs, startUs);
    return true;
  }

  #merge(records: RecordBuffer, slot: number, startUs: number, lengthUs: number, flags: number): boolean {
    const ticked = this.#startUs !== NEVER_US && this.#lastTickUs >= startUs;
    if (ticked || startUs < this.#closedUntilUs || startUs < this.#barsUntilUs || startUs < this.#startUs) {
      this.ignoredBars++;
      return false;
    }
    if (this.#startUs === NEVER_US) this.#begin(startUs);
    if ((flags & FLAG_INCOMPLETE) !== 0) this.#incomplete = true;
    this.#stretch(records.lane(slot, LANE_B), records.lane(slot, LANE_C));
    this.#last(records.lane(slot, LANE_A), records.lane(slot, LANE_D));
    this.#volume += records.lane(slot, LANE_E);
    this.#barsUntilUs = startUs + lengthUs;
    return this.#barsUntilUs === this.endUs && this.close();
  }

  #alignedStart(timeUs: number): number {
    return Math.floor(timeUs / this.#intervalUs) * this.#intervalUs;
  }
}

/** Whether the record's prices and volume can be a bar's. */
function isBar(records: RecordBuffer, slot: number): boolean {
  const high = records.lane(slot, LANE_B);
  const low = records.lane(slot, LANE_C);
  const volume = records.lane(slot, LANE_E);
  const within = (price: number): boolean => price >= low && price <= high;
  const priced = low > 0 && high < Number.POSITIVE_INFINITY && within(records.lane(slot, LANE_A));
  return priced && within(records.lane(slot, LANE_D)) && volume >= 0 && volume < Number.POSITIVE_INFINITY;
}
