/** Quotes and trades of the past: from those that are kept, or, where these do not reach, from the archive. Main thread of the simulator. */
import type { CancelErrorTick, CorrectionTick, MarketTick } from "../../market-source.ts";
import type { RecentTicks } from "./recent-ticks.ts";
import type { TickArchive } from "./tick-archive.ts";
import { TickCollector, type TickPage, type TickQuery } from "./tick-page.ts";

/** What became of a trade that is not valid any more. */
export type TradeFate = "canceled" | "incorrect";

/** Corrections and cancellations that are remembered. */
const RETAINED_FATES = 100_000;

export class TickHistory {
  readonly #recent: RecentTicks;
  readonly #archive: TickArchive;
  readonly #fates = new Map<string, TradeFate>();

  /** Nothing is older. */
  readonly firstUs: number;

  constructor(recent: RecentTicks, archive: TickArchive, firstUs: number) {
    this.#recent = recent;
    this.#archive = archive;
    this.firstUs = firstUs;
  }

  page(given: TickQuery): TickPage | Promise<TickPage> {
    const query = { ...given, startUs: Math.max(given.startUs, this.firstUs) };
    if (query.startUs < this.#recent.completeSinceUs) return this.#archive.page(query, (tick) => this.#note(tick));
    const collector = new TickCollector(query);
    const ticks = this.#recent.between(query.index, query.startUs, query.endUs);
    if (query.descending) ticks.reverse();
    for (const tick of ticks) collector.add(tick);
    return collector.page();
  }

  correct(tick: CorrectionTick | CancelErrorTick): void {
    const tradeId = tick.kind === "correction" ? tick.original.tradeId : tick.tradeId;
    this.#fates.set(`${tick.index} ${tradeId}`, tick.kind === "correction" ? "incorrect" : "canceled");
    if (this.#fates.size > RETAINED_FATES) this.#fates.delete(this.#fates.keys().next().value as string);
  }

  /** Undefined for a trade that is valid. */
  fateOf(index: number, tradeId: number): TradeFate | undefined {
    return this.#fates.get(`${index} ${tradeId}`);
  }

  /** A tick that was met on the way to others. */
  #note(tick: MarketTick): void {
    if (tick.kind === "correction" || tick.kind === "cancelError") this.correct(tick);
  }
}
