/** What can happen to a whole node. */
import { setTimeout as sleep } from "node:timers/promises";
import { nodeName } from "./addresses.ts";
import { isFrozen, setFrozen } from "./cgroups.ts";
import { isCablePlugged, setCable } from "./network.ts";
import { nodeInit, startNode } from "./node.ts";
import { isAlive, signal } from "./processes.ts";
import type { ClusterState } from "./state.ts";

export const FAULTS = ["cut", "join", "kill", "boot", "freeze", "thaw"] as const;
export type Fault = (typeof FAULTS)[number];

const POLL_MS = 50;
const KILL_DEADLINE_MS = 20_000;

/**
 * cut: pulls the network cable; join plugs it in again. kill: a power cut; boot: power comes back. freeze: stops every
 * process where it is, the network answers on; thaw lets them go on. Throws when the node is in the wrong state for it.
 */
export async function fault(state: ClusterState, node: number, what: Fault): Promise<void> {
  const isUp = nodeInit(state, node) !== null;
  if (what === "boot" ? isUp : !isUp) throw new Error(`${nodeName(node)} is ${isUp ? "" : "not "}running`);
  if (what === "cut") await setCable(state, node, "down");
  if (what === "join") await setCable(state, node, "up");
  if (what === "freeze") await setFrozen(state, node, true);
  if (what === "thaw") await setFrozen(state, node, false);
  if (what === "kill") await kill(state, node);
  if (what === "boot") await startNode(state, node);
}

/** The node's state in one word. */
export async function nodeCondition(state: ClusterState, node: number): Promise<string> {
  if (nodeInit(state, node) === null) return "dead";
  if (isFrozen(state, node)) return "frozen";
  return (await isCablePlugged(state, node)) ? "running" : "cut off";
}

/** The network goes first, so that no dying process can say goodbye to anybody. */
async function kill(state: ClusterState, node: number): Promise<void> {
  const init = nodeInit(state, node);
  if (init === null) return;
  await setCable(state, node, "down");
  signal(init, "SIGKILL");
  // What is frozen cannot die.
  await setFrozen(state, node, false);
  const until = performance.now() + KILL_DEADLINE_MS;
  while (isAlive(init)) {
    if (performance.now() > until) throw new Error(`${nodeName(node)} does not die`);
    await sleep(POLL_MS);
  }
}
