/**
 * Donchian channel: the highest high and the lowest low of the last `period` bars (R. Donchian; described in Turtle
 * trading as the "breakout channel"). `value` is the middle, (upper + lower) / 2.
 */
import { type BarIndicator, checkPeriod } from "./contract.ts";
import { RollingMaximum } from "./rolling-maximum.ts";

export class DonchianChannel implements BarIndicator {
  readonly warmUpCount: number;
  readonly #high: RollingMaximum;
  /** Of negated lows. */
  readonly #low: RollingMaximum;

  /** `period`: 1 or more bars. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period);
    this.#high = new RollingMaximum(period);
    this.#low = new RollingMaximum(period);
  }

  get ready(): boolean {
    return !Number.isNaN(this.#high.value);
  }

  get value(): number {
    return (this.upper + this.lower) / 2;
  }

  get upper(): number {
    return this.#high.value;
  }

  get lower(): number {
    return -this.#low.value;
  }

  get stateSize(): number {
    return this.#high.stateSize + this.#low.stateSize;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    this.#high.update(high);
    this.#low.update(-low);
    return true;
  }

  snapshot(out: Float64Array, at: number): number {
    return this.#low.snapshot(out, this.#high.snapshot(out, at));
  }

  restore(values: Float64Array, at: number): number {
    return this.#low.restore(values, this.#high.restore(values, at));
  }

  reset(): void {
    this.#high.reset();
    this.#low.reset();
  }
}
