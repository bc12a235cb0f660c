/**
 * Volume-weighted average price since the last reset: Σ typical·volume / Σ volume with typical = (high + low + close) / 3.
 * The user resets it where a session begins. A bar without volume changes nothing. The sums are compensated (A. Neumaier,
 * ZAMM 54, 1974), so that a long session does not drift.
 */
import { type BarIndicator, StatefulIndicator } from "./contract.ts";

const VALUE_SUM = 0;
const VALUE_LOST = 1;
const VOLUME_SUM = 2;
const VOLUME_LOST = 3;

export class Vwap extends StatefulIndicator implements BarIndicator {
  readonly warmUpCount = 1;

  constructor() {
    super(4);
  }

  get ready(): boolean {
    return (this.state[VOLUME_SUM] as number) > 0;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    this.#add(VALUE_SUM, ((high + low + close) / 3) * volume);
    this.#add(VOLUME_SUM, volume);
    this.refresh();
    return true;
  }

  protected refresh(): void {
    const { state } = this;
    const value = (state[VALUE_SUM] as number) + (state[VALUE_LOST] as number);
    const volume = (state[VOLUME_SUM] as number) + (state[VOLUME_LOST] as number);
    this.value = volume > 0 ? value / volume : Number.NaN;
  }

  #add(at: number, term: number): void {
    const { state } = this;
    const sum = state[at] as number;
    const total = sum + term;
    const lost = Math.abs(sum) >= Math.abs(term) ? sum - total + term : term - total + sum;
    state[at] = total;
    state[at + 1] = (state[at + 1] as number) + lost;
  }
}
