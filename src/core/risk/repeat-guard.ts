/**
 * The repeated-execution throttle of one instance, instrument and side: at most N orders in any 60 s of venue time. Owned
 * by one engine; a ring of times, nothing allocated per order.
 */
const WINDOW_US = 60_000_000;

export class RepeatGuard {
  readonly #times: Float64Array;
  #next = 0;

  /** `ordersPerMinute`: at least 1. */
  constructor(ordersPerMinute: number) {
    this.#times = new Float64Array(ordersPerMinute).fill(Number.NEGATIVE_INFINITY);
  }

  /** Whether one more order at the venue time `nowUs` would be one too many. */
  isExhausted(nowUs: number): boolean {
    return (this.#times[this.#next] as number) > nowUs - WINDOW_US;
  }

  record(nowUs: number): void {
    this.#times[this.#next] = nowUs;
    this.#next = (this.#next + 1) % this.#times.length;
  }

  reset(): void {
    this.#times.fill(Number.NEGATIVE_INFINITY);
    this.#next = 0;
  }
}
