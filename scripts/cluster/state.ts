/**
 * What a cluster consists of, in a file: every process, namespace and control group that was made for it. Written before
 * anything can get lost, and the only source of what `down` removes. One process writes at a time (`lock.ts`).
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { clusterFolder } from "./paths.ts";
import { isAlive, type RecordedProcess } from "./processes.ts";

export interface ClusterState {
  readonly name: string;
  readonly folder: string;
  /** Folder of the programs it runs. */
  readonly programs: string;
  readonly nodeCount: number;
  /** The API server's port on the machine's 127.0.0.1. */
  readonly port: number;
  /** The registry's port there, once one was started. */
  registryPort?: number;
  /** The machine's boot: after another one nothing of the recorded lives. */
  readonly bootId: string;
  phase: "starting" | "ready";
  processes: RecordedProcess[];
  /** Network namespaces, as the files they are bound to. */
  networks: string[];
}

function stateFile(folder: string): string {
  return join(folder, "state.json");
}

export function machineBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** The state of the cluster of this name, or null when there is none. */
export function readState(folder: string = clusterFolder()): ClusterState | null {
  try {
    return JSON.parse(readFileSync(stateFile(folder), "utf8")) as ClusterState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

export function writeState(state: ClusterState): void {
  const file = stateFile(state.folder);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Replaces an earlier process of the same name: a node that boots again starts the same programs. */
export function recordProcess(state: ClusterState, started: RecordedProcess): void {
  state.processes = [...state.processes.filter(({ name }) => name !== started.name), started];
  writeState(state);
}

export function findProcess(state: ClusterState, name: string): RecordedProcess | null {
  const found = state.processes.find((recorded) => recorded.name === name);
  return found !== undefined && isAlive(found) ? found : null;
}

/** Complete, and its control plane lives. Nodes may be dead: that is what faults are for. */
export function isRunning(state: ClusterState): boolean {
  if (state.phase !== "ready" || state.bootId !== machineBootId()) return false;
  return ["etcd", "kube-apiserver", "relay"].every((name) => findProcess(state, name) !== null);
}

/** 1 for `node1`. Throws for a node that the cluster does not have. */
export function nodeNumber(state: ClusterState, name: string): number {
  const number = Number(/^node(\d+)$/.exec(name)?.[1] ?? 0);
  if (number >= 1 && number <= state.nodeCount) return number;
  throw new RangeError(`unknown node ${name}; there are node1 to node${state.nodeCount}`);
}

export function kubeconfigFile(state: ClusterState): string {
  return join(state.folder, "kubeconfig");
}

export function logFile(state: ClusterState, name: string): string {
  return join(state.folder, "log", `${name.replaceAll("/", "-")}.log`);
}
