/** The faults of the test cluster's nodes are what they are called: seen from the API server and from the node's pods. */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { onCluster } from "./harness/cluster.ts";
import { createNamespace, explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { loadShellImage, shellPod, whyNoShell } from "./harness/shell-image.ts";
import { eventually } from "./harness/wait.ts";

/** The controller manager calls a node not ready 50 s after its last word. */
const NODE_MS = 120_000;
const READY_MS = 60_000;

await onCluster("a node of the test cluster", (cluster) => {
  const victim = cluster.nodes.at(-1) ?? "";
  const isPossible = cluster.isLocal && cluster.nodes.length > 1;
  const skip = isPossible
    ? (whyNoShell() ?? false)
    : "only the project's own cluster, with more than one node, has faults";
  let namespace: TestNamespace;
  explainFailures(() => namespace);

  const restarts = async (): Promise<string> => {
    const path = "--output=jsonpath={.status.containerStatuses[0].restartCount} {.metadata.uid}";
    return namespace.must(["get", "pod", "there", path]);
  };
  const writeFile = () => namespace.kubectl(["exec", "there", "--", "/busybox", "touch", "/tmp/file"]);
  const nodeIs = (state: "True" | "Unknown") =>
    namespace.wait(`jsonpath={.status.conditions[?(@.type=="Ready")].status}=${state}`, `node/${victim}`, NODE_MS);

  before(async () => {
    if (skip !== false) return;
    await loadShellImage(cluster);
    namespace = await createNamespace(cluster, "test-faults");
    await namespace.wait("create", "serviceaccount/default", READY_MS);
    await namespace.apply(JSON.stringify(shellPod("there", { node: victim })));
    await namespace.wait("condition=Ready", "pod/there", READY_MS);
  });

  after(() => namespace?.remove());

  it("that is cut off is not ready, its pod runs on, and it comes back", { skip }, async () => {
    const original = await restarts();
    await cluster.cutNode(victim);
    try {
      await nodeIs("Unknown");
      assert.notEqual((await writeFile()).code, 0);
    } finally {
      await cluster.joinNode(victim);
    }
    await nodeIs("True");
    await namespace.wait("condition=Ready", "pod/there", READY_MS);
    assert.equal(await restarts(), original);
  });

  it("that is frozen is not ready, and goes on where it was", { skip }, async () => {
    const original = await restarts();
    await cluster.freezeNode(victim);
    try {
      await nodeIs("Unknown");
    } finally {
      await cluster.thawNode(victim);
    }
    await nodeIs("True");
    await namespace.wait("condition=Ready", "pod/there", READY_MS);
    assert.equal(await restarts(), original);
  });

  it("that lost its power is not ready, and starts its pod again after the next boot", { skip }, async () => {
    const original = await restarts();
    await cluster.killNode(victim);
    try {
      await nodeIs("Unknown");
    } finally {
      await cluster.bootNode(victim);
    }
    await nodeIs("True");
    await eventually("a restart of the pod", READY_MS, async () => ((await restarts()) === original ? null : true));
    await namespace.wait("condition=Ready", "pod/there", READY_MS);
    assert.equal((await writeFile()).code, 0);
  });
});
