/** Takes a cluster down: exactly the processes, namespaces and control groups that its state names, then its files but logs. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isFrozen, removeGroups, setFrozen } from "./cgroups.ts";
import { withLock } from "./lock.ts";
import { deleteNamespace } from "./network.ts";
import { clusterName } from "./paths.ts";
import { type RecordedProcess, stopAll } from "./processes.ts";
import { type ClusterState, machineBootId, readState, writeState } from "./state.ts";

const GRACE_MS = 3_000;
const KEPT = "log";

/** False when there was none. */
export function removeCluster(): Promise<boolean> {
  return withLock(clusterName(), async () => {
    const state = readState();
    if (state === null) return false;
    await tearDown(state);
    return true;
  });
}

/** Can be repeated: what is gone already is no error. The caller has the lock. */
export async function tearDown(state: ClusterState): Promise<void> {
  // After another boot of the machine the recorded ids mean nothing, and only files are left.
  if (state.bootId === machineBootId()) await stopEverything(state);
  const parts = readdirSync(state.folder).filter((part) => part !== KEPT && part !== "state.json");
  for (const part of parts) rmSync(join(state.folder, part), { recursive: true, force: true });
  // The state goes last: what fails before can be tried again.
  rmSync(join(state.folder, "state.json"));
}

async function stopEverything(state: ClusterState): Promise<void> {
  for (let node = 1; node <= state.nodeCount; node++) {
    // What is frozen cannot die.
    if (isFrozen(state, node)) await setFrozen(state, node, false);
  }
  const isIn = (place: RegExp) => (recorded: RecordedProcess) => place.test(recorded.name);
  // With a node's first process the kernel ends all of them, containers included; nothing in it needs a farewell.
  await stopAll(state.processes.filter(isIn(/\/init$/)), 0);
  await stopAll(state.processes.filter(isIn(/\//)), GRACE_MS);
  // A graceful API server takes eight seconds, for a state that is thrown away.
  await stopAll(state.processes, 0);
  state.processes = [];
  writeState(state);
  for (const network of state.networks) await deleteNamespace(state, network);
  await removeGroups(state);
}
