/** What an ordinary cluster brings beside its control plane and nodes: a storage class, metrics and names. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { must, run } from "./command.ts";
import { componentConfig, launchInControlPlane, pkiFolder } from "./control-plane.ts";
import { launch } from "./processes.ts";
import { type ClusterState, kubeconfigFile, logFile, recordProcess } from "./state.ts";

const MANIFESTS = join(import.meta.dirname, "manifests");
const VOLUME_AGENT = join(import.meta.dirname, "agents", "volumes.ts");
/** As in manifests/metrics.yaml. */
const METRICS_PORT = 4443;
const METRICS_RESOLUTION = "10s";
const ROLE_DEADLINE_MS = 10_000;
const POLL_MS = 100;

export async function startAddons(state: ClusterState): Promise<void> {
  await startVolumes(state);
  for (const manifest of ["storage.yaml", "metrics.yaml", "dns.yaml"]) {
    await kubectl(state, ["apply", "--server-side", `--filename=${join(MANIFESTS, manifest)}`]);
  }
  await startMetrics(state);
}

/** All nodes ready, and names answered on each of them. */
export async function addonsReady(state: ClusterState, timeoutS: number): Promise<void> {
  const timeout = `--timeout=${timeoutS}s`;
  await kubectl(state, ["wait", "--for=create", "serviceaccount/default", "--namespace=default", timeout]);
  for (let node = 1; node <= state.nodeCount; node++) {
    await kubectl(state, ["wait", "--for=create", `node/node${node}`, timeout]);
  }
  await kubectl(state, ["wait", "--for=condition=Ready", "nodes", "--all", timeout]);
  await kubectl(state, ["rollout", "status", "daemonset/coredns", "--namespace=kube-system", timeout]);
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
