/**
 * Translates NetworkPolicies into a table of nftables for the pods of one node. Pure: text from objects.
 *
 * Every pod that a policy selects gets a chain per direction; what no rule of it lets through is dropped. Packets that
 * belong to a connection that was let through pass. A node reaches its own pods (probes) without passing here.
 */
import type { ApiObject } from "./api-client.ts";

interface Expression {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Expression[];
}

interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

export interface Pod extends ApiObject {
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly containers: readonly { readonly ports?: readonly ContainerPort[] }[];
  };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

export type Namespace = ApiObject;

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface PolicyPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

interface PolicyRule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly PolicyPort[];
}

export interface NetworkPolicy extends ApiObject {
  readonly spec: {
    readonly podSelector?: Selector;
    readonly policyTypes?: readonly string[];
    readonly ingress?: readonly PolicyRule[];
    readonly egress?: readonly PolicyRule[];
  };
}

type Direction = "ingress" | "egress";

/** An address that a rule lets through, and the pod behind it, whose named ports an egress rule means. */
interface Allowed {
  readonly match: string;
  readonly pod: Pod | null;
}

const TABLE = "inet test_cluster_policies";

export function matches(selector: Selector, labels: Readonly<Record<string, string>> = {}): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  if (!wanted.every(([key, value]) => labels[key] === value)) return false;
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === "Exists") return value !== undefined;
    if (operator === "DoesNotExist") return value === undefined;
    if (operator === "In") return value !== undefined && values.includes(value);
    return value === undefined || !values.includes(value);
  });
}

/** The whole table, as a script that replaces the earlier one at once. */
export function policyTable(
  node: string,
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
  policies: readonly NetworkPolicy[],
): string {
  const reachable = pods.filter(isReachable);
  const chains: string[] = [];
  const jumps: Record<Direction, string[]> = { egress: [], ingress: [] };
  const own = reachable.filter((pod) => pod.spec.nodeName === node);
  own.forEach((pod, index) => {
    for (const direction of ["egress", "ingress"] as const) {
      const selecting = policies.filter((policy) => selects(policy, pod, direction));
      if (selecting.length === 0) continue;
      const rules = selecting.flatMap((policy) => allowRules(policy, direction, pod, reachable, namespaces));
      const chain = `${direction}_${index}`;
      chains.push(`chain ${chain} {`, ...new Set(rules), "counter drop", "}");
      jumps[direction].push(`ip ${direction === "egress" ? "saddr" : "daddr"} ${pod.status?.podIP} jump ${chain}`);
    }
  });
  return [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...chains,
    "chain forward {",
    "type filter hook forward priority filter; policy accept;",
    "ct state established,related accept",
    // The sender's chain comes first and returns what it lets through, so that the receiver's chain decides, too.
    ...jumps.egress,
    ...jumps.ingress,
    "}",
    "}",
    "",
  ].join("\n");
}

function isReachable(pod: Pod): boolean {
  const isRunning = pod.status?.phase === "Running" || pod.status?.phase === "Pending";
  return isRunning && pod.status?.podIP !== undefined && !pod.spec.hostNetwork;
}

function selects(policy: NetworkPolicy, pod: Pod, direction: Direction): boolean {
  const { podSelector = {}, policyTypes, egress } = policy.spec;
  const types = policyTypes ?? (egress === undefined ? ["Ingress"] : ["Ingress", "Egress"]);
  if (!types.includes(direction === "egress" ? "Egress" : "Ingress")) return false;
  return policy.metadata.namespace === pod.metadata.namespace && matches(podSelector, pod.metadata.labels);
}

function allowRules(
  policy: NetworkPolicy,
  direction: Direction,
  pod: Pod,
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
): string[] {
  return (policy.spec[direction] ?? []).flatMap((rule) => {
    const peers = direction === "egress" ? rule.to : rule.from;
    const allowed = allowedPeers(peers ?? [], direction, policy, pods, namespaces);
    return allowed.flatMap((peer) => {
      const receiver = direction === "egress" ? peer.pod : pod;
      return portMatches(rule.ports ?? [], receiver).map((port) =>
        [peer.match, port, "return"].filter((word) => word !== "").join(" "),
      );
    });
  });
}

/** No peers at all means everybody. */
function allowedPeers(
  peers: readonly Peer[],
  direction: Direction,
  policy: NetworkPolicy,
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
): Allowed[] {
  if (peers.length === 0) return [{ match: "", pod: null }];
  const side = direction === "egress" ? "ip daddr" : "ip saddr";
  return peers.flatMap(({ ipBlock, podSelector, namespaceSelector }): Allowed[] => {
    if (ipBlock !== undefined) {
      const { cidr, except = [] } = ipBlock;
      const without = except.length === 0 ? "" : ` ${side} != { ${except.join(", ")} }`;
      return [{ match: `${side} ${cidr}${without}`, pod: null }];
    }
    const isMeant = (namespace: string | undefined): boolean => {
      if (namespaceSelector === undefined) return namespace === policy.metadata.namespace;
      const found = namespaces.find(({ metadata }) => metadata.name === namespace);
      return found !== undefined && matches(namespaceSelector, found.metadata.labels);
    };
    return pods
      .filter((pod) => isMeant(pod.metadata.namespace) && matches(podSelector ?? {}, pod.metadata.labels))
      .map((pod) => ({ match: `${side} ${pod.status?.podIP}`, pod }));
  });
}

/** Conditions on the port, one for each way through; no ports at all means every one of every protocol. */
function portMatches(ports: readonly PolicyPort[], receiver: Pod | null): string[] {
  if (ports.length === 0) return [""];
  return ports.flatMap(({ protocol = "TCP", port, endPort }) => {
    const family = protocol.toLowerCase();
    if (port === undefined) return [`meta l4proto ${family}`];
    if (typeof port === "string")
      return namedPorts(receiver, port, protocol).map((number) => `${family} dport ${number}`);
    return [`${family} dport ${endPort === undefined ? port : `${port}-${endPort}`}`];
  });
}

function namedPorts(pod: Pod | null, name: string, protocol: string): number[] {
  const ports = pod?.spec.containers.flatMap((container) => container.ports ?? []) ?? [];
  const named = ports.filter((port) => port.name === name && (port.protocol ?? "TCP") === protocol);
  return named.map(({ containerPort }) => containerPort);
}
