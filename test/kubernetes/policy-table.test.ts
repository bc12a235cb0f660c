/** How the test cluster reads NetworkPolicies. Expected: kubernetes.io/docs/concepts/services-networking/network-policies. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  matches,
  type Namespace,
  type NetworkPolicy,
  type Pod,
  policyTable,
} from "../../scripts/cluster/agents/policy-table.ts";

const NODE = "node1";

function metadata(name: string, namespace?: string, labels: Record<string, string> = {}) {
  return { name, uid: name, resourceVersion: "1", labels, ...(namespace === undefined ? {} : { namespace }) };
}

function pod(name: string, podIP: string, labels: Record<string, string> = {}, namespace = "trading"): Pod {
  const ports = [{ name: "http", containerPort: 8000 }];
  return {
    metadata: metadata(name, namespace, labels),
    spec: { nodeName: NODE, containers: [{ ports }] },
    status: { phase: "Running", podIP },
  };
}

function policy(spec: NetworkPolicy["spec"]): NetworkPolicy {
  return { metadata: metadata("policy", "trading"), spec };
}

const BOT = pod("bot", "10.0.0.1", { app: "bot" });
const REDIS = pod("redis", "10.0.0.2", { app: "redis" });
const PROMETHEUS = pod("prometheus", "10.0.0.3", { app: "prometheus" }, "monitoring");
const NAMESPACES: Namespace[] = [
  { metadata: metadata("trading") },
  { metadata: metadata("monitoring", undefined, { team: "sre" }) },
];

function chainsOf(...policies: NetworkPolicy[]): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  const table = policyTable(NODE, [BOT, REDIS, PROMETHEUS], NAMESPACES, policies);
  for (const [, name = "", body = ""] of table.matchAll(/chain (\S+) \{\n([^}]*(?:\{[^}]*\}[^}]*)*)\n\}/g)) {
    chains.set(name, body.split("\n"));
  }
  return chains;
}

const toBot = { podSelector: { matchLabels: { app: "bot" } } };

describe("a label selector", () => {
  it("matches everything when it is empty", () => assert.ok(matches({}, {})));

  it("wants every label", () => {
    assert.ok(matches({ matchLabels: { a: "1" } }, { a: "1", b: "2" }));
    assert.ok(!matches({ matchLabels: { a: "1", b: "3" } }, { a: "1", b: "2" }));
  });

  it("knows the four operators", () => {
    const one = (operator: string, values?: string[]) => ({
      matchExpressions: [{ key: "a", operator, ...(values === undefined ? {} : { values }) }],
    });
    const table: [ReturnType<typeof one>, boolean, boolean][] = [
      [one("In", ["1", "2"]), true, false],
      [one("NotIn", ["1"]), false, true],
      [one("Exists"), true, false],
      [one("DoesNotExist"), false, true],
    ];
    for (const [selector, whenOne, whenMissing] of table) {
      assert.equal(matches(selector, { a: "1" }), whenOne, JSON.stringify(selector));
      assert.equal(matches(selector, {}), whenMissing, JSON.stringify(selector));
    }
  });
});

describe("the table of policies", () => {
  it("touches no pod that no policy selects", () => {
    assert.deepEqual([...chainsOf().keys()], ["forward"]);
  });

  it("drops everything into a selected pod that no rule allows, and leaves what goes out", () => {
    const chains = chainsOf(policy(toBot));
    assert.deepEqual(chains.get("ingress_0"), ["counter drop"]);
    assert.ok(chains.get("forward")?.includes("ip daddr 10.0.0.1 jump ingress_0"));
    assert.deepEqual([...chains.keys()], ["ingress_0", "forward"]);
  });

  it("takes a policy with egress rules for both directions, unless it names them", () => {
    assert.deepEqual([...chainsOf(policy({ ...toBot, egress: [] })).keys()], ["egress_0", "ingress_0", "forward"]);
    const named = policy({ ...toBot, egress: [], policyTypes: ["Egress"] });
    assert.deepEqual([...chainsOf(named).keys()], ["egress_0", "forward"]);
  });

  it("allows a pod of the policy's own namespace by its labels", () => {
    const from = [{ podSelector: { matchLabels: { app: "redis" } } }];
    const chains = chainsOf(policy({ ...toBot, ingress: [{ from, ports: [{ port: 8001 }] }] }));
    assert.deepEqual(chains.get("ingress_0"), ["ip saddr 10.0.0.2 tcp dport 8001 return", "counter drop"]);
  });

  it("allows pods of other namespaces by the namespace's labels", () => {
    const from = [{ namespaceSelector: { matchLabels: { team: "sre" } }, podSelector: {} }];
    const chains = chainsOf(policy({ ...toBot, ingress: [{ from }] }));
    assert.deepEqual(chains.get("ingress_0"), ["ip saddr 10.0.0.3 return", "counter drop"]);
  });

  it("allows everybody where a rule names nobody", () => {
    const chains = chainsOf(policy({ ...toBot, ingress: [{}] }));
    assert.deepEqual(chains.get("ingress_0"), ["return", "counter drop"]);
  });

  it("means by a port's name the receiver's port", () => {
    const ports = [{ port: "http" }];
    const chains = chainsOf(policy({ ...toBot, ingress: [{ ports }] }));
    assert.deepEqual(chains.get("ingress_0"), ["tcp dport 8000 return", "counter drop"]);
    const to = [{ podSelector: { matchLabels: { app: "redis" } } }];
    const outward = chainsOf(policy({ ...toBot, policyTypes: ["Egress"], egress: [{ to, ports }] }));
    assert.deepEqual(outward.get("egress_0"), ["ip daddr 10.0.0.2 tcp dport 8000 return", "counter drop"]);
  });

  it("allows a block of addresses without its exceptions, a range of ports, and a protocol", () => {
    const to = [{ ipBlock: { cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "192.168.0.0/16"] } }];
    const ports = [{ port: 443, endPort: 450 }, { protocol: "UDP", port: 53 }, { protocol: "UDP" }];
    const chains = chainsOf(policy({ ...toBot, policyTypes: ["Egress"], egress: [{ to, ports }] }));
    const block = "ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8, 192.168.0.0/16 }";
    const expected = ["tcp dport 443-450", "udp dport 53", "meta l4proto udp"].map((port) => `${block} ${port} return`);
    assert.deepEqual(chains.get("egress_0"), [...expected, "counter drop"]);
  });

  it("does not mean the addresses of ended pods and of pods in the node's own network", () => {
    const ended: Pod = { ...BOT, status: { phase: "Succeeded", podIP: "10.0.0.9" } };
    const host: Pod = { ...BOT, spec: { ...BOT.spec, hostNetwork: true } };
    assert.doesNotMatch(policyTable(NODE, [ended, host], NAMESPACES, [policy(toBot)]), /jump/);
  });
});
