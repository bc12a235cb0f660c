/**
 * Exponential moving average: a trend line that weighs recent values most. value ← value + α·(input − value) with
 * α = 2 / (period + 1).
 *
 * Seeding: the first input is the first average (as pandas' `ewm(adjust=False)` and trading-signals do, not the mean of
 * the first `period` inputs as TA-Lib does). Ready after `period` inputs, when the seed's weight is about 1/e².
 */
import { checkPeriod, type ValueIndicator } from "./contract.ts";

export class Ema implements ValueIndicator {
  readonly warmUpCount: number;
  readonly stateSize = 2;
  value = Number.NaN;
  readonly #alpha: number;
  #average = 0;
  #count = 0;

  /** `period`: 1 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period);
    this.#alpha = 2 / (period + 1);
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    if (this.#count === 0) this.#average = value;
    this.#average += this.#alpha * (value - this.#average);
    if (this.#count < this.warmUpCount) this.#count++;
    if (this.#count === this.warmUpCount) this.value = this.#average;
    return true;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#average;
    return at + 2;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#average = values[at + 1] as number;
    this.value = this.ready ? this.#average : Number.NaN;
    return at + 2;
  }

  reset(): void {
    this.#count = 0;
    this.#average = 0;
    this.value = Number.NaN;
  }
}
