/**
 * Simple moving average: the mean of the last `period` inputs; a trend line that forgets all at once.
 *
 * The running sum is compensated (A. Neumaier, ZAMM 54, 1974), so that rounding neither adds up over time nor stays behind
 * when an outlier has left.
 */
import { checkPeriod, type ValueIndicator } from "./contract.ts";

export class Sma implements ValueIndicator {
  readonly warmUpCount: number;
  value = Number.NaN;
  /** Zero until it is full. */
  readonly #window: Float64Array;
  #next = 0;
  #count = 0;
  #sum = 0;
  /** What rounding took from the sum. */
  #lost = 0;

  /** `period`: 1 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period);
    this.#window = new Float64Array(period);
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  get stateSize(): number {
    return 4 + this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const next = this.#next;
    const leaving = this.#window[next] as number;
    const sum = this.#sum;
    const less = sum - leaving;
    const total = less + value;
    this.#lost += Math.abs(sum) >= Math.abs(leaving) ? sum - less - leaving : sum - (less + leaving);
    this.#lost += Math.abs(less) >= Math.abs(value) ? less - total + value : value - total + less;
    this.#sum = total;
    this.#window[next] = value;
    this.#next = next + 1 === this.warmUpCount ? 0 : next + 1;
    if (this.#count < this.warmUpCount) this.#count++;
    if (this.#count === this.warmUpCount) this.#refresh();
    return true;
  }

  #refresh(): void {
    this.value = (this.#sum + this.#lost) / this.warmUpCount;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#next;
    out[at + 2] = this.#sum;
    out[at + 3] = this.#lost;
    out.set(this.#window, at + 4);
    return at + this.stateSize;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#next = values[at + 1] as number;
    this.#sum = values[at + 2] as number;
    this.#lost = values[at + 3] as number;
    this.#window.set(values.subarray(at + 4, at + this.stateSize));
    this.value = Number.NaN;
    if (this.ready) this.#refresh();
    return at + this.stateSize;
  }

  reset(): void {
    this.#count = 0;
    this.#next = 0;
    this.#sum = 0;
    this.#lost = 0;
    this.#window.fill(0);
    this.value = Number.NaN;
  }
}
