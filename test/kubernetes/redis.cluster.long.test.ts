/** Redis on a real cluster: what is lost, what stays, and how long nobody can write. The times are printed. */
import assert from "node:assert/strict";
import { after, before, it, type TestContext } from "node:test";
import { crashPods, endContainer, loseDisk, stopPods, takeAway } from "./data/faults.ts";
import { askAll, askRedis, NODES, settledMaster } from "./data/redis.ts";
import { applyStores, installStores, SECRETS, setSecret, whenMounted } from "./data/stores.ts";
import { startWriter } from "./data/writer.ts";
import { onCluster } from "./harness/cluster.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";

/** Sentinel declares a master dead after 5 s, and repeats an election without a winner after 20 s. */
const FAIL_OVER_MS = 45_000;
const ALL = NODES.map((node) => `redis-${node}`);

function followersOf(master: number): string[] {
  return ALL.filter((pod) => pod !== `redis-${master}`);
}

await onCluster("Redis on a cluster", (cluster) => {
  let namespace: TestNamespace;
  explainFailures(() => namespace);
  before(async () => {
    namespace = await installStores(cluster, ["redis"]);
  });
  after(() => namespace?.remove());

  /** Writes while `fault` happens; gives the acknowledged writes that were lost. */
  const writeThrough = async (context: TestContext, fault: () => Promise<unknown>): Promise<readonly number[]> => {
    const writer = await startWriter(namespace, "redis");
    await fault();
    await settledMaster(namespace);
    const { acknowledged, lost, longestMs } = await writer.stop();
    context.diagnostic(`no write for ${longestMs} ms; ${lost.length} of ${acknowledged} acknowledged writes lost`);
    assert.ok(longestMs < FAIL_OVER_MS, `no write for ${longestMs} ms`);
    return lost;
  };
  const isKept = async (value: string): Promise<boolean> =>
    (await askAll(namespace, "get", "kept")).every((answer) => answer === value);
  /** Writes a value and waits until every node has it. */
  const put = async (value: string): Promise<void> => {
    await askRedis(namespace, await settledMaster(namespace), "set", "kept", value);
    await eventually("the value on all nodes", 10_000, async () => ((await isKept(value)) ? true : null));
  };

  it("starts as one master with two replicas, and answers as the guide says", async () => {
    assert.equal(await settledMaster(namespace), 0);
    assert.deepEqual(await askAll(namespace, "ping"), ["PONG", "PONG", "PONG"]);
    const maxclients = "maxclients\n10000";
    assert.deepEqual(await askAll(namespace, "config", "get", "maxclients"), [maxclients, maxclients, maxclients]);
  });

  it("hands over before a pod is stopped, without losing an acknowledged write", async (context) => {
    const master = await settledMaster(namespace);
    assert.deepEqual(await writeThrough(context, () => stopPods(namespace, `redis-${master}`)), []);
    assert.notEqual(await settledMaster(namespace), master);
  });

  it("goes on when the master's pod is gone", async (context) => {
    const master = await settledMaster(namespace);
    await writeThrough(context, () => crashPods(namespace, `redis-${master}`));
  });

  it("keeps everything when the master's process ends and is started again at once", async (context) => {
    const master = await settledMaster(namespace);
    const end = ". /scripts/nodes.sh; use_password; redis-cli shutdown nosave now force";
    const lost = await writeThrough(context, () => endContainer(namespace, `redis-${master}`, "redis", end));
    assert.deepEqual(lost, []);
  });

  it("keeps its data when all pods are lost at once", async (context) => {
    await put("before all pods were lost");
    const began = performance.now();
    await crashPods(namespace, ...ALL);
    await settledMaster(namespace);
    context.diagnostic(`whole again after ${Math.round(performance.now() - began)} ms`);
    assert.ok(await isKept("before all pods were lost"));
  });

  it("keeps its data when the master loses its disk", async (context) => {
    await put("before the disk was lost");
    const master = await settledMaster(namespace);
    await writeThrough(context, () => loseDisk(namespace, `redis-${master}`));
    assert.ok(await isKept("before the disk was lost"));
  });

  it("keeps its data when all pods are lost and the master's disk with them", async () => {
    await put("before pods and disk were lost");
    const master = await settledMaster(namespace);
    await loseDisk(namespace, `redis-${master}`, ...followersOf(master));
    await settledMaster(namespace);
    assert.ok(await isKept("before pods and disk were lost"));
  });

  it("takes no writes while no replica follows the master, and takes them again afterwards", async () => {
    const master = await settledMaster(namespace);
    const write = () => askRedis(namespace, master, "set", "kept", "alone");
    // Without their StatefulSet the pods that are deleted stay away.
    await namespace.must(["delete", "statefulset/redis", "--cascade=orphan"]);
    await takeAway(namespace, followersOf(master));
    const refusal = await eventually("a refusal", 60_000, async () => {
      const answer = await write();
      return answer === "OK" ? null : answer;
    });
    assert.match(refusal, /^NOREPLICAS/);
    await applyStores(namespace, ["redis"]);
    assert.equal(await settledMaster(namespace), master);
    assert.equal(await write(), "OK");
  });

  it("keeps its data when everything but the disks is deleted and made again, with other addresses", async () => {
    await put("before everything was deleted");
    const gone = ["delete", "statefulset/redis", "--cascade=foreground", "--timeout=120s"];
    await namespace.must(gone, { timeoutMs: 130_000 });
    await namespace.must(["delete", "service", ...NODES.map((node) => `redis-node-${node}`)]);
    await applyStores(namespace, ["redis"]);
    await settledMaster(namespace);
    assert.ok(await isKept("before everything was deleted"));
  });

  it("is restarted pod by pod without losing an acknowledged write", async (context) => {
    const lost = await writeThrough(context, async () => {
      await namespace.must(["rollout", "restart", "statefulset/redis"]);
      await namespace.rolledOut("statefulset/redis", 300_000);
    });
    assert.deepEqual(lost, []);
  });

  it("takes another password without a restart", async () => {
    const password = 'another "one"\\';
    await setSecret(namespace, "algo-trading-secrets", { ...SECRETS, REDIS_PASSWORD: password });
    for (const pod of ALL) await whenMounted(namespace, pod, "REDIS_PASSWORD", password);
    for (const step of ["accept", "use", "finish"]) {
      for (const pod of ALL) await namespace.must(["exec", pod, "--", "sh", "/scripts/set-password.sh", step]);
    }
    await whenMounted(namespace, "client", "REDIS_PASSWORD", password);
    await settledMaster(namespace);
    const old = await askRedis(namespace, 0, "-a", SECRETS.REDIS_PASSWORD, "--no-auth-warning", "ping");
    assert.match(old, /NOAUTH|WRONGPASS/);
    const restarts = "{.items[*].status.containerStatuses[*].restartCount}";
    const pods = ["get", "pods", "--selector=app.kubernetes.io/name=redis", `--output=jsonpath=${restarts}`];
    assert.equal(await namespace.must(pods), "0 0 0 0 0 0");
    await crashPods(namespace, ...ALL);
    await settledMaster(namespace);
  });
});
