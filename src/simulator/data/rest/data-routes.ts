/** Alpaca's market-data REST interface. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { auctionRoutes } from "./auction-routes.ts";
import type { DataRoutesOptions } from "./data-market.ts";
import { historyRoutes } from "./history-routes.ts";
import { latestRoutes } from "./latest-routes.ts";
import { metaRoutes } from "./meta-routes.ts";
import { newsRoutes } from "./news-routes.ts";

const DATA_PATH = /^\/(v2\/stocks|v1beta3\/crypto|v1beta1\/news)(\/|$)/;

/** Whether a path belongs to market data, which has its own limit and its own kind of error. */
export function isDataPath(path: string): boolean {
  return DATA_PATH.test(path);
}

export function dataRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  historyRoutes(app, options);
  latestRoutes(app, options);
  auctionRoutes(app, options);
  metaRoutes(app);
  newsRoutes(app, options);
}
