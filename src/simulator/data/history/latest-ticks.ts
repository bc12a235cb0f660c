/**
 * The latest quote and trade of every instrument. A trade that may not set a bar's price is no latest trade. Where nothing
 * has been played yet the past is asked. Main thread of the simulator.
 */
import { FLAG_NOT_LAST } from "../../../core/market/record.ts";
import { saleConditionFlagsOf, type Tape } from "../../../core/market/sale-condition.ts";
import type { MarketTick, QuoteTick, TradeTick } from "../../market-source.ts";
import type { TickHistory } from "./tick-history.ts";

interface Latest {
  quote?: QuoteTick;
  trade?: TradeTick;
}

/** How far back the latest trade of a price is looked for, and in how many trades. */
const SEARCH_US = 4 * 86_400_000_000;
const SEARCH_TICKS = 100;

export class LatestTicks {
  readonly #history: TickHistory;
  readonly #latest: Latest[];

  constructor(instruments: number, history: TickHistory) {
    this.#history = history;
    this.#latest = Array.from({ length: instruments }, () => ({}));
  }

  observe(tick: MarketTick): void {
    const latest = this.#latest[tick.index] as Latest;
    if (tick.kind === "quote") latest.quote = tick;
    else if (tick.kind === "trade" && setsPrice(tick)) latest.trade = tick;
  }

  /** Price of the last trade played; 0 before there is one. */
  lastPrice(index: number): number {
    return this.#latest[index]?.trade?.price ?? 0;
  }

  /** As of a time: now, or some time ago for delayed feeds. Undefined when there has been none for days. */
  async quote(index: number, timeUs: number): Promise<QuoteTick | undefined> {
    const latest = this.#latest[index]?.quote;
    if (latest !== undefined && latest.timeUs <= timeUs) return latest;
    return (await this.#search(index, "quote", timeUs)).find((tick) => tick.kind === "quote");
  }

  async trade(index: number, timeUs: number): Promise<TradeTick | undefined> {
    const latest = this.#latest[index]?.trade;
    if (latest !== undefined && latest.timeUs <= timeUs) return latest;
    return (await this.#search(index, "trade", timeUs)).filter((tick) => tick.kind === "trade").find(setsPrice);
  }

  async #search(index: number, kind: "quote" | "trade", timeUs: number): Promise<readonly MarketTick[]> {
    const range = { startUs: timeUs - SEARCH_US, endUs: timeUs, descending: true, skip: 0 };
    const limit = kind === "quote" ? 1 : SEARCH_TICKS;
    return (await this.#history.page({ index, kind, ...range, limit })).ticks;
  }
}

function setsPrice(trade: TradeTick): boolean {
  return (saleConditionFlagsOf(trade.conditions, trade.tape as Tape) & FLAG_NOT_LAST) === 0;
}
