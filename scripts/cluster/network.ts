/**
 * The cluster's network: the control plane's namespace holds a switch, and every node's namespace hangs on it by one cable.
 * A namespace lives as long as the file in the cluster's folder that it is bound to, so nothing of the machine's own network
 * and folders is touched. There is no way out of it, not even to the machine.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { API_ADDRESS, NODE_NETWORK_PREFIX, nodeAddress, nodeName, podRange, SERVICE_RANGE } from "./addresses.ts";
import { must, run } from "./command.ts";
import { launch, type RecordedProcess } from "./processes.ts";
import { type ClusterState, logFile, recordProcess, writeState } from "./state.ts";

const SWITCH = "switch";

export function controlNetwork(state: ClusterState): string {
  return join(state.folder, "networks", "control-plane");
}

export function nodeNetwork(state: ClusterState, node: number): string {
  return join(state.folder, "networks", nodeName(node));
}

/** The control plane's namespace with its switch, and the routes to all pods. */
export async function createControlNetwork(state: ClusterState): Promise<void> {
  const network = controlNetwork(state);
  await createNamespace(state, network);
  await ip(network, [
    "link set lo up",
    `link add ${SWITCH} type bridge`,
    `addr add ${API_ADDRESS}/${NODE_NETWORK_PREFIX} dev ${SWITCH}`,
    `link set ${SWITCH} up`,
    ...routesToPods(state, null),
  ]);
}

/** Starts a program in the control plane's namespace and records it. */
export async function launchInControlPlane(
  state: ClusterState,
  name: string,
  argv: readonly [string, ...string[]],
): Promise<RecordedProcess> {
  const log = logFile(state, name);
  const env = { PATH: process.env["PATH"] ?? "" };
  const entered = ["nsenter", `--net=${controlNetwork(state)}`, "--", ...argv] as const;
  const started = await launch({ name, argv: [...entered], log, cwd: state.folder, env });
  recordProcess(state, started);
  return started;
}

/** A node's namespace, plugged into the switch. What an earlier boot of the node left is removed first. */
export async function createNodeNetwork(state: ClusterState, node: number): Promise<void> {
  const name = nodeName(node);
  const network = nodeNetwork(state, node);
  await run("nsenter", [`--net=${controlNetwork(state)}`, "ip", "link", "del", name]);
  await deleteNamespace(state, network);
  await createNamespace(state, network);
  await ip(controlNetwork(state), [
    `link add ${name} type veth peer name eth0 netns ${network}`,
    `link set ${name} master ${SWITCH}`,
    `link set ${name} up`,
  ]);
  await ip(network, [
    "link set lo up",
    `addr add ${nodeAddress(node)}/${NODE_NETWORK_PREFIX} dev eth0`,
    "link set eth0 up",
    // A process of the node itself needs a route before the address of a Service is translated.
    `route add ${SERVICE_RANGE} dev eth0`,
    ...routesToPods(state, node),
  ]);
}

/** Plugs a node's cable in or out, at the switch. */
export async function setCable(state: ClusterState, node: number, position: "up" | "down"): Promise<void> {
  await ip(controlNetwork(state), [`link set ${nodeName(node)} ${position}`]);
}

/** Whether the cable is plugged in; false also when there is none. */
export async function isCablePlugged(state: ClusterState, node: number): Promise<boolean> {
  const args = [`--net=${controlNetwork(state)}`, "ip", "-json", "link", "show", "dev", nodeName(node), "up"];
  const { code, stdout } = await run("nsenter", args);
  return code === 0 && stdout.includes(`"${nodeName(node)}"`);
}

export async function deleteNamespace(state: ClusterState, network: string): Promise<void> {
  if (existsSync(network)) {
    await run("umount", [network]);
    rmSync(network);
  }
  state.networks = state.networks.filter((other) => other !== network);
  writeState(state);
}

async function createNamespace(state: ClusterState, network: string): Promise<void> {
  await mkdir(dirname(network), { recursive: true });
  state.networks.push(network);
  writeState(state);
  writeFileSync(network, "");
  await must("unshare", [`--net=${network}`, "true"]);
  const settings = ["ipv4/ip_forward=1", "ipv4/conf/all/rp_filter=0", "ipv6/conf/all/disable_ipv6=1"];
  const lines = settings
    .map((setting) => setting.split("="))
    .map(([key, value]) => `echo ${value} >/proc/sys/net/${key}`);
  await must("nsenter", [`--net=${network}`, "sh", "-e", "-c", lines.join("\n")]);
}

function routesToPods(state: ClusterState, own: number | null): string[] {
  const nodes = Array.from({ length: state.nodeCount }, (_, index) => index + 1).filter((node) => node !== own);
  return nodes.map(
    (node) => `route add ${podRange(node)} via ${nodeAddress(node)} onlink dev ${own === null ? SWITCH : "eth0"}`,
  );
}

async function ip(network: string, lines: readonly string[]): Promise<void> {
  await must("nsenter", [`--net=${network}`, "ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
}
