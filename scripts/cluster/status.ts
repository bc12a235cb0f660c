/** What a person wants to know of the cluster. */
import { nodeName } from "./addresses.ts";
import { nodeCondition } from "./faults.ts";
import { clusterName } from "./paths.ts";
import { isAlive } from "./processes.ts";
import { isRunning, kubeconfigFile, readState } from "./state.ts";

/** Lines for a terminal; `isUp` is false when the cluster is not there or not whole. */
export async function clusterStatus(): Promise<{ readonly isUp: boolean; readonly lines: string[] }> {
  const state = readState();
  if (state === null)
    return { isUp: false, lines: [`cluster ${clusterName()} is not up; npm run cluster:up starts it`] };
  const isUp = isRunning(state);
  const lines = [`cluster ${state.name} is ${isUp ? "up" : "broken; npm run cluster:down removes what is left"}`];
  for (let node = 1; node <= state.nodeCount; node++) {
    lines.push(`${nodeName(node)}: ${await nodeCondition(state, node)}`);
  }
  const dead = state.processes.filter((recorded) => !isAlive(recorded)).map(({ name }) => name);
  if (dead.length > 0) lines.push(`ended: ${dead.join(", ")}`);
  lines.push(`export KUBECONFIG=${kubeconfigFile(state)}`);
  return { isUp, lines };
}
