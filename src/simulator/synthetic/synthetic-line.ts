/**
 * One instrument of the synthetic market: what of it happens in a slot of time, as a pure function of its seed and the slot.
 *
 * Per slot a seeded draw decides whether there is a quote and whether a trade follows at its touch; the rates have the shape
 * of a New York day. Shares open and close with an auction: imbalances before it, its print, and the exchange's official
 * price. Price bands come every half minute of the session, halts and pauses by their schedule. Crypto shows its depth every
 * second. A few trades are corrected or cancelled two seconds later.
 */
import type { Instrument } from "../../core/market/instrument.ts";
import { hash32, hashUnit, seedOf } from "../../venue/seeded-hash.ts";
import { BarAggregate } from "../bar-aggregate.ts";
import type { HistoryBar, MarketTick, QuoteTick, TradeTick } from "../market-source.ts";
import { TRADING_STATUS } from "../trading-status.ts";
import { type Halt, HaltSchedule } from "./halt-schedule.ts";
import type { PricePath } from "./price-path.ts";
import { PriceBands } from "./price-bands.ts";
import { BOOK_US, SyntheticBook, type Touch } from "./synthetic-book.ts";
import { SyntheticPrice } from "./synthetic-price.ts";
import { TradingDay } from "./trading-day.ts";

export interface SyntheticInstrument {
  readonly instrument: Instrument;
  /** Price around which the path wanders. */
  readonly basePrice: number;
  /** Typical change of a day, in percent. */
  readonly dailyVolatilityPercent: number;
  /** Share of the variance that comes from the market, 0 to 1. */
  readonly marketShare: number;
  /** Half of the spread at noon, in basis points of the price; at least half a cent. */
  readonly halfSpreadBps: number;
  /** Size of a usual lot. */
  readonly lot: number;
}

export interface SyntheticLineOptions {
  readonly seed: number;
  readonly haltRate: number;
  readonly correctionRate: number;
  readonly market: PricePath;
}

/** Length of a slot. */
export const SLOT_US = 250_000;
const SECOND_US = 1_000_000;
const CENTS = 100;
const TAPE = "C";
/** Share of slots with a quote, and of quotes that a trade meets, at activity 1. */
const QUOTE_RATE = 0.5;
const TRADE_RATE = 0.35;
const ODD_LOT_RATE = 0.15;
const AUCTION_LOTS = 50;
const EXCHANGES = "NQPZVK";
/** Ids of the trades of a slot: the usual one, an auction's print and the official price. */
const TRADES_PER_SLOT = 4;
const OPENING_IMBALANCES_US = 120 * SECOND_US;
const CLOSING_IMBALANCES_US = 600 * SECOND_US;
const IMBALANCE_EVERY_US = 10 * SECOND_US;
const BANDS_EVERY_US = 30 * SECOND_US;
const CORRECTED_AFTER_SLOTS = 8;

const DRAW_QUOTE = 201;
const DRAW_OFFSET = 202;
const DRAW_TRADE = 203;
const DRAW_SIDE = 204;
const DRAW_SIZE = 205;
const DRAW_ODD = 206;
const DRAW_EXCHANGE = 207;
const DRAW_QUOTE_SIZE = 208;
const DRAW_CORRECTION = 213;
const DRAW_CORRECTED_TO = 214;
const DRAW_IMBALANCE = 215;

const OPENING = { print: "O", official: "Q" } as const;
const CLOSING = { print: "6", official: "M" } as const;
const REOPENING = { print: "5", official: null } as const;

type Auction = typeof OPENING | typeof CLOSING | typeof REOPENING;

export class SyntheticLine {
  readonly #spec: SyntheticInstrument;
  readonly #seed: number;
  readonly #isEquity: boolean;
  readonly #correctionRate: number;
  readonly #halts: HaltSchedule;
  readonly #price: SyntheticPrice;
  readonly #bands: PriceBands;
  readonly #day: TradingDay;
  readonly #book: SyntheticBook | null;

