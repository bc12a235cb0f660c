/**
 * The depth of a synthetic crypto market as a pure function of a seed, the touch and the time: ten levels on each side,
 * whole every ten seconds, and every second what has changed since the second before.
 */
import { hashUnit } from "../../venue/seeded-hash.ts";
import type { BookLevel, BookTick } from "../market-source.ts";

export const BOOK_US = 1_000_000;
const WHOLE_EVERY = 10;
const LEVELS = 10;
/** How long a level's size stays, in seconds. */
const SIZE_S = 3;
const CENTS = 100;

const DRAW_LEVEL = 221;

export interface Touch {
  readonly bid: number;
  readonly ask: number;
}

interface Levels {
  readonly second: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
}

export class SyntheticBook {
  readonly #seed: number;
  readonly #lot: number;
  #last: Levels | null = null;

  constructor(seed: number, lot: number) {
    this.#seed = seed;
    this.#lot = lot;
  }

  /** The change at a whole second. `touchAt` gives the best prices at a time. */
  tick(position: number, index: number, timeUs: number, touchAt: (timeUs: number) => Touch): BookTick {
    const second = timeUs / BOOK_US;
    const reset = second % WHOLE_EVERY === 0;
    const now = this.#levelsAt(second, touchAt);
    const before = reset ? null : this.#levelsAt(second - 1, touchAt);
    this.#last = now;
    return {
      kind: "book",
      position,
      index,
      timeUs,
      reset,
      bids: before === null ? now.bids : changes(now.bids, before.bids),
      asks: before === null ? now.asks : changes(now.asks, before.asks),
    };
  }

  /** Remembers the second before, because seconds are mostly asked for one after the other. */
  #levelsAt(second: number, touchAt: (timeUs: number) => Touch): Levels {
    if (this.#last?.second === second) return this.#last;
    const { bid, ask } = touchAt(second * BOOK_US);
    return { second, bids: this.#side(bid, -1, second), asks: this.#side(ask, 1, second) };
  }

  /** Levels a few cents apart, larger away from the touch. */
  #side(best: number, direction: 1 | -1, second: number): BookLevel[] {
    const step = Math.max(1, Math.round(best / 20_000)) * direction;
    const block = Math.floor(second / SIZE_S);
    const levels: BookLevel[] = [];
    for (let level = 0; level < LEVELS; level++) {
      const cents = Math.round(best * CENTS) + level * step;
      const lots = 1 + Math.floor(hashUnit(this.#seed, cents, block, DRAW_LEVEL) * (5 + 3 * level));
      levels.push({ price: cents / CENTS, size: Math.round(lots * this.#lot * 1e9) / 1e9 });
    }
    return levels;
  }
}

/** What is new or of another size, and what has gone, as size 0. */
function changes(now: readonly BookLevel[], before: readonly BookLevel[]): readonly BookLevel[] {
  const changed = now.filter(
    ({ price, size }) => !before.some((level) => level.price === price && level.size === size),
  );
  const gone = before.filter(({ price }) => !now.some((level) => level.price === price));
  return [...changed, ...gone.map(({ price }) => ({ price, size: 0 }))];
}
