/** Where the test cluster keeps its things: one folder for programs that outlive clusters, one per cluster for its state. */
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

const CLUSTER_NAME = /^[a-z][a-z0-9-]{0,7}$/;

/** `ALGO_CLUSTER_CACHE`, by default a folder in the user's cache. */
export function cacheFolder(): string {
  const given = process.env["ALGO_CLUSTER_CACHE"];
  if (given !== undefined && given !== "") return given;
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "algo-trading-bot", "cluster");
}

export function programFolder(): string {
  return join(cacheFolder(), "bin");
}

/** `ALGO_CLUSTER_NAME`, by default `algo`: two clusters of different names can run at once. */
export function clusterName(): string {
  const name = process.env["ALGO_CLUSTER_NAME"] || "algo";
  if (CLUSTER_NAME.test(name)) return name;
  throw new Error(`ALGO_CLUSTER_NAME=${name}: use up to 8 lower-case letters, digits and hyphens, first a letter`);
}

/** State, logs and nodes of one cluster. */
export function clusterFolder(name: string = clusterName()): string {
  return join(cacheFolder(), "clusters", name);
}

export function findInPath(program: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null;
}

/** `KUBECTL`, else the one built for the cluster, else the one on PATH; null when there is none. */
export function findKubectl(): string | null {
  const given = process.env["KUBECTL"];
  if (given !== undefined && given !== "") return isExecutable(given) ? given : findInPath(given);
  const built = join(programFolder(), "kubectl");
  return isExecutable(built) ? built : findInPath("kubectl");
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
