/** A namespace of a test file's own, removed when the file is done; tells what happened in it when a test fails. */
import { randomBytes } from "node:crypto";
import { afterEach } from "node:test";
import type { Cluster, CommandResult, KubectlOptions } from "./cluster.ts";

export interface TestNamespace {
  readonly name: string;
  readonly cluster: Cluster;
  /** `kubectl` in this namespace; never rejects. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<CommandResult>;
  /** `kubectl` in this namespace; throws what it said when it fails; gives its output. */
  must(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** Applies objects given as YAML or JSON text. */
  apply(manifest: string): Promise<void>;
  /** `kubectl get --output=json`, parsed. */
  get<T>(args: readonly string[]): Promise<T>;
  /** `kubectl wait --for=CONDITION RESOURCE`; throws with the namespace's state when it takes longer. */
  wait(condition: string, resource: string, timeoutMs: number): Promise<void>;
  /** `kubectl rollout status`; throws with the namespace's state when it takes longer. */
  rolledOut(workload: string, timeoutMs: number): Promise<void>;
  /** What an engineer would look at: pods, events, and the last lines of every container's log. */
  describe(): Promise<string>;
  /** Removes the namespace with everything in it and waits until it is gone. */
  remove(): Promise<void>;
}

const REMOVE_TIMEOUT_MS = 120_000;
/** kubectl ends by itself at its own timeout; ours is later, so that its message is kept. */
const SLACK_MS = 10_000;
const LOG_LINES = 40;

/** Creates the namespace `PURPOSE-RANDOM`, with labels such as a Pod Security level. */
export async function createNamespace(
  cluster: Cluster,
  purpose: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestNamespace> {
  const name = `${purpose}-${randomBytes(3).toString("hex")}`;
  const manifest = { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
  const { code, stderr } = await cluster.kubectl(["create", "--filename=-"], { input: JSON.stringify(manifest) });
  if (code !== 0) throw new Error(`namespace ${name}: ${stderr.trim()}`);
  return openNamespace(cluster, name);
}

/** The same for a namespace that exists already, for example one that `deploy.sh` makes. */
export function openNamespace(cluster: Cluster, name: string): TestNamespace {
  const kubectl = (args: readonly string[], options?: KubectlOptions) =>
    cluster.kubectl([`--namespace=${name}`, ...args], options);
  const mustKubectl = async (args: readonly string[], options?: KubectlOptions): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim() || stdout.trim()}`);
    return stdout;
  };
  const describe = () => describeNamespace(kubectl, name);
  const within = async (args: readonly string[], timeoutMs: number): Promise<void> => {
    const limit = `--timeout=${Math.ceil(timeoutMs / 1000)}s`;
    const { code, stdout, stderr } = await kubectl([...args, limit], { timeoutMs: timeoutMs + SLACK_MS });
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stdout}${stderr}\n${await describe()}`);
  };
  return {
    name,
    cluster,
    kubectl,
    must: mustKubectl,
    apply: async (manifest) => void (await mustKubectl(["apply", "--filename=-"], { input: manifest })),
    get: async <T>(args: readonly string[]) => JSON.parse(await mustKubectl(["get", ...args, "--output=json"])) as T,
    wait: (condition, resource, timeoutMs) => within(["wait", `--for=${condition}`, resource], timeoutMs),
    rolledOut: (workload, timeoutMs) => within(["rollout", "status", workload], timeoutMs),
    describe,
    remove: async () => {
      const timeout = `--timeout=${REMOVE_TIMEOUT_MS / 1000}s`;
      const args = ["delete", "namespace", name, "--ignore-not-found", timeout];
      const { code, stderr } = await cluster.kubectl(args, { timeoutMs: REMOVE_TIMEOUT_MS + SLACK_MS });
      if (code !== 0) throw new Error(`namespace ${name} is not gone: ${stderr.trim()}`);
    },
  };
}

/** Within a suite: after a failed test prints the state of the namespace that `current` gives. */
export function explainFailures(current: () => TestNamespace | undefined): void {
  afterEach(async (context) => {
    const namespace = current();
    if (namespace === undefined || !("passed" in context) || context.passed) return;
    console.error(await namespace.describe());
  });
}

interface PodNames {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly containers: readonly { readonly name: string }[] };
  }[];
}

async function describeNamespace(kubectl: TestNamespace["kubectl"], name: string): Promise<string> {
  const parts = [`== namespace ${name}`];
  const show = async (args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await kubectl(args);
    parts.push(`-- kubectl ${args.join(" ")}`, (stdout + stderr).trimEnd());
  };
  await show(["get", "pods,pvc,deployments,statefulsets", "--output=wide"]);
  await show(["get", "events", "--sort-by=.lastTimestamp"]);
  const pods = await kubectl(["get", "pods", "--output=json"]);
  if (pods.code !== 0) return parts.join("\n");
  for (const pod of (JSON.parse(pods.stdout) as PodNames).items) {
    for (const container of pod.spec.containers) {
      await show(["logs", pod.metadata.name, `--container=${container.name}`, `--tail=${LOG_LINES}`]);
    }
  }
  return parts.join("\n");
}
