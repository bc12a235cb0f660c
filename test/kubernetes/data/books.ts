/** The bot's journal against the simulated broker's own account of what was ordered: neither may know an order that the other does not. */
import type { TestNamespace } from "../harness/namespace.ts";

/** Pages through all orders, oldest first; a page begins at the last one's time again, so some come twice. */
const LIST_ORDERS = `
const { readFileSync } = require("node:fs");
const secret = (name) => readFileSync("/etc/algo-trading/secrets/" + name, "utf8").trim();
const headers = { "APCA-API-KEY-ID": secret("ALPACA_API_KEY"), "APCA-API-SECRET-KEY": secret("ALPACA_SECRET_KEY") };
const ask = async (path) => (await fetch("http://127.0.0.1:4010" + path, { headers })).json();
(async () => {
  const orders = new Map();
  let after = "2000-01-01T00:00:00Z";
  for (let known = -1; known !== orders.size; ) {
    known = orders.size;
    const page = await ask("/v2/orders?" + new URLSearchParams({ status: "all", limit: "500", direction: "asc", after }));
    for (const order of page) orders.set(order.id, order.client_order_id);
    if (page.length > 0) after = new Date(Date.parse(page.at(-1).submitted_at) - 1).toISOString();
  }
  const { suspend_trade } = await ask("/v2/account/configurations");
  console.log(JSON.stringify({ orders: [...orders.values()], suspended: suspend_trade }));
})();
`;

export interface BrokerState {
  /** Client order ids, one for each order. */
  readonly orders: readonly string[];
  readonly suspended: boolean;
}

export interface Comparison {
  readonly orders: number;
  /** The broker has them, the journal does not. */
  readonly unknownToBot: readonly string[];
  /** The journal has them as taken by the broker, which does not have them. */
  readonly unknownToBroker: readonly string[];
  /** The broker has them more than once. */
  readonly doubled: readonly string[];
}

export async function brokerState(namespace: TestNamespace): Promise<BrokerState> {
  const ask = ["exec", "deployment/algo-trading-simulator", "--", "node", "--eval", LIST_ORDERS];
  return JSON.parse(await namespace.must(ask, { timeoutMs: 120_000 })) as BrokerState;
}

/** The journal is read before and after the broker, for trading goes on meanwhile. */
export async function compareBooks(namespace: TestNamespace): Promise<Comparison> {
  const taken =
    "state IN ('accepted', 'partially_filled', 'filled', 'canceled', 'expired') AND broker_order_id IS NOT NULL";
  const before = await journal(namespace, `SELECT client_order_id FROM orders WHERE ${taken}`);
  const { orders } = await brokerState(namespace);
  const after = new Set(await journal(namespace, "SELECT client_order_id FROM orders"));
  const atBroker = new Set(orders);
  return {
    orders: orders.length,
    unknownToBot: orders.filter((id) => !after.has(id)),
    unknownToBroker: before.filter((id) => !atBroker.has(id)),
    doubled: orders.filter((id, index) => orders.indexOf(id) !== index),
  };
}

/** Rows of a query on the bot's database, asked in a bot's pod as the guide does. */
export async function journal(namespace: TestNamespace, sql: string): Promise<string[]> {
  const ask = ["exec", "deployment/algo-trading-bot", "--", "psql", "-h", "postgres-primary", "-U", "algo_trader"];
  const rows = await namespace.must([...ask, "-d", "algo_trading_db", "--tuples-only", "--no-align", "--command", sql]);
  return rows.split("\n").filter((row) => row !== "");
}
