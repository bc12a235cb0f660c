/**
 * Where the simulator's market comes from: ticks in time order, and bars of the past. Implemented by the synthetic market and
 * by recorded files. Main thread of the simulator.
 */
import type { Instrument } from "../core/market/instrument.ts";

export type MarketTickKind = "quote" | "trade" | "status";

/** One observation; fields that a kind does not have are 0, "" or empty. Valid until the next batch is asked for. */
export interface MarketTick {
  readonly kind: MarketTickKind;
  /** Place in the order of the source; never falls. A source resumes after one. */
  readonly position: number;
  /** Index of the instrument in the source's table. */
  readonly index: number;
  readonly timeUs: number;
  readonly price: number;
  readonly size: number;
  readonly tradeId: number;
  /** 1 the buyer, 2 the seller was the aggressor, 0 not told. */
  readonly aggressor: number;
  /** Sale conditions, one letter each. */
  readonly conditions: readonly string[];
  readonly exchange: string;
  readonly tape: string;
  /** 0 is "no quote on that side". */
  readonly bid: number;
  readonly bidSize: number;
  readonly ask: number;
  readonly askSize: number;
  /** Of status ticks: trading stops or goes on. */
  readonly halted: boolean;
}

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

/** Answers for bars of the past. */
export interface BarHistory {
  bars(index: number, intervalSeconds: number, range: BarRange): BarPage;
}

export interface MarketSource {
  readonly instruments: readonly Instrument[];
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

/** A tick without anything in it, to build others from. */
export const EMPTY_TICK: MarketTick = {
  kind: "trade",
  position: 0,
  index: 0,
  timeUs: 0,
  price: 0,
  size: 0,
  tradeId: 0,
  aggressor: 0,
  conditions: [],
  exchange: "",
  tape: "",
  bid: 0,
  bidSize: 0,
  ask: 0,
  askSize: 0,
  halted: false,
};
