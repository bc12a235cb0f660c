/** etcd, API server, controller manager and scheduler in the control plane's namespace, and the API server's way out of it. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { API_ADDRESS, API_PORT, SERVICE_RANGE } from "./addresses.ts";
import { ApiClient } from "./agents/api-client.ts";
import { lastLines } from "./logs.ts";
import { launchInControlPlane } from "./network.ts";
import { isAlive, type RecordedProcess } from "./processes.ts";
import { startRelay } from "./relay.ts";
import { type ClusterState, logFile } from "./state.ts";

const ETCD = "http://127.0.0.1:2379";
const ETCD_PEER = "http://127.0.0.1:2380";
const READY_DEADLINE_MS = 90_000;
const POLL_MS = 200;
/** Metrics for the autoscaler are fifteen seconds old at most; looking more often makes its tests quicker, not different. */
const AUTOSCALER_PERIOD = "5s";

export function pkiFolder(state: ClusterState): string {
  return join(state.folder, "pki");
}

/** The kubeconfig with which a component reaches the API server from inside. */
export function componentConfig(state: ClusterState, component: string): string {
  return join(state.folder, "config", `${component}.kubeconfig`);
}

/** Ready means: the API server answers on the machine's loopback. Throws with the log's end when a part dies before. */
export async function startControlPlane(state: ClusterState): Promise<void> {
  const program = (name: string) => join(state.programs, name);
  const etcd = await launchInControlPlane(state, "etcd", [program("etcd"), ...etcdFlags(state)]);
  const api = await launchInControlPlane(state, "kube-apiserver", [
    program("kube-apiserver"),
    ...apiServerFlags(state),
  ]);
  const relays = await startRelay(state, "relay", state.port, API_PORT);
  await apiServerReady(state, [etcd, api, ...relays]);
  await launchInControlPlane(state, "kube-controller-manager", [
    program("kube-controller-manager"),
    ...controllerManagerFlags(state),
  ]);
  await launchInControlPlane(state, "kube-scheduler", [program("kube-scheduler"), ...schedulerFlags(state)]);
}

async function apiServerReady(state: ClusterState, needed: readonly RecordedProcess[]): Promise<void> {
  const api = new ApiClient(`https://127.0.0.1:${state.port}`, pkiFolder(state));
  const until = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    if (await api.isReady()) return;
    const dead = needed.find((recorded) => !isAlive(recorded));
    if (dead !== undefined) throw new Error(`${dead.name} ended: ${lastLines(logFile(state, dead.name))}`);
    if (performance.now() > until) {
      throw new Error(`the API server is not ready in time: ${lastLines(logFile(state, "kube-apiserver"))}`);
    }
    await sleep(POLL_MS);
  }
}

function etcdFlags(state: ClusterState): string[] {
  return [
    "--name=etcd",
    `--data-dir=${join(state.folder, "etcd")}`,
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=etcd=${ETCD_PEER}`,
    // The data lives no longer than the cluster.
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

function apiServerFlags(state: ClusterState): string[] {
  const pki = (file: string) => join(pkiFolder(state), file);
  return [
    `--etcd-servers=${ETCD}`,
    "--bind-address=0.0.0.0",
    `--advertise-address=${API_ADDRESS}`,
    `--secure-port=${API_PORT}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--allow-privileged=true",
    `--client-ca-file=${pki("ca.crt")}`,
    `--tls-cert-file=${pki("apiserver.crt")}`,
    `--tls-private-key-file=${pki("apiserver.key")}`,
    `--kubelet-certificate-authority=${pki("ca.crt")}`,
    `--kubelet-client-certificate=${pki("apiserver-kubelet-client.crt")}`,
    `--kubelet-client-key=${pki("apiserver-kubelet-client.key")}`,
    "--kubelet-preferred-address-types=InternalIP",
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${pki("service-account.pub")}`,
    `--service-account-signing-key-file=${pki("service-account.key")}`,
    `--requestheader-client-ca-file=${pki("front-proxy-ca.crt")}`,
    "--requestheader-allowed-names=front-proxy-client",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${pki("front-proxy-client.crt")}`,
    `--proxy-client-key-file=${pki("front-proxy-client.key")}`,
  ];
}

function componentFlags(state: ClusterState, component: string): string[] {
  const config = componentConfig(state, component);
  return [
    `--kubeconfig=${config}`,
    `--authentication-kubeconfig=${config}`,
    `--authorization-kubeconfig=${config}`,
    "--bind-address=127.0.0.1",
    `--cert-dir=${join(state.folder, "config")}`,
    "--leader-elect=false",
  ];
}

function controllerManagerFlags(state: ClusterState): string[] {
  const pki = (file: string) => join(pkiFolder(state), file);
  return [
    ...componentFlags(state, "controller-manager"),
    "--use-service-account-credentials=true",
    `--root-ca-file=${pki("ca.crt")}`,
    `--service-account-private-key-file=${pki("service-account.key")}`,
    `--cluster-signing-cert-file=${pki("ca.crt")}`,
    `--cluster-signing-key-file=${pki("ca.key")}`,
    `--horizontal-pod-autoscaler-sync-period=${AUTOSCALER_PERIOD}`,
  ];
}

function schedulerFlags(state: ClusterState): string[] {
  return componentFlags(state, "scheduler");
}
