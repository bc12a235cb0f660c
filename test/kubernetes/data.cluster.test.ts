/** Redis and PostgreSQL on a real cluster, in short: they start, answer the guide's lines, and hand over without losing anything. */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { stopPods } from "./data/faults.ts";
import { askPostgres, other, settledPrimary } from "./data/postgres.ts";
import { askRedis, settledMaster } from "./data/redis.ts";
import { installStores, type StoreName } from "./data/stores.ts";
import { startWriter } from "./data/writer.ts";
import { onCluster } from "./harness/cluster.ts";
import { explainFailures, type TestNamespace } from "./harness/namespace.ts";

await onCluster("Redis and PostgreSQL on a cluster", (cluster) => {
  let namespace: TestNamespace;
  explainFailures(() => namespace);
  before(async () => {
    namespace = await installStores(cluster, ["redis", "postgres"]);
  });
  after(() => namespace?.remove());

  it("answer the guide's lines", async () => {
    await Promise.all([settledMaster(namespace), settledPrimary(namespace)]);
    assert.equal(await askRedis(namespace, 0, "ping"), "PONG");
    const owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()";
    assert.equal(await askPostgres(namespace, "postgres-0.postgres-service", owner), "algo_trader");
  });

  /** Stops `pod` while a client writes; nothing acknowledged may be missing afterwards. */
  const stopPod = async (store: StoreName, pod: string): Promise<string> => {
    const writer = await startWriter(namespace, store);
    await stopPods(namespace, pod);
    const { acknowledged, lost, longestMs } = await writer.stop();
    assert.deepEqual(lost, []);
    return `${store}: no write for ${longestMs} ms, ${acknowledged} acknowledged, none lost`;
  };

  it("hand over before the pod that takes the writes is stopped", async (context) => {
    const master = await settledMaster(namespace);
    const primary = await settledPrimary(namespace);
    const told = await Promise.all([stopPod("redis", `redis-${master}`), stopPod("postgres", primary)]);
    for (const line of told) context.diagnostic(line);
    assert.notEqual(await settledMaster(namespace), master);
    assert.equal(await settledPrimary(namespace), other(primary));
  });
});
