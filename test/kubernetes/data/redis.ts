/** What the tests ask of Redis's three nodes. */
import type { TestNamespace } from "../harness/namespace.ts";
import { eventually } from "../harness/wait.ts";
import { inClient } from "./stores.ts";

export const NODES = [0, 1, 2] as const;

/** One exec for all three: starting a program in a container is what takes the time. */
const SURVEY = NODES.map((node) =>
  [
    `redis-cli -h redis-${node}.redis-service info replication`,
    `redis-cli -h redis-node-${node} -p 26379 sentinel ckquorum mymaster`,
    `redis-cli -h redis-node-${node} -p 26379 sentinel get-master-addr-by-name mymaster`,
    "echo ==",
  ].join("; "),
).join("; ");

/** The answer of a node's Redis, asked as the guide asks it. */
export async function askRedis(namespace: TestNamespace, node: number, ...command: string[]): Promise<string> {
  return (await inClient(namespace, "redis-cli", "-h", `redis-${node}.redis-service`, ...command)).trim();
}

/** The same of all nodes. */
export function askAll(namespace: TestNamespace, ...command: string[]): Promise<string[]> {
  return Promise.all(NODES.map((node) => askRedis(namespace, node, ...command)));
}

/**
 * Waits until one node is master, the two others follow it and have what it has, and all three Sentinels see each other and
 * name the same master; gives the master.
 */
export function settledMaster(namespace: TestNamespace, deadlineMs = 180_000): Promise<number> {
  return eventually("one master and two replicas", deadlineMs, async () => {
    const nodes = (await inClient(namespace, "sh", "-c", SURVEY)).split("==\n").slice(0, NODES.length);
    const master = nodes.findIndex((node) => node.includes("role:master"));
    const online = nodes[master]?.match(/^slave\d:.*state=online/gm)?.length ?? 0;
    const following = nodes.filter((node) => node.includes("master_link_status:up")).length;
    const usable = nodes.filter((node) => node.includes("OK 3 usable Sentinels")).length;
    const named = new Set(nodes.map((node) => /^([\d.]+)\r?\n6379\r?$/m.exec(node)?.[1]));
    if (online !== 2 || following !== 2 || usable !== NODES.length || named.size !== 1) {
      throw new Error(nodes.map(summary).join("; "));
    }
    return master;
  });
}

function summary(node: string): string {
  const lines = node.match(/^(role|master_link_status|connected_slaves):.*$|^.*usable.*$|^[\d.]+$/gm);
  return lines?.map((line) => line.trim()).join(" ") ?? "no answer";
}
