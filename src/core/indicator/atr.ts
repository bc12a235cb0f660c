/**
 * Average true range: how far the price moves in a bar, gaps included. True range = the greatest of high − low,
 * |high − previous close| and |low − previous close|; of the first bar high − low. Averaged as Wilder does: the mean of the
 * first `period`, then (previous·(n − 1) + x) / n. Source: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
 */
import { type BarIndicator, checkPeriod } from "./contract.ts";

export class Atr implements BarIndicator {
  readonly warmUpCount: number;
  readonly stateSize = 3;
  value = Number.NaN;
  #count = 0;
  #previousClose = 0;
  #range = 0;

  /** `period`: 1 or more bars. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period);
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    const previous = this.#previousClose;
    const trueRange = this.#count === 0 ? high - low : Math.max(high, previous) - Math.min(low, previous);
    if (this.#count < this.warmUpCount) this.#count++;
    this.#range += (trueRange - this.#range) / this.#count;
    this.#previousClose = close;
    if (this.#count === this.warmUpCount) this.value = this.#range;
    return true;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#previousClose;
    out[at + 2] = this.#range;
    return at + 3;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#previousClose = values[at + 1] as number;
    this.#range = values[at + 2] as number;
    this.value = this.ready ? this.#range : Number.NaN;
    return at + 3;
  }

  reset(): void {
    this.#count = 0;
    this.#previousClose = 0;
    this.#range = 0;
    this.value = Number.NaN;
  }
}
