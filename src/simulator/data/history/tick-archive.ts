/**
 * Ticks that are not kept any more, or that happened before the simulator ran: a recording is read again from its
 * beginning, a seeded market makes them again. Main thread of the simulator; long searches let others run in between.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { MarketSource, MarketTick, PastTicks } from "../../market-source.ts";
import { isAskedFor, type PagedTick, TickCollector, type TickPage, type TickQuery } from "./tick-page.ts";

export interface TickArchive {
  /** `pass` is told of every tick of the instrument that is met on the way. */
  page(query: TickQuery, pass?: (tick: MarketTick) => void): Promise<TickPage>;
}

const WINDOW_US = 600_000_000;
/** A page takes no more windows than this, and says where to go on: two days. */
const WINDOWS_PER_PAGE = 288;

export class SeededArchive implements TickArchive {
  readonly #market: PastTicks;

  constructor(market: PastTicks) {
    this.#market = market;
  }

  async page(query: TickQuery, pass: (tick: MarketTick) => void = () => {}): Promise<TickPage> {
    const { descending, startUs, endUs } = query;
    const collector = new TickCollector(query);
    const afterUs = endUs + 1;
    for (let window = 0; window < WINDOWS_PER_PAGE; window++) {
      const from = descending ? Math.max(startUs, afterUs - (window + 1) * WINDOW_US) : startUs + window * WINDOW_US;
      const to = descending ? afterUs - window * WINDOW_US : Math.min(afterUs, from + WINDOW_US);
      if (from >= to) return collector.page();
      const ticks = this.#market.past(query.index, from, to);
      if (descending) ticks.reverse();
      for (const tick of ticks) {
        pass(tick);
        collector.add(tick);
      }
      if (collector.isFull) return collector.page();
      await nextTurn();
    }
    const reachedUs = descending ? endUs - WINDOWS_PER_PAGE * WINDOW_US : startUs + WINDOWS_PER_PAGE * WINDOW_US;
    return collector.page(reachedUs < startUs || reachedUs > endUs ? null : reachedUs);
  }
}

export class RecordedArchive implements TickArchive {
  readonly #source: MarketSource;

  constructor(source: MarketSource) {
    this.#source = source;
  }

  page(query: TickQuery): Promise<TickPage> {
    return query.descending ? this.#newestFirst(query) : this.#oldestFirst(query);
  }

  async #oldestFirst(query: TickQuery): Promise<TickPage> {
    const collector = new TickCollector(query);
    for await (const ticks of this.#source.ticks(0)) {
      for (const tick of ticks) {
        if (tick.timeUs > query.endUs) return collector.page();
        collector.add(tick);
        if (collector.isFull) return collector.page();
      }
    }
    return collector.page();
  }

  /** Keeps the newest so far, since a recording can be read in one direction only. */
  async #newestFirst(query: TickQuery): Promise<TickPage> {
    const most = query.limit + query.skip + 1;
    let newest: PagedTick[] = [];
    for await (const ticks of this.#source.ticks(0)) {
      for (const tick of ticks) if (isAskedFor(tick, query)) newest.push(tick);
      if (newest.length > most * 2) newest = newest.slice(-most);
      if ((ticks.at(-1)?.timeUs ?? 0) > query.endUs) break;
    }
    const collector = new TickCollector(query);
    for (const tick of newest.slice(-most).reverse()) collector.add(tick);
    return collector.page();
  }
}
