/** The books of crypto pairs as their messages leave them, a bounded number of levels each. Main thread of the simulator. */
import type { BookLevel, BookTick } from "../../market-source.ts";

export interface OrderBook {
  readonly timeUs: number;
  /** Best price first. */
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
}

/** Levels kept on each side; the farthest go. */
const RETAINED_LEVELS = 1000;

interface Sides {
  timeUs: number;
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
}

export class OrderBooks {
  readonly #books = new Map<number, Sides>();

  apply(tick: BookTick): void {
    let book = this.#books.get(tick.index);
    if (book === undefined || tick.reset) {
      book = { timeUs: tick.timeUs, bids: new Map(), asks: new Map() };
      this.#books.set(tick.index, book);
    }
    book.timeUs = tick.timeUs;
    change(book.bids, tick.bids, 1);
    change(book.asks, tick.asks, -1);
  }

  /** Undefined for an instrument that has shown no depth. */
  of(index: number): OrderBook | undefined {
    const book = this.#books.get(index);
    if (book === undefined) return undefined;
    return { timeUs: book.timeUs, bids: sorted(book.bids, -1), asks: sorted(book.asks, 1) };
  }
}

/** `farthest` −1 when the highest prices go first, 1 when the lowest do. */
function change(side: Map<number, number>, levels: readonly BookLevel[], farthest: 1 | -1): void {
  for (const { price, size } of levels) {
    if (size === 0) side.delete(price);
    else side.set(price, size);
  }
  if (side.size <= RETAINED_LEVELS * 2) return;
  const prices = [...side.keys()].sort((a, b) => (a - b) * farthest);
  for (const price of prices.slice(0, side.size - RETAINED_LEVELS)) side.delete(price);
}

function sorted(side: ReadonlyMap<number, number>, direction: 1 | -1): BookLevel[] {
  return [...side].map(([price, size]) => ({ price, size })).sort((a, b) => (a.price - b.price) * direction);
}