  constructor(spec: SyntheticInstrument, options: SyntheticLineOptions) {
    const { instrument, basePrice, marketShare } = spec;
    this.#spec = spec;
    this.#seed = hash32(options.seed, seedOf(instrument.symbol));
    this.#isEquity = instrument.assetClass === "us_equity";
    this.#correctionRate = this.#isEquity ? options.correctionRate : 0;
    this.#halts = new HaltSchedule(this.#seed, this.#isEquity ? options.haltRate : 0, SLOT_US);
    this.#price = new SyntheticPrice({
      seed: this.#seed,
      basePrice,
      dailyVolatility: spec.dailyVolatilityPercent / 100,
      marketShare,
      market: options.market,
      halts: this.#halts,
    });
    this.#bands = new PriceBands((timeUs) => this.#price.at(timeUs));
    this.#day = new TradingDay(instrument.calendar);
    this.#book = this.#isEquity ? null : new SyntheticBook(this.#seed, spec.lot);
  }

  /** Appends what happens in a slot, in order of time. `tradesOnly` spares what no bar needs. */
  slot(slot: number, into: MarketTick[], tradesOnly = false): void {
    const startUs = slot * SLOT_US;
    if (this.#correctionRate > 0 && !tradesOnly) this.#correct(slot - CORRECTED_AFTER_SLOTS, startUs, into);
    const day = this.#day.at(startUs);
    if (this.#isEquity && !tradesOnly) this.#imbalance(slot, startUs, into);
    if (this.#isEquity && startUs === day.closeUs) return this.#auction(slot, startUs, CLOSING, into);
    const phase = day.phaseAt(startUs);
    if (phase === "closed") return;
    if (this.#isEquity && phase === "core") {
      if (startUs === day.openUs) return this.#auction(slot, startUs, OPENING, into);
      if (this.#halted(slot, startUs, into)) return;
      if (!tradesOnly && startUs % BANDS_EVERY_US === 0) into.push(this.#luld(slot, startUs));
    }
    if (this.#book !== null && !tradesOnly && startUs % BOOK_US === 0) {
      into.push(this.#book.tick(slot, this.#spec.instrument.index, startUs, (timeUs) => this.#touch(timeUs)));
    }
    this.#continuous(slot, startUs, phase === "extended", into, tradesOnly);
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

  /** Status and reopening of a halt; true while nothing trades, and in the slots of its beginning and its end. */
  #halted(slot: number, startUs: number, into: MarketTick[]): boolean {
    const halt = this.#haltAt(startUs);
    if (halt === null) return false;
    if (startUs === halt.startUs) into.push(this.#status(slot, halt, true));
    if (startUs === halt.endUs) {
      into.push(this.#status(slot, halt, false));
      this.#auction(slot, startUs, REOPENING, into);
    }
    return true;
  }

  /** The halt that a slot is part of. One that would reach into an auction is left out. */
  #haltAt(startUs: number): Halt | null {
    const halt = this.#halts.near(startUs);
    if (halt === null || startUs < halt.startUs || startUs > halt.endUs) return null;
    const { openUs, closeUs } = this.#day;
    const meets = (auctionUs: number) => halt.startUs <= auctionUs && halt.endUs >= auctionUs;
    return meets(openUs) || meets(closeUs) ? null : halt;
  }

  #continuous(slot: number, startUs: number, extended: boolean, into: MarketTick[], tradesOnly: boolean): void {
    const activity = this.#day.activityAt(startUs);
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
    const size = odd ? 1 + Math.floor(draw * (this.#spec.lot - 1)) : this.#lots(draw, Math.ceil(5 * activity));
    const price = buys ? quote.ask : quote.bid;
    into.push(
      this.#trade(slot, timeUs, price, size, buys ? 1 : 2, extended ? EXTENDED[odd ? 1 : 0] : REGULAR[odd ? 1 : 0]),
    );
  }

  /** The trade of a slot before may be put right now, or taken back. */
  #correct(slot: number, nowUs: number, into: MarketTick[]): void {
    const draw = this.#draw(slot, DRAW_CORRECTION);
    if (draw >= this.#correctionRate) return;
    const ticks: MarketTick[] = [];
    this.slot(slot, ticks, true);
    const trade = ticks.at(-1);
    // Auctions stand.
    if (trade?.kind !== "trade" || trade.aggressor === 0) return;
    const { tradeId, price, size, conditions, exchange } = trade;
    const common = { position: slot + CORRECTED_AFTER_SLOTS, index: trade.index, timeUs: nowUs, exchange, tape: TAPE };
    if (draw < this.#correctionRate / 2) {
      into.push({ kind: "cancelError", ...common, tradeId, price, size, action: "C" });
      return;
    }
    const cents = this.#draw(slot, DRAW_CORRECTED_TO) < 0.5 ? -1 : 1;
    const corrected = { tradeId: tradeId + 1, price: (Math.round(price * CENTS) + cents) / CENTS, size, conditions };
    into.push({ kind: "correction", ...common, original: { tradeId, price, size, conditions }, corrected });
  }

  /** The print, and the exchange's official price; which is told and trades nothing. */
  #auction(slot: number, timeUs: number, auction: Auction, into: MarketTick[]): void {
    const quote = this.#quote(slot, timeUs);
    const price = Math.round(((quote.bid + quote.ask) / 2) * CENTS) / CENTS;
    const size = this.#spec.lot * AUCTION_LOTS;
    into.push(quote, this.#trade(slot, timeUs, price, size, 0, ["@", auction.print], 1));
    if (auction.official !== null) {
      into.push(this.#trade(slot, timeUs, price, size, 0, ["@", auction.official], 2));
    }
  }

  /** Before an auction: the price at which it would trade now, nearer and nearer to the auction's. */
  #imbalance(slot: number, startUs: number, into: MarketTick[]): void {
    if (startUs % IMBALANCE_EVERY_US !== 0) return;
    const { openUs, closeUs } = this.#day;
    const auctionUs = startUs < openUs ? openUs : closeUs;
    const lengthUs = startUs < openUs ? OPENING_IMBALANCES_US : CLOSING_IMBALANCES_US;
    const leftUs = auctionUs - startUs;
    if (leftUs <= 0 || leftUs > lengthUs) return;
    const away = (this.#draw(slot, DRAW_IMBALANCE) - 0.5) * 0.004 * (leftUs / lengthUs);
    const price = Math.round(this.#price.at(startUs) * (1 + away) * CENTS) / CENTS;
    into.push({
      kind: "imbalance",
      position: slot,
      index: this.#spec.instrument.index,
      timeUs: startUs,
      price,
      tape: TAPE,
    });
  }

  #luld(slot: number, timeUs: number): MarketTick {
    const { up: limitUp, down: limitDown } = this.#bands.at(timeUs, this.#halts.near(timeUs));
    const { index } = this.#spec.instrument;
    return { kind: "luld", position: slot, index, timeUs, limitUp, limitDown, indicator: "B", tape: TAPE };
  }

  #quote(slot: number, timeUs: number): QuoteTick {
    const draw = this.#draw(slot, DRAW_QUOTE_SIZE);
    const exchange = this.#exchange(slot);
    const { bid, ask } = this.#touch(timeUs);
    return {
      kind: "quote",
      position: slot,
      index: this.#spec.instrument.index,
      timeUs,
      bid,
      bidSize: this.#lots(draw, 9),
      bidExchange: exchange,
      ask,
      askSize: this.#lots(1 - draw, 9),
      askExchange: exchange,
      tape: TAPE,
    };
  }

  /** The best prices; around a pause they stay within the band. */
  #touch(timeUs: number): Touch {
    const mid = this.#price.at(timeUs);
    const half = Math.max(0.5 / CENTS, (mid * this.#spec.halfSpreadBps * this.#day.spreadAt(timeUs)) / 10_000);
    let bid = Math.floor((mid - half) * CENTS);
    let ask = Math.max(bid + 1, Math.ceil((mid + half) * CENTS));
    const halt = this.#isEquity ? this.#halts.near(timeUs) : null;
    if (halt !== null && halt.excursion !== 0) {
      const { up, down } = this.#bands.at(timeUs, halt);
      ask = Math.min(ask, Math.round(up * CENTS));
      bid = Math.max(Math.min(bid, ask - 1), Math.round(down * CENTS));
      ask = Math.max(ask, bid + 1);
    }
    return { bid: bid / CENTS, ask: ask / CENTS };
  }

  #trade(
    slot: number,
    timeUs: number,
    price: number,
    size: number,
    aggressor: number,
    conditions: readonly string[],
    ofSlot = 0,
  ): TradeTick {
    return {
      kind: "trade",
      position: slot,
      index: this.#spec.instrument.index,
      timeUs,
      price,
      size,
      tradeId: slot * TRADES_PER_SLOT + ofSlot,
      aggressor,
      conditions: this.#isEquity ? conditions : NO_CONDITIONS,
      exchange: this.#exchange(slot),
      tape: TAPE,
    };
  }

  #status(slot: number, halt: Halt, halted: boolean): MarketTick {
    const { newsHalt, volatilityPause, resume } = TRADING_STATUS[TAPE];
    const codes = halted ? (halt.pause ? volatilityPause : newsHalt) : resume;
    const timeUs = halted ? halt.startUs : halt.endUs;
    return { kind: "status", position: slot, index: this.#spec.instrument.index, timeUs, halted, ...codes, tape: TAPE };
  }

  #lots(draw: number, most: number): number {
    const lots = 1 + Math.floor(draw * draw * most);
    return this.#spec.lot >= 1 ? lots * this.#spec.lot : Math.round(lots * this.#spec.lot * 1e9) / 1e9;
  }

  #exchange(slot: number): string {
    return EXCHANGES[Math.floor(this.#draw(slot, DRAW_EXCHANGE) * EXCHANGES.length)] as string;
  }

  #draw(number: number, purpose: number): number {
    return hashUnit(this.#seed, number, purpose);
  }
}

const NO_CONDITIONS: readonly string[] = [];
/** Of a trade of round lots and of an odd one. */
const REGULAR: readonly [readonly string[], readonly string[]] = [["@"], ["@", "I"]];
const EXTENDED: readonly [readonly string[], readonly string[]] = [
  ["@", "T"],
  ["@", "T", "I"],
];
