/** The test cluster keeps what the other tests build on: names, Services, volumes, limits, policies and metrics are real. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { onCluster } from "./harness/cluster.ts";
import { createNamespace, explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { forwardPort } from "./harness/port-forward.ts";
import { loadShellImage, SHELL_IMAGE, shellPod, whyNoShell } from "./harness/shell-image.ts";
import { eventually } from "./harness/wait.ts";

const READY_MS = 60_000;
const POLICY_MS = 15_000;
const METRICS_MS = 90_000;

interface PodStatus {
  readonly status: {
    readonly podIP: string;
    readonly containerStatuses?: readonly { readonly state: { readonly terminated?: { readonly reason: string } } }[];
  };
}

await onCluster("a cluster for tests", (cluster) => {
  const skip = whyNoShell() ?? false;
  let namespace: TestNamespace;
  explainFailures(() => namespace);

  /** Runs a line of shell in a pod. */
  const shell = (pod: string, line: string) =>
    namespace.kubectl(["exec", pod, "--", "/busybox", "sh", "-c", `PATH=/tmp/bin; ${line}`], { timeoutMs: 30_000 });
  /** The name that the pod behind an address serves; empty when nothing answers within 2 s. Its wget has no time limit. */
  const fetched = async (pod: string, address: string) => {
    const [host, port = "80"] = address.split(":");
    const answer = await shell(pod, `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} ${port}`);
    return answer.stdout.trim().split("\n").at(-1) ?? "";
  };
  const addressOf = async (pod: string) => (await namespace.get<PodStatus>(["pod", pod])).status.podIP;
  const objects = (...items: readonly unknown[]) =>
    namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  const [here = ""] = cluster.nodes;
  const elsewhere = cluster.nodes.at(-1) ?? here;

  before(async () => {
    if (skip !== false) return;
    await loadShellImage(cluster);
    namespace = await createNamespace(cluster, "test-cluster", { "pod-security.kubernetes.io/enforce": "restricted" });
    await namespace.wait("create", "serviceaccount/default", READY_MS);
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "disk" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "server" },
      spec: { selector: { pod: "server" }, ports: [{ port: 80, targetPort: "web" }] },
    };
    const server = shellPod("server", { node: here, claim: "disk", labels: { role: "server" } });
    const [near, far] = [shellPod("near", { node: here }), shellPod("far", { node: elsewhere })];
    await objects(claim, service, server, near, far);
    await namespace.wait("condition=Ready", "pod/server", READY_MS);
    await namespace.wait("condition=Ready", "pod/near", READY_MS);
    await namespace.wait("condition=Ready", "pod/far", READY_MS);
  });

  after(() => namespace?.remove());

  it("reaches a Service by its name from its own node, from another one, and from the pod behind it", {
    skip,
  }, async () => {
    const name = `server.${namespace.name}.svc.cluster.local`;
    for (const pod of ["near", "far", "server"]) {
      const answer = await eventually(`an answer to ${pod}`, READY_MS, async () => (await fetched(pod, name)) || null);
      assert.equal(answer, "server", pod);
    }
  });

  it("gives a volume that a user without rights writes to and that outlives its pod", { skip }, async () => {
    assert.equal((await shell("server", "echo kept >/data/file")).code, 0);
    await namespace.must(["delete", "pod", "server"]);
    await objects(shellPod("server", { claim: "disk", labels: { role: "server" } }));
    await namespace.wait("condition=Ready", "pod/server", READY_MS);
    assert.equal((await shell("server", "cat /data/file")).stdout, "kept\n");
  });

  it("runs containers as they are told: user, read-only root, no capabilities, no way to gain more", {
    skip,
  }, async () => {
    assert.equal((await shell("near", "id -u")).stdout.trim(), "1000");
    assert.notEqual((await shell("near", "echo x >/file")).code, 0);
    assert.match((await shell("near", "cat /proc/self/status")).stdout, /^CapEff:\s+0{16}$/m);
    assert.match((await shell("near", "cat /proc/self/status")).stdout, /^NoNewPrivs:\s+1$/m);
  });

  it("kills a container that takes more memory than its limit", { skip }, async () => {
    const hungry = shellPod("hungry");
    const [container] = hungry.spec.containers;
    assert.ok(container);
    container.command = ["/busybox", "sh", "-c", "x=x; while true; do x=$x$x; done"];
    await objects({ ...hungry, spec: { ...hungry.spec, restartPolicy: "Never" } });
    const reason = await eventually("the container's end", READY_MS, async () => {
      const { status } = await namespace.get<PodStatus>(["pod", "hungry"]);
      return status.containerStatuses?.[0]?.state.terminated?.reason;
    });
    assert.equal(reason, "OOMKilled");
  });

  it("refuses a pod that the namespace's security level does not allow", { skip }, async () => {
    const { code, stderr } = await namespace.kubectl(["run", "root", `--image=${SHELL_IMAGE}`]);
    assert.notEqual(code, 0);
    assert.match(stderr, /violates PodSecurity "restricted/);
  });

  it("forwards a port, and gives logs", { skip }, async () => {
    const forward = await forwardPort(namespace, "pod/near", 8080);
    try {
      const answer = await fetch(`http://127.0.0.1:${forward.port}/`);
      assert.equal((await answer.text()).trim(), "near");
    } finally {
      await forward.close();
    }
    assert.equal(await namespace.must(["logs", "near"]), "near serves\n");
  });

  it("measures what pods and nodes use", { skip }, async () => {
    const line = await eventually("metrics of a pod", METRICS_MS, async () => {
      const { code, stdout } = await namespace.kubectl(["top", "pod", "near", "--no-headers"]);
      return code === 0 ? stdout : null;
    });
    assert.match(line, /^near\s+\d+m\s+\d+Mi/);
  });

  describe("with network policies", () => {
    const policy = (name: string, spec: object) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name },
      spec,
    });
    const toServer = { podSelector: { matchLabels: { role: "server" } } };
    const becomes = (pod: string, address: string, expected: string) =>
      eventually(`${pod} gets "${expected}" from ${address}`, POLICY_MS, async () => {
        return (await fetched(pod, address)) === expected ? true : null;
      });

    it("drops what no policy allows, on the same node and between nodes", { skip }, async () => {
      const address = `${await addressOf("server")}:8080`;
      await becomes("near", address, "server");
      await objects(policy("nothing-in", { ...toServer, policyTypes: ["Ingress"] }));
      await becomes("near", address, "");
      await becomes("far", address, "");
    });

    it("lets through what a policy allows, by selector and named port, and nobody else", { skip }, async () => {
      const address = `${await addressOf("server")}:8080`;
      const from = [{ podSelector: { matchLabels: { pod: "far" } } }];
      await objects(policy("far-in", { ...toServer, ingress: [{ from, ports: [{ port: "web" }] }] }));
      await becomes("far", address, "server");
      assert.equal(await fetched("near", address), "");
    });

    it("keeps a pod from reaching others when nothing may go out of it", { skip }, async () => {
      const address = `${await addressOf("near")}:8080`;
      await becomes("far", address, "near");
      const fromFar = { podSelector: { matchLabels: { pod: "far" } } };
      await objects(policy("nothing-out", { ...fromFar, policyTypes: ["Egress"] }));
      await becomes("far", address, "");
      assert.equal(await fetched("server", address), "near");
    });
  });
});
