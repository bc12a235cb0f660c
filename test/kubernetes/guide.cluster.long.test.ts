/**
 * The deployment guide's own lines, as they are written, in a shell: one environment after the other, each in a namespace of its
 * own. Only its placeholders are filled in: the namespace, a pod's name, registry and tag. Staging and production trade the simulator
 * here, as they do in a rehearsal. What builds and pushes images needs a registry and is not among the lines.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CommandResult, run } from "../../scripts/cluster/command.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { nameClients, type ScriptTree, scriptTree, tradeSimulator } from "./harness/deploy-script.ts";
import { BOT_IMAGE, BROKEN_BOT_IMAGE, NEXT_BOT_IMAGE, tagOf } from "./harness/images.ts";
import { explainFailures, openNamespace, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";

const LINE_TIMEOUT_MS = 900_000;
const SECRETS = ["DATABASE_PASSWORD", "REDIS_PASSWORD", "ALPACA_API_KEY", "ALPACA_SECRET_KEY"];
/** Pods that a rollout has replaced are there for a while yet. */
const NEWEST = ["--sort-by=.metadata.creationTimestamp", "--output=jsonpath={.items[-1:].metadata.name}"];
const BOT_PODS = "--selector=app.kubernetes.io/name=algo-trading-bot";

/** What the guide says of each environment. */
const PROMISED = {
  dev: { environment: "development", level: "DEBUG", scaler: "", limits: "500m 1Gi", budget: "" },
  staging: { environment: "staging", level: "INFO", scaler: "3 5", limits: "500m 1Gi", budget: "2" },
  prod: { environment: "production", level: "WARN", scaler: "3 10", limits: "2 4Gi", budget: "2" },
} as const;
type Environment = keyof typeof PROMISED;

interface Place {
  readonly tree: ScriptTree;
  readonly namespace: TestNamespace;
  /** Runs a line of the guide in a shell; never rejects. */
  line(text: string): Promise<CommandResult>;
  /** The same, and fails with what it said when it does not end with 0. */
  done(text: string): Promise<string>;
  /** Starts a line that goes on until Ctrl-C, gives what it says meanwhile to `look`, and presses Ctrl-C. */
  follow(text: string, look: (said: () => string) => Promise<void>): Promise<void>;
  field(resource: string, path: string): Promise<string>;
}

function openPlace(cluster: Cluster, environment: Environment): Place {
  const name = `guide-${environment}-${randomBytes(3).toString("hex")}`;
  const namespace = openNamespace(cluster, name);
  const tree = scriptTree();
  const env = { ...cluster.env, REGISTRY: "localhost", IMAGE_TAG: tagOf(BOT_IMAGE) };
  if (environment !== "dev") tradeSimulator(tree, environment);
  tree.edit("deploy.sh", 'NAMESPACE="algo-trading"', `NAMESPACE="${name}"`);
  nameClients(tree);
  async function fill(text: string): Promise<string> {
    const filled = text.replace(/(-n |--namespace=)algo-trading\b/g, `$1${name}`);
    if (!filled.includes("<pod-name>")) return filled;
    const pods = await namespace.must(["get", "pods", BOT_PODS, ...NEWEST]);
    return filled.replace("<pod-name>", pods);
  }
  async function line(text: string): Promise<CommandResult> {
    return run("bash", ["-c", await fill(text)], { env, cwd: tree.folder, timeoutMs: LINE_TIMEOUT_MS });
  }
  return {
    tree,
    namespace,
    line,
    async done(text) {
      const { code, stdout, stderr } = await line(text);
      assert.equal(code, 0, `${text}\n${stdout}${stderr}`);
      return stdout + stderr;
    },
    async follow(text, look) {
      const child = spawn("bash", ["-c", await fill(text)], {
        env,
        cwd: tree.folder,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          said += chunk.toString();
        });
      const gone = once(child, "exit");
      try {
        await look(() => said);
      } finally {
        process.kill(-(child.pid as number), "SIGINT");
        await gone;
      }
    },
    field: (resource, path) => namespace.must(["get", resource, "--ignore-not-found", `--output=jsonpath=${path}`]),
  };
}

