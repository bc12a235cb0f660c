/**
 * New images, restarts and other numbers of replicas under load, by the guide's own lines: development on a cluster, with clients
 * that read, order by hand and follow the stream all the while. Prints how long nobody traded at each hand-over.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Cluster, type CommandResult, onCluster } from "./harness/cluster.ts";
import { installDev } from "./harness/dev-installation.ts";
import { BOT_IMAGE, BROKEN_BOT_IMAGE, NEXT_BOT_IMAGE } from "./harness/images.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";
import { type BotLogs, followBots } from "./rollout/bot-logs.ts";
import { ordersAtBroker } from "./rollout/broker-orders.ts";
import { type Load, type LoadReport, reachable, serviceHost, startLoad } from "./rollout/load.ts";

const BOT = "deployment/algo-trading-bot";
const ROLLOUT_MS = 600_000;
const STREAM_CLIENTS = 12;
/** The aim for a planned hand-over. */
const MEDIAN_UNTRADED_MS = 2000;
/** Longer than three failed starts take, shorter than the Deployment's own deadline. */
const BROKEN_MS = 60_000;
const WATCH_MS = 500;

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
  readonly status: { readonly readyReplicas?: number };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** How often each kind of failure came, and when it came first. */
function kindsOf(failures: LoadReport["failures"]): Record<string, string> {
  const kinds = Map.groupBy(failures, ({ what, status, error, text }) => {
    const code = /"code":"(\w+)"/.exec(text ?? "")?.[1] ?? "";
    return `${what} ${status ?? error} ${code}`.trim();
  });
  const told = [...kinds].map(([kind, all]) => [
    kind,
    `${all.length}, first at ${new Date(all[0]?.at ?? 0).toISOString()}`,
  ]);
  return Object.fromEntries(told) as Record<string, string>;
}

