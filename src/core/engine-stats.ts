/** What an engine tells of itself: counters, the state of an instance, refusals as they happen. Read by its own thread. */
import type { Planner } from "./order/planner.ts";
import type { TradingConditions } from "./risk/pre-trade.ts";
import { REFUSAL_COUNT } from "./risk/refusal.ts";
import type { BarSeries } from "./routes.ts";

/** Hears of every refusal as it happens; `refusal` is a REFUSAL_* number, `engineTimeUs` venue time. */
export interface RefusalSink {
  refused(instanceIndex: number, instrumentIndex: number, refusal: number, engineTimeUs: number): void;
}

/** Counters of an engine's life; live, to be read by the engine's own thread. */
export class EngineStats {
  records = 0;
  /** Records that no engine can use: unknown kind, instrument or instance, or no valid time. */
  badRecords = 0;
  /** Account records about an intent that is not, or no longer, pending. */
  strayAnswers = 0;
  barsDelivered = 0;
  strategyFaults = 0;
  /** Refused targets and intents by REFUSAL_* number, those of the journal and the broker included. */
  readonly refusals = new Float64Array(REFUSAL_COUNT);
  readonly #conditions: TradingConditions;
  readonly #planner: Planner;
  readonly #series: readonly BarSeries[];

  constructor(conditions: TradingConditions, planner: Planner, series: readonly BarSeries[]) {
    this.#conditions = conditions;
    this.#planner = planner;
    this.#series = series;
  }

  /** Orders written. */
  get intents(): number {
    return this.#planner.orders;
  }

  get cancels(): number {
    return this.#planner.cancels;
  }

  /** An intent could not be written: nothing more goes out until the account is set active again. */
  get failedClosed(): boolean {
    return this.#conditions.failedClosed;
  }

  /** Greatest venue time seen, epoch microseconds. */
  get engineTimeUs(): number {
    return this.#conditions.nowUs;
  }

  /** Trades that came after their bar was closed. */
  get lateTrades(): number {
    return this.#series.reduce((sum, { builder }) => sum + builder.lateTrades, 0);
  }

  get incompleteBars(): number {
    return this.#series.reduce((sum, { builder }) => sum + builder.incompleteBars, 0);
  }
}

export interface InstanceStatus {
  readonly id: string;
  /** TRADING_*. */
  readonly tradingState: number;
  readonly warmingUp: boolean;
  /** What the strategy threw; null while it is well. */
  readonly fault: string | null;
  readonly intents: number;
  readonly refusals: number;
  /** REFUSAL_* number of the last refusal; 0 before the first. */
  readonly lastRefusal: number;
  /** Positions by local instrument, Fixed integers. */
  readonly positions: readonly number[];
  /** Bars seen by local instrument. */
  readonly barsSeen: readonly number[];
}
