/**
 * What a strategy is. A strategy reads bars or ticks of its instruments and states targets; it knows nothing of orders,
 * positions, cash or clocks, and must be deterministic: same inputs, same targets. It runs in an engine worker.
 *
 * Targets are levels, not edges: a strategy states what it wants after every input that may decide, again and again, and
 * the planner ignores what does not change. So a target that was refused, or suppressed during warm-up, is stated anew.
 */
import type { Bar } from "../market/bar.ts";
import type { QuoteView, TradeView } from "../market/tick-view.ts";
import type { ParameterSchema, Parameters } from "./parameters.ts";

export interface StrategyHost {
  /**
   * States the wanted position in an instrument of the instance.
   * `local`: index into the instance's instruments. `exposure`: −1 to 1, the part of the instance's capital to hold.
   * `reason`: a REASON_* number. `signal`: the finite number that led to it, for people.
   * An exposure outside the range or not finite is refused (`TARGET_INVALID`) and changes nothing.
   */
  target(local: number, exposure: number, reason: number, signal: number): void;
}

export interface Strategy {
  /** Doubles that a snapshot takes; fixed for one set of parameters and instruments. */
  readonly stateSize: number;
  /** A complete bar of the definition's interval. `bar` is reused: read it now, keep nothing of it. */
  onBar?(local: number, bar: Bar): void;
  /** `trade` and `quote` are reused views. */
  onTrade?(local: number, trade: TradeView): void;
  onQuote?(local: number, quote: QuoteView): void;
  /** Venue time moved on, once a second or so; epoch microseconds. */
  onTimer?(timeUs: number): void;
  /** Writes `stateSize` finite doubles into `out` from `at`; returns the position after them. */
  snapshot(out: Float64Array, at: number): number;
  restore(values: Float64Array, at: number): number;
}

export interface StrategyDefinition {
  /** Kebab-case and unique. */
  readonly name: string;
  /** Raised whenever the same inputs may give other targets or the snapshot changes. */
  readonly version: number;
  readonly title: string;
  readonly description: string;
  readonly parameters: ParameterSchema;
  readonly minInstruments: number;
  readonly maxInstruments: number;
  /** Bar interval in seconds; 0 for a strategy that reads ticks only. Must divide a day. */
  barSeconds(parameters: Parameters): number;
  /** Bars needed before the first target. */
  warmUpBars(parameters: Parameters): number;
  /** Rules between parameters; throws `STRATEGY_PARAMETER`. */
  check?(parameters: Parameters): void;
  create(parameters: Parameters, host: StrategyHost, instrumentCount: number): Strategy;
}