await onCluster("replacing replicas under load", (cluster: Cluster) => {
  let namespace: TestNamespace;
  let logs: BotLogs;
  let load: Load;
  let report: LoadReport;
  /** The fewest ready replicas that were seen since it was last set. */
  let fewestReady = Number.POSITIVE_INFINITY;
  let watching = true;
  let watched: Promise<void> = Promise.resolve();
  explainFailures(() => namespace);

  before(
    async () => {
      ({ namespace } = await installDev(cluster, "rollout", reachable));
      const create = ["exec", BOT, "--", "algo-trading-bot", "key", "create", "--name=load", "--role=trader"];
      const key = /atb_\S+/.exec(await namespace.must(create))?.[0] ?? "";
      logs = followBots(namespace);
      const options = {
        cluster,
        image: BOT_IMAGE,
        host: serviceHost(namespace.name),
        key,
        symbol: "DEMO",
        streamClients: STREAM_CLIENTS,
      };
      load = await startLoad(options);
      watched = watchReady();
    },
    { timeout: 900_000 },
  );
  after(async () => {
    watching = false;
    await watched;
    await logs?.close();
    await load?.remove();
    await namespace?.remove();
  });

  async function deployment(): Promise<Deployment> {
    return namespace.get<Deployment>([BOT]);
  }

  async function watchReady(): Promise<void> {
    while (watching) {
      const { stdout, code } = await namespace.kubectl(["get", BOT, "--output=jsonpath={.status.readyReplicas}"]);
      if (code === 0) fewestReady = Math.min(fewestReady, Number(stdout));
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    }
  }

  /** A line of the guide, with this test's namespace. */
  async function guide(line: string, timeoutMs = 60_000): Promise<CommandResult> {
    const result = await cluster.kubectl([...line.split(" "), "-n", namespace.name], { timeoutMs });
    assert.equal(result.code, 0, `kubectl ${line}: ${result.stdout}${result.stderr}`);
    return result;
  }

  const status = () => guide("rollout status deployment/algo-trading-bot", ROLLOUT_MS);
  const image = async () => (await deployment()).spec.template.spec.containers[0]?.image;

  it("takes a new image by the guide's lines, with three ready replicas at every moment", async () => {
    fewestReady = Number.POSITIVE_INFINITY;
    const set = await guide(`set image deployment/algo-trading-bot algo-trading-bot=${NEXT_BOT_IMAGE} --record`);
    assert.match(set.stdout, /image updated/);
    const history = await guide("rollout history deployment/algo-trading-bot");
    assert.match(history.stdout, /kubectl set image /, "--record says what changed it");
    await status();
    assert.equal(await image(), NEXT_BOT_IMAGE);
    assert.ok(fewestReady >= 3, `${fewestReady} ready`);
  });

  it("goes back by the guide's line", async () => {
    fewestReady = Number.POSITIVE_INFINITY;
    await guide("rollout undo deployment/algo-trading-bot");
    await status();
    assert.equal(await image(), BOT_IMAGE);
    assert.ok(fewestReady >= 3, `${fewestReady} ready`);
  });

  it("grows to five replicas and back", async () => {
    await guide("scale deployment algo-trading-bot --replicas=5");
    await status();
    assert.equal((await deployment()).status.readyReplicas, 5);
    fewestReady = Number.POSITIVE_INFINITY;
    await guide("scale deployment algo-trading-bot --replicas=3");
    await eventually("three pods", ROLLOUT_MS, async () => {
      const { items } = await namespace.get<{ items: unknown[] }>([
        "pods",
        "-l=app.kubernetes.io/name=algo-trading-bot",
      ]);
      return items.length === 3 ? true : null;
    });
    assert.ok(fewestReady >= 3, `${fewestReady} ready`);
  });

  it("restarts for new settings by the guide's line", async () => {
    fewestReady = Number.POSITIVE_INFINITY;
    await guide("rollout restart deployment/algo-trading-bot");
    await status();
    assert.ok(fewestReady >= 3, `${fewestReady} ready`);
  });

  it("loses no ready replica to an image that does not start", async () => {
    fewestReady = Number.POSITIVE_INFINITY;
    await guide(`set image deployment/algo-trading-bot algo-trading-bot=${BROKEN_BOT_IMAGE}`);
    const waited = await namespace.kubectl(["rollout", "status", BOT, `--timeout=${BROKEN_MS / 1000}s`], {
      timeoutMs: 2 * BROKEN_MS,
    });
    assert.notEqual(waited.code, 0, "it is never rolled out");
    assert.equal(fewestReady, 3);
    await guide("rollout undo deployment/algo-trading-bot");
    await status();
    assert.equal(fewestReady, 3);
  });

  it("meanwhile refused nobody and answered every request", async () => {
    report = await load.stop();
    console.log(
      `${report.reads} reads, ${report.accepted.length} orders taken, refused: ${JSON.stringify(report.refused)}`,
    );
    assert.ok(report.reads > 1000 && report.accepted.length > 100, "there was a load");
    assert.deepEqual(kindsOf(report.failures), {});
  });

  it("meanwhile lost no order and sent none twice, as the broker sees it", async () => {
    const counts = await eventually("all orders at the broker", 60_000, async () => {
      const known = await ordersAtBroker(namespace);
      return report.accepted.every((id) => known.has(id)) ? known : null;
    });
    assert.deepEqual(
      [...counts].filter(([, count]) => count > 1),
      [],
    );
    assert.equal(
      new Set(report.accepted).size,
      report.accepted.length,
      "each of the clients' keys is an order of its own",
    );
  });

  it("told its stream's clients to come again, spread over time, and they had a snapshot soon", () => {
    const others = report.closed.filter(({ code }) => code !== 1012);
    assert.deepEqual(others, []);
    assert.ok(report.closed.length >= STREAM_CLIENTS, `${report.closed.length} closed`);
    const times = report.closed.map(({ at }) => at);
    const most = Math.max(...times.map((start) => times.filter((at) => at >= start && at < start + 1000).length));
    assert.ok(most <= STREAM_CLIENTS / 2, `${most} of ${STREAM_CLIENTS} clients within a second`);
    const waits = report.snapshots.map(({ afterMs }) => afterMs);
    console.log(
      `${report.closed.length} clients moved, a snapshot after ${median(waits)} ms (median), ${Math.max(...waits)} ms at most`,
    );
    assert.deepEqual(report.unconnected, []);
    assert.ok(report.snapshots.length >= report.closed.length - STREAM_CLIENTS, "each came back");
  });

  it("handed trading over within two seconds, by the median", () => {
    const clean = logs.handovers.filter(({ kind }) => kind === "clean").flatMap(({ untradedMs }) => untradedMs ?? []);
    for (const { pod, kind, untradedMs } of logs.handovers)
      console.log(`${pod}: ${kind}, nobody traded for ${untradedMs} ms`);
    assert.deepEqual(
      logs.handovers.filter(({ kind }) => kind !== "clean"),
      [],
      "nobody vanished",
    );
    assert.ok(clean.length >= 3, `${clean.length} hand-overs`);
    console.log(`median of ${clean.length}: ${median(clean)} ms`);
    assert.ok(median(clean) <= MEDIAN_UNTRADED_MS, `${median(clean)} ms`);
  });
});
