/** Quotes or trades of the past, a page at a time: what is asked, what comes back, and where to go on. Pure. */
import type { CorrectionTick, MarketTick, QuoteTick, TradeTick } from "../../market-source.ts";

/** Of one instrument; times are inclusive, epoch microseconds. */
export interface TickQuery {
  readonly index: number;
  readonly kind: "quote" | "trade";
  readonly startUs: number;
  readonly endUs: number;
  readonly descending: boolean;
  /** How many at the first instant (the last one when descending) have been given before. */
  readonly skip: number;
  readonly limit: number;
}

/** Corrections are among the trades: each brings a trade of its own. */
export type PagedTick = QuoteTick | TradeTick | CorrectionTick;

export interface TickCursor {
  readonly timeUs: number;
  readonly skip: number;
}

export interface TickPage {
  readonly ticks: readonly PagedTick[];
  /** Null when nothing is left in the range. */
  readonly next: TickCursor | null;
}

/** Takes ticks in the order that was asked for until the page is full. */
export class TickCollector {
  readonly #query: TickQuery;
  readonly #ticks: PagedTick[] = [];
  /** The instant of the last tick seen, and how many of it have been seen. */
  #timeUs: number;
  #atTime = 0;
  #isFull = false;

  constructor(query: TickQuery) {
    this.#query = query;
    this.#timeUs = query.descending ? query.endUs : query.startUs;
  }

  /** One more than fits has come: there is a next page. */
  get isFull(): boolean {
    return this.#isFull;
  }

  add(tick: MarketTick): void {
    const { startUs, endUs, skip, limit, descending } = this.#query;
    if (this.#isFull || !isAskedFor(tick, this.#query)) return;
    if (this.#ticks.length === limit) {
      this.#isFull = true;
      return;
    }
    if (tick.timeUs !== this.#timeUs) {
      this.#timeUs = tick.timeUs;
      this.#atTime = 0;
    }
    this.#atTime++;
    const isFirstInstant = tick.timeUs === (descending ? endUs : startUs);
    if (!isFirstInstant || this.#atTime > skip) this.#ticks.push(tick);
  }

  /** `reachedUs`: where the search was given up; null when it came to the end of the range. */
  page(reachedUs: number | null = null): TickPage {
    if (this.#isFull) return { ticks: this.#ticks, next: { timeUs: this.#timeUs, skip: this.#atTime } };
    return { ticks: this.#ticks, next: reachedUs === null ? null : { timeUs: reachedUs, skip: 0 } };
  }
}

export function isAskedFor(tick: MarketTick, query: TickQuery): tick is PagedTick {
  const { index, kind, startUs, endUs } = query;
  if (tick.index !== index || tick.timeUs < startUs || tick.timeUs > endUs) return false;
  return tick.kind === kind || (kind === "trade" && tick.kind === "correction");
}