async function curl(address: string): Promise<string> {
  return eventually(`an answer of ${address}`, 30_000, async () => {
    const response = await fetch(address);
    return response.ok ? response.text() : null;
  });
}

await onCluster("the deployment guide, line by line", (cluster: Cluster) => {
  for (const environment of ["dev", "staging", "prod"] as const) {
    describe(environment, () => {
      const promised = PROMISED[environment];
      let place: Place;
      before(() => {
        place = openPlace(cluster, environment);
      });
      after(async () => {
        await place.namespace.remove();
        place.tree.remove();
      });
      explainFailures(() => place.namespace);

      it("kubectl cluster-info; kubectl get nodes", async () => {
        assert.match(await place.done("kubectl cluster-info"), /control plane.* is running at/i);
        assert.match(await place.done("kubectl get nodes"), / Ready /);
      });

      it("kubectl create secret generic algo-trading-secrets", async () => {
        await place.done(`kubectl create namespace ${place.namespace.name}`);
        const values = Object.fromEntries(SECRETS.map((key) => [key, randomBytes(9).toString("hex")]));
        await place.done(
          "kubectl create secret generic algo-trading-secrets --from-literal=DATABASE_USER=algo_trader " +
            `${SECRETS.map((key) => `--from-literal=${key}=${values[key]}`).join(" ")} --namespace=algo-trading`,
        );
      });

      it(`./deploy.sh ${environment} apply`, async () => {
        const before_ = await place.field("secret/algo-trading-secrets", "{.data}");
        await place.done("chmod +x deploy.sh");
        await place.done(`./deploy.sh ${environment} apply`);
        assert.equal(await place.field("secret/algo-trading-secrets", "{.data}"), before_);
      });

      it("has the environment, log level, replicas, resources and budget that the guide names", async () => {
        const config = await place.field("configmap/algo-trading-config", "{.data.ENVIRONMENT} {.data.LOG_LEVEL}");
        assert.equal(config, `${promised.environment} ${promised.level}`);
        const scaler = await place.field("hpa/algo-trading-bot-hpa", "{.spec.minReplicas} {.spec.maxReplicas}");
        assert.equal(scaler, promised.scaler);
        assert.ok(Number(await place.field("deployment/algo-trading-bot", "{.status.readyReplicas}")) >= 3);
        const resources = "{.spec.template.spec.containers[0].resources";
        const limits = `${resources}.limits.cpu} ${resources}.limits.memory}`;
        assert.equal((await place.field("deployment/algo-trading-bot", limits)).replace("2000m", "2"), promised.limits);
        const requests = `${resources}.requests.cpu} ${resources}.requests.memory}`;
        assert.equal(await place.field("deployment/algo-trading-bot", requests), "500m 1Gi");
        assert.equal(await place.field("pdb/algo-trading-bot", "{.spec.minAvailable}"), promised.budget);
        assert.equal(await place.field("statefulset/redis", "{.status.readyReplicas}"), "3");
        assert.equal(await place.field("statefulset/postgres", "{.status.readyReplicas}"), "2");
      });

      it(`./deploy.sh ${environment} status`, async () => {
        assert.match(await place.done(`./deploy.sh ${environment} status`), /What is wrong\n {2}nothing\n/);
      });

      it(`./deploy.sh ${environment} logs; kubectl logs -f deployment/algo-trading-bot --tail=100`, async () => {
        await place.follow(`./deploy.sh ${environment} logs`, async (said) => {
          await eventually("lines of three replicas", 30_000, () => {
            const pods = new Set([...said().matchAll(/^\[pod\/([^/]+)\//gm)].map(([, pod]) => pod));
            return pods.size >= 3 ? true : null;
          });
        });
        await place.follow("kubectl logs -f deployment/algo-trading-bot -n algo-trading --tail=100", async (said) => {
          await eventually("a line", 30_000, () => (said().includes("algo-trading-bot") ? true : null));
        });
      });

      it(`./deploy.sh ${environment} port-forward; curl /health, /ready, /metrics`, async () => {
        await place.follow(`./deploy.sh ${environment} port-forward`, async (said) => {
          assert.match(await curl("http://localhost:8000/health"), /"ok":true/);
          assert.match(await curl("http://localhost:8000/ready"), /"ok":true/);
          assert.match(await curl("http://localhost:9090/metrics"), /^trading_trades_executed_total /m);
          for (const address of ["http://localhost:8000", "ws://localhost:8001", "http://localhost:9090"])
            assert.ok(said().includes(address));
        });
      });

      it("kubectl port-forward svc/algo-trading-bot-metrics 9090:9090", async () => {
        await place.follow("kubectl port-forward -n algo-trading svc/algo-trading-bot-metrics 9090:9090", async () => {
          assert.match(await curl("http://localhost:9090/metrics"), /^trading_pnl /m);
        });
      });

      it("kubectl describe pod; redis-cli ping; psql", async () => {
        assert.match(await place.done("kubectl describe pod -n algo-trading <pod-name>"), /Liveness:.*\/health/);
        const ping = "kubectl exec -it -n algo-trading <pod-name> -- redis-cli -h redis-0.redis-service ping";
        assert.match(await place.done(ping), /^PONG/m);
        const psql =
          "kubectl exec -it -n algo-trading <pod-name> -- psql -h postgres-0.postgres-service -U algo_trader -d algo_trading_db";
        assert.match(await place.done(`${psql} -c 'SELECT count(*) FROM orders'`), /\(1 row\)/);
      });

      it("pg_dump and psql back the database up and restore it", async () => {
        const scale = "kubectl scale deployment algo-trading-bot --replicas";
        await place.done(`${scale}=0 -n algo-trading`);
        await place.done(
          "kubectl wait --for=delete pod -l app.kubernetes.io/name=algo-trading-bot -n algo-trading --timeout=180s",
        );
        await place.done(
          "kubectl exec -it -n algo-trading postgres-0 -- pg_dump -U algo_trader algo_trading_db > backup.sql",
        );
        const orders =
          "kubectl exec -i -n algo-trading postgres-0 -- psql -U algo_trader algo_trading_db -Atc 'SELECT * FROM orders ORDER BY seq'";
        const before_ = await place.done(orders);
        await place.done(
          "kubectl exec -i -n algo-trading postgres-0 -- psql -U algo_trader -d postgres " +
            "-c 'DROP DATABASE algo_trading_db WITH (FORCE)' -c 'CREATE DATABASE algo_trading_db'",
        );
        const restore =
          "kubectl exec -i -n algo-trading postgres-0 -- psql -U algo_trader algo_trading_db < backup.sql";
        assert.doesNotMatch(await place.done(restore), /ERROR/);
        assert.equal(await place.done(orders), before_);
        await place.done(`${scale}=3 -n algo-trading`);
        await place.done("kubectl rollout status deployment/algo-trading-bot -n algo-trading");
      });

      if (environment === "prod") productionLines(() => place);

      it(`./deploy.sh ${environment} delete`, async () => {
        const refused = await place.line(`./deploy.sh ${environment} delete`);
        assert.equal(refused.code, 2, "without a terminal it needs --yes");
        await place.done(`./deploy.sh ${environment} delete --yes`);
        assert.equal(await place.namespace.must(["get", "pods,services,deployments", "--output=name"]), "");
        assert.match(await place.namespace.must(["get", "pvc", "--output=name"]), /data-postgres-0/);
      });
    });
  }
});

/** What the guide shows for production only. */
function productionLines(at: () => Place): void {
  const image = () => at().field("deployment/algo-trading-bot", "{.spec.template.spec.containers[0].image}");

  it("./deploy.sh prod rollout", async () => {
    await at().done(`./deploy.sh prod rollout --tag ${tagOf(NEXT_BOT_IMAGE)}`);
    assert.equal(await image(), NEXT_BOT_IMAGE);
  });

  it("./deploy.sh prod rollout of a broken image says why, takes no ready replica away, and undoes it", async () => {
    const { code, stdout, stderr } = await at().line(`./deploy.sh prod rollout --tag ${tagOf(BROKEN_BOT_IMAGE)}`);
    assert.equal(code, 1, stdout + stderr);
    assert.match(stderr, /this image is broken, and so it is meant to be/);
    assert.ok(stderr.includes(`the rollout failed and was undone: ${NEXT_BOT_IMAGE} runs, as before`), stderr);
    for (const [, available] of stderr.matchAll(/(\d+) available/g)) assert.ok(Number(available) >= 3, stderr);
    assert.equal(await image(), NEXT_BOT_IMAGE);
  });

  it("./deploy.sh prod rollback leaves the broken image out", async () => {
    await at().done("./deploy.sh prod rollback");
    assert.equal(await image(), BOT_IMAGE);
    await at().done(`./deploy.sh prod rollout --tag ${tagOf(NEXT_BOT_IMAGE)}`);
  });

  it("kubectl set image --record; rollout status; rollout undo", async () => {
    await at().done(
      `kubectl set image deployment/algo-trading-bot algo-trading-bot=${BOT_IMAGE} -n algo-trading --record`,
    );
    assert.match(
      await at().done("kubectl rollout status deployment/algo-trading-bot -n algo-trading"),
      /successfully rolled out/,
    );
    assert.equal(await image(), BOT_IMAGE);
    await at().done("kubectl rollout undo deployment/algo-trading-bot -n algo-trading");
    await at().done("kubectl rollout status deployment/algo-trading-bot -n algo-trading");
    assert.equal(await image(), NEXT_BOT_IMAGE);
  });

  it("./deploy.sh prod apply keeps the image that runs", async () => {
    await at().done("IMAGE_TAG= ./deploy.sh prod apply");
    assert.equal(await image(), NEXT_BOT_IMAGE);
  });

  it("kubectl scale --replicas=5", async () => {
    await at().done("kubectl scale deployment algo-trading-bot --replicas=5 -n algo-trading");
    assert.equal(await at().field("deployment/algo-trading-bot", "{.spec.replicas}"), "5");
  });

  it("kubectl get hpa; kubectl describe hpa; kubectl get hpa --watch", async () => {
    await eventually("real figures of the autoscaler", 180_000, async () => {
      const shown = await at().done("kubectl get hpa -n algo-trading");
      return /cpu: \d+%\/70%, memory: \d+%\/80% +3 +10/.test(shown) ? true : null;
    });
    const said = await at().done("kubectl describe hpa algo-trading-bot-hpa -n algo-trading");
    assert.match(said, /ScalingActive +True/);
    await at().follow("kubectl get hpa -n algo-trading --watch", async (text) => {
      await eventually("a line", 30_000, () => (text().includes("algo-trading-bot-hpa") ? true : null));
    });
  });

  it("kubectl edit configmap; kubectl rollout restart", async () => {
    const editor = `KUBE_EDITOR="sed -i 's/LOG_LEVEL: WARN/LOG_LEVEL: ERROR/'"`;
    await at().done(`${editor} kubectl edit configmap algo-trading-config -n algo-trading`);
    await at().done("kubectl rollout restart deployment/algo-trading-bot -n algo-trading");
    await at().done("kubectl rollout status deployment/algo-trading-bot -n algo-trading");
    assert.equal((await at().done("kubectl exec -n algo-trading <pod-name> -- printenv LOG_LEVEL")).trim(), "ERROR");
    assert.equal((await at().line("./deploy.sh prod apply")).code, 2, "an edit is not put back");
    await at().done("./deploy.sh prod apply --overwrite");
  });

  it("increases the memory limit in k8s-deployment.yaml to 8Gi", async () => {
    at().tree.edit("k8s-deployment.yaml", "memory: 4Gi", "memory: 8Gi");
    assert.match(await at().done("./deploy.sh prod diff"), /^\+.*memory: 8Gi$/m);
    assert.match(readFileSync(join(at().tree.folder, "k8s/base/k8s-deployment.yaml"), "utf8"), /memory: 8Gi/);
    at().tree.edit("k8s-deployment.yaml", "memory: 8Gi", "memory: 4Gi");
  });
}
