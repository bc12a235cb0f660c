/**
 * Donchian channel: the highest high and the lowest low of the last `period` bars (R. Donchian; described in Turtle
 * trading as the "breakout channel"). `value` is the middle, (upper + lower) / 2.
 *
 * Each extreme is the head of a monotonic queue of bar numbers: a bar enters once and leaves once, so an update costs
 * constant time on average whatever the period.
 */
import { type BarIndicator, checkPeriod, StatefulIndicator } from "./contract.ts";

const COUNT = 0;
/** Layout of one extreme's queue: head, length, then the prices of its bars, then their numbers. */
const HEAD = 0;
const LENGTH = 1;
const PRICES = 2;

export class DonchianChannel extends StatefulIndicator implements BarIndicator {
  readonly warmUpCount: number;
  upper = Number.NaN;
  lower = Number.NaN;
  readonly #high = 1;
  readonly #low: number;

  /** `period`: 1 or more bars. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    super(1 + 2 * (PRICES + 2 * checkPeriod(period)));
    this.warmUpCount = period;
    this.#low = this.#high + PRICES + 2 * period;
  }

  get ready(): boolean {
    return (this.state[COUNT] as number) >= this.warmUpCount;
  }

  update(high: number, low: number, close: number, volume: number): boolean {
    if (!Number.isFinite(high) || !Number.isFinite(low) || !Number.isFinite(close)) return false;
    if (!(volume >= 0 && volume < Number.POSITIVE_INFINITY)) return false;
    const bar = this.state[COUNT] as number;
    this.#push(this.#high, bar, high);
    this.#push(this.#low, bar, -low);
    this.state[COUNT] = bar + 1;
    this.refresh();
    return true;
  }

  /** The lows are kept negated, so that both extremes are greatest values. */
  protected refresh(): void {
    this.upper = this.ready ? this.#extreme(this.#high) : Number.NaN;
    this.lower = this.ready ? -this.#extreme(this.#low) : Number.NaN;
    this.value = (this.upper + this.lower) / 2;
  }

  #push(base: number, bar: number, price: number): void {
    const { state } = this;
    const period = this.warmUpCount;
    const prices = base + PRICES;
    const bars = prices + period;
    let head = state[base + HEAD] as number;
    let length = state[base + LENGTH] as number;
    if (length > 0 && (state[bars + head] as number) <= bar - period) {
      head = head + 1 === period ? 0 : head + 1;
      length--;
    }
    let end = head + length < period ? head + length : head + length - period;
    while (length > 0) {
      const tail = end === 0 ? period - 1 : end - 1;
      if ((state[prices + tail] as number) > price) break;
      end = tail;
      length--;
    }
    state[prices + end] = price;
    state[bars + end] = bar;
    state[base + HEAD] = head;
    state[base + LENGTH] = length + 1;
  }

  #extreme(base: number): number {
    return this.state[base + PRICES + (this.state[base + HEAD] as number)] as number;
  }
}
