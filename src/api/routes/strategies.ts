/** Strategy instances: list, start, stop. */
import { Type as T } from "typebox";
import type { BotPort } from "../bot-port.ts";
import { valueOf } from "../problem.ts";
import { EmptyQuery, Id, Strategy } from "../schema.ts";
import { callerId, KEY_NEEDED, READ_PROBLEMS, refuseBody, type Rest } from "./route.ts";

const tags = ["strategies"];

export function addStrategyRoutes(app: Rest, bot: BotPort): void {
  app.get(
    "/api/v1/strategies",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "Strategy instances",
        querystring: EmptyQuery,
        response: { 200: T.Object({ items: T.Array(Strategy) }), ...READ_PROBLEMS },
      },
    },
    async () => ({ items: await bot.strategies() }),
  );

  const change = (summary: string) =>
    ({
      config: { access: "trader" },
      schema: {
        tags,
        summary,
        security: KEY_NEEDED,
        params: Id,
        querystring: EmptyQuery,
        response: { 200: Strategy, ...READ_PROBLEMS },
      },
      preValidation: refuseBody,
    }) as const;

  app.post("/api/v1/strategies/:id/start", change("Let an instance open positions again"), async (request) =>
    valueOf(await bot.startStrategy(request.params.id, callerId(request))),
  );
  app.post("/api/v1/strategies/:id/stop", change("Keep an instance from opening positions"), async (request) =>
    valueOf(await bot.stopStrategy(request.params.id, callerId(request))),
  );
}
