/**
 * One control group per node, in every hierarchy (version 1) or in the only one (version 2). All that runs in a node is
 * below it, so that a node can be frozen as one, and the limits of its pods are real.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeName } from "./addresses.ts";
import type { ClusterState } from "./state.ts";

const ROOT = "/sys/fs/cgroup";
const CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];
/**
 * The cluster's share of the processors when they are all busy: that of sixteen processes outside it. By default all pods together
 * weigh as much as one, and on a machine that compiles or tests beside it their probes time out.
 */
const CPU_SHARES = 16 * 1024;
const CPU_WEIGHT = 16 * 100;
const POLL_MS = 100;
const DEADLINE_MS = 10_000;

const isVersion2 = existsSync(join(ROOT, "cgroup.controllers"));

/** The group's path as the kubelet wants it. */
export function nodeGroup(state: ClusterState, node: number): string {
  return `/${clusterGroup(state)}/${nodeName(node)}`;
}

/** The file that a process writes its id into to belong to the node. */
export function nodeGroupProcesses(state: ClusterState, node: number): string {
  if (!isVersion2) return join(ROOT, "freezer", nodeGroup(state, node), "cgroup.procs");
  // Version 2 lets no group have both processes and groups with limits: the node's own go into one beside its pods.
  return join(ROOT, nodeGroup(state, node), "system", "cgroup.procs");
}

export function createNodeGroup(state: ClusterState, node: number): void {
  const group = nodeGroup(state, node);
  if (isVersion2) {
    for (const parent of [ROOT, join(ROOT, clusterGroup(state)), join(ROOT, group)]) {
      mkdirSync(parent, { recursive: true });
      writeFileSync(join(parent, "cgroup.subtree_control"), CONTROLLERS.map((name) => `+${name}`).join(" "));
    }
    writeFileSync(join(ROOT, clusterGroup(state), "cpu.weight"), String(CPU_WEIGHT));
    mkdirSync(join(ROOT, group, "system"), { recursive: true });
    return;
  }
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, group), { recursive: true });
  writeFileSync(join(ROOT, "cpu", clusterGroup(state), "cpu.shares"), String(CPU_SHARES));
  // A new cpuset is empty, and nothing can run in it until it has processors and memory.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const all = readFileSync(join(ROOT, "cpuset", file));
    for (const path of [clusterGroup(state), group]) writeFileSync(join(ROOT, "cpuset", path, file), all);
  }
}

/** Stops or goes on with every process of the node, and waits until that is so. */
export async function setFrozen(state: ClusterState, node: number, frozen: boolean): Promise<void> {
  const folder = join(ROOT, isVersion2 ? "" : "freezer", nodeGroup(state, node));
  writeFileSync(join(folder, isVersion2 ? "cgroup.freeze" : "freezer.state"), freezeWord(frozen));
  const until = performance.now() + DEADLINE_MS;
  while (isFrozen(state, node) !== frozen) {
    if (performance.now() > until) throw new Error(`${nodeName(node)} is not ${frozen ? "frozen" : "thawed"} in time`);
    await sleep(POLL_MS);
  }
}

export function isFrozen(state: ClusterState, node: number): boolean {
  const folder = join(ROOT, isVersion2 ? "" : "freezer", nodeGroup(state, node));
  if (!existsSync(folder)) return false;
  if (isVersion2) return /^frozen 1$/m.test(readFileSync(join(folder, "cgroup.events"), "utf8"));
  return readFileSync(join(folder, "freezer.state"), "utf8").trim() === "FROZEN";
}

/** Removes the groups of the whole cluster. Its processes must have ended; the kernel may need a moment to notice. */
export async function removeGroups(state: ClusterState): Promise<void> {
  const folders = (isVersion2 ? [ROOT] : hierarchies()).map((folder) => join(folder, clusterGroup(state)));
  const until = performance.now() + DEADLINE_MS;
  for (;;) {
    folders.forEach(removeTree);
    const left = folders.filter((folder) => existsSync(folder));
    if (left.length === 0) return;
    if (performance.now() > until) throw new Error(`control groups that cannot be removed: ${left.join(", ")}`);
    await sleep(POLL_MS);
  }
}

function freezeWord(frozen: boolean): string {
  if (isVersion2) return frozen ? "1" : "0";
  return frozen ? "FROZEN" : "THAWED";
}

function clusterGroup(state: ClusterState): string {
  return `algo-cluster-${state.name}`;
}

function hierarchies(): string[] {
  const folders = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => join(ROOT, name)).filter((folder) => existsSync(join(folder, "cgroup.procs")));
}

/** A group goes when it has neither processes nor groups; its files go with it. */
function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  try {
    rmdirSync(folder);
  } catch {
    // Still in use: the caller tries again.
  }
}
