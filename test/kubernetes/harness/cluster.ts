/**
 * The cluster that the `*.cluster.test.ts` files use: the one that `KUBECONFIG` names, else the project's own test cluster,
 * which is started where root and Go are there. A test file calls `onCluster` once and uses a namespace of its own.
 */
import { delimiter, dirname, join } from "node:path";
import { describe } from "node:test";
import { type CommandOptions, type CommandResult, must, run } from "../../../scripts/cluster/command.ts";
import { findKubectl } from "../../../scripts/cluster/paths.ts";
import { loadImage } from "../../../scripts/cluster/images-load.ts";
import { withLock } from "../../../scripts/cluster/lock.ts";
import { ensureRegistry } from "../../../scripts/cluster/registry.ts";
import { type ClusterState, isRunning, kubeconfigFile, readState } from "../../../scripts/cluster/state.ts";
import { DEFAULT_NODES, ensureCluster, whyNoCluster } from "../../../scripts/cluster/up.ts";
import { type Faults, localFaults, noFaults } from "./faults.ts";
import { imageLoader } from "./image-loader.ts";

export interface Cluster extends Faults {
  /** Path of the kubeconfig file. */
  readonly kubeconfig: string;
  /** Path of kubectl. */
  readonly kubectlPath: string;
  /** Environment for programs that call kubectl themselves: `KUBECONFIG`, and `PATH` with kubectl's folder first. */
  readonly env: NodeJS.ProcessEnv;
  /** Names of the nodes, sorted. */
  readonly nodes: readonly string[];
  /** True for the project's own test cluster: only its nodes can be cut off, killed and frozen. */
  readonly isLocal: boolean;
  /** Runs kubectl on this cluster; never rejects. The limit is 60 s unless told otherwise. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<CommandResult>;
  /** Puts the images of a docker or OCI archive onto every node. Throws where that is not possible, and says what to do. */
  loadImage(tar: string): Promise<void>;
  /** A registry that this machine pushes to and the nodes pull from, as images begin with it. Throws where there is none. */
  registry(): Promise<string>;
}

export type KubectlOptions = Pick<CommandOptions, "input" | "timeoutMs">;
export type { CommandResult };

const KUBECTL_TIMEOUT_MS = 60_000;

/** The cluster to test on, or why there is none. Throws when `KUBECONFIG` names one that does not answer. */
export async function openCluster(): Promise<Cluster | { readonly skip: string }> {
  const given = process.env["KUBECONFIG"];
  if (given !== undefined && given !== "") return openGiven(given);
  const reason = whyNoCluster();
  if (reason !== null) return { skip: `${reason}; or name a cluster in KUBECONFIG` };
  return openLocal((await ensureCluster(DEFAULT_NODES)).state);
}

function openGiven(kubeconfig: string): Promise<Cluster> {
  const state = readState();
  if (state !== null && isRunning(state) && kubeconfigFile(state) === kubeconfig) return openLocal(state);
  const kubectlPath = findKubectl();
  if (kubectlPath === null) throw new Error("kubectl is not there: put it on PATH, or set KUBECTL to its path");
  const registry = () => Promise.reject(new Error("only the project's own cluster has a registry for tests"));
  const parts = { isLocal: false, loadImage: imageLoader(), registry, ...noFaults() };
  return connect(kubectlPath, kubeconfig, parts);
}

function openLocal(state: ClusterState): Promise<Cluster> {
  // A node that booted again has another first process: the state is read anew each time.
  const load = (tar: string) => loadImage(readState(state.folder) ?? state, tar);
  const registry = () => withLock(state.name, () => ensureRegistry(readState(state.folder) ?? state));
  const parts = { isLocal: true, loadImage: load, registry, ...localFaults(state) };
  return connect(join(state.programs, "kubectl"), kubeconfigFile(state), parts);
}

/** Declares a suite that runs on the cluster, or is skipped with the reason. To be awaited at a test file's top level. */
export async function onCluster(name: string, declare: (cluster: Cluster) => void): Promise<void> {
  const cluster = await openCluster();
  if ("skip" in cluster) describe(name, { skip: cluster.skip }, () => undefined);
  else describe(name, () => declare(cluster));
}

type OwnParts = Pick<Cluster, "isLocal" | "loadImage" | "registry" | keyof Faults>;

async function connect(kubectlPath: string, kubeconfig: string, parts: OwnParts): Promise<Cluster> {
  const env = environment(kubectlPath, kubeconfig);
  const names = ["get", "nodes", "--output=jsonpath={.items[*].metadata.name}", "--request-timeout=10s"];
  const nodes = (await must(kubectlPath, names, { env, timeoutMs: KUBECTL_TIMEOUT_MS })).split(" ").sort();
  return {
    kubeconfig,
    kubectlPath,
    env,
    nodes,
    kubectl: (args, options = {}) => run(kubectlPath, args, { timeoutMs: KUBECTL_TIMEOUT_MS, ...options, env }),
    ...parts,
  };
}

function environment(kubectlPath: string, kubeconfig: string): NodeJS.ProcessEnv {
  const path = [dirname(kubectlPath), process.env["PATH"] ?? ""].join(delimiter);
  return { ...process.env, KUBECONFIG: kubeconfig, PATH: path };
}
