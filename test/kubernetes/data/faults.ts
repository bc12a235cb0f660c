/** What the tests do to the pods of Redis and PostgreSQL. Each call returns once the pods that were hit are back and ready. */
import type { TestNamespace } from "../harness/namespace.ts";
import { eventually } from "../harness/wait.ts";

interface Pod {
  readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly restartCount: number }[];
  };
}

const BACK_MS = 240_000;
/** Longer than any grace period in the manifests. */
const STOP_MS = 120_000;

/** Stops pods in order, as a rollout or a drained node does. */
export function stopPods(namespace: TestNamespace, ...pods: string[]): Promise<void> {
  const stop = ["delete", "pod", `--timeout=${STOP_MS / 1000}s`, ...pods];
  return replaced(namespace, pods, () => namespace.must(stop, { timeoutMs: STOP_MS + 10_000 }));
}

/** Takes pods away at once, without a hand-over or an orderly end. */
export function crashPods(namespace: TestNamespace, ...pods: string[]): Promise<void> {
  return replaced(namespace, pods, () => takeAway(namespace, pods));
}

/** Takes pods away at once and one of them together with its disk. */
export function loseDisk(namespace: TestNamespace, pod: string, ...others: string[]): Promise<void> {
  return replaced(namespace, [pod, ...others], async () => {
    await namespace.must(["delete", `pvc/data-${pod}`, "--wait=false"]);
    await takeAway(namespace, [pod, ...others]);
  });
}

/** Runs a command that ends its own container; returns once the container runs again. */
export async function endContainer(
  namespace: TestNamespace,
  pod: string,
  container: string,
  script: string,
): Promise<void> {
  const before = restarts(await get(namespace, pod));
  // The container takes the command down with it, so its exit code says nothing.
  await namespace.kubectl(["exec", pod, `--container=${container}`, "--", "sh", "-c", script]);
  await eventually(`${pod} to start again`, BACK_MS, async () => {
    const now = await get(namespace, pod);
    return restarts(now) > before && isReady(now) ? true : null;
  });
}

export async function takeAway(namespace: TestNamespace, pods: readonly string[]): Promise<void> {
  await namespace.must(["delete", "pod", "--grace-period=0", "--force", "--wait=false", ...pods]);
}

async function replaced(
  namespace: TestNamespace,
  pods: readonly string[],
  fault: () => Promise<unknown>,
): Promise<void> {
  const before = await Promise.all(pods.map((pod) => get(namespace, pod)));
  await fault();
  for (const [index, pod] of pods.entries()) {
    await eventually(`${pod} to be back`, BACK_MS, async () => {
      const now = await get(namespace, pod);
      return now.metadata.uid !== before[index]?.metadata.uid && isReady(now) ? true : null;
    });
  }
}

function get(namespace: TestNamespace, pod: string): Promise<Pod> {
  return namespace.get<Pod>(["pod", pod]);
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
  return ready === true && metadata.deletionTimestamp === undefined;
}

function restarts({ status }: Pod): number {
  return (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
}
