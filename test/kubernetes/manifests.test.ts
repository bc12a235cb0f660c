/** The deployment guide's names, ports and figures, in what each environment renders to. */
import assert from "node:assert/strict";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, it } from "node:test";
import {
  ENVIRONMENTS,
  type Environment,
  type KubeObject,
  namesOf,
  NO_KUBECTL,
  parseObjects,
  pick,
  render,
  ROOT,
} from "./harness/render.ts";
import type { Container, Service, Workload } from "./harness/workload.ts";

interface Settings {
  readonly data: Readonly<Record<string, string>>;
}

interface Autoscaler {
  readonly spec: {
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly metrics: readonly {
      readonly resource: { readonly name: string; readonly target: { readonly averageUtilization: number } };
    }[];
    readonly behavior: Readonly<
      Record<"scaleUp" | "scaleDown", { readonly stabilizationWindowSeconds: number; readonly policies: unknown[] }>
    >;
  };
}

interface Budget {
  readonly spec: { readonly minAvailable?: number; readonly maxUnavailable?: number };
}

interface Role {
  readonly rules: readonly Readonly<Record<"apiGroups" | "resources" | "resourceNames" | "verbs", readonly string[]>>[];
}

const BOT = "algo-trading-bot";

/** The guide's section "Environment-Specific Configuration". */
const GUIDE = {
  dev: { environment: "development", logLevel: "DEBUG", replicas: 3, scaled: null, limits: ["500m", "1Gi"] },
  staging: { environment: "staging", logLevel: "INFO", replicas: undefined, scaled: [3, 5], limits: ["500m", "1Gi"] },
  prod: { environment: "production", logLevel: "WARN", replicas: undefined, scaled: [3, 10], limits: ["2000m", "4Gi"] },
} as const;

function bot(objects: readonly KubeObject[]): { deployment: KubeObject & Workload; container: Container } {
  const deployment = pick<Workload>(objects, "Deployment", BOT);
  const container = deployment.spec.template.spec.containers[0];
  assert.ok(container !== undefined);
  return { deployment, container };
}

function portsOf(service: Service): Record<number, string | number | undefined> {
  return Object.fromEntries((service.spec.ports ?? []).map(({ port, targetPort }) => [port, targetPort]));
}

/** Production with one text replaced in the file that the link at the root names. */
function renderEdited(from: string, to: string): Promise<KubeObject[]> {
  const file = relative("k8s", readlinkSync(join(ROOT, "k8s-deployment.yaml")));
  return render("prod", { edits: [{ file, from, to }] });
}

describe("the manifests have what the guide says", { skip: NO_KUBECTL }, () => {
  for (const environment of ENVIRONMENTS) describe(environment, () => declareEnvironment(environment));

  it("a link at the root names the file that people edit", () => {
    assert.ok(lstatSync(join(ROOT, "k8s-deployment.yaml")).isSymbolicLink());
    const kinds = parseObjects(readFileSync(join(ROOT, "k8s-deployment.yaml"), "utf8")).map(({ kind }) => kind);
    assert.deepEqual([...new Set(kinds)].sort(), [
      "ConfigMap",
      "Deployment",
      "HorizontalPodAutoscaler",
      "Secret",
      "Service",
    ]);
  });

  it("the file that people edit has the five secrets, without a value", () => {
    const file = parseObjects(readFileSync(join(ROOT, "k8s-deployment.yaml"), "utf8"));
    const { stringData } = pick<{ stringData: Record<string, string> }>(file, "Secret", "algo-trading-secrets");
    assert.deepEqual(Object.keys(stringData).sort(), [
      "ALPACA_API_KEY",
      "ALPACA_SECRET_KEY",
      "DATABASE_PASSWORD",
      "DATABASE_USER",
      "REDIS_PASSWORD",
    ]);
    const { DATABASE_USER, ...secret } = stringData;
    assert.equal(DATABASE_USER, "algo_trader");
    for (const value of Object.values(secret)) assert.match(value, /^CHANGE_ME/);
  });

  it("another memory limit in that file is the one that production gets", async () => {
    const { container } = bot(await renderEdited("memory: 4Gi", "memory: 8Gi"));
    assert.equal(container.resources.limits["memory"], "8Gi");
    assert.equal(container.resources.requests["memory"], "1Gi");
  });

  it("another setting and another maximum of replicas in that file are the ones that production gets", async () => {
    const settings = pick<Settings>(
      await renderEdited("LOG_LEVEL: WARN", "LOG_LEVEL: INFO"),
      "ConfigMap",
      "algo-trading-config",
    );
    assert.equal(settings.data["LOG_LEVEL"], "INFO");
    const hpa = pick<Autoscaler>(
      await renderEdited("maxReplicas: 10", "maxReplicas: 6"),
      "HorizontalPodAutoscaler",
      `${BOT}-hpa`,
    );
    assert.equal(hpa.spec.maxReplicas, 6);
  });
});

