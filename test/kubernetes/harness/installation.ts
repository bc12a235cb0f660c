/** An environment's whole overlay running in a namespace of the test's own, applied without deploy.sh. */
import { randomBytes } from "node:crypto";
import type { Cluster } from "./cluster.ts";
import { BOT_IMAGE, POSTGRES_IMAGE } from "./images.ts";
import { createNamespace, type TestNamespace } from "./namespace.ts";
import { type Environment, type KubeObject, render } from "./render.ts";

export interface InstallOptions {
  readonly environment: Environment;
  /** Names of folders in `k8s/components`. */
  readonly components?: readonly string[];
  /** Begins the namespace's name. */
  readonly purpose: string;
  /** May alter objects before they are applied. */
  readonly change?: (object: KubeObject) => KubeObject;
}

export interface Installation {
  readonly namespace: TestNamespace;
  /** From the end of `kubectl apply` until the rollout of the bots was complete. */
  readonly readyMs: number;
}

const READY_MS = 180_000;

/** Applies everything and waits until the bots are ready. The caller removes the namespace. */
export async function install(cluster: Cluster, options: InstallOptions): Promise<Installation> {
  const { environment, components = [], purpose, change = (object) => object } = options;
  const namespace = await createNamespace(cluster, purpose, { "pod-security.kubernetes.io/enforce": "restricted" });
  try {
    await makeSecrets(namespace);
    const images = { "algo-trading-bot": BOT_IMAGE, "algo-trading-postgres": POSTGRES_IMAGE };
    const objects = await render(environment, { namespace: namespace.name, components, images });
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
