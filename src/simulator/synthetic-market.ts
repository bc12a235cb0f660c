/**
 * A made-up market: quotes, trades, auctions and halts of several instruments as a pure function of a seed and the time,
 * in slots of a quarter of a second. It keeps nothing, so it runs for ever in bounded memory, and its bars of the past are
 * the aggregates of exactly the trades that it would have shown.
 *
 * Per slot and instrument a seeded draw decides whether there is a quote and whether a trade follows at its touch; the
 * rates have the shape of a New York day. Every day opens and closes with an auction print. A halt of a minute comes now
 * and then: a status, silence, a status, and a reopening print.
 */
import { calendarOf, newYorkEpochDay, newYorkTimeUs } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { hash32, hashUnit, seedOf } from "../venue/seeded-hash.ts";
import { BarAggregate } from "./bar-aggregate.ts";
import {
  type BarHistory,
  type BarPage,
  type BarRange,
  type HistoryBar,
  type MarketSource,
  type MarketTick,
  type QuoteTick,
  type StatusTick,
  type TradeTick,
} from "./market-source.ts";
import { PricePath } from "./price-path.ts";
import { TRADING_STATUS } from "./trading-status.ts";

export interface SyntheticInstrument {
  readonly instrument: Instrument;
  /** Price around which the path wanders. */
  readonly basePrice: number;
  /** Typical change of a day, in percent. */
  readonly dailyVolatilityPercent: number;
  /** Half of the spread, in basis points of the price; at least half a cent. */
  readonly halfSpreadBps: number;
  /** Size of a usual lot. */
  readonly lot: number;
}

export interface SyntheticOptions {
  readonly seed: number;
  readonly instruments: readonly SyntheticInstrument[];
  /** Halts per instrument and half hour, as a probability. */
  readonly haltRate: number;
  /** Ends the market after so many ticks; null for never. */
  readonly tickLimit: number | null;
}

/** Length of a slot. */
export const SLOT_US = 250_000;
const SLOTS_PER_BATCH = 4;
/** A few tenths of a second of work. */
const SLOTS_PER_PAGE = 400_000;
const CENTS = 100;
const HALT_BLOCK_US = 1_800_000_000;
const HALT_US = 60_000_000;
const OPEN_MINUTE = 9 * 60 + 30;
const CLOSE_MINUTE = 16 * 60;
const MINUTE_US = 60_000_000;
/** Share of slots with a quote, and of quotes that a trade meets, at activity 1. */
const QUOTE_RATE = 0.5;
const TRADE_RATE = 0.35;
const ODD_LOT_RATE = 0.15;
const EXCHANGES = "NQPZVK";

const DRAW_QUOTE = 201;
const DRAW_OFFSET = 202;
const DRAW_TRADE = 203;
const DRAW_SIDE = 204;
const DRAW_SIZE = 205;
const DRAW_ODD = 206;
const DRAW_EXCHANGE = 207;
const DRAW_QUOTE_SIZE = 208;
const DRAW_HALT = 209;
const DRAW_HALT_AT = 210;

export class SyntheticMarket implements MarketSource, BarHistory {
  readonly instruments: readonly Instrument[];
  readonly barsOnly = false;
  readonly startUs = null;
  readonly tickCount = null;
  readonly #lines: readonly Line[];
  readonly #tickLimit: number | null;

  constructor(options: SyntheticOptions) {
    this.instruments = options.instruments.map((line) => line.instrument);
    this.#lines = options.instruments.map((line) => new Line(line, options.seed, options.haltRate));
    this.#tickLimit = options.tickLimit;
  }

  async *ticks(fromUs: number): AsyncGenerator<readonly MarketTick[], void, void> {
    let left = this.#tickLimit ?? Number.POSITIVE_INFINITY;
    for (let slot = Math.ceil(fromUs / SLOT_US); left > 0; slot += SLOTS_PER_BATCH) {
      const batch: MarketTick[] = [];
      for (let n = slot; n < slot + SLOTS_PER_BATCH; n++) this.slot(n, batch);
      if (batch.length > left) batch.length = left;
      left -= batch.length;
      yield batch;
    }
  }

