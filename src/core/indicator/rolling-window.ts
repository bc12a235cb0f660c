/**
 * Mean and standard deviation of the last `period` inputs, for the indicators that are made of them.
 *
 * Updated by the sliding form of Welford's method (B. P. Welford, Technometrics 4, 1962): with d = new − old,
 * mean' = mean + d/n and M2' = M2 + d·(new − mean' + old − mean). Both are computed anew in two passes when the window is
 * first full, then every few hundred inputs, and whenever M2 has shrunk much: rounding neither adds up over time nor
 * stays behind when an outlier has left.
 */
import { checkPeriod } from "./contract.ts";
import { takeWindow } from "./window-memory.ts";

/** Below this part of the mean a deviation is rounding noise of equal inputs and counts as 0. */
const NOISE = 1e-9;
/** Inputs after which the sums are computed anew. */
const EXACT_INPUTS = 256;
/** So far the sum of squares may shrink before the rounding of its larger values shows. */
const SHRUNK = 1e-4;

export abstract class RollingWindow {
  readonly warmUpCount: number;
  value = Number.NaN;
  /** The newest input. */
  protected last = 0;
  protected mean = 0;
  /** Population standard deviation (divisor n); 0 for equal inputs. */
  protected deviation = 0;
  /** The window. */
  readonly #memory: Float64Array;
  readonly #start: number;
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
    const { memory, start } = takeWindow(period);
    this.#memory = memory;
    this.#start = start;
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
    const leaving = this.#memory[this.#start + next] as number;
    const before = this.mean;
    const mean = before + (value - leaving) * this.#weight;
    const squares = this.#squares + (value - leaving) * (value - mean + (leaving - before));
    this.#memory[this.#start + next] = value;
    this.#next = next + 1 === this.warmUpCount ? 0 : next + 1;
    this.last = value;
    this.mean = mean;
    this.#squares = squares;
    if (squares > this.#squaresMax) this.#squaresMax = squares;
    if (this.#count < this.warmUpCount && ++this.#count === this.warmUpCount) this.#untilExact = 0;
    if (--this.#untilExact < 0 || squares < this.#squaresMax * SHRUNK) this.#compute();
    if (this.#count === this.warmUpCount) this.#finish();
    return true;
  }

  /** Sets the outputs; called when ready. */
  protected abstract refresh(): void;

  #finish(): void {
    const variance = this.#squares * this.#weight;
    const noise = this.mean * NOISE;
    this.deviation = variance <= noise * noise ? 0 : Math.sqrt(variance);
    this.refresh();
  }

  /** Mean and squares of the window in two passes; they mean something once it is full. */
  #compute(): void {
    const memory = this.#memory;
    const end = this.#start + this.warmUpCount;
    let sum = 0;
    for (let i = this.#start; i < end; i++) sum += memory[i] as number;
    const mean = sum / this.warmUpCount;
    let squares = 0;
    for (let i = this.#start; i < end; i++) {
      const distance = (memory[i] as number) - mean;
      squares += distance * distance;
    }
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
    out.set(this.#memory.subarray(this.#start, this.#start + this.warmUpCount), at + 7);
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
    this.#memory.set(values.subarray(at + 7, at + this.stateSize), this.#start);
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
    this.#memory.fill(0, this.#start, this.#start + this.warmUpCount);
    this.value = Number.NaN;
  }
}
