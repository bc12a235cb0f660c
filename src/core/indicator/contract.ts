/**
 * What every indicator is. An indicator turns one input at a time into a value in constant (amortised) time, refuses
 * inputs that are no finite numbers, and can be saved and continued. Used by one thread; no clock, no allocation after
 * construction.
 *
 * How they are written (measured over a hundred instruments): numbers are plain fields and outputs are set by the update,
 * because a getter that is not inlined puts its double on the heap; only windows are typed arrays; what happens once in a
 * while stands in methods of its own, so that the update stays small enough to be inlined.
 */
import { CodedError } from "../errors.ts";

export interface Indicator {
  /** Inputs needed before there is a value. */
  readonly warmUpCount: number;
  /** Whether `value` means something. */
  readonly ready: boolean;
  /** The main output; NaN until ready. Indicators with more outputs document the others. */
  readonly value: number;
  /** Doubles that a snapshot takes; fixed for one set of parameters. */
  readonly stateSize: number;
  /** Writes `stateSize` doubles into `out` from `at`; returns the position after them. */
  snapshot(out: Float64Array, at: number): number;
  /** Continues from a snapshot of an indicator with the same parameters; returns the position after it. */
  restore(values: Float64Array, at: number): number;
  /** Back to the state after construction. */
  reset(): void;
}

/** An indicator of single values (prices). */
export interface ValueIndicator extends Indicator {
  /** Takes one value; false, and no change, when it is not finite. */
  update(value: number): boolean;
}

/** An indicator of bars. */
export interface BarIndicator extends Indicator {
  /** Takes one bar; false, and no change, when a part is not finite or the volume is negative. */
  update(high: number, low: number, close: number, volume: number): boolean;
}

/** Returns `period` when it is an integer from `min` to 100,000; otherwise throws `INDICATOR_PARAMETER`. */
export function checkPeriod(period: number, field = "period", min = 1): number {
  if (!Number.isInteger(period) || period < min || period > 100_000) {
    throw new CodedError("INDICATOR_PARAMETER", `${field} must be an integer from ${min} to 100000, got ${period}`, {
      field,
    });
  }
  return period;
}
