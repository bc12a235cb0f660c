/** The two markets that data routes serve, and what they have in common. Main thread of the simulator. */
import type { AssetClass, Instrument } from "../../../core/market/instrument.ts";
import type { BarHistory } from "../history/bar-history.ts";
import type { LatestTicks } from "../history/latest-ticks.ts";
import type { OrderBooks } from "../history/order-books.ts";
import type { TickHistory } from "../history/tick-history.ts";
import type { NewsArchive } from "../news.ts";
import type { DataPlan } from "../plan.ts";
import { symbolsOf, type Query } from "./data-query.ts";

/** What data routes read. */
export interface DataRoutesOptions {
  readonly instruments: readonly Instrument[];
  readonly plan: DataPlan;
  readonly bars: BarHistory;
  readonly ticks: TickHistory;
  readonly latest: LatestTicks;
  readonly books: OrderBooks;
  readonly news: NewsArchive;
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
}

/** Of the symbols asked for those that there are, in alphabetical order. */
export function instrumentsOf(options: DataRoutesOptions, assetClass: AssetClass, query: Query): Instrument[] {
  const symbols = symbolsOf(query, assetClass === "crypto" ? "pair" : "stock");
  return symbols.flatMap((symbol) => {
    const found = options.instruments.find((each) => each.symbol === symbol && each.assetClass === assetClass);
    return found ?? [];
  });
}
