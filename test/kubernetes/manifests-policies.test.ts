/** Which connections the network policies of each environment let through, and which not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Endpoint, mayConnect } from "./harness/network-policy.ts";
import {
  ENVIRONMENTS,
  type Environment,
  type KubeObject,
  NO_KUBECTL,
  render,
  type RenderOptions,
} from "./harness/render.ts";
import { containersOf, type PodTemplate, workloadsOf } from "./harness/workload.ts";

const CLIENTS = "203.0.113.0/24";

const CLIENT: Endpoint = { address: "203.0.113.7" };
const STRANGER_OUTSIDE: Endpoint = { address: "198.51.100.9" };
const BROKER: Endpoint = { address: "35.186.224.25" };
const METADATA_SERVICE: Endpoint = { address: "169.254.169.254" };
const PRIVATE_HOST: Endpoint = { address: "192.168.7.7" };
const API_SERVER: Endpoint = { address: "10.96.0.1" };

function foreignPod(namespace: string, labels: Record<string, string> = {}): Endpoint {
  const namespaceLabels = { "kubernetes.io/metadata.name": namespace };
  return { address: "10.244.9.9", pod: { isHere: false, namespaceLabels, labels, ports: {} } };
}

const DNS = foreignPod("kube-system", { "k8s-app": "kube-dns" });
const PROMETHEUS = foreignPod("monitoring", { "app.kubernetes.io/name": "prometheus" });
const INGRESS = foreignPod("ingress-nginx");
/** A pod that wears the bot's label in another namespace. */
const IMPOSTOR = foreignPod("elsewhere", { "app.kubernetes.io/name": "algo-trading-bot" });
/** A pod of somebody else in the same namespace. */
const NEIGHBOUR: Endpoint = {
  address: "10.244.1.99",
  pod: { isHere: true, namespaceLabels: {}, labels: { "app.kubernetes.io/name": "something" }, ports: {} },
};

function podOf(template: PodTemplate): Endpoint {
  const named = containersOf(template).flatMap(({ ports = [] }) =>
    ports.map(({ name, containerPort }) => [name ?? "", containerPort] as const),
  );
  const { labels } = template.metadata;
  return {
    address: "10.244.1.10",
    pod: { isHere: true, namespaceLabels: {}, labels, ports: Object.fromEntries(named) },
  };
}

interface Scene {
  readonly objects: readonly KubeObject[];
  readonly pod: (workload: string) => Endpoint;
}

async function sceneOf(environment: Environment, options: RenderOptions = {}): Promise<Scene> {
  const objects = await render(environment, { clients: CLIENTS, ...options });
  const pods = new Map(workloadsOf(objects).map(({ metadata, spec }) => [metadata.name, podOf(spec.template)]));
  return {
    objects,
    pod: (workload) => {
      const found = pods.get(workload);
      assert.ok(found !== undefined, `there is no workload ${workload}`);
      return found;
    },
  };
}

type Flow = readonly [what: string, from: Endpoint, to: Endpoint, port: number, protocol?: string];

function assertFlows(objects: readonly KubeObject[], flows: readonly Flow[], expected: boolean): void {
  for (const [what, from, to, port, protocol] of flows) {
    assert.equal(mayConnect(objects, from, to, port, protocol), expected, `${what} ${port}`);
  }
}

