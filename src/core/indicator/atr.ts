/**
 * Average true range: how far the price moves in a bar, gaps included. True range = the greatest of high − low,
 * |high − previous close| and |low − previous close|; of the first bar high − low. Averaged as Wilder does: the mean of the
 * first `period`, then (previous·(n − 1) + x) / n. Source: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978.
 */
import { type BarIndicator, checkPeriod, StatefulIndicator } from "./contract.ts";

const COUNT = 0;
const PREVIOUS_CLOSE = 1;
const RANGE = 2;

export class Atr extends StatefulIndicator implements BarIndicator {
  readonly warmUpCount: number;

  /** `period`: 1 or more bars. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(3);
    this.warmUpCount = checkPeriod(period);
  }

  get ready(): boolean {
    return this.state[COUNT] === this.warmUpCount;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    const { state } = this;
    const count = state[COUNT] as number;
    const previous = state[PREVIOUS_CLOSE] as number;
    const trueRange = count === 0 ? high - low : Math.max(high, previous) - Math.min(low, previous);
    const seen = Math.min(count + 1, this.warmUpCount);
    const range = state[RANGE] as number;
    state[RANGE] = range + (trueRange - range) / seen;
    state[PREVIOUS_CLOSE] = close;
    state[COUNT] = seen;
    this.refresh();
    return true;
  }

  protected refresh(): void {
    this.value = this.ready ? (this.state[RANGE] as number) : Number.NaN;
  }
}
