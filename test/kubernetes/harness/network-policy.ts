/** What NetworkPolicies let through, decided from the objects alone as Kubernetes' documentation says it; no cluster. */
import { BlockList } from "node:net";
import type { KubeObject } from "./render.ts";

type Labels = Readonly<Record<string, string>>;

/** One end of a connection. */
export interface Endpoint {
  readonly address: string;
  /** Absent for what is no pod. */
  readonly pod?: {
    /** Whether its namespace is the policies' own. */
    readonly isHere: boolean;
    readonly namespaceLabels: Labels;
    readonly labels: Labels;
    /** Its named ports. */
    readonly ports: Readonly<Record<string, number>>;
  };
}

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: string[];
  }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol?: string; readonly port?: number | string }[];
}

interface Policy extends KubeObject {
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** Whether `from` may open a connection to a port of `to`. */
export function mayConnect(
  objects: readonly KubeObject[],
  from: Endpoint,
  to: Endpoint,
  port: number,
  protocol = "TCP",
): boolean {
  const policies = objects.filter(({ kind }) => kind === "NetworkPolicy") as Policy[];
  const fits = (rule: Rule) => portFits(rule, to, port, protocol);
  const leaves = (rule: Rule) => fits(rule) && peerFits(rule.to, to);
  const enters = (rule: Rule) => fits(rule) && peerFits(rule.from, from);
  return (
    passes(policies, from, "Egress", ({ spec }) => spec.egress?.some(leaves) === true) &&
    passes(policies, to, "Ingress", ({ spec }) => spec.ingress?.some(enters) === true)
  );
}

/** A pod that no policy of the direction selects is open; else one of them has to let it through. */
function passes(
  policies: readonly Policy[],
  { pod }: Endpoint,
  direction: string,
  lets: (policy: Policy) => boolean,
): boolean {
  if (pod === undefined || !pod.isHere) return true;
  const mine = policies.filter(
    ({ spec }) => spec.policyTypes.includes(direction) && selected(spec.podSelector, pod.labels),
  );
  return mine.length === 0 || mine.some(lets);
}

function portFits({ ports }: Rule, { pod }: Endpoint, wanted: number, wantedProtocol: string): boolean {
  if (ports === undefined) return true;
  return ports.some(({ port, protocol = "TCP" }) => {
    const number = typeof port === "string" ? pod?.ports[port] : port;
    return protocol === wantedProtocol && (port === undefined || number === wanted);
  });
}

function peerFits(peers: readonly Peer[] | undefined, { address, pod }: Endpoint): boolean {
  if (peers === undefined || peers.length === 0) return true;
  return peers.some(({ ipBlock, namespaceSelector, podSelector }) => {
    if (ipBlock !== undefined) {
      return inBlock(address, ipBlock.cidr) && !(ipBlock.except ?? []).some((block) => inBlock(address, block));
    }
    if (pod === undefined) return false;
    const namespaceFits =
      namespaceSelector === undefined ? pod.isHere : selected(namespaceSelector, pod.namespaceLabels);
    return namespaceFits && (podSelector === undefined || selected(podSelector, pod.labels));
  });
}

function inBlock(address: string, cidr: string): boolean {
  const [network = "", prefix] = cidr.split("/");
  const block = new BlockList();
  block.addSubnet(network, Number(prefix));
  return block.check(address);
}

function selected({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return equal && matchExpressions.every((expression) => expressionFits(expression, labels));
}

function expressionFits(
  { key, operator, values = [] }: NonNullable<Selector["matchExpressions"]>[number],
  labels: Labels,
): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      throw new Error(`no operator of a selector: ${operator}`);
  }
}
