/**
 * Volume-weighted average price since the last reset: Σ typical·volume / Σ volume with typical = (high + low + close) / 3.
 * The user resets it where a session begins. A bar without volume changes nothing. The sums are compensated: what
 * each addition loses is found exactly (D. Knuth, "The Art of Computer Programming" 2, 4.2.2, theorem B) and kept.
 */
import type { BarIndicator } from "./contract.ts";

export class Vwap implements BarIndicator {
  readonly warmUpCount = 1;
  readonly stateSize = 4;
  value = Number.NaN;
  #valueSum = 0;
  #volumeSum = 0;
  /** What rounding took from the sums. */
  #valueLost = 0;
  #volumeLost = 0;

  get ready(): boolean {
    return this.#volumeSum > 0;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    if (volume === 0) return true;
    const term = ((high + low + close) / 3) * volume;
    const value = this.#valueSum + term;
    const valueAdded = value - this.#valueSum;
    this.#valueLost += this.#valueSum - (value - valueAdded) + (term - valueAdded);
    this.#valueSum = value;
    const total = this.#volumeSum + volume;
    const volumeAdded = total - this.#volumeSum;
    this.#volumeLost += this.#volumeSum - (total - volumeAdded) + (volume - volumeAdded);
    this.#volumeSum = total;
    this.#refresh();
    return true;
  }

  #refresh(): void {
    this.value = (this.#valueSum + this.#valueLost) / (this.#volumeSum + this.#volumeLost);
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#valueSum;
    out[at + 1] = this.#volumeSum;
    out[at + 2] = this.#valueLost;
    out[at + 3] = this.#volumeLost;
    return at + 4;
  }

  restore(values: Float64Array, at: number): number {
    this.#valueSum = values[at] as number;
    this.#volumeSum = values[at + 1] as number;
    this.#valueLost = values[at + 2] as number;
    this.#volumeLost = values[at + 3] as number;
    this.value = Number.NaN;
    if (this.ready) this.#refresh();
    return at + 4;
  }

  reset(): void {
    this.#valueSum = 0;
    this.#volumeSum = 0;
    this.#valueLost = 0;
    this.#volumeLost = 0;
    this.value = Number.NaN;
  }
}