  /** Appends the ticks of one slot in time order. */
  slot(slot: number, into: MarketTick[]): void {
    const first = into.length;
    for (const line of this.#lines) line.slot(slot, into);
    if (into.length - first < 2) return;
    const sorted = into.splice(first).sort((a, b) => a.timeUs - b.timeUs);
    into.push(...sorted);
  }

  /** A page is cut short where it would take too long to make, and says where to go on. */
  bars(index: number, intervalSeconds: number, range: BarRange): BarPage {
    const line = this.#lines[index] as Line;
    const intervalUs = intervalSeconds * 1e6;
    const endUs = Math.min(range.endUs, range.nowUs - intervalUs + 1);
    const bars: HistoryBar[] = [];
    let slotsLeft = SLOTS_PER_PAGE;
    let startUs = Math.ceil(range.startUs / intervalUs) * intervalUs;
    for (; startUs < endUs && bars.length < range.limit && slotsLeft > 0; startUs += intervalUs) {
      const bar = line.bar(startUs, startUs + intervalUs);
      if (bar !== null) bars.push(bar);
      slotsLeft -= intervalUs / SLOT_US;
    }
    return { bars, nextUs: startUs < endUs ? startUs : null };
  }
}

/** One instrument of the market. */
class Line {
  readonly #spec: SyntheticInstrument;
  readonly #seed: number;
  readonly #haltRate: number;
  readonly #path: PricePath;
  readonly #always: boolean;
  #dayStartUs = 0;
  #dayEndUs = 0;

  constructor(spec: SyntheticInstrument, seed: number, haltRate: number) {
    this.#spec = spec;
    this.#seed = hash32(seed, seedOf(spec.instrument.symbol));
    this.#haltRate = haltRate;
    this.#path = new PricePath(this.#seed, spec.basePrice, spec.dailyVolatilityPercent / 100);
    this.#always = spec.instrument.calendar === "always";
  }

