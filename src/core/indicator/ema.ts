/**
 * Exponential moving average: a trend line that weighs recent values most. value ← value + α·(input − value) with
 * α = 2 / (period + 1).
 *
 * Seeding: the first input is the first average (as pandas' `ewm(adjust=False)` and trading-signals do, not the mean of
 * the first `period` inputs as TA-Lib does). Ready after `period` inputs, when the seed's weight is about 1/e².
 */
import { checkPeriod, StatefulIndicator, type ValueIndicator } from "./contract.ts";

const VALUE = 0;
const COUNT = 1;

export class Ema extends StatefulIndicator implements ValueIndicator {
  readonly warmUpCount: number;
  readonly #alpha: number;

  /** `period`: 1 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(2);
    this.warmUpCount = checkPeriod(period);
    this.#alpha = 2 / (period + 1);
  }

  get ready(): boolean {
    return (this.state[COUNT] as number) >= this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const count = this.state[COUNT] as number;
    const previous = this.state[VALUE] as number;
    this.state[VALUE] = count === 0 ? value : previous + this.#alpha * (value - previous);
    if (count < this.warmUpCount) this.state[COUNT] = count + 1;
    this.refresh();
    return true;
  }

  protected refresh(): void {
    this.value = this.ready ? (this.state[VALUE] as number) : Number.NaN;
  }
}
