/** What the engine saw and decided: signals and bars. Reads only. */
import type { BotPort } from "../bot-port.ts";
import { readPage } from "../paging.ts";
import { Bar, BarsQuery, listOf, PageQuery, Signal } from "../schema.ts";
import { READ_PROBLEMS, type Rest } from "./route.ts";

const tags = ["market"];

export function addMarketRoutes(app: Rest, bot: BotPort): void {
  app.get(
    "/api/v1/signals",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Decisions and what became of them, newest first",
        querystring: PageQuery,
        response: { 200: listOf(Signal), ...READ_PROBLEMS },
      },
    },
    async (request) =>
      readPage(
        request.query,
        (signal) => signal.id,
        (page) => bot.signals(page),
      ),
  );

  app.get(
    "/api/v1/bars",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Bars of a symbol, newest first",
        querystring: BarsQuery,
        response: { 200: listOf(Bar), ...READ_PROBLEMS },
      },
    },
    async (request) =>
      readPage(
        request.query,
        (bar) => bar.start,
        (page) => bot.bars(request.query.symbol, page),
      ),
  );
}
