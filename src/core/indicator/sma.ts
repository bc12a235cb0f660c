/**
 * Simple moving average: the mean of the last `period` inputs; a trend line that forgets all at once.
 *
 * The running sum is summed anew each time the window has turned over, so that rounding never adds up beyond one window.
 */
import { checkPeriod, StatefulIndicator, type ValueIndicator } from "./contract.ts";

const COUNT = 0;
const NEXT = 1;
const SUM = 2;
const WINDOW = 3;

export class Sma extends StatefulIndicator implements ValueIndicator {
  readonly warmUpCount: number;

  /** `period`: 1 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(WINDOW + checkPeriod(period));
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
    const leaving = count === this.warmUpCount ? (state[WINDOW + next] as number) : 0;
    state[WINDOW + next] = value;
    state[SUM] = (state[SUM] as number) + (value - leaving);
    if (count < this.warmUpCount) state[COUNT] = count + 1;
    if (next + 1 === this.warmUpCount) this.#turnOver();
    else state[NEXT] = next + 1;
    this.refresh();
    return true;
  }

  protected refresh(): void {
    this.value = this.ready ? (this.state[SUM] as number) / this.warmUpCount : Number.NaN;
  }

  #turnOver(): void {
    const { state } = this;
    let sum = 0;
    for (let i = WINDOW; i < state.length; i++) sum += state[i] as number;
    state[SUM] = sum;
    state[NEXT] = 0;
  }
}
