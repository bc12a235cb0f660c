/**
 * Staging's autoscaler and disruption budget on a cluster, with the simulator as broker: the autoscaler reads what the pods really
 * use, scales out under load and back, and pods are evicted only while enough others are ready.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { installStaging } from "./harness/dev-installation.ts";
import { BOT_IMAGE } from "./harness/images.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";
import { type Load, reachable, serviceHost, startLoad } from "./rollout/load.ts";

const METRICS_MS = 180_000;
const OUT_MS = 300_000;
/** Five minutes of steadiness, then half of the pods a minute. */
const BACK_MS = 720_000;
const EVICT_MS = 300_000;
const BUSY_READERS = 24;

interface Autoscaler {
  readonly status: {
    readonly currentReplicas?: number;
    readonly currentMetrics?: readonly {
      readonly resource: { readonly name: string; readonly current: { readonly averageUtilization?: number } };
    }[];
  };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

await onCluster("staging's autoscaler and disruption budget", (cluster: Cluster) => {
  let namespace: TestNamespace;
  let load: Load | undefined;
  explainFailures(() => namespace);

  before(
    async () => {
      ({ namespace } = await installStaging(cluster, "scaling", reachable));
    },
    { timeout: 600_000 },
  );
  after(async () => {
    await load?.remove();
    await namespace?.remove();
  });

  const autoscaler = () => namespace.get<Autoscaler>(["hpa", "algo-trading-bot-hpa"]);

  async function readyPods(): Promise<string[]> {
    const { items } = await namespace.get<{ items: readonly Pod[] }>([
      "pods",
      "-l=app.kubernetes.io/name=algo-trading-bot",
    ]);
    return items
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .filter(({ status }) => status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
      .map(({ metadata }) => metadata.name);
  }

  /** As `kubectl drain` does it. Empty when it was granted, else the refusal. */
  async function evict(pod: string): Promise<string> {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace: namespace.name } };
    const path = `/api/v1/namespaces/${namespace.name}/pods/${pod}/eviction`;
    const { code, stderr } = await cluster.kubectl(["create", `--raw=${path}`, "--filename=-"], {
      input: JSON.stringify(eviction),
    });
    return code === 0 ? "" : stderr;
  }

  it("raises one replica to three and reads what they use", { timeout: 2 * METRICS_MS }, async () => {
    await eventually("three ready pods", METRICS_MS, async () => ((await readyPods()).length === 3 ? true : null));
    const used = await eventually("both metrics", METRICS_MS, async () => {
      const values = (await autoscaler()).status.currentMetrics?.map(({ resource }) => resource) ?? [];
      return values.length === 2 && values.every(({ current }) => current.averageUtilization !== undefined)
        ? values
        : null;
    });
    assert.deepEqual(used.map(({ name }) => name).sort(), ["cpu", "memory"]);
    console.log(used.map(({ name, current }) => `${name} ${current.averageUtilization} %`).join(", "));
    const memory = used.find(({ name }) => name === "memory")?.current.averageUtilization ?? 100;
    assert.ok(memory < 80, `memory alone would scale: ${memory} %`);
    const shown = await namespace.must(["get", "hpa"]);
    assert.match(
      shown,
      /algo-trading-bot-hpa +Deployment\/algo-trading-bot +cpu: \d+%\/70%, memory: \d+%\/80% +3 +5 +3/,
    );
  });

  it("lets pods be evicted only while two others are ready", { timeout: 2 * EVICT_MS }, async () => {
    const [first = "", second = ""] = await readyPods();
    assert.equal(await evict(first), "");
    assert.match(await evict(second), /violate the pod's disruption budget/);
    await eventually("the second eviction", EVICT_MS, async () => ((await evict(second)) === "" ? true : null));
    await eventually("three ready pods", EVICT_MS, async () => ((await readyPods()).length === 3 ? true : null));
  });

  it("scales out under load, to five at most", { timeout: 2 * OUT_MS }, async () => {
    const create = ["exec", "deployment/algo-trading-bot", "--", "algo-trading-bot", "key", "create", "--name=load"];
    const key = /atb_\S+/.exec(await namespace.must([...create, "--role=trader"]))?.[0] ?? "";
    const host = serviceHost(namespace.name);
    const how = { streamClients: 0, busyReaders: BUSY_READERS };
    load = await startLoad({ cluster, image: BOT_IMAGE, host, key, symbol: "DEMO", ...how });
    await eventually("more replicas", OUT_MS, async () => {
      const { currentReplicas = 0 } = (await autoscaler()).status;
      return currentReplicas > 3 ? true : null;
    });
    console.log((await namespace.must(["get", "hpa"])).trimEnd());
    const { stdout } = await namespace.kubectl(["describe", "hpa", "algo-trading-bot-hpa"]);
    assert.match(stdout, /SuccessfulRescale.*cpu resource utilization \(percentage of request\) above target/);
  });

  it("goes back to three when the load is over", { timeout: 2 * BACK_MS }, async () => {
    await load?.stop();
    await eventually("three replicas", BACK_MS, async () => {
      const { currentReplicas = 0 } = (await autoscaler()).status;
      assert.ok(currentReplicas <= 5);
      return currentReplicas === 3 && (await readyPods()).length === 3 ? true : null;
    });
  });
});
