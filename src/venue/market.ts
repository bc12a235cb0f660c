/**
 * One instrument's market as the venue sees it: last quote and trade, session, halt, and the account's open orders in it.
 * Doubles are kept as they come; they become exact only where an order trades or is valued.
 */
import { type Fixed, fixedFromNumber } from "../core/fixed.ts";
import { type Calendar, calendarOf } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { DepthBook, type DepthChange } from "./depth-book.ts";
import type { MarketView, VenueBar } from "./models/contract.ts";
import type { VenueSide, WorkingOrder } from "./order.ts";
import { type PhaseSpan, phaseSpan, type SessionPhase } from "./sessions.ts";

/** Market data of an earlier life; what is not given stays. */
export interface MarketObservation {
  readonly bid?: number;
  readonly bidSize?: number;
  readonly ask?: number;
  readonly askSize?: number;
  readonly last?: number;
  readonly halted?: boolean;
  readonly depth?: DepthChange;
  /** Start of a bar whose open has been seen. */
  readonly barOpenUs?: number;
  readonly bar?: VenueBar;
}

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
  /** Shares can be lent without a locate. */
  easyToBorrow = true;
  /** First and last trade of the core session that runs or ran last; 0 for none. */
  sessionFirst = 0;
  sessionLast = 0;
  /** In order of submission. */
  readonly open: WorkingOrder[] = [];
  /** Null until the source shows any. */
  #depth: DepthBook | null = null;
  #span: PhaseSpan = { phase: "closed", fromUs: Number.NaN, untilUs: Number.NaN };
  #sessionOpenUs = Number.NaN;

  constructor(instrument: Instrument) {
    this.instrument = instrument;
    this.calendar = calendarOf(instrument.calendar);
  }

  phaseAt(timeUs: number): SessionPhase {
    if (!(timeUs >= this.#span.fromUs && timeUs < this.#span.untilUs)) this.#span = phaseSpan(this.calendar, timeUs);
    return this.#span.phase;
  }

  seeTrade(price: number, timeUs: number): void {
    this.last = price;
    if (this.phaseAt(timeUs) !== "core") return;
    if (this.#sessionOpenUs !== this.#span.fromUs) {
      this.#sessionOpenUs = this.#span.fromUs;
      this.sessionFirst = price;
    }
    this.sessionLast = price;
  }

  observe(seen: MarketObservation, timeUs: number): void {
    const { last, depth, ...rest } = seen;
    Object.assign(this, rest);
    if (depth !== undefined) this.seeDepth(depth);
    if (last !== undefined && last > 0) this.seeTrade(last, timeUs);
    // A halt is no observation of a price, neither here nor when it happens.
    if (seen.halted === undefined) this.timeUs = timeUs;
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
    if (this.bid > 0 && this.ask > 0) return this.#middle();
    const side = this.bid > 0 ? this.bid : this.ask;
    return side > 0 ? fixedFromNumber(side, "quote") : null;
  }

  /**
   * The price that a market order is expected to pay: the far touch in the core session, the middle of the quote before
   * and after it, the last trade while closed; where that is missing the mark; null for nothing.
   */
  reference(side: VenueSide, timeUs: number): Fixed | null {
    const phase = this.phaseAt(timeUs);
    if (phase === "core") {
      const touch = side === "buy" ? this.ask : this.bid;
      if (touch > 0) return fixedFromNumber(touch, "touch");
    } else if (phase !== "closed" && this.bid > 0 && this.ask > 0) return this.#middle();
    return this.mark();
  }

  #middle(): Fixed {
    return (fixedFromNumber(this.bid, "bid") + fixedFromNumber(this.ask, "ask")) / 2n;
  }
}
