/**
 * Development running on a cluster as the manifests make it: ready in time, trading its simulator, every process confined, and
 * its network policies enforced. (The test cluster's agent enforces them approximately; a conformant network does so exactly.)
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { installDev, TEST_IMAGES } from "./harness/dev-installation.ts";
import { createNamespace, explainFailures, type TestNamespace } from "./harness/namespace.ts";
import { forwardPort } from "./harness/port-forward.ts";
import type { KubeObject } from "./harness/render.ts";
import { eventually } from "./harness/wait.ts";

interface Pod {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly containers: readonly { readonly name: string }[] };
  readonly status: { readonly podIP: string; readonly hostIP: string };
}

/** The guide's list of metrics. */
const GUIDE_METRICS = [
  "trading_trades_executed_total",
  "trading_pnl",
  "trading_win_rate",
  "trading_avg_slippage_bps",
  "trading_drawdown",
  "system_cpu_usage",
  "system_memory_usage",
  "system_request_latency_ms",
];

/** Users of the containers: the guide's for the bot, Debian's `redis` and `postgres` for the others. */
const USERS: Readonly<Record<string, number>> = {
  "algo-trading-bot": 1000,
  simulator: 1000,
  redis: 999,
  sentinel: 999,
  postgres: 999,
};

/** Tries to open connections and prints which of them did. */
const CONNECT = `
const targets = JSON.parse(process.argv[1]);
const open = (target) => new Promise((done) => {
  const [host, port] = target.split(" ");
  const socket = require("node:net").connect({ host, port: Number(port), timeout: 3000 });
  const end = (answer) => { socket.destroy(); done(answer); };
  socket.once("connect", () => end(true)).once("error", () => end(false)).once("timeout", () => end(false));
});
Promise.all(targets.map(open)).then((answers) => console.log(JSON.stringify(answers)));
`;

await onCluster("development on a cluster", (cluster: Cluster) => {
  let namespace: TestNamespace;
  let monitoring: TestNamespace;
  let readyMs: number;
  let key: string;

  before(async () => {
    monitoring = await createNamespace(cluster, "monitoring");
    ({ namespace, readyMs } = await installDev(cluster, "running", (object) => watchedFrom(object, monitoring.name)));
    await Promise.all([idlePod(namespace, "neighbour"), idlePod(monitoring, "prometheus")]);
  });
  after(async () => {
    await Promise.all([namespace, monitoring].map((each) => each?.remove()));
  });
  explainFailures(() => namespace);

  async function podsOf(name: string): Promise<readonly Pod[]> {
    const { items } = await namespace.get<{ items: readonly Pod[] }>(["pods", `-l=app.kubernetes.io/name=${name}`]);
    return items;
  }

  async function addressOf(name: string): Promise<string> {
    const [pod] = await podsOf(name);
    assert.ok(pod !== undefined, name);
    return pod.status.podIP;
  }

  it("has three ready bots within three minutes of the apply", async () => {
    assert.ok(readyMs < 180_000, `${readyMs} ms`);
    assert.equal((await podsOf("algo-trading-bot")).length, 3);
  });

  it("answers the guide's requests through port-forward, and nothing without a key", async () => {
    const api = await forwardPort(namespace, "service/algo-trading-bot-api", 8000);
    try {
      const status = async (path: string) => (await fetch(`http://127.0.0.1:${api.port}${path}`)).status;
      assert.equal(await status("/health"), 200);
      assert.equal(await status("/ready"), 200);
      assert.equal(await status("/api/v1/trades"), 401);
    } finally {
      await api.close();
    }
  });

  it("takes a key that was made inside, and trades its simulator", async () => {
    const create = ["exec", "deployment/algo-trading-bot", "--", "algo-trading-bot", "key", "create"];
    const said = await namespace.must([...create, "--name=desk", "--role=admin"]);
    key = /atb_\S+/.exec(said)?.[0] ?? "";
    const api = await forwardPort(namespace, "service/algo-trading-bot-api", 8000);
    try {
      const headers = { authorization: `Bearer ${key}` };
      await eventually("a trade", 180_000, async () => {
        const response = await fetch(`http://127.0.0.1:${api.port}/api/v1/trades?limit=1`, { headers });
        const { items } = (await response.json()) as { items: unknown[] };
        return items[0];
      });
    } finally {
      await api.close();
    }
  });

  it("serves the guide's metrics on the metrics Service", async () => {
    const metrics = await forwardPort(namespace, "service/algo-trading-bot-metrics", 9090);
    try {
      const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();
      for (const name of GUIDE_METRICS) assert.match(text, new RegExp(`^${name}[ {]`, "m"), name);
    } finally {
      await metrics.close();
    }
  });

  it("confines every process: no root, nothing to write on the root, no capabilities, no new privileges", async () => {
    const { items } = await namespace.get<{ items: readonly Pod[] }>([
      "pods",
      "--selector=app.kubernetes.io/part-of=algo-trading",
    ]);
    const seen = new Set<string>();
    for (const { metadata, spec } of items) {
      for (const { name } of spec.containers) {
        const look = "cat /proc/1/status; touch /not-writable 2>/dev/null && echo WRITABLE || true";
        const text = await namespace.must(["exec", metadata.name, `--container=${name}`, "--", "/bin/sh", "-c", look]);
        const field = (key_: string) => new RegExp(`^${key_}:\\s*(\\S+)`, "m").exec(text)?.[1];
        assert.equal(Number(field("Uid")), USERS[name], name);
        for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
          assert.match(String(field(set)), /^0+$/, `${name} ${set}`);
        }
        assert.equal(field("NoNewPrivs"), "1", name);
        assert.equal(field("Seccomp"), "2", `${name}: a filter`);
        assert.doesNotMatch(text, /WRITABLE/, name);
        seen.add(name);
      }
    }
    assert.deepEqual([...seen].sort(), Object.keys(USERS).sort());
  });

  it("gives a bot no token of the API server, its limits, and its name", async () => {
    const [pod] = await podsOf("algo-trading-bot");
    assert.ok(pod !== undefined);
    const look = "ls /var/run/secrets/kubernetes.io 2>&1; echo $POD_NAME $CPU_LIMIT $MEMORY_LIMIT";
    const text = await namespace.must(["exec", pod.metadata.name, "--", "/bin/sh", "-c", look]);
    assert.match(text, /No such file/);
    assert.match(text, new RegExp(`^${pod.metadata.name} 500m ${2 ** 30}$`, "m"));
  });

  it("lets a bot reach its stores and its simulator, by name", async () => {
    const targets = ["redis-0.redis-service 6379", "redis-node-1 26379", "postgres-primary 5432"];
    targets.push("postgres-1.postgres-service 5432", "algo-trading-simulator 4010");
    await assertOpen(namespace, "deployment/algo-trading-bot", targets);
  });

  it("keeps a bot from Patroni and from other bots", async () => {
    const [first, ...others] = await podsOf("algo-trading-bot");
    const targets = others.map(({ status }) => `${status.podIP} 8000`);
    await assertClosed(namespace, String(first?.metadata.name), [...targets, `${await addressOf("postgres")} 8008`]);
  });

  it("keeps a bot from the API server", async (context) => {
    const inDefault = (...args: string[]) => cluster.kubectl(["get", "--namespace=default", ...args]);
    const { stdout: address } = await inDefault("service/kubernetes", "--output=jsonpath={.spec.clusterIP}");
    const { stdout: servers } = await inDefault(
      "endpointslices",
      "--selector=kubernetes.io/service-name=kubernetes",
      "--output=jsonpath={.items[*].endpoints[*].addresses[*]}",
    );
    // What a pod sends to its own node is forwarded nowhere, and so not seen by every network's policies.
    const bot = (await podsOf("algo-trading-bot")).find(({ status }) => !servers.split(" ").includes(status.hostIP));
    if (bot === undefined) return context.skip("every bot runs on a node of the API server's");
    await assertClosed(namespace, bot.metadata.name, [`${address} 443`]);
  });

  it("lets Prometheus reach the metrics, and nothing else", async () => {
    const [bot, redis, postgres] = await Promise.all(["algo-trading-bot", "redis", "postgres"].map(addressOf));
    await assertOpen(monitoring, "prometheus", [`${bot} 9090`]);
    await assertClosed(monitoring, "prometheus", [`${redis} 6379`, `${postgres} 5432`]);
  });

  it("keeps a neighbour in the same namespace from everything but what every client may use", async () => {
    const names = ["algo-trading-bot", "redis", "postgres", "algo-trading-simulator"];
    const [bot, redis, postgres, simulator] = await Promise.all(names.map(addressOf));
    const targets = [`${bot} 9090`, `${redis} 6379`, `${redis} 26379`, `${postgres} 5432`, `${postgres} 8008`];
    await assertClosed(namespace, "neighbour", [...targets, `${simulator} 4010`]);
  });

  it("keeps Redis and the simulator from each other, from the database and from the bots", async () => {
    const names = ["algo-trading-bot", "redis", "postgres"];
    const [bot, redis, postgres] = await Promise.all(names.map(addressOf));
    const simulator = "deployment/algo-trading-simulator";
    await assertClosed(namespace, simulator, [`${redis} 6379`, `${postgres} 5432`, `${bot} 8000`]);
  });
});

