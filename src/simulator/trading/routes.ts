/** Alpaca's trading REST interface over the exchange, put together. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import type { Fixed } from "../../core/fixed.ts";
import type { Exchange } from "../exchange.ts";
import { accountRoutes } from "./account.ts";
import { eventRoutes } from "./account-feeds.ts";
import { activityRoutes } from "./activities.ts";
import { assetRoutes } from "./assets.ts";
import { calendarRoutes } from "./calendar.ts";
import { clockRoutes } from "./clock.ts";
import { configurationRoutes } from "./configurations.ts";
import type { EventFeed } from "./event-stream.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { accountDays } from "./market-hours.ts";
import { orderRoutes } from "./orders.ts";
import { portfolioHistoryRoutes } from "./portfolio-history.ts";
import { positionRoutes } from "./positions.ts";
import { unservedRoutes } from "./unserved.ts";
import { watchlistRoutes } from "./watchlist-routes.ts";

export interface TradingRoutesOptions {
  readonly exchange: Exchange;
  readonly directory: InstrumentDirectory;
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
  /** Calls back after every event of the account, until the returned function is called. */
  readonly watch: EventFeed["watch"];
}

export function tradingRoutes(app: FastifyInstance, options: TradingRoutesOptions): void {
  const { exchange, directory, nowUs } = options;
  accountRoutes(app, exchange);
  configurationRoutes(app, exchange);
  activityRoutes(app, exchange);
  portfolioHistoryRoutes(app, {
    history: exchange.equity,
    days: accountDays(directory.all),
    equity: () => exchange.venue.figures().equity,
    cashFlows: (fromUs, toUs) => cashFlows(exchange, fromUs, toUs),
    nowUs,
  });
  orderRoutes(app, options);
  positionRoutes(app, options);
  assetRoutes(app, directory);
  clockRoutes(app, directory.all, nowUs);
  calendarRoutes(app, nowUs);
  watchlistRoutes(app, {
    watchlists: exchange.watchlists,
    directory,
    accountId: exchange.head.accountId,
    nowUs,
    committed: () => exchange.ledger.committed(),
  });
  eventRoutes(app, options);
  unservedRoutes(app, directory);
}

/** Σ of what moved cash without a trade, by activity type. */
function cashFlows({ activities }: Exchange, fromUs: number, toUs: number): ReadonlyMap<string, Fixed> {
  const sums = new Map<string, Fixed>();
  for (const { type, timeUs, netAmount } of activities) {
    if (timeUs > fromUs && timeUs <= toUs) sums.set(type, (sums.get(type) ?? 0n) + netAmount);
  }
  return sums;
}
