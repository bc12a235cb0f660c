/** What an ordinary cluster brings beside its control plane and nodes: a storage class, metrics and names. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeName } from "./addresses.ts";
import { must, run } from "./command.ts";
import { componentConfig, pkiFolder } from "./control-plane.ts";
import { lastLines } from "./logs.ts";
import { launchInControlPlane } from "./network.ts";
import { isAlive, launch } from "./processes.ts";
import { type ClusterState, kubeconfigFile, logFile, recordProcess } from "./state.ts";

const MANIFESTS = join(import.meta.dirname, "manifests");
const VOLUME_AGENT = join(import.meta.dirname, "agents", "volumes.ts");
/** As in manifests/metrics.yaml. */
const METRICS_PORT = 4443;
const METRICS_RESOLUTION = "10s";
const ROLE_DEADLINE_MS = 10_000;
const POLL_MS = 100;
const TURN_S = 5;

export async function startAddons(state: ClusterState): Promise<void> {
  await startVolumes(state);
  for (const manifest of ["storage.yaml", "metrics.yaml", "dns.yaml"]) {
    await kubectl(state, ["apply", "--server-side", `--filename=${join(MANIFESTS, manifest)}`]);
  }
  await startMetrics(state);
}

/** All nodes ready, and names answered on each of them. Throws as soon as a part of the cluster dies. */
export async function addonsReady(state: ClusterState, deadlineMs: number): Promise<void> {
  const until = performance.now() + deadlineMs;
  const created = Array.from({ length: state.nodeCount }, (_, index) => `node/${nodeName(index + 1)}`);
  for (const waiting of [
    ["wait", "--for=create", "serviceaccount/default", "--namespace=default"],
    ...created.map((node) => ["wait", "--for=create", node]),
    ["wait", "--for=condition=Ready", "nodes", "--all"],
    ["rollout", "status", "daemonset/coredns", "--namespace=kube-system"],
  ]) {
    await succeeds(state, waiting, until);
  }
}

/** Waits in short turns, to look in between whether everything lives. */
async function succeeds(state: ClusterState, args: readonly string[], until: number): Promise<void> {
  const env = { ...process.env, KUBECONFIG: kubeconfigFile(state) };
  for (;;) {
    const { code, stderr } = await run(join(state.programs, "kubectl"), [...args, `--timeout=${TURN_S}s`], { env });
    requireAlive(state);
    if (code === 0) return;
    if (performance.now() > until) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  }
}

/** Throws with the log's end when a process of the cluster has ended. */
export function requireAlive(state: ClusterState): void {
  const dead = state.processes.find((recorded) => !isAlive(recorded));
  if (dead !== undefined) throw new Error(`${dead.name} ended: ${lastLines(logFile(state, dead.name))}`);
}

function kubectl(state: ClusterState, args: readonly string[]): Promise<string> {
  const env = { ...process.env, KUBECONFIG: kubeconfigFile(state) };
  return must(join(state.programs, "kubectl"), args, { env });
}

async function startVolumes(state: ClusterState): Promise<void> {
  const server = `https://127.0.0.1:${state.port}`;
  const argv = [process.execPath, VOLUME_AGENT, server, pkiFolder(state), join(state.folder, "nodes")] as const;
  recordProcess(state, await launch({ name: "volumes", argv: [...argv], log: logFile(state, "volumes") }));
}

/** The metrics server ends at once when it may not read how to authenticate, and a new role takes a moment to be known. */
async function metricsMayStart(state: ClusterState): Promise<void> {
  const question = ["auth", "can-i", "get", "configmap/extension-apiserver-authentication", "--namespace=kube-system"];
  const env = { ...process.env, KUBECONFIG: kubeconfigFile(state) };
  const until = performance.now() + ROLE_DEADLINE_MS;
  for (;;) {
    const { code } = await run(join(state.programs, "kubectl"), [...question, "--as=metrics-server"], { env });
    if (code === 0) return;
    if (performance.now() > until) throw new Error("the metrics server has not got its role in time");
    await sleep(POLL_MS);
  }
}

async function startMetrics(state: ClusterState): Promise<void> {
  await metricsMayStart(state);
  const config = componentConfig(state, "metrics-server");
  const pki = (file: string) => join(pkiFolder(state), file);
  await launchInControlPlane(state, "metrics-server", [
    join(state.programs, "metrics-server"),
    `--kubeconfig=${config}`,
    `--authentication-kubeconfig=${config}`,
    `--authorization-kubeconfig=${config}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${METRICS_PORT}`,
    `--tls-cert-file=${pki("metrics-server-tls.crt")}`,
    `--tls-private-key-file=${pki("metrics-server-tls.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    "--kubelet-use-node-status-port",
    "--kubelet-preferred-address-types=InternalIP",
    `--metric-resolution=${METRICS_RESOLUTION}`,
    "--kubelet-request-timeout=5s",
  ]);
}
