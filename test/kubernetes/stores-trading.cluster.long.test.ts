/**
 * The bot trading its simulator while Redis and PostgreSQL lose pods: no order is lost or doubled, trading goes on within a minute,
 * and without PostgreSQL the replicas stay ready and the kill switch works. The times are printed.
 */
import assert from "node:assert/strict";
import { after, before, it, type TestContext } from "node:test";
import { brokerState, compareBooks, journal } from "./data/books.ts";
import { crashPods, stopPods } from "./data/faults.ts";
import { other, PODS, primaryOf } from "./data/postgres.ts";
import { onCluster } from "./harness/cluster.ts";
import { installDev } from "./harness/dev-installation.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { forwardPort } from "./harness/port-forward.ts";
import { eventually } from "./harness/wait.ts";

const TRADING_AGAIN_MS = 60_000;
const DATABASE_AWAY_MS = 120_000;
/** The demonstrations decide at the close of a bar, and not at every one. */
const ORDER_MS = 240_000;
const REDIS = ["redis-0", "redis-1", "redis-2"];

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

await onCluster("trading through faults of the stores", (cluster) => {
  let namespace: TestNamespace;
  explainFailures(() => namespace);
  before(async () => {
    ({ namespace } = await installDev(cluster, "stores"));
    await orderSince("epoch");
  });
  after(() => namespace?.remove());

  /** The database's clock, as soon as there is a database. */
  const now = () =>
    eventually("the database", TRADING_AGAIN_MS, async () => (await journal(namespace, "SELECT clock_timestamp()"))[0]);
  const orderSince = (time: string) =>
    eventually("an order", ORDER_MS, async () => {
      const [count] = await journal(namespace, `SELECT count(*) FROM orders WHERE created_at > '${time}'`);
      return count === "0" ? null : true;
    });

  /** How long nobody traded, as whoever went on says in its log; nothing where trading was never interrupted. */
  const interruptionsMs = async (since: string): Promise<number[]> => {
    const logs = ["logs", "--selector=app.kubernetes.io/name=algo-trading-bot", "--tail=-1"];
    const lines = (await namespace.must([...logs, `--since-time=${new Date(since).toISOString()}`])).split("\n");
    const told = lines.filter((line) => line.includes('"msg":"trading"'));
    return told.map((line) => (JSON.parse(line) as { untradedMs: number | null }).untradedMs ?? 0);
  };

  /** Orders go on after `fault`, within a minute, and neither side knows one that the other does not. */
  const tradeThrough = async (context: TestContext, fault: () => Promise<unknown>): Promise<void> => {
    const since = await now();
    await fault();
    await orderSince(await now());
    const pauses = await interruptionsMs(since);
    const { orders, ...differences } = await compareBooks(namespace);
    const told = pauses.length === 0 ? "never interrupted" : `nobody traded for ${pauses.join(" ms and ")} ms`;
    context.diagnostic(`${told}; ${orders} orders at the broker`);
    assert.deepEqual(differences, { unknownToBot: [], unknownToBroker: [], doubled: [] });
    for (const pauseMs of pauses) assert.ok(pauseMs < TRADING_AGAIN_MS, `${pauseMs} ms`);
  };

  it("trades on after the primary's pod was lost", async (context) => {
    const primary = await primaryOf(namespace);
    await tradeThrough(context, () => crashPods(namespace, primary));
  });

  it("trades on after the primary was stopped in an orderly way", async (context) => {
    const primary = await primaryOf(namespace);
    await tradeThrough(context, () => stopPods(namespace, primary));
  });

  it("trades on after the standby's pod was lost", async (context) => {
    const standby = other(await primaryOf(namespace));
    await tradeThrough(context, () => crashPods(namespace, standby));
  });

  it("trades on after both database pods were lost", (context) =>
    tradeThrough(context, () => crashPods(namespace, ...PODS)));

  it("trades on after a Redis pod was lost", (context) => tradeThrough(context, () => crashPods(namespace, "redis-0")));

  it("trades on after all Redis pods were lost", (context) =>
    tradeThrough(context, () => crashPods(namespace, ...REDIS)));

  it("stays ready without PostgreSQL for two minutes, and can be stopped", async (context) => {
    const create = ["exec", "deployment/algo-trading-bot", "--", "algo-trading-bot", "key", "create"];
    const key = /atb_\S+/.exec(await namespace.must([...create, "--name=desk", "--role=admin"]))?.[0];
    const authorization = `Bearer ${key}`;
    const api = await forwardPort(namespace, "service/algo-trading-bot-api", 8000);
    try {
      const url = `http://127.0.0.1:${api.port}`;
      // Keys are read before the database goes away, as they are for whoever works at the desk.
      await eventually("the key to work", 30_000, async () =>
        (await fetch(`${url}/api/v1/orders?limit=1`, { headers: { authorization } })).status === 200 ? true : null,
      );
      await namespace.must(["scale", "statefulset/postgres", "--replicas=0"]);
      await namespace.must(["wait", "--for=delete", "pod", ...PODS, "--timeout=120s"], { timeoutMs: 130_000 });
      const away = performance.now();
      const state = async () => {
        const response = await fetch(`${url}/ready`);
        return `${response.status} ${((await response.json()) as { state: string }).state}`;
      };
      await eventually("degraded", 30_000, async () => ((await state()) === "200 degraded" ? true : null));
      while (performance.now() - away < DATABASE_AWAY_MS) {
        assert.equal(await state(), "200 degraded");
        assert.deepEqual(await unready(), []);
      }
      const body = JSON.stringify({ reason: "the database is away" });
      const headers = { authorization, "content-type": "application/json" };
      const killed = await fetch(`${url}/api/v1/risk/kill`, { method: "POST", headers, body });
      context.diagnostic(`${killed.status} ${await killed.text()}`);
      assert.ok(killed.ok);
      assert.equal((await brokerState(namespace)).suspended, true);
      await namespace.must(["scale", "statefulset/postgres", "--replicas=2"]);
      await eventually("the halt in the journal", 120_000, async () => {
        const [scope] = await journal(namespace, "SELECT state FROM trading_states WHERE scope = 'account'");
        return scope === "halted" ? true : null;
      });
      const differences = await compareBooks(namespace);
      assert.deepEqual(
        { ...differences, orders: 0 },
        { orders: 0, unknownToBot: [], unknownToBroker: [], doubled: [] },
      );
    } finally {
      await api.close();
    }
  });

  /** Names of bots that the Service leaves out. */
  const unready = async (): Promise<string[]> => {
    const { items } = await namespace.get<Pods>(["pods", "--selector=app.kubernetes.io/name=algo-trading-bot"]);
    const isReady = (pod: Pods["items"][number]) =>
      pod.status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
    return items.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name);
  };
});
