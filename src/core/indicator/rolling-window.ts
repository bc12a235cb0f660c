/**
 * Mean and standard deviation of the last `period` inputs, for the indicators that are made of them.
 *
 * Updated by the sliding form of Welford's method (B. P. Welford, Technometrics 4, 1962): with d = new − old,
 * mean' = mean + d/n and M2' = M2 + d·(new − mean' + old − mean). Both are computed anew in two passes when the window is
 * first full, then every thousand inputs or so, and whenever M2 has shrunk much: rounding neither adds up over time nor
 * stays behind when an outlier has left.
 */
import { checkPeriod } from "./contract.ts";

/** Below this part of the mean a deviation is rounding noise of equal inputs and counts as 0. */
const NOISE = 1e-9;
/** Inputs after which the sums are computed anew. */
const EXACT_INPUTS = 1_024;
/** So far the sum of squares may shrink before the rounding of its larger values shows. */
const SHRUNK = 1e-6;

export abstract class RollingWindow {
  readonly warmUpCount: number;
  value = Number.NaN;
  /** The newest input. */
  protected last = 0;
  protected mean = 0;
  /** Population standard deviation (divisor n); 0 for equal inputs. */
  protected deviation = 0;
  readonly #window: Float64Array;
  readonly #weight: number;
  #next = 0;
  #count = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;
  /** Its greatest value since it was exact. */
  #squaresMax = 0;
  #untilExact = 0;

  /** `period`: 2 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period, "period", 2);
    this.#weight = 1 / period;
    this.#window = new Float64Array(period);
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  get stateSize(): number {
    return 7 + this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const next = this.#next;
    const leaving = this.#window[next] as number;
    this.#window[next] = value;
    this.#next = next + 1 === this.warmUpCount ? 0 : next + 1;
    this.last = value;
    if (this.#count !== this.warmUpCount) return this.#fill();
    const before = this.mean;
    const mean = before + (value - leaving) * this.#weight;
    const squares = this.#squares + (value - leaving) * (value - mean + (leaving - before));
    this.mean = mean;
    this.#squares = squares;
    if (squares > this.#squaresMax) this.#squaresMax = squares;
    if (--this.#untilExact < 0 || squares < this.#squaresMax * SHRUNK) this.#compute();
    this.#finish();
    return true;
  }

  /** Sets the outputs; called when ready. */
  protected abstract refresh(): void;

  #fill(): boolean {
    this.#count++;
    if (!this.ready) return true;
    this.#compute();
    this.#finish();
    return true;
  }

  #finish(): void {
    const variance = this.#squares * this.#weight;
    const noise = this.mean * NOISE;
    this.deviation = variance <= noise * noise ? 0 : Math.sqrt(variance);
    this.refresh();
  }

  /** Mean and squares of the full window in two passes. */
  #compute(): void {
    let sum = 0;
    for (const input of this.#window) sum += input;
    const mean = sum / this.warmUpCount;
    let squares = 0;
    for (const input of this.#window) squares += (input - mean) * (input - mean);
    this.mean = mean;
    this.#squares = squares;
    this.#squaresMax = squares;
    this.#untilExact = EXACT_INPUTS;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#next;
    out[at + 2] = this.last;
    out[at + 3] = this.mean;
    out[at + 4] = this.#squares;
    out[at + 5] = this.#squaresMax;
    out[at + 6] = this.#untilExact;
    out.set(this.#window, at + 7);
    return at + this.stateSize;
  }

  restore(values: Float64Array, at: number): number {
    this.reset();
    this.#count = values[at] as number;
    this.#next = values[at + 1] as number;
    this.last = values[at + 2] as number;
    this.mean = values[at + 3] as number;
    this.#squares = values[at + 4] as number;
    this.#squaresMax = values[at + 5] as number;
    this.#untilExact = values[at + 6] as number;
    this.#window.set(values.subarray(at + 7, at + this.stateSize));
    if (this.ready) this.#finish();
    return at + this.stateSize;
  }

  reset(): void {
    this.#count = 0;
    this.#next = 0;
    this.last = 0;
    this.mean = 0;
    this.#squares = 0;
    this.#squaresMax = 0;
    this.#untilExact = 0;
    this.#window.fill(0);
    this.value = Number.NaN;
  }
}