describe("network policies", { skip: NO_KUBECTL }, () => {
  for (const environment of ENVIRONMENTS) {
    it(`${environment}: let every part reach what it needs`, async () => {
      const { objects, pod } = await sceneOf(environment);
      const [bot, redis, postgres] = [pod("algo-trading-bot"), pod("redis"), pod("postgres")];
      const needed: Flow[] = [
        ["client to bot", CLIENT, bot, 8000],
        ["client to bot", CLIENT, bot, 8001],
        ["Prometheus to bot", PROMETHEUS, bot, 9090],
        ["bot to Redis", bot, redis, 6379],
        ["bot to Sentinel", bot, redis, 26379],
        ["bot to PostgreSQL", bot, postgres, 5432],
        ["Redis to Redis", redis, redis, 6379],
        ["Sentinel to Sentinel", redis, redis, 26379],
        ["standby to primary", postgres, postgres, 5432],
        ["Patroni to Patroni", postgres, postgres, 8008],
        ["Patroni to the API server", postgres, API_SERVER, 443],
        ["Patroni to the API server", postgres, API_SERVER, 6443],
      ];
      for (const [name, from] of Object.entries({ bot, redis, postgres })) {
        needed.push([`${name} to DNS`, from, DNS, 53, "UDP"], [`${name} to DNS`, from, DNS, 53, "TCP"]);
      }
      assertFlows(objects, needed, true);
    });

    it(`${environment}: let nothing else through`, async () => {
      const { objects, pod } = await sceneOf(environment);
      const [bot, redis, postgres] = [pod("algo-trading-bot"), pod("redis"), pod("postgres")];
      const refused: Flow[] = [
        ["client to metrics", CLIENT, bot, 9090],
        ["neighbour to metrics", NEIGHBOUR, bot, 9090],
        ["Prometheus to Redis", PROMETHEUS, redis, 6379],
        ["client to Redis", CLIENT, redis, 6379],
        ["client to PostgreSQL", CLIENT, postgres, 5432],
        ["impostor to Redis", IMPOSTOR, redis, 6379],
        ["impostor to PostgreSQL", IMPOSTOR, postgres, 5432],
        ["neighbour to Redis", NEIGHBOUR, redis, 6379],
        ["neighbour to Sentinel", NEIGHBOUR, redis, 26379],
        ["neighbour to PostgreSQL", NEIGHBOUR, postgres, 5432],
        ["neighbour to the outside", NEIGHBOUR, BROKER, 443],
        ["bot to Patroni", bot, postgres, 8008],
        ["bot to bot", bot, bot, 8000],
        ["bot to the API server", bot, API_SERVER, 443],
        ["bot to a cloud's metadata", bot, METADATA_SERVICE, 443],
        ["bot to a private host", bot, PRIVATE_HOST, 443],
        ["bot to the outside in plain text", bot, BROKER, 80],
        ["Redis to the outside", redis, BROKER, 443],
        ["Redis to PostgreSQL", redis, postgres, 5432],
        ["PostgreSQL to Redis", postgres, redis, 6379],
        ["PostgreSQL to the outside", postgres, BROKER, 80],
      ];
      assertFlows(objects, refused, false);
    });
  }

  it("development trades with its simulator and reaches no broker", async () => {
    const { objects, pod } = await sceneOf("dev");
    const [bot, simulator] = [pod("algo-trading-bot"), pod("algo-trading-simulator")];
    assertFlows(objects, [["bot to simulator", bot, simulator, 4010]], true);
    const refused: Flow[] = [
      ["bot to broker", bot, BROKER, 443],
      ["neighbour to simulator", NEIGHBOUR, simulator, 4010],
      ["impostor to simulator", IMPOSTOR, simulator, 4010],
      ["simulator to the outside", simulator, BROKER, 443],
      ["simulator to PostgreSQL", simulator, pod("postgres"), 5432],
    ];
    assertFlows(objects, refused, false);
  });

  for (const environment of ["staging", "prod"] as const) {
    it(`${environment} reaches its broker`, async () => {
      const { objects, pod } = await sceneOf(environment);
      assertFlows(objects, [["bot to broker", pod("algo-trading-bot"), BROKER, 443]], true);
    });
  }

  it("production is reached from its clients' networks and from nowhere else", async () => {
    const { objects, pod } = await sceneOf("prod");
    const bot = pod("algo-trading-bot");
    const refused = [STRANGER_OUTSIDE, NEIGHBOUR, IMPOSTOR, PRIVATE_HOST].flatMap((from): Flow[] => [
      [from.address, from, bot, 8000],
      [from.address, from, bot, 8001],
    ]);
    assertFlows(objects, refused, false);
  });

  it("behind an ingress controller only that reaches the bots", async () => {
    const { objects, pod } = await sceneOf("prod", { components: ["tls-ingress"] });
    const bot = pod("algo-trading-bot");
    assertFlows(
      objects,
      [
        ["ingress", INGRESS, bot, 8000],
        ["ingress", INGRESS, bot, 8001],
      ],
      true,
    );
    assertFlows(
      objects,
      [
        ["client", CLIENT, bot, 8000],
        ["impostor", IMPOSTOR, bot, 8000],
      ],
      false,
    );
  });

  it("the component for NodeLocal DNSCache opens its address for names, and nothing more", async () => {
    const cache: Endpoint = { address: "169.254.20.10" };
    const { objects, pod } = await sceneOf("prod", { components: ["nodelocal-dns"] });
    const bot = pod("algo-trading-bot");
    assertFlows(
      objects,
      [
        ["cache", bot, cache, 53, "UDP"],
        ["cache", bot, cache, 53, "TCP"],
      ],
      true,
    );
    assertFlows(
      objects,
      [
        ["cache", bot, cache, 443],
        ["metadata", bot, METADATA_SERVICE, 53, "UDP"],
      ],
      false,
    );
    assert.equal(mayConnect((await sceneOf("prod")).objects, bot, cache, 53, "UDP"), false);
  });
});
