/**
 * Whole nodes drained, cut off and killed while the bot that trades runs on them, under orders by hand through the Service and the
 * demonstrations' own: what ran there runs elsewhere or comes back, no accepted order is lost or doubled, and the time without
 * trading is printed. One node stays whole: it has the simulator, whose volume cannot move, and the client.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { assertNothingLostOrDoubled, Ledger, readJournal } from "../e2e/crash-processes.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { installDev, TEST_IMAGES } from "./harness/dev-installation.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { failuresByCause, OrderLoad, type SentOrder } from "./harness/order-load.ts";
import { forwardPort } from "./harness/port-forward.ts";
import { type KubeObject, render } from "./harness/render.ts";
import { eventually } from "./harness/wait.ts";

const PERIOD_MS = 1_000;
const READY_MS = 300_000;
const DRAIN_MS = 300_000;
/** Trading is back within this after every fault, also where three nodes share two busy processors; the time itself is printed. */
const FAULT_MS = 180_000;
const ASK_MS = 15_000;
/** A node is called not ready 50 s after its last word, its pods are deleted 300 s later, and others have to start. */
const ELSEWHERE_MS = 600_000;
/** Trading goes on for so long before and after each fault. */
const CALM_MS = 15_000;
const MOVES = 8;

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

await onCluster("development on three nodes", (cluster: Cluster) => {
  const skip = cluster.isLocal && cluster.nodes.length >= 3 ? false : "only the project's own cluster with three nodes";
  const [safe = ""] = cluster.nodes;
  let namespace: TestNamespace;
  let load: OrderLoad;
  let apiKey: string;
  explainFailures(() => namespace);

  before(async () => {
    if (skip !== false) return;
    ({ namespace } = await installDev(cluster, "node-faults", (object) => onSafeNode(object, safe)));
    // Development has no budgets; those of the other environments are what a drain has to respect.
    const budgets = (await render("staging")).filter(({ kind }) => kind === "PodDisruptionBudget");
    await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: budgets.map(withoutNamespace) }));
    const said = await namespace.must(["exec", "deployment/algo-trading-bot", "--", ...KEY_CREATE], {
      timeoutMs: 60_000,
    });
    apiKey = /atb_\S+/.exec(said)?.[0] ?? "";
    await everythingReady();
    load = await OrderLoad.start(namespace, {
      image: TEST_IMAGES["algo-trading-bot"],
      apiKey,
      periodMs: PERIOD_MS,
      node: safe,
    });
  });

  after(async () => {
    await Promise.all([load?.remove(), namespace?.remove()]);
  });

  const pods = async (name: string): Promise<readonly Pod[]> => {
    const { items } = await namespace.get<{ items: readonly Pod[] }>(["pods", `-l=app.kubernetes.io/name=${name}`]);
    return items;
  };
  const readyBots = async () => (await pods("algo-trading-bot")).filter(isReady);
  const nodeOf = async (pod: string) => (await namespace.get<Pod>(["pod", pod])).spec.nodeName ?? "";
  const everythingReady = async () => {
    for (const workload of ["statefulset/redis", "statefulset/postgres", "deployment/algo-trading-bot"]) {
      await namespace.rolledOut(workload, READY_MS);
    }
  };

  /** Asks one bot from inside. */
  const askPod = async <T>(pod: string, path: string, method = "GET", body: object | null = null): Promise<T> => {
    const options = {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    };
    const script = `fetch("http://127.0.0.1:8000${path}", ${JSON.stringify(options)}).then(async (answer) => console.log(await answer.text()))`;
    const args = ["exec", pod, "--", "node", "--eval", script];
    return JSON.parse(await namespace.must(args, { timeoutMs: ASK_MS })) as T;
  };
  /** Asks a bot on the node that stays whole, or any where there is none. */
  const ask = async <T>(path: string, method = "GET", body: object | null = null): Promise<T> => {
    const bots = await readyBots();
    const pod = bots.find(({ spec }) => spec.nodeName === safe) ?? bots[0];
    assert.ok(pod !== undefined, "no bot is ready");
    return askPod<T>(pod.metadata.name, path, method, body);
  };
  /** Name of the pod that says of itself that it trades. One that does not answer does not count. */
  const owner = () =>
    eventually("a bot that trades", FAULT_MS, async () => {
      const names = (await readyBots()).map(({ metadata }) => metadata.name);
      const answers = await Promise.allSettled(names.map((name) => askPod<{ owner: boolean }>(name, "/api/v1/risk")));
      return names.find((_, index) => {
        const answer = answers[index];
        return answer?.status === "fulfilled" && answer.value.owner;
      });
    });

  /** Removes the trading bot's pod until one on a node that may be faulted trades; gives that node. */
  const tradingOffSafeNode = async (): Promise<string> => {
    for (let move = 0; move < MOVES; move++) {
      const node = await nodeOf(await owner());
      if (node !== safe) return node;
      await namespace.must(["delete", "pod", await owner()], { timeoutMs: READY_MS });
      await everythingReady();
    }
    throw new Error(`the bot on ${safe} traded after each of ${MOVES} moves`);
  };

  const simulatorLedger = async (): Promise<string> => {
    const args = ["exec", "deployment/algo-trading-simulator", "--", "cat", LEDGER];
    return namespace.must(args);
  };
  /** Between two orders that the simulator accepted one after the other since `sinceMs`. */
  const longestGapMs = async (sinceMs: number): Promise<number> => {
    const times = acceptTimesMs(await simulatorLedger()).filter((time) => time >= sinceMs);
    return Math.round(Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time))));
  };
  const ordersAccepted = async () => {
    const count = ["grep", "--count", '"kind":"order"', LEDGER];
    return Number(await namespace.must(["exec", "deployment/algo-trading-simulator", "--", ...count]));
  };
  /** Both the load's and the demonstrations' orders reach the simulator again. */
  const tradesAgain = async (withinMs: number): Promise<void> => {
    const known = await ordersAccepted();
    await eventually("orders at the simulator", withinMs, async () =>
      (await ordersAccepted()) > known + 5 ? true : null,
    );
  };
  const calm = () => tradesAgain(FAULT_MS).then(() => new Promise((resolve) => setTimeout(resolve, CALM_MS)));

  /** Gives the smallest number of ready bots that was seen meanwhile. */
  const drain = async (node: string): Promise<number> => {
    const limit = `--timeout=${DRAIN_MS / 1000}s`;
    const args = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", limit];
    let isDone = false;
    let fewest = Number.POSITIVE_INFINITY;
    const drained = cluster.kubectl(args, { timeoutMs: DRAIN_MS + 10_000 }).finally(() => {
      isDone = true;
    });
    await eventually("the end of the drain", DRAIN_MS + 10_000, async () => {
      fewest = Math.min(fewest, (await readyBots()).length);
      return isDone || null;
    });
    const { code, stderr } = await drained;
    assert.equal(code, 0, stderr);
    return fewest;
  };

  it("goes on while the node of the trading bot is drained, with never fewer bots than the budget says", {
    skip,
  }, async () => {
    const victim = await tradingOffSafeNode();
    await calm();
    const sinceMs = Date.now() - CALM_MS;
    try {
      const fewest = await drain(victim);
      await eventually("three bots elsewhere", READY_MS, async () => {
        const bots = await readyBots();
        return bots.length === 3 && bots.every(({ spec }) => spec.nodeName !== victim) ? true : null;
      });
      await calm();
      console.log(
        `drained ${victim}: ${await longestGapMs(sinceMs)} ms without an order, ${fewest} bots ready at the least`,
      );
      assert.ok(fewest >= 2, `${fewest} bots`);
    } finally {
      await cluster.kubectl(["uncordon", victim]);
    }
    await everythingReady();
  });

  it("goes on when the node of the trading bot is cut off, and takes it back", { skip }, async () => {
    const victim = await tradingOffSafeNode();
    await calm();
    const former = await owner();
    const sinceMs = Date.now() - CALM_MS;
    await cluster.cutNode(victim);
    try {
      await tradesAgain(FAULT_MS);
      assert.notEqual(await owner(), former);
      await calm();
    } finally {
      await cluster.joinNode(victim);
    }
    await everythingReady();
    await calm();
    const gapMs = await longestGapMs(sinceMs);
    console.log(`cut off ${victim}: ${gapMs} ms without an order`);
    assert.ok(gapMs < FAULT_MS, `${gapMs} ms`);
  });

  it("goes on when the node of the trading bot, the database's primary and Redis' master loses its power", {
    skip,
  }, async () => {
    const victim = await tradingOffSafeNode();
    await primaryOn(victim);
    await redisMasterOn(victim);
    await calm();
    await standbyHasEverything();
    const lost = (await pods("algo-trading-bot")).filter(({ spec }) => spec.nodeName === victim);
    const sinceMs = Date.now() - CALM_MS;
    await cluster.killNode(victim);
    try {
      await tradesAgain(FAULT_MS);
      await calm();
      const gapMs = await longestGapMs(sinceMs);
      console.log(`killed ${victim}: ${gapMs} ms without an order`);
      assert.ok(gapMs < FAULT_MS, `${gapMs} ms`);
      await eventually("as many bots as before, elsewhere", ELSEWHERE_MS, async () => {
        const bots = (await readyBots()).filter(({ spec }) => spec.nodeName !== victim);
        return bots.length >= 3 ? true : null;
      });
      console.log(`killed ${victim}: its ${lost.length} bot(s) run elsewhere, its volumes' pods wait for it`);
    } finally {
      await cluster.bootNode(victim);
    }
    await everythingReady();
    await calm();
  });

  it("has every order that was accepted exactly once, and the simulator's positions", { skip }, async () => {
    const sent = await load.stop();
    const accepted = sent.filter(({ id }) => id !== null);
    const refused = sent.filter(({ id }) => id === null);
    console.log(
      `${sent.length} orders by hand, ${refused.length} refused; failed attempts: ${JSON.stringify(failuresByCause(sent))}`,
    );
    assert.equal(new Set(accepted.map(({ id }) => id)).size, accepted.length, "two keys gave one order");
    // An order whose outcome is not known yet blocks new risk on its symbol: that refusal is meant, any other is not.
    const unexpected = refused.filter(
      ({ status, text }) => status !== 409 || !(text ?? "").includes('"UNKNOWN_ORDER"'),
    );
    assert.deepEqual(unexpected.map(summary), []);
    await ask("/api/v1/risk/kill", "POST", { reason: "the end of the test" });
    await eventually("no open orders", READY_MS, async () => {
      const { items } = await ask<{ items: unknown[] }>("/api/v1/orders?state=open&limit=1");
      return items.length === 0 ? true : null;
    });
    await namespace.must(["scale", "deployment/algo-trading-bot", "--replicas=0"]);
    await namespace.must(
      ["wait", "--for=delete", "pod", "-l=app.kubernetes.io/name=algo-trading-bot", "--timeout=120s"],
      {
        timeoutMs: 130_000,
      },
    );
    const file = join(tmpdir(), `node-faults-${randomBytes(4).toString("hex")}.jsonl`);
    writeFileSync(file, await simulatorLedger());
    try {
      const ledger = new Ledger(file);
      const journal = await readDatabase();
      assertNothingLostOrDoubled(journal, ledger);
      const journalled = new Map(journal.orders.map((order) => [order.clientOrderId, order]));
      const missing = accepted.filter(({ id }) => !journalled.has(id ?? ""));
      assert.deepEqual(missing.map(summary), [], "answered orders that the journal does not know");
      const ends = countBy(accepted.map(({ id }) => journalled.get(id ?? "")?.state ?? "missing"));
      console.log(
        `${ledger.accepted.length} orders in the ledger, each once; accepted by hand and ended as ${JSON.stringify(ends)}`,
      );
    } finally {
      rmSync(file);
    }
  });

  const primaryOn = async (node: string): Promise<void> => {
    for (let move = 0; move < MOVES; move++) {
      const primary = (await pods("postgres")).find(({ metadata }) => isPrimary(metadata.labels["role"]));
      if (primary !== undefined && primary.spec.nodeName === node) return;
      const there = (await pods("postgres")).some(({ spec }) => spec.nodeName === node);
      // Its volume ties a pod to its node: with none there, the primary cannot be there.
      if (!there) return console.log(`no database runs on ${node}`);
      if (primary !== undefined)
        await namespace.must(["delete", "pod", primary.metadata.name], { timeoutMs: READY_MS });
      await everythingReady();
    }
    throw new Error(`the database's primary did not come to ${node}`);
  };

  /** Only then may it become primary. Patroni names it on the object that it keeps for this. */
  const standbyHasEverything = () =>
    eventually("a synchronous standby", READY_MS, async () => {
      const { metadata } = await namespace.get<Annotated>(["endpoints", "postgres-primary-sync"]);
      return metadata.annotations?.["sync_standby"] || null;
    });

  const redisMasterOn = async (node: string): Promise<void> => {
    for (let move = 0; move < MOVES; move++) {
      const master = await redisMaster();
      if (master.spec.nodeName === node) return;
      await namespace.must(["delete", "pod", master.metadata.name], { timeoutMs: READY_MS });
      await everythingReady();
    }
    throw new Error(`Redis' master did not come to ${node}`);
  };
  const redisMaster = (): Promise<Pod> =>
    eventually("a master of Redis", FAULT_MS, async () => {
      for (const pod of await pods("redis")) {
        const { stdout } = await namespace.kubectl([
          "exec",
          pod.metadata.name,
          "--container=redis",
          "--",
          "sh",
          "-c",
          REDIS_ROLE,
        ]);
        if (stdout.startsWith("master")) return pod;
      }
      return null;
    });

  const readDatabase = async () => {
    const primary = (await pods("postgres")).find(({ metadata }) => isPrimary(metadata.labels["role"]));
    assert.ok(primary !== undefined, "no primary");
    const path = "--output=jsonpath={.data.DATABASE_PASSWORD}";
    const password = Buffer.from(await namespace.must(["get", "secret", "algo-trading-secrets", path]), "base64");
    const forward = await forwardPort(namespace, `pod/${primary.metadata.name}`, 5432);
    try {
      const url = `postgresql://algo_trader:${encodeURIComponent(password.toString())}@127.0.0.1:${forward.port}/algo_trading_db`;
      return await readJournal({ url });
    } finally {
      await forward.close();
    }
  };
});

