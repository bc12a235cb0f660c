/** Follows an equity curve: its peak, and how far it has fallen from one. Exact. */
import type { Fixed } from "../fixed.ts";

export class Drawdown {
  #peak: Fixed | null = null;
  #current: Fixed = 0n;
  #largest: Fixed = 0n;

  /** Takes the next point of the curve. */
  observe(equity: Fixed): void {
    if (this.#peak === null || equity > this.#peak) this.#peak = equity;
    this.#current = this.#peak - equity;
    if (this.#current > this.#largest) this.#largest = this.#current;
  }

  /** Null before the first point. */
  get peak(): Fixed | null {
    return this.#peak;
  }

  /** Fall from the peak so far to the last point, at least 0. */
  get current(): Fixed {
    return this.#current;
  }

  /** The largest fall from a peak, at least 0. */
  get largest(): Fixed {
    return this.#largest;
  }
}
