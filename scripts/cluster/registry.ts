/**
 * A container registry for a cluster: in the control plane's namespace, where the nodes pull from it, and on a port of the
 * machine's loopback, where images are pushed to it. Both call it `localhost:PORT`. What it holds goes with the cluster.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { API_ADDRESS } from "./addresses.ts";
import { lastLines } from "./logs.ts";
import { launchInControlPlane } from "./network.ts";
import { isAlive, type RecordedProcess, stopAll } from "./processes.ts";
import { freePort, startRelay } from "./relay.ts";
import { packagesForRegistry } from "./requirements.ts";
import { type ClusterState, findProcess, logFile, writeState } from "./state.ts";

const INNER_PORT = 5000;
const READY_MS = 20_000;
const POLL_MS = 100;
const PROCESSES = ["registry", "registry-relay", "registry-relay-inside"] as const;

/** Where containerd looks up how to reach a registry, each time that it pulls. */
export function registriesFolder(state: ClusterState): string {
  return join(state.folder, "registries");
}

/** Starts it unless it runs. Gives its name, as images begin with it. The caller has the cluster's lock. */
export async function ensureRegistry(state: ClusterState): Promise<string> {
  const alive = PROCESSES.map((name) => findProcess(state, name)).filter((found) => found !== null);
  if (alive.length === PROCESSES.length && state.registryPort !== undefined) return registryName(state.registryPort);
  await stopAll(alive, 0);
  await packagesForRegistry();
  state.registryPort = await freePort();
  writeState(state);
  const name = registryName(state.registryPort);
  tellNodes(state, name);
  const config = join(state.folder, "registry.json");
  writeFileSync(config, JSON.stringify(registryConfig(state)));
  const registry = await launchInControlPlane(state, "registry", ["docker-registry", "serve", config]);
  const relays = await startRelay(state, "registry-relay", state.registryPort, INNER_PORT);
  await answers(state, name, [registry, ...relays]);
  return name;
}

function registryName(port: number): string {
  return `localhost:${port}`;
}

/** JSON is YAML, which the program reads. */
function registryConfig(state: ClusterState): unknown {
  return {
    version: "0.1",
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: join(state.folder, "registry") } },
    http: { addr: `${API_ADDRESS}:${INNER_PORT}` },
  };
}

function tellNodes(state: ClusterState, name: string): void {
  const url = `http://${API_ADDRESS}:${INNER_PORT}`;
  const folder = join(registriesFolder(state), name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "hosts.toml"),
    `server = "${url}"\n\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\n`,
  );
}

async function answers(state: ClusterState, name: string, needed: readonly RecordedProcess[]): Promise<void> {
  const end = performance.now() + READY_MS;
  const hasAnswered = () =>
    fetch(`http://${name}/v2/`).then(
      (response) => response.ok,
      () => false,
    );
  while (!(await hasAnswered())) {
    const dead = needed.find((recorded) => !isAlive(recorded));
    if (dead !== undefined) throw new Error(`${dead.name} ended: ${lastLines(logFile(state, dead.name))}`);
    if (performance.now() > end)
      throw new Error(`the registry is not ready in time: ${lastLines(logFile(state, "registry"))}`);
    await sleep(POLL_MS);
  }
}
