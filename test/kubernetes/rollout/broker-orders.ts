/** What the simulated broker knows of orders, asked where it runs: it is the judge of what was lost or sent twice. */
import type { TestNamespace } from "../harness/namespace.ts";

/** Pages through all orders, oldest first; a page begins again at the last one's time, so some come twice. */
const ASK = `
const { readFileSync } = require("node:fs");
const secret = (name) => readFileSync("/etc/algo-trading/secrets/" + name, "utf8").trim();
const headers = { "APCA-API-KEY-ID": secret("ALPACA_API_KEY"), "APCA-API-SECRET-KEY": secret("ALPACA_SECRET_KEY") };
(async () => {
  const known = new Map();
  let after = "2000-01-01T00:00:00Z";
  for (;;) {
    const before = known.size;
    const query = new URLSearchParams({ status: "all", limit: "500", direction: "asc", after });
    const page = await (await fetch("http://127.0.0.1:4010/v2/orders?" + query, { headers })).json();
    for (const order of page) known.set(order.id, order.client_order_id);
    if (known.size === before) break;
    after = new Date(Date.parse(page.at(-1).submitted_at) - 1).toISOString();
  }
  console.log(JSON.stringify([...known.values()]));
})();
`;

/** How many orders the broker has under each client order id. */
export async function ordersAtBroker(namespace: TestNamespace): Promise<ReadonlyMap<string, number>> {
  const args = ["exec", "deployment/algo-trading-simulator", "--", "node", "--eval", ASK];
  const ids = JSON.parse(await namespace.must(args, { timeoutMs: 120_000 })) as string[];
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}
