/** Risk state, the kill switch, and its lifting. */
import type { BotPort } from "../bot-port.ts";
import { valueOf } from "../problem.ts";
import { EmptyQuery, Kill, Reason, Resume, Risk } from "../schema.ts";
import { callerId, KEY_NEEDED, READ_PROBLEMS, type Rest } from "./route.ts";

const tags = ["risk"];

export function addRiskRoutes(app: Rest, bot: BotPort): void {
  app.get(
    "/api/v1/risk",
    {
      config: { access: "read" },
      schema: {
        tags,
        summary: "States and limits",
        querystring: EmptyQuery,
        response: { 200: Risk, ...READ_PROBLEMS },
      },
    },
    async () => bot.risk(),
  );

  app.post(
    "/api/v1/risk/kill",
    {
      config: { access: "trader", unlimited: true },
      schema: {
        tags,
        summary: "Kill switch: no new orders, cancel all open ones",
        security: KEY_NEEDED,
        querystring: EmptyQuery,
        body: Reason,
        response: { 200: Kill, ...READ_PROBLEMS },
      },
    },
    async (request) => bot.kill(callerId(request), request.body.reason),
  );

  app.post(
    "/api/v1/risk/resume",
    {
      config: { access: "risk" },
      schema: {
        tags,
        summary: "Lift the kill switch, or the halt of one symbol",
        description: "409 `TRADING_HALTED`: the kill switch was thrown meanwhile, and trading stays halted.",
        security: KEY_NEEDED,
        querystring: EmptyQuery,
        body: Resume,
        response: { 200: Risk, ...READ_PROBLEMS },
      },
    },
    async (request) => {
      const { scope, reason } = request.body;
      return valueOf(await bot.resume(scope ?? "account", callerId(request), reason));
    },
  );
}
