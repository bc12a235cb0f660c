/** What is owned and earned: positions, account, trades, profit. Reads only. */
import type { BotPort } from "../bot-port.ts";
import { readPage } from "../paging.ts";
import { Account, EmptyQuery, listOf, Pnl, Position, Trade, TradesQuery } from "../schema.ts";
import { READ_PROBLEMS, type Rest } from "./route.ts";
import { Type as T } from "typebox";

const tags = ["portfolio"];

export function addPortfolioRoutes(app: Rest, bot: BotPort): void {
  app.get(
    "/api/v1/positions",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Open positions by strategy instance and symbol",
        querystring: EmptyQuery,
        response: { 200: T.Object({ items: T.Array(Position) }), ...READ_PROBLEMS },
      },
    },
    async () => ({ items: await bot.positions() }),
  );

  app.get(
    "/api/v1/account",
    {
      config: { access: "read" },
      schema: { tags, summary: "The account", querystring: EmptyQuery, response: { 200: Account, ...READ_PROBLEMS } },
    },
    async () => bot.account(),
  );

  app.get(
    "/api/v1/trades",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Executions, newest first",
        querystring: TradesQuery,
        response: { 200: listOf(Trade), ...READ_PROBLEMS },
      },
    },
    async (request) =>
      readPage(
        request.query,
        (trade) => trade.position,
        (page) => bot.trades({ symbol: request.query.symbol ?? null }, page),
      ),
  );

  app.get(
    "/api/v1/pnl",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Profit and the equity curve",
        querystring: EmptyQuery,
        response: { 200: Pnl, ...READ_PROBLEMS },
      },
    },
    async () => bot.pnl(),
  );
}
