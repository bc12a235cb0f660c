/**
 * Redis and PostgreSQL alone in a namespace of their own, as development renders them with its policies, and a client pod that
 * carries the bot's labels and image. The images have to be on the cluster already.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../harness/cluster.ts";
import { TEST_IMAGES } from "../harness/dev-installation.ts";
import { createNamespace, type TestNamespace } from "../harness/namespace.ts";
import { type KubeObject, render } from "../harness/render.ts";
import { eventually } from "../harness/wait.ts";

export type StoreName = "redis" | "postgres";

/** Passwords with what shells, YAML and Redis's files give a meaning to. */
export const SECRETS = {
  DATABASE_USER: "algo_trader",
  DATABASE_PASSWORD: "Secure\"Pa\\ss $1 #23'",
  REDIS_PASSWORD: "Se\"cure\\Pa ss$4 #56'",
} as const;

const CLIENT_FILES = join(import.meta.dirname, "client");
const READY_MS = 300_000;
/** Objects that belong to no store and that both need. */
const SHARED = new Set(["default-deny", "dns", "algo-trading-bot-stores"]);

/** Installs the named stores and waits until they are ready. The caller removes the namespace. */
export async function installStores(cluster: Cluster, names: readonly StoreName[]): Promise<TestNamespace> {
  const namespace = await createNamespace(cluster, "data", { "pod-security.kubernetes.io/enforce": "restricted" });
  try {
    await setSecret(namespace, "algo-trading-secrets", SECRETS);
    await setSecret(namespace, "postgres-internal", {
      SUPERUSER_PASSWORD: 'super"\\1',
      REPLICATION_PASSWORD: "replication 1",
      REWIND_PASSWORD: "rewind 1",
    });
    await applyStores(namespace, names);
    await namespace.apply(JSON.stringify(clientPod()));
    for (const name of names) await namespace.rolledOut(`statefulset/${name}`, READY_MS);
    await namespace.wait("condition=Ready", "pod/client", READY_MS);
    return namespace;
  } catch (error) {
    const state = await namespace.describe();
    await namespace.remove();
    throw new Error(`the stores did not start: ${error instanceof Error ? error.message : String(error)}\n${state}`, {
      cause: error,
    });
  }
}

/** What `kubectl apply` of development's manifests would make of these stores. */
export async function applyStores(namespace: TestNamespace, names: readonly StoreName[]): Promise<void> {
  const objects = await render("dev", { namespace: namespace.name, images: TEST_IMAGES });
  const wanted = objects.filter(({ metadata }) => {
    const part = metadata.labels?.["app.kubernetes.io/name"] ?? "";
    return SHARED.has(metadata.name) || names.some((name) => name === part);
  });
  await namespace.apply(list(wanted));
}

/** Makes or changes a Secret. */
export async function setSecret(
  namespace: TestNamespace,
  name: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: values };
  await namespace.apply(JSON.stringify(secret));
}

/** Waits until a pod sees the changed value of a key of the Secret: the kubelet renews mounted files within a minute or two. */
export async function whenMounted(namespace: TestNamespace, pod: string, key: string, value: string): Promise<void> {
  const read = ["exec", pod, "--", "cat", `/etc/algo-trading/secrets/${key}`];
  await eventually(`the new ${key} in ${pod}`, 180_000, async () =>
    (await namespace.must(read)) === value ? true : null,
  );
}

/** Runs a program in the client pod, as the guide does in a bot's; throws what it said when it fails. */
export function inClient(namespace: TestNamespace, ...command: string[]): Promise<string> {
  return namespace.must(["exec", "client", "--", ...command]);
}

function list(items: readonly KubeObject[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function clientPod(): object {
  const files = Object.fromEntries(
    readdirSync(CLIENT_FILES).map((file) => [file, readFileSync(join(CLIENT_FILES, file), "utf8")]),
  );
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "client", labels: { "app.kubernetes.io/name": "algo-trading-bot" } },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "client",
          image: TEST_IMAGES["algo-trading-bot"],
          command: ["node", "--eval", "setInterval(() => undefined, 1e9)"],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [
            { name: "secrets", mountPath: "/etc/algo-trading/secrets" },
            { name: "files", mountPath: "/client" },
          ],
        },
      ],
      volumes: [
        { name: "secrets", secret: { secretName: "algo-trading-secrets" } },
        { name: "files", configMap: { name: "client" } },
      ],
    },
  };
  const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "client" }, data: files };
  return { apiVersion: "v1", kind: "List", items: [configMap, pod] };
}
