/**
 * One instrument's market as the venue sees it: last quote and trade, halt, and the account's open orders in it. Doubles
 * are kept as they come; they become exact only where an order trades or is valued.
 */
import { type Fixed, fixedFromNumber } from "../core/fixed.ts";
import { type Calendar, calendarOf } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { DepthBook, type DepthChange } from "./depth-book.ts";
import type { MarketView, VenueBar } from "./models/contract.ts";
import type { VenueSide, WorkingOrder } from "./order.ts";

export class VenueMarket implements MarketView {
  readonly instrument: Instrument;
  readonly calendar: Calendar;
  bid = 0;
  bidSize = 0;
  ask = 0;
  askSize = 0;
  last = 0;
  lastSize = 0;
  lastAggressor = 0;
  bar: VenueBar | null = null;
  /** Start of the bar whose open has been seen. */
  barOpenUs = 0;
  timeUs = 0;
  observation = 0;
  halted = false;
  /** In order of submission. */
  readonly open: WorkingOrder[] = [];
  /** Null until the source shows any. */
  #depth: DepthBook | null = null;

  constructor(instrument: Instrument) {
    this.instrument = instrument;
    this.calendar = calendarOf(instrument.calendar);
  }

  seeDepth(change: DepthChange): void {
    this.#depth ??= new DepthBook();
    this.#depth.apply(change);
  }

  /** From the depth where the source shows it, else of the best price only; a better price than the best one is empty. */
  restingSize(side: VenueSide, price: number): number | null {
    if (this.#depth !== null) return this.#depth.sizeAt(side, price);
    const [best, size] = side === "buy" ? [this.bid, this.bidSize] : [this.ask, this.askSize];
    if (price === best) return size;
    return best > 0 && (side === "buy" ? price > best : price < best) ? 0 : null;
  }

  /** What a position is valued at: the last trade, else the middle of the quote, else the one side there is; null for nothing. */
  mark(): Fixed | null {
    if (this.last > 0) return fixedFromNumber(this.last, "last trade");
    if (this.bid > 0 && this.ask > 0) {
      return (fixedFromNumber(this.bid, "bid") + fixedFromNumber(this.ask, "ask")) / 2n;
    }
    const side = this.bid > 0 ? this.bid : this.ask;
    return side > 0 ? fixedFromNumber(side, "quote") : null;
  }

  /** The price that a market order is expected to pay: the far touch while open, else the mark; null for nothing. */
  reference(side: "buy" | "sell"): Fixed | null {
    const touch = side === "buy" ? this.ask : this.bid;
    return touch > 0 ? fixedFromNumber(touch, "touch") : this.mark();
  }
}
