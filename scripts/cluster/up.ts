/** Starts a cluster, step by step; what a failed start has made is removed again. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { addonsReady, startAddons } from "./addons.ts";
import { nodeName } from "./addresses.ts";
import { canProvidePrograms, providePrograms } from "./build.ts";
import { INNER_SERVER, makeCertificates, writeKubeconfig } from "./certificates.ts";
import { componentConfig, pkiFolder, startControlPlane } from "./control-plane.ts";
import { tearDown } from "./down.ts";
import { writeImageArchive } from "./image-archive.ts";
import { loadImage } from "./images-load.ts";
import { withLock } from "./lock.ts";
import { createControlNetwork } from "./network.ts";
import { startNode } from "./node.ts";
import { PAUSE_IMAGE } from "./node-config.ts";
import { clusterFolder, clusterName } from "./paths.ts";
import { allOf, say, timed } from "./progress.ts";
import { freePort } from "./relay.ts";
import { packagesToRun, refuseOverlay, whyImpossible } from "./requirements.ts";
import { type ClusterState, isRunning, kubeconfigFile, machineBootId, readState, writeState } from "./state.ts";

const READY_MS = 120_000;
/** As in manifests/dns.yaml. */
const DNS_IMAGE = "localhost/coredns:1";
const NOBODY = "65532:65532";
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface Started {
  readonly state: ClusterState;
  /** False when it was up already. */
  readonly isNew: boolean;
}

export const DEFAULT_NODES = 3;

/** Why this machine cannot have a cluster, or null when it can. */
export function whyNoCluster(): string | null {
  const impossible = whyImpossible();
  if (impossible !== null) return impossible;
  if (canProvidePrograms()) return null;
  return "the test cluster's programs are not built: install Go, or name a folder with them in KUBE_ASSETS";
}

/** The running cluster, started when there is none. Throws when it cannot be, and leaves nothing behind. */
export function ensureCluster(nodeCount: number): Promise<Started> {
  const impossible = whyNoCluster();
  if (impossible !== null) return Promise.reject(new Error(impossible));
  return withLock(clusterName(), async () => {
    const existing = readState();
    if (existing !== null && isRunning(existing)) return { state: existing, isNew: false };
    if (existing !== null) {
      say("an earlier cluster has not been taken down wholly: removing what is left");
      await tearDown(existing);
    }
    return { state: await startCluster(nodeCount), isNew: true };
  });
}

async function startCluster(nodeCount: number): Promise<ClusterState> {
  await packagesToRun();
  const programs = await providePrograms();
  const folder = clusterFolder();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "log"), { recursive: true, mode: 0o700 });
  refuseOverlay(folder);
  const state: ClusterState = {
    name: clusterName(),
    folder,
    programs,
    nodeCount,
    port: await freePort(),
    bootId: machineBootId(),
    phase: "starting",
    processes: [],
    networks: [],
  };
  writeState(state);
  const interruption = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => interruption.abort(new Error(`interrupted by ${signal}`));
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    await startParts(state, interruption.signal);
  } catch (error) {
    say("the start failed: removing what was started; the logs stay");
    await tearDown(state);
    throw error;
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
  return state;
}

/** An interruption waits for the end of a step: nothing must be started beside the removal. */
async function startParts(state: ClusterState, interruption: AbortSignal): Promise<void> {
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ["certificates", () => makeIdentities(state)],
    ["control plane", () => startNetworkAndControlPlane(state)],
    [`${state.nodeCount} node(s)`, () => startNodes(state)],
    ["volumes, metrics and names", () => startAddons(state)],
    ["everything ready", () => addonsReady(state, READY_MS)],
  ];
  for (const [what, step] of steps) {
    await timed(what, step);
    interruption.throwIfAborted();
  }
  state.phase = "ready";
  writeState(state);
}

async function startNetworkAndControlPlane(state: ClusterState): Promise<void> {
  await createControlNetwork(state);
  await startControlPlane(state);
}

async function makeIdentities(state: ClusterState): Promise<void> {
  const pki = pkiFolder(state);
  await makeCertificates(pki, state.nodeCount);
  mkdirSync(join(state.folder, "config"), { mode: 0o700 });
  writeKubeconfig(kubeconfigFile(state), pki, "admin", `https://127.0.0.1:${state.port}`);
  const nodes = Array.from({ length: state.nodeCount }, (_, index) => nodeName(index + 1));
  for (const component of ["controller-manager", "scheduler", "kube-proxy", "metrics-server", ...nodes]) {
    writeKubeconfig(componentConfig(state, component), pki, component, INNER_SERVER);
  }
}

async function startNodes(state: ClusterState): Promise<void> {
  const nodes = Array.from({ length: state.nodeCount }, (_, index) => index + 1);
  await allOf(nodes.map((node) => startNode(state, node)));
  const images = [
    { name: PAUSE_IMAGE, program: "pause" },
    { name: DNS_IMAGE, program: "coredns" },
  ];
  for (const { name, program } of images) {
    const archive = join(state.folder, `${program}.tar`);
    await writeImageArchive(archive, name, join(state.programs, program), NOBODY);
    await loadImage(state, archive);
    rmSync(archive);
  }
}
