/**
 * An overlay of `k8s`, whole and running in a namespace of the test's own, without deploy.sh. The images have
 * to be on the cluster already, under the tag `TEST_IMAGE_TAG`, by default `dev`.
 */
import { randomBytes } from "node:crypto";
import type { Cluster } from "./cluster.ts";
import { createNamespace, type TestNamespace } from "./namespace.ts";
import { type Environment, type KubeObject, render } from "./render.ts";

const TAG = process.env["TEST_IMAGE_TAG"] || "dev";

export const TEST_IMAGES = {
  "algo-trading-bot": `localhost/algo-trading-bot:${TAG}`,
  "algo-trading-postgres": `localhost/algo-trading-postgres:${TAG}`,
} as const;

export interface DevInstallation {
  readonly namespace: TestNamespace;
  /** From the end of `kubectl apply` until all bots were ready. */
  readonly readyMs: number;
}

const READY_MS = 180_000;

/** Applies everything and waits until the bots are ready. `change` may alter objects before. The caller removes the namespace. */
export function installDev(
  cluster: Cluster,
  purpose: string,
  change: (object: KubeObject) => KubeObject = (object) => object,
): Promise<DevInstallation> {
  return install(cluster, purpose, "dev", [], change);
}

/** Staging with the simulated broker in the place of Alpaca's paper account. */
export function installStaging(
  cluster: Cluster,
  purpose: string,
  change: (object: KubeObject) => KubeObject,
): Promise<DevInstallation> {
  return install(cluster, purpose, "staging", ["simulator"], change);
}

async function install(
  cluster: Cluster,
  purpose: string,
  environment: Environment,
  components: readonly string[],
  change: (object: KubeObject) => KubeObject,
): Promise<DevInstallation> {
  const namespace = await createNamespace(cluster, purpose, { "pod-security.kubernetes.io/enforce": "restricted" });
  try {
    await makeSecrets(namespace);
    const objects = await render(environment, { namespace: namespace.name, images: TEST_IMAGES, components });
    await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects.map(change) }));
    const began = performance.now();
    await namespace.rolledOut("deployment/algo-trading-bot", READY_MS);
    return { namespace, readyMs: performance.now() - began };
  } catch (error) {
    await namespace.remove();
    throw error;
  }
}

async function makeSecrets(namespace: TestNamespace): Promise<void> {
  const password = () => randomBytes(18).toString("base64url");
  await makeSecret(namespace, "algo-trading-secrets", {
    DATABASE_USER: "algo_trader",
    DATABASE_PASSWORD: password(),
    REDIS_PASSWORD: password(),
    ALPACA_API_KEY: password(),
    ALPACA_SECRET_KEY: password(),
  });
  await makeSecret(namespace, "postgres-internal", {
    SUPERUSER_PASSWORD: password(),
    REPLICATION_PASSWORD: password(),
    REWIND_PASSWORD: password(),
  });
}

async function makeSecret(namespace: TestNamespace, name: string, values: Record<string, string>): Promise<void> {
  await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: values }));
}