const LEDGER = "/data/simulator-ledger.jsonl";
const KEY_CREATE = ["algo-trading-bot", "key", "create", "--name=node-faults", "--role=admin"];
const REDIS_ROLE = 'REDISCLI_AUTH="$(cat /etc/algo-trading/secrets/REDIS_PASSWORD)" redis-cli role';

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.find(({ type }) => type === "Ready");
  return metadata.deletionTimestamp === undefined && ready?.status === "True";
}

/** Patroni's word for it has changed over its versions. */
function isPrimary(role: string | undefined): boolean {
  return role === "master" || role === "primary";
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function summary({ key, status, text }: SentOrder): string {
  return `${key}: ${status} ${text ?? ""}`;
}

/** When the simulator accepted each order, ms since 1970, from the lines of its ledger. */
function acceptTimesMs(ledger: string): number[] {
  const lines = ledger.slice(0, ledger.lastIndexOf("\n") + 1).split("\n");
  const orders = lines.filter((line) => line.includes('"kind":"order"')).map((line) => JSON.parse(line));
  return orders.map(({ order }) => order.submittedAtUs / 1000);
}

interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

interface Workload extends KubeObject {
  readonly spec?: { readonly template: { readonly spec: Record<string, unknown> } };
}

function onSafeNode(object: KubeObject, node: string): KubeObject {
  if (object.kind === "ConfigMap" && object.metadata.name === "algo-trading-config") return manyOrders(object);
  const { spec } = object as Workload;
  if (spec === undefined || object.metadata.name !== "algo-trading-simulator" || object.kind !== "Deployment")
    return object;
  const pinned = { ...spec.template.spec, nodeSelector: { "kubernetes.io/hostname": node } };
  return { ...object, spec: { ...spec, template: { ...spec.template, spec: pinned } } } as KubeObject;
}

/** The load sends more orders than a strategy may. */
function manyOrders(object: KubeObject): KubeObject {
  const { data } = object as KubeObject & { readonly data: Record<string, string> };
  return { ...object, data: { ...data, RISK_REPEATED_EXECUTIONS_PER_MINUTE: "1000" } } as KubeObject;
}

function withoutNamespace(object: KubeObject): KubeObject {
  const { namespace: _namespace, ...metadata } = object.metadata;
  return { ...object, metadata };
}
