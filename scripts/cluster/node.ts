/**
 * One node: network, mount, process and host name namespaces of its own, with containerd, the kubelet, kube-proxy and the
 * agent for network policies in it. When its first process dies, the kernel ends all the others.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeAddress, nodeName } from "./addresses.ts";
import { createNodeGroup, nodeGroupProcesses } from "./cgroups.ts";
import { INNER_SERVER } from "./certificates.ts";
import { run } from "./command.ts";
import { componentConfig, pkiFolder } from "./control-plane.ts";
import { lastLines } from "./logs.ts";
import { createNodeNetwork, nodeNetwork } from "./network.ts";
import { CONTAINERD_SOCKET, writeNodeConfig } from "./node-config.ts";
import { identify, isAlive, launch, type RecordedProcess } from "./processes.ts";
import { type ClusterState, findProcess, logFile, recordProcess } from "./state.ts";

const INIT = join(import.meta.dirname, "node", "init.sh");
const POLICY_AGENT = join(import.meta.dirname, "agents", "policies.ts");
const START_DEADLINE_MS = 20_000;
const POLL_MS = 50;

export function nodeFolder(state: ClusterState, node: number): string {
  return join(state.folder, "nodes", nodeName(node));
}

/** The node's first process while it lives, else null. */
export function nodeInit(state: ClusterState, node: number): RecordedProcess | null {
  return findProcess(state, `${nodeName(node)}/init`);
}

/** The beginning of a command that runs inside a living node. */
export function insideNode(init: RecordedProcess): [string, ...string[]] {
  return ["nsenter", "--target", String(init.pid), "--mount", "--pid", "--net", "--uts", "--"];
}

/** Starts a node, for the first time or again; what an earlier run left on its disk is kept. */
export async function startNode(state: ClusterState, node: number): Promise<void> {
  const folder = nodeFolder(state, node);
  const parts = ["containerd", "kubelet", "var", "var.work", "settings", "cni", "volumes"];
  for (const part of parts) mkdirSync(join(folder, part), { recursive: true });
  writeNodeConfig(state, node, folder);
  createNodeGroup(state, node);
  await createNodeNetwork(state, node);
  const init = await startInit(state, node, folder);
  const program = (name: string) => join(state.programs, name);
  const start = (name: string, argv: string[], env = {}) =>
    launchInNode(state, node, name, [...insideNode(init), ...argv], env);
  // containerd finds its shim on PATH.
  const path = { PATH: `${state.programs}:${process.env["PATH"]}` };
  const containerd = await start(
    "containerd",
    [program("containerd"), "--config", join(folder, "containerd.toml")],
    path,
  );
  await containerdReady(state, containerd, init);
  await start("kubelet", [program("kubelet"), ...kubeletFlags(state, node, folder)]);
  await start("kube-proxy", [program("kube-proxy"), `--config=${join(folder, "kube-proxy.yaml")}`]);
  await start("policies", [process.execPath, POLICY_AGENT, INNER_SERVER, pkiFolder(state), nodeName(node)]);
}

function kubeletFlags(state: ClusterState, node: number, folder: string): string[] {
  return [
    `--config=${join(folder, "kubelet.yaml")}`,
    `--kubeconfig=${componentConfig(state, nodeName(node))}`,
    `--hostname-override=${nodeName(node)}`,
    `--node-ip=${nodeAddress(node)}`,
    `--node-labels=topology.kubernetes.io/zone=zone${node}`,
  ];
}

async function startInit(state: ClusterState, node: number, folder: string): Promise<RecordedProcess> {
  rmSync(join(folder, "ready"), { force: true });
  const namespaces = ["--mount", "--pid", "--uts", "--fork", "--mount-proc", "--propagation", "slave"];
  const script = ["sh", INIT, folder, nodeName(node), join(state.programs, "pause")];
  const enter = [
    "nsenter",
    `--net=${nodeNetwork(state, node)}`,
    "unshare",
    ...namespaces,
    "--kill-child=KILL",
    ...script,
  ];
  const parent = await launchInNode(state, node, "unshare", enter);
  await until(() => existsSync(join(folder, "ready")), parent, logFile(state, parent.name));
  const [child = ""] = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, "utf8").split(" ");
  const init = identify(`${nodeName(node)}/init`, Number(child));
  recordProcess(state, init);
  return init;
}

/** In the node's control group, so that it can be frozen with all its children. */
async function launchInNode(
  state: ClusterState,
  node: number,
  program: string,
  argv: readonly string[],
  extra: NodeJS.ProcessEnv = {},
): Promise<RecordedProcess> {
  const name = `${nodeName(node)}/${program}`;
  const joined = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', nodeGroupProcesses(state, node), ...argv] as const;
  const env = { PATH: process.env["PATH"] ?? "", ...extra };
  const started = await launch({ name, argv: [...joined], log: logFile(state, name), env });
  recordProcess(state, started);
  return started;
}

async function containerdReady(state: ClusterState, containerd: RecordedProcess, init: RecordedProcess): Promise<void> {
  const [enter, ...args] = [
    ...insideNode(init),
    join(state.programs, "ctr"),
    "--address",
    CONTAINERD_SOCKET,
    "version",
  ];
  await until(async () => (await run(enter as string, args)).code === 0, containerd, logFile(state, containerd.name));
}

async function until(isSo: () => boolean | Promise<boolean>, needed: RecordedProcess, log: string): Promise<void> {
  const end = performance.now() + START_DEADLINE_MS;
  while (!(await isSo())) {
    if (!isAlive(needed)) throw new Error(`${needed.name} ended: ${lastLines(log)}`);
    if (performance.now() > end) throw new Error(`${needed.name} is not ready in time: ${lastLines(log)}`);
    await sleep(POLL_MS);
  }
}
