/**
 * Where the simulator's market comes from: ticks in time order, and bars of the past. Implemented by the synthetic market and
 * by recorded files. Main thread of the simulator.
 */
import type { Fixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";

/** What every tick has. A tick is never changed after it has been given out. */
interface TickBase {
  /** Place in the order of the source; never falls. A source resumes after one. */
  readonly position: number;
  /** Index of the instrument in the source's table. */
  readonly index: number;
  /** When it could be known, epoch microseconds of venue time. */
  readonly timeUs: number;
}

/** Best bid and offer. A price of 0 is "no quote on that side". */
export interface QuoteTick extends TickBase {
  readonly kind: "quote";
  readonly bid: number;
  readonly bidSize: number;
  readonly bidExchange: string;
  readonly ask: number;
  readonly askSize: number;
  readonly askExchange: string;
  /** A, B or C; "" where the source does not name it. */
  readonly tape: string;
}

export interface TradeTick extends TickBase {
  readonly kind: "trade";
  readonly price: number;
  readonly size: number;
  readonly tradeId: number;
  /** 1 the buyer, 2 the seller was the aggressor, 0 not told. */
  readonly aggressor: number;
  /** Sale conditions, one letter each. */
  readonly conditions: readonly string[];
  readonly exchange: string;
  readonly tape: string;
}

/** A trading status in the tape's own codes: halts, pauses, resumptions. */
export interface StatusTick extends TickBase {
  readonly kind: "status";
  /** Whether nothing trades from now on. */
  readonly halted: boolean;
  readonly statusCode: string;
  readonly statusMessage: string;
  /** "" where the tape gives none. */
  readonly reasonCode: string;
  readonly reasonMessage: string;
  readonly tape: string;
}

/** Limit-up limit-down bands. */
export interface LuldTick extends TickBase {
  readonly kind: "luld";
  readonly limitUp: number;
  readonly limitDown: number;
  /** The tape's letter: B is "bands in effect". */
  readonly indicator: string;
  readonly tape: string;
}

/** One side of a correction. */
export interface TradeReport {
  readonly tradeId: number;
  readonly price: number;
  readonly size: number;
  readonly conditions: readonly string[];
}

/** A trade that was reported before is replaced by another. */
export interface CorrectionTick extends TickBase {
  readonly kind: "correction";
  readonly original: TradeReport;
  readonly corrected: TradeReport;
  readonly exchange: string;
  readonly tape: string;
}

/** A trade that was reported before did not happen. */
export interface CancelErrorTick extends TickBase {
  readonly kind: "cancelError";
  readonly tradeId: number;
  readonly price: number;
  readonly size: number;
  readonly exchange: string;
  /** C cancelled, E reported in error. */
  readonly action: "C" | "E";
  readonly tape: string;
}

/** Order imbalance before an auction. */
export interface ImbalanceTick extends TickBase {
  readonly kind: "imbalance";
  /** At which most of the auction's orders would trade. */
  readonly price: number;
  readonly tape: string;
}

export interface BookLevel {
  readonly price: number;
  /** At that price now; 0 removes the level. */
  readonly size: number;
}

/** Depth: the whole book when `reset`, else the levels that have changed. */
export interface BookTick extends TickBase {
  readonly kind: "book";
  readonly reset: boolean;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
}

/** The first price of a bar of a recorded file, at its start. */
export interface BarOpenTick extends TickBase {
  readonly kind: "barOpen";
  readonly price: number;
}

/** A bar of a recorded file of bars; its time is its end. */
export interface BarTick extends TickBase {
  readonly kind: "bar";
  /** When its first price was to be had: its start, or the opening of its session. */
  readonly openUs: number;
  readonly intervalSeconds: number;
  readonly bar: HistoryBar;
  /** Half of the closing spread of a file of bid and ask bars, whose prices are the middle; else 0. */
  readonly halfSpread: number;
}

/** Between sessions: `to` new shares for each `from` old ones, both whole; prices change the other way round. */
export interface SplitTick extends TickBase {
  readonly kind: "split";
  readonly from: number;
  readonly to: number;
}

/** Between sessions, on the ex-date: cash for every share held. */
export interface DividendTick extends TickBase {
  readonly kind: "dividend";
  /** Of one share, in quote currency. */
  readonly amount: Fixed;
}

/** One observation. */
export type MarketTick =
  | QuoteTick
  | TradeTick
  | StatusTick
  | LuldTick
  | CorrectionTick
  | CancelErrorTick
  | ImbalanceTick
  | BookTick
  | BarOpenTick
  | BarTick
  | SplitTick
  | DividendTick;

export type MarketTickKind = MarketTick["kind"];

export interface HistoryBar {
  readonly startUs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly tradeCount: number;
  /** Volume-weighted average price. */
  readonly vwap: number;
}

export interface BarRange {
  /** Starts in [startUs, endUs), epoch microseconds. */
  readonly startUs: number;
  readonly endUs: number;
  /** Bars that are not complete by then are left out. */
  readonly nowUs: number;
  readonly limit: number;
}

export interface BarPage {
  /** Oldest first. */
  readonly bars: readonly HistoryBar[];
  /** Where to go on, as `startUs`; null when nothing is left in the range. */
  readonly nextUs: number | null;
}

/** Shows ticks of any time again. */
export interface PastTicks {
  /** Of one instrument in [startUs, endUs), in order. */
  past(index: number, startUs: number, endUs: number): MarketTick[];
}

/** Answers for bars of the past. */
export interface BarHistory {
  bars(index: number, intervalSeconds: number, range: BarRange): BarPage;
}

export interface MarketSource {
  readonly instruments: readonly Instrument[];
  /** It shows bars and nothing finer. */
  readonly barsOnly: boolean;
  /** Of a recording: its first tick's time, epoch microseconds. Null for a market that follows a running clock. */
  readonly startUs: number | null;
  /** Of a recording: the number of its ticks. Null for a market without an end. */
  readonly tickCount: number | null;
  /**
   * Batches of ticks in time order: of a recording always from its beginning, so that the caller can rebuild what has
   * been played before; of a synthetic market from `fromUs`.
   */
  ticks(fromUs: number): AsyncIterable<readonly MarketTick[]>;
}
