/**
 * The sizes that rest at the prices of one instrument, as far as the source shows its depth. Owned by the instrument's
 * market.
 */
import type { VenueSide } from "./order.ts";

/** Sizes are what rests there now; 0 removes the level. */
export interface DepthLevel {
  readonly price: number;
  readonly size: number;
}

export interface DepthChange {
  /** The levels are the whole book, not changes of it. */
  readonly reset: boolean;
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
}

/** Of a side. A source that never takes back what it has shown must not fill the memory. */
const MAX_LEVELS = 20_000;

export class DepthBook {
  readonly #bids = new Map<number, number>();
  readonly #asks = new Map<number, number>();

  apply(change: DepthChange): void {
    if (change.reset) {
      this.#bids.clear();
      this.#asks.clear();
    }
    set(this.#bids, change.bids);
    set(this.#asks, change.asks);
  }

  /** 0 where nothing is shown. */
  sizeAt(side: VenueSide, price: number): number {
    return (side === "buy" ? this.#bids : this.#asks).get(price) ?? 0;
  }
}

/** A level that changes becomes the newest one; where there are too many, the oldest go. */
function set(levels: Map<number, number>, changes: readonly DepthLevel[]): void {
  for (const { price, size } of changes) {
    levels.delete(price);
    if (size > 0) levels.set(price, size);
  }
  if (levels.size <= MAX_LEVELS) return;
  for (const price of levels.keys()) {
    levels.delete(price);
    if (levels.size <= MAX_LEVELS) return;
  }
}