function declareEnvironment(environment: Environment): void {
  const guide = GUIDE[environment];
  const rendered = render(environment);
  // A failure is told by the tests, which all await it.
  rendered.catch(() => undefined);

  it("environment and log level", async () => {
    const { data } = pick<Settings>(await rendered, "ConfigMap", "algo-trading-config");
    assert.equal(data["ENVIRONMENT"], guide.environment);
    assert.equal(data["LOG_LEVEL"], guide.logLevel);
  });

  it("replicas and autoscaling", async () => {
    const objects = await rendered;
    assert.equal(bot(objects).deployment.spec.replicas, guide.replicas);
    if (guide.scaled === null) return assert.deepEqual(namesOf(objects, "HorizontalPodAutoscaler"), []);
    const { spec } = pick<Autoscaler>(objects, "HorizontalPodAutoscaler", "algo-trading-bot-hpa");
    assert.deepEqual([spec.minReplicas, spec.maxReplicas], guide.scaled);
    assert.deepEqual([spec.scaleTargetRef.kind, spec.scaleTargetRef.name], ["Deployment", BOT]);
    const targets = spec.metrics.map(({ resource }) => [resource.name, resource.target.averageUtilization]);
    assert.deepEqual(targets, [
      ["cpu", 70],
      ["memory", 80],
    ]);
    assert.deepEqual(spec.behavior.scaleUp.policies, [{ type: "Percent", value: 100, periodSeconds: 30 }]);
    assert.deepEqual(spec.behavior.scaleDown.policies, [{ type: "Percent", value: 50, periodSeconds: 60 }]);
    assert.equal(spec.behavior.scaleUp.stabilizationWindowSeconds, 0);
    assert.equal(spec.behavior.scaleDown.stabilizationWindowSeconds, 300);
  });

  it("resources of a bot", async () => {
    const { requests, limits } = bot(await rendered).container.resources;
    assert.deepEqual([requests["cpu"], requests["memory"]], ["500m", "1Gi"]);
    assert.deepEqual([limits["cpu"], limits["memory"]], guide.limits);
  });

  it("a rolling update that never has fewer ready replicas, and a graceful end", async () => {
    const { deployment, container } = bot(await rendered);
    const { strategy, minReadySeconds, progressDeadlineSeconds } = deployment.spec as unknown as Record<
      string,
      unknown
    >;
    assert.deepEqual(strategy, { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    assert.ok(Number(minReadySeconds) > 0 && Number(progressDeadlineSeconds) > Number(minReadySeconds));
    assert.deepEqual(container.lifecycle?.preStop?.exec?.command, ["/bin/sh", "-c", "sleep 15"]);
    assert.equal(deployment.spec.template.spec.terminationGracePeriodSeconds, 75);
  });

  it("a container that `kubectl set image` and `kubectl exec` find", async () => {
    const { deployment, container } = bot(await rendered);
    assert.equal(container.name, "algo-trading-bot");
    const annotations = deployment.spec.template.metadata.annotations ?? {};
    assert.equal(annotations["kubectl.kubernetes.io/default-container"], "algo-trading-bot");
  });

  it("restarts after 30 seconds without health, and no requests after 10 without readiness", async () => {
    const { livenessProbe, readinessProbe } = bot(await rendered).container;
    assert.equal(livenessProbe?.httpGet?.path, "/health");
    assert.equal(Number(livenessProbe?.periodSeconds) * Number(livenessProbe?.failureThreshold), 30);
    assert.equal(readinessProbe?.httpGet?.path, "/ready");
    assert.equal(Number(readinessProbe?.periodSeconds) * Number(readinessProbe?.failureThreshold), 10);
  });

  it("the Services with their types and ports", async () => {
    const objects = await rendered;
    const api = pick<Service>(objects, "Service", "algo-trading-bot-api");
    assert.equal(api.spec.type, "LoadBalancer");
    assert.deepEqual(portsOf(api), { 80: "http", 8000: "http", 8001: "ws" });
    const metrics = pick<Service>(objects, "Service", "algo-trading-bot-metrics");
    assert.equal(metrics.spec.type, "ClusterIP");
    assert.deepEqual(portsOf(metrics), { 9090: "metrics" });
    const container = Object.fromEntries(bot(objects).container.ports?.map((p) => [p.name, p.containerPort]) ?? []);
    assert.deepEqual(container, { http: 8000, ws: 8001, metrics: 9090 });
  });

  it("a user that is not root, a read-only root, no capabilities", async () => {
    const { deployment, container } = bot(await rendered);
    const pod = deployment.spec.template.spec.securityContext;
    assert.deepEqual([pod?.runAsNonRoot, pod?.runAsUser, pod?.seccompProfile?.type], [true, 1000, "RuntimeDefault"]);
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("a service account that reads the bot's settings and secrets and nothing else", async () => {
    const objects = await rendered;
    assert.equal(bot(objects).deployment.spec.template.spec.serviceAccountName, "algo-trading-bot");
    const { rules } = pick<Role>(objects, "Role", "algo-trading-bot");
    assert.deepEqual(
      rules.map(({ resources, resourceNames, verbs }) => [resources, resourceNames, verbs]),
      [
        [["configmaps"], ["algo-trading-config", "algo-trading-strategies"], ["get", "watch"]],
        [["secrets"], ["algo-trading-secrets"], ["get", "watch"]],
      ],
    );
    assert.deepEqual(namesOf(objects, "ClusterRole"), []);
  });

  it("disruption budgets, outside development", async () => {
    const objects = await rendered;
    if (environment === "dev") return assert.deepEqual(namesOf(objects, "PodDisruptionBudget"), []);
    assert.equal(pick<Budget>(objects, "PodDisruptionBudget", BOT).spec.minAvailable, 2);
    for (const name of ["redis", "postgres"]) {
      assert.equal(pick<Budget>(objects, "PodDisruptionBudget", name).spec.maxUnavailable, 1, name);
    }
  });

  it("three Redis with 10Gi each and two PostgreSQL with 50Gi each, behind headless Services", async () => {
    const objects = await rendered;
    for (const [name, replicas, storage, port] of [
      ["redis", 3, "10Gi", 6379],
      ["postgres", 2, "50Gi", 5432],
    ] as const) {
      const { spec } = pick<Workload>(objects, "StatefulSet", name);
      assert.equal(spec.replicas, replicas, name);
      assert.equal(spec.serviceName, `${name}-service`);
      const claims = (spec.volumeClaimTemplates ?? []).map((claim) => claim.spec.resources.requests.storage);
      assert.deepEqual(claims, [storage], name);
      const service = pick<Service>(objects, "Service", `${name}-service`);
      assert.equal(service.spec.clusterIP, "None", name);
      assert.ok(
        service.spec.ports?.some((each) => each.port === port),
        name,
      );
    }
  });

  it("Redis with the guide's settings", async () => {
    const { data } = pick<Settings>(await rendered, "ConfigMap", "redis-config");
    const lines = Object.values(data).join("\n").split("\n");
    for (const line of ["maxclients 10000", "appendonly yes", "appendfsync everysec"]) {
      assert.ok(lines.includes(line), line);
    }
  });

  it("a namespace that enforces the restricted profile", async () => {
    const { metadata } = pick(await rendered, "Namespace", "algo-trading");
    assert.equal(metadata.labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  });

  it("ConfigMap and Secret under the guide's names, the Secret's values left to deploy.sh", async () => {
    const objects = await rendered;
    assert.ok(namesOf(objects, "ConfigMap").includes("algo-trading-config"));
    assert.deepEqual(namesOf(objects, "Secret"), []);
    const { volumes = [] } = bot(objects).deployment.spec.template.spec;
    assert.ok(volumes.some(({ secret }) => secret?.secretName === "algo-trading-secrets"));
  });

  it("the load balancer of production is open to named networks only", async () => {
    const { spec } = pick<Service>(await rendered, "Service", "algo-trading-bot-api");
    assert.deepEqual(spec.loadBalancerSourceRanges, environment === "prod" ? ["CHANGE_ME"] : undefined);
  });
}