  /** `tradesOnly` spares the quotes that no trade follows: bars do not need them. */
  slot(slot: number, into: MarketTick[], tradesOnly = false): void {
    const startUs = slot * SLOT_US;
    if (!this.#always && !calendarOf("nyse").isOpen(startUs)) {
      if (calendarOf("nyse").isOpen(startUs - 1)) this.#auction(slot, startUs, "6", into);
      return;
    }
    const halt = this.#haltOf(startUs);
    if (halt !== null && startUs >= halt) {
      if (startUs === halt) into.push(this.#status(slot, startUs, true));
      if (startUs < halt + HALT_US) return;
      if (startUs === halt + HALT_US) {
        into.push(this.#status(slot, startUs, false));
        this.#auction(slot, startUs, "5", into);
        return;
      }
    }
    const auction = this.#auctionAt(startUs);
    if (auction !== null) return this.#auction(slot, startUs, auction, into);
    this.#continuous(slot, startUs, into, tradesOnly);
  }

  /** The bar of the trades in [startUs, endUs); null without one. Both must be multiples of a second. */
  bar(startUs: number, endUs: number): HistoryBar | null {
    const bar = new BarAggregate(startUs);
    const ticks: MarketTick[] = [];
    for (let slot = startUs / SLOT_US; slot < endUs / SLOT_US; slot++) {
      this.slot(slot, ticks, true);
      for (const tick of ticks) if (tick.kind === "trade") bar.add(tick);
      ticks.length = 0;
    }
    return bar.take();
  }

  /** Opening or closing print that falls into the slot, as its condition. */
  #auctionAt(startUs: number): string | null {
    if (this.#spec.instrument.assetClass === "crypto") return null;
    const minute = this.#minuteOfDay(startUs);
    if (minute === OPEN_MINUTE) return "O";
    return this.#always && minute === CLOSE_MINUTE ? "6" : null;
  }

  #auction(slot: number, timeUs: number, condition: string, into: MarketTick[]): void {
    const quote = this.#quote(slot, timeUs);
    into.push(quote);
    const price = Math.round(((quote.bid + quote.ask) / 2) * CENTS) / CENTS;
    into.push(this.#trade(slot, timeUs, price, this.#spec.lot * 50, 0, ["@", condition]));
  }

  #continuous(slot: number, startUs: number, into: MarketTick[], tradesOnly: boolean): void {
    const activity = this.#activity(startUs);
    if (this.#draw(slot, DRAW_QUOTE) >= QUOTE_RATE * activity) return;
    const trades = this.#draw(slot, DRAW_TRADE) < TRADE_RATE;
    if (tradesOnly && !trades) return;
    const timeUs = startUs + 1 + Math.floor(this.#draw(slot, DRAW_OFFSET) * (SLOT_US - 2));
    const quote = this.#quote(slot, timeUs);
    into.push(quote);
    if (!trades) return;
    const buys = this.#draw(slot, DRAW_SIDE) < 0.5;
    const odd = this.#spec.lot > 1 && this.#draw(slot, DRAW_ODD) < ODD_LOT_RATE;
    const draw = this.#draw(slot, DRAW_SIZE);
    const size = odd ? 1 + Math.floor(draw * (this.#spec.lot - 1)) : this.#lots(draw, 5);
    into.push(this.#trade(slot, timeUs, buys ? quote.ask : quote.bid, size, buys ? 1 : 2, odd ? ["@", "I"] : ["@"]));
  }

  #quote(slot: number, timeUs: number): QuoteTick {
    const mid = this.#path.at(timeUs / 1e6);
    const half = Math.max(0.5 / CENTS, (mid * this.#spec.halfSpreadBps) / 10_000);
    const draw = this.#draw(slot, DRAW_QUOTE_SIZE);
    const bid = Math.floor((mid - half) * CENTS);
    const exchange = this.#exchange(slot);
    return {
      kind: "quote",
      position: slot,
      index: this.#spec.instrument.index,
      timeUs,
      bid: bid / CENTS,
      bidSize: this.#lots(draw, 9),
      bidExchange: exchange,
      ask: Math.max(bid + 1, Math.ceil((mid + half) * CENTS)) / CENTS,
      askSize: this.#lots(1 - draw, 9),
      askExchange: exchange,
      tape: "C",
    };
  }

  #trade(
    slot: number,
    timeUs: number,
    price: number,
    size: number,
    aggressor: number,
    conditions: readonly string[],
  ): TradeTick {
    return {
      kind: "trade",
      position: slot,
      index: this.#spec.instrument.index,
      timeUs,
      price,
      size,
      aggressor,
      conditions: this.#spec.instrument.assetClass === "crypto" ? [] : conditions,
      tradeId: slot,
      exchange: this.#exchange(slot),
      tape: "C",
    };
  }

  #status(slot: number, timeUs: number, halted: boolean): StatusTick {
    const codes = halted ? TRADING_STATUS.C.newsHalt : TRADING_STATUS.C.resume;
    return { kind: "status", position: slot, index: this.#spec.instrument.index, timeUs, halted, ...codes, tape: "C" };
  }

  /** The start of the halt of this half hour, on a whole slot; null when there is none. Ends within the half hour. */
  #haltOf(timeUs: number): number | null {
    if (this.#spec.instrument.assetClass === "crypto") return null;
    const block = Math.floor(timeUs / HALT_BLOCK_US);
    if (this.#draw(block, DRAW_HALT) >= this.#haltRate) return null;
    const room = (HALT_BLOCK_US - 2 * HALT_US) / SLOT_US;
    return block * HALT_BLOCK_US + (1 + Math.floor(this.#draw(block, DRAW_HALT_AT) * room)) * SLOT_US;
  }

  /** Busy at the ends of the New York day, quieter at noon, quietest at night: 0.7 to 1.8. */
  #activity(timeUs: number): number {
    const minute = this.#minuteOfDay(timeUs);
    if (minute < OPEN_MINUTE || minute >= CLOSE_MINUTE) return 0.7;
    const across = ((minute - OPEN_MINUTE) / (CLOSE_MINUTE - OPEN_MINUTE)) * 2 - 1;
    return 0.9 + 0.9 * across * across;
  }

  /** By New York's clock; the day's beginning is remembered, because slots come one after the other. */
  #minuteOfDay(timeUs: number): number {
    if (timeUs < this.#dayStartUs || timeUs >= this.#dayEndUs) {
      const day = newYorkEpochDay(timeUs);
      this.#dayStartUs = newYorkTimeUs(day, 0);
      this.#dayEndUs = newYorkTimeUs(day + 1, 0);
    }
    return (timeUs - this.#dayStartUs) / MINUTE_US;
  }

  #lots(draw: number, most: number): number {
    const lots = 1 + Math.floor(draw * draw * most);
    return this.#spec.lot >= 1 ? lots * this.#spec.lot : Number((lots * this.#spec.lot).toFixed(9));
  }

  #exchange(slot: number): string {
    return EXCHANGES[Math.floor(this.#draw(slot, DRAW_EXCHANGE) * EXCHANGES.length)] as string;
  }

  #draw(number: number, purpose: number): number {
    return hashUnit(this.#seed, number, purpose);
  }
}
