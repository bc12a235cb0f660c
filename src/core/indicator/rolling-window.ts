/**
 * Mean and standard deviation of the last `period` inputs, for the indicators that are made of them.
 *
 * Updated by the sliding form of Welford's method (B. P. Welford, Technometrics 4, 1962): with d = new − old,
 * mean' = mean + d/n and M2' = M2 + d·(new − mean' + old − mean). Both are computed anew in two passes each time the window
 * has turned over, so that rounding never adds up beyond one window.
 */
import { checkPeriod, StatefulIndicator } from "./contract.ts";

const COUNT = 0;
const NEXT = 1;
const MEAN = 2;
/** Sum of squared distances from the mean. */
const M2 = 3;
const WINDOW = 4;

/** Below this part of the mean a deviation is rounding noise of equal inputs and counts as 0. */
const NOISE = 1e-9;

export abstract class RollingWindow extends StatefulIndicator {
  readonly warmUpCount: number;

  /** `period`: 2 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(WINDOW + checkPeriod(period, "period", 2));
    this.warmUpCount = period;
  }

  get ready(): boolean {
    return this.state[COUNT] === this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const { state } = this;
    if (state[COUNT] !== this.warmUpCount) return this.#fill(value);
    const at = WINDOW + (state[NEXT] as number);
    const leaving = state[at] as number;
    const change = value - leaving;
    const before = state[MEAN] as number;
    const mean = before + change / this.warmUpCount;
    state[MEAN] = mean;
    state[M2] = (state[M2] as number) + change * (value - mean + (leaving - before));
    state[at] = value;
    this.#advance();
    return true;
  }

  /** The first inputs; apart, so that what follows them stays small enough to be inlined. */
  #fill(value: number): boolean {
    const { state } = this;
    const count = (state[COUNT] as number) + 1;
    const before = state[MEAN] as number;
    const mean = before + (value - before) / count;
    state[COUNT] = count;
    state[MEAN] = mean;
    state[M2] = (state[M2] as number) + (value - before) * (value - mean);
    state[WINDOW + (state[NEXT] as number)] = value;
    this.#advance();
    return true;
  }

  #advance(): void {
    const { state } = this;
    const next = (state[NEXT] as number) + 1;
    state[NEXT] = next;
    if (next === this.warmUpCount) this.#turnOver();
    this.refresh();
  }

  /** The newest input. */
  protected get last(): number {
    const next = this.state[NEXT] as number;
    return this.state[WINDOW + (next === 0 ? this.warmUpCount : next) - 1] as number;
  }

  protected get mean(): number {
    return this.state[MEAN] as number;
  }

  /** Population standard deviation (divisor n); 0 for equal inputs. */
  protected get deviation(): number {
    const variance = Math.max(0, this.state[M2] as number) / this.warmUpCount;
    const deviation = Math.sqrt(variance);
    return deviation <= Math.abs(this.mean) * NOISE ? 0 : deviation;
  }

  #turnOver(): void {
    const { state } = this;
    let sum = 0;
    for (let i = WINDOW; i < state.length; i++) sum += state[i] as number;
    const mean = sum / this.warmUpCount;
    let squares = 0;
    for (let i = WINDOW; i < state.length; i++) squares += ((state[i] as number) - mean) ** 2;
    state[MEAN] = mean;
    state[M2] = squares;
    state[NEXT] = 0;
  }
}
