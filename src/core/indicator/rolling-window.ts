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
const LAST = 4;
const WINDOW = 5;

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
    const next = state[NEXT] as number;
    const count = state[COUNT] as number;
    const mean = state[MEAN] as number;
    if (count < this.warmUpCount) {
      state[COUNT] = count + 1;
      state[MEAN] = mean + (value - mean) / (count + 1);
      state[M2] = (state[M2] as number) + (value - mean) * (value - (state[MEAN] as number));
    } else {
      const leaving = state[WINDOW + next] as number;
      const change = value - leaving;
      state[MEAN] = mean + change / count;
      state[M2] = (state[M2] as number) + change * (value - (state[MEAN] as number) + (leaving - mean));
    }
    state[WINDOW + next] = value;
    state[LAST] = value;
    if (next + 1 === this.warmUpCount) this.#turnOver();
    else state[NEXT] = next + 1;
    return true;
  }

  protected get last(): number {
    return this.state[LAST] as number;
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
