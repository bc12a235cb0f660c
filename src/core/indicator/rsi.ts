/**
 * Relative strength index: 0 to 100, how much of the recent movement was upwards. RSI = 100·g / (g + l), g and l being
 * Wilder's averages of gains and losses: the mean of the first `period`, then (previous·(n − 1) + x) / n. Source: J. W.
 * Wilder, "New Concepts in Technical Trading Systems", 1978. 100 without losses; 50 when nothing moved at all, which
 * Wilder leaves open.
 */
import { checkPeriod, StatefulIndicator, type ValueIndicator } from "./contract.ts";

const COUNT = 0;
const PREVIOUS = 1;
const GAIN = 2;
const LOSS = 3;

export class Rsi extends StatefulIndicator implements ValueIndicator {
  readonly warmUpCount: number;
  readonly #period: number;

  /** `period`: 1 or more changes. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(4);
    this.#period = checkPeriod(period);
    this.warmUpCount = period + 1;
  }

  get ready(): boolean {
    return this.state[COUNT] === this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const { state } = this;
    const count = state[COUNT] as number;
    if (count > 0) {
      const change = value - (state[PREVIOUS] as number);
      const divisor = Math.min(count, this.#period);
      const gain = state[GAIN] as number;
      const loss = state[LOSS] as number;
      state[GAIN] = gain + (Math.max(change, 0) - gain) / divisor;
      state[LOSS] = loss + (Math.max(-change, 0) - loss) / divisor;
    }
    state[PREVIOUS] = value;
    if (count < this.warmUpCount) state[COUNT] = count + 1;
    this.refresh();
    return true;
  }

  protected refresh(): void {
    const gain = this.state[GAIN] as number;
    const total = gain + (this.state[LOSS] as number);
    if (!this.ready) this.value = Number.NaN;
    else this.value = total === 0 ? 50 : (100 * gain) / total;
  }
}
