/**
 * Relative strength index: 0 to 100, how much of the recent movement was upwards. RSI = 100·g / (g + l), g and l being
 * Wilder's averages of gains and losses: the mean of the first `period`, then (previous·(n − 1) + x) / n. Source: J. W.
 * Wilder, "New Concepts in Technical Trading Systems", 1978. 100 without losses; 50 when nothing moved at all, which
 * Wilder leaves open.
 */
import { checkPeriod, type ValueIndicator } from "./contract.ts";

export class Rsi implements ValueIndicator {
  readonly warmUpCount: number;
  readonly stateSize = 4;
  value = Number.NaN;
  readonly #weight: number;
  #count = 0;
  #previous = 0;
  #gain = 0;
  #loss = 0;

  /** `period`: 1 or more changes. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period) + 1;
    this.#weight = 1 / period;
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const count = this.#count;
    const change = value - this.#previous;
    let weight = this.#weight;
    if (count < this.warmUpCount) {
      // The plain mean of the first changes; the first input has none.
      weight = count === 0 ? 0 : 1 / count;
      this.#count = count + 1;
    }
    this.#previous = value;
    this.#gain += ((change > 0 ? change : 0) - this.#gain) * weight;
    this.#loss += ((change < 0 ? -change : 0) - this.#loss) * weight;
    if (this.#count === this.warmUpCount) this.#refresh();
    return true;
  }

  #refresh(): void {
    const total = this.#gain + this.#loss;
    this.value = total === 0 ? 50 : (100 * this.#gain) / total;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#previous;
    out[at + 2] = this.#gain;
    out[at + 3] = this.#loss;
    return at + 4;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#previous = values[at + 1] as number;
    this.#gain = values[at + 2] as number;
    this.#loss = values[at + 3] as number;
    this.value = Number.NaN;
    if (this.ready) this.#refresh();
    return at + 4;
  }

  reset(): void {
    this.#count = 0;
    this.#previous = 0;
    this.#gain = 0;
    this.#loss = 0;
    this.value = Number.NaN;
  }
}
