/**
 * What a real API server says of the manifests: strict validation, admission at the restricted profile, and the rights of the
 * service accounts. Nothing of it runs a pod.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { createNamespace, type TestNamespace } from "./harness/namespace.ts";
import { ENVIRONMENTS, type KubeObject, render, renderText } from "./harness/render.ts";
import { workloadsOf } from "./harness/workload.ts";

const RESTRICTED = {
  "pod-security.kubernetes.io/enforce": "restricted",
  "pod-security.kubernetes.io/warn": "restricted",
};
const COMPONENTS = ["k8s-1.30", "nodelocal-dns", "tls-ingress", "tls-load-balancer"];
const CLIENTS = "203.0.113.0/24";

/** What the guide grants ("Read ConfigMaps, Read Secrets"), and what Patroni needs, as `kubectl auth can-i --list` puts it. */
const RIGHTS = {
  "algo-trading-bot": [
    "configmaps [] [algo-trading-config] [get watch]",
    "configmaps [] [algo-trading-strategies] [get watch]",
    "secrets [] [algo-trading-secrets] [get watch]",
  ],
  postgres: [
    "endpoints [] [] [create list watch]",
    "endpoints [] [postgres-primary-config] [get patch update]",
    "endpoints [] [postgres-primary-failover] [get patch update]",
    "endpoints [] [postgres-primary-sync] [get patch update]",
    "endpoints [] [postgres-primary] [get patch update]",
    "pods [] [] [list watch]",
    "pods [] [postgres-0] [get patch]",
    "pods [] [postgres-1] [get patch]",
    "pods [] [postgres-2] [get patch]",
  ],
  redis: [],
} as const;

await onCluster("the API server", (cluster: Cluster) => {
  let namespace: TestNamespace;

  before(async () => {
    namespace = await createNamespace(cluster, "manifests", RESTRICTED);
  });
  after(() => namespace.remove());

  const dryRun = ["--dry-run=server", "--validate=strict", "--filename=-"];

  for (const environment of ENVIRONMENTS) {
    for (const components of [[], ...COMPONENTS.map((component) => [component])]) {
      it(`takes ${[environment, ...components].join(" with ")} without a warning`, async () => {
        const options = { namespace: namespace.name, components, clients: CLIENTS };
        const objects = (await render(environment, options)).filter(({ kind }) => kind !== "Namespace");
        const { code, stdout, stderr } = await namespace.kubectl(["apply", ...dryRun], { input: listOf(objects) });
        assert.equal(stderr, "");
        assert.equal(code, 0);
        assert.equal(stdout.trim().split("\n").length, objects.length);
      });
    }

    it(`admits the pods of ${environment} at the restricted profile`, async () => {
      for (const { metadata, spec } of workloadsOf(await render(environment, { namespace: namespace.name }))) {
        const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: metadata.name }, spec: podSpec(spec) };
        // The pod is judged, not the account that it will have.
        const input = JSON.stringify({ ...pod, spec: { ...pod.spec, serviceAccountName: "default" } });
        const { code, stderr } = await namespace.kubectl(["create", ...dryRun], { input });
        assert.deepEqual([code, stderr], [0, ""], metadata.name);
      }
    });
  }

  it("refuses a bot that would be root, so the profile is enforced", async () => {
    const [bot] = workloadsOf(await render("dev", { namespace: namespace.name }));
    assert.ok(bot !== undefined);
    const spec = { ...podSpec(bot.spec), serviceAccountName: "default", securityContext: { runAsUser: 0 } };
    const input = JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "root" }, spec });
    const { code, stderr } = await namespace.kubectl(["create", ...dryRun], { input });
    assert.equal(code, 1);
    assert.match(stderr, /violates PodSecurity "restricted/);
  });

  it("refuses production whose clients' networks have not been named", async () => {
    const text = await renderText("prod", { namespace: namespace.name });
    const { code, stderr } = await namespace.kubectl(["apply", ...dryRun], { input: text });
    assert.equal(code, 1);
    assert.match(stderr, /Service "algo-trading-bot-api" is invalid: .*CHANGE_ME/);
  });

  it("refuses a field that does not exist, so validation is strict", async () => {
    const text = (await renderText("dev", { namespace: namespace.name })).replace("maxSurge:", "maxSurges:");
    const { code, stderr } = await namespace.kubectl(["apply", ...dryRun], { input: text });
    assert.equal(code, 1);
    assert.match(stderr, /unknown field "spec.strategy.rollingUpdate.maxSurges"/);
  });

  it("gives the service accounts the rights that are documented, and no other", async () => {
    const kinds = ["ServiceAccount", "Role", "RoleBinding"];
    const objects = await render("prod", { namespace: namespace.name });
    await namespace.apply(listOf(objects.filter(({ kind }) => kinds.includes(kind))));
    const everybody = new Set(await rightsOf(namespace, "default"));
    for (const [account, expected] of Object.entries(RIGHTS)) {
      const own = (await rightsOf(namespace, account)).filter((right) => !everybody.has(right));
      assert.deepEqual(own.sort(), expected, account);
    }
  });
});

function listOf(items: readonly KubeObject[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** A workload's pod: what a claim template would mount is an empty folder, as admission does not ask. */
function podSpec({ template, volumeClaimTemplates = [] }: ReturnType<typeof workloadsOf>[number]["spec"]): object {
  const claimed = volumeClaimTemplates.map(({ metadata }) => ({ name: metadata.name, emptyDir: {} }));
  return { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claimed] };
}

/** Lines of `kubectl auth can-i --list` with one blank between the columns. */
async function rightsOf(namespace: TestNamespace, account: string): Promise<string[]> {
  const user = `system:serviceaccount:${namespace.name}:${account}`;
  const table = await namespace.must(["auth", "can-i", "--list", `--as=${user}`]);
  const lines = table.trim().split("\n").slice(1);
  return lines.map((line) => line.trim().replaceAll(/\s{2,}/g, " "));
}
