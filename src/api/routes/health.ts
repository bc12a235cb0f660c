/** Liveness and readiness. Anyone may ask; only readers learn what is wrong. */
import type { BotPort, HealthReport } from "../bot-port.ts";
import { EmptyQuery, Health } from "../schema.ts";
import type { Rest } from "./route.ts";

export function addHealthRoutes(app: Rest, bot: BotPort): void {
  const options = (summary: string) =>
    ({
      config: { access: "probe" },
      schema: { tags: ["health"], summary, querystring: EmptyQuery, response: { 200: Health, 503: Health } },
    }) as const;

  app.get("/health", options("Whether the process makes progress"), async (request, reply) => {
    return answer(reply, bot.health(), request.detailed);
  });
  app.get("/ready", options("Whether it may be sent requests"), async (request, reply) => {
    return answer(reply, bot.ready(), request.detailed);
  });
}

function answer(reply: { status(code: number): unknown }, report: HealthReport, detailed: boolean) {
  reply.status(report.ok ? 200 : 503);
  const parts = report.parts.map(({ name, ok, state, detail }) =>
    detailed ? { name, ok, state, detail } : { name, ok, state },
  );
  return { ok: report.ok, state: report.state, parts };
}
