/** What the tests ask of PostgreSQL's two pods. */
import type { TestNamespace } from "../harness/namespace.ts";
import { eventually } from "../harness/wait.ts";
import { inClient } from "./stores.ts";

export const PODS = ["postgres-0", "postgres-1"] as const;
export type PodName = (typeof PODS)[number];

interface Member {
  readonly Member: string;
  readonly Role: string;
  readonly State: string;
}

/** Runs SQL as the bot's role on a host, as the guide does; gives the rows, one a line. */
export async function askPostgres(namespace: TestNamespace, host: string, sql: string): Promise<string> {
  const target = ["-h", host, "-U", "algo_trader", "-d", "algo_trading_db"];
  return (await inClient(namespace, "psql", ...target, "--no-align", "--tuples-only", "--command", sql)).trim();
}

/** Runs SQL as superuser in a pod. */
export async function asSuperuser(namespace: TestNamespace, pod: PodName, sql: string): Promise<string> {
  const script = '. /scripts/pod.sh; superuser --command "$1"';
  return (await namespace.must(["exec", pod, "--", "sh", "-c", script, "sh", sql])).trim();
}

/** Waits until one pod is primary and the other its synchronous standby, and the primary's Service leads there; gives the primary. */
export function settledPrimary(namespace: TestNamespace, deadlineMs = 120_000): Promise<PodName> {
  return eventually("a primary with a synchronous standby", deadlineMs, async () => {
    const members = await membersOf(namespace);
    const primary = PODS.find((pod) => members.get(pod) === "Leader");
    if (primary === undefined || members.get(other(primary)) !== "Sync Standby") {
      throw new Error([...members].map((member) => member.join(": ")).join(", "));
    }
    if ((await askPostgres(namespace, "postgres-primary", "SELECT pg_is_in_recovery()")) !== "f") return null;
    return primary;
  });
}

/** The primary, as soon as there is one. */
export function primaryOf(namespace: TestNamespace): Promise<PodName> {
  return eventually("a primary", 120_000, async () => {
    const members = await membersOf(namespace);
    return PODS.find((pod) => members.get(pod) === "Leader");
  });
}

/** The role of each pod in Patroni's words, asked of whichever pod answers. */
async function membersOf(namespace: TestNamespace): Promise<Map<string, string>> {
  for (const pod of PODS) {
    const list = ["exec", pod, "--", "patronictl", "-c", "/run/patroni/config", "list", "--format=json"];
    const { code, stdout } = await namespace.kubectl(list, { timeoutMs: 20_000 });
    if (code !== 0) continue;
    return new Map((JSON.parse(stdout) as Member[]).map((member) => [member.Member, member.Role]));
  }
  throw new Error("no pod answers");
}

export function other(pod: PodName): PodName {
  return pod === "postgres-0" ? "postgres-1" : "postgres-0";
}

/** One checksum over the rows of every table and the value of every sequence of the bot's database. */
export async function databaseChecksum(namespace: TestNamespace): Promise<string> {
  const names = `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`;
  const tables = (await askPostgres(namespace, "postgres-primary", names)).split("\n").filter((name) => name !== "");
  const rows = tables.map(
    (table) =>
      `SELECT '${table}', count(*), md5(coalesce(string_agg(r::text, chr(10) ORDER BY r::text), '')) FROM ${table} r`,
  );
  const sequences = "SELECT schemaname || '.' || sequencename, coalesce(last_value, 0), '' FROM pg_sequences";
  return askPostgres(namespace, "postgres-primary", `${[...rows, sequences].join(" UNION ALL ")} ORDER BY 1`);
}
