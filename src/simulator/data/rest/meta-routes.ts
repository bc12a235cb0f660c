/** What the letters of exchanges and conditions mean. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { badRequest, queryOf, refuseUnexpected } from "./data-query.ts";
import { type Codes, CONDITIONS, EXCHANGES } from "./market-codes.ts";

export function metaRoutes(app: FastifyInstance): void {
  app.get("/v2/stocks/meta/exchanges", async () => EXCHANGES);
  app.get("/v2/stocks/meta/conditions/:kind", async (request): Promise<Codes> => {
    const { kind } = request.params as { kind: string };
    const query = queryOf(request.query);
    refuseUnexpected(query, ["tape"]);
    if (kind !== "trade" && kind !== "quote") throw badRequest(`invalid ticktype: ${kind}, trade or quote is allowed`);
    const { tape } = query;
    if (tape !== "A" && tape !== "B" && tape !== "C") throw badRequest("invalid tape: A, B or C is needed");
    return CONDITIONS[kind][tape];
  });
}