/** Prometheus' namespace is somebody else's on a shared cluster, so the test has one of its own. */
function watchedFrom(object: KubeObject, name: string): KubeObject {
  if (object.kind !== "NetworkPolicy") return object;
  return JSON.parse(
    JSON.stringify(object).replace(
      '"kubernetes.io/metadata.name":"monitoring"',
      `"kubernetes.io/metadata.name":"${name}"`,
    ),
  ) as KubeObject;
}

async function connections(namespace: TestNamespace, from: string, targets: readonly string[]): Promise<boolean[]> {
  const node = ["node", "--eval", CONNECT, "--", JSON.stringify(targets)];
  return JSON.parse(await namespace.must(["exec", from, "--", ...node])) as boolean[];
}

async function assertOpen(namespace: TestNamespace, from: string, targets: readonly string[]): Promise<void> {
  await eventually(`${from} reaches ${targets.join(", ")}`, 30_000, async () => {
    const answers = await connections(namespace, from, targets);
    const closed = targets.filter((_, place) => answers[place] !== true);
    if (closed.length > 0) throw new Error(`not ${closed.join(", ")}`);
    return true;
  });
}

async function assertClosed(namespace: TestNamespace, from: string, targets: readonly string[]): Promise<void> {
  const answers = await connections(namespace, from, targets);
  assert.deepEqual(
    targets.filter((_, place) => answers[place] !== false),
    [],
    `${from} reaches what the policies refuse: does this cluster's network enforce them?`,
  );
}

/** A pod that does nothing, in no role that the policies know, to open connections from. */
async function idlePod(namespace: TestNamespace, name: string): Promise<void> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { "app.kubernetes.io/name": name } },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image: TEST_IMAGES["algo-trading-bot"],
          command: ["node", "--eval", "setInterval(() => undefined, 1e9)"],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  };
  await namespace.apply(JSON.stringify(pod));
  await namespace.wait("condition=Ready", `pod/${name}`, 60_000);
}
