/** Faults of whole nodes. Only the project's own test cluster has them; elsewhere they throw. */
import { type Fault, fault } from "../../../scripts/cluster/faults.ts";
import { withLock } from "../../../scripts/cluster/lock.ts";
import { type ClusterState, nodeNumber, readState } from "../../../scripts/cluster/state.ts";

export interface Faults {
  /** Pulls the node's network cable: its pods run on, nobody reaches them. */
  cutNode(node: string): Promise<void>;
  /** Plugs the cable in again. */
  joinNode(node: string): Promise<void>;
  /** A power cut: every process of the node ends at once, without a word to anybody. */
  killNode(node: string): Promise<void>;
  /** Power comes back after `killNode`: same disk, empty memory. */
  bootNode(node: string): Promise<void>;
  /** Stops every process of the node where it is; its network answers on. */
  freezeNode(node: string): Promise<void>;
  /** Lets the processes go on after `freezeNode`. */
  thawNode(node: string): Promise<void>;
}

export function localFaults(state: ClusterState): Faults {
  const on = (what: Fault) => (node: string) =>
    withLock(state.name, async () => {
      // Another boot of a node has other processes: the state is read anew each time.
      const current = readState(state.folder) ?? state;
      await fault(current, nodeNumber(current, node), what);
    });
  return {
    cutNode: on("cut"),
    joinNode: on("join"),
    killNode: on("kill"),
    bootNode: on("boot"),
    freezeNode: on("freeze"),
    thawNode: on("thaw"),
  };
}

export function noFaults(): Faults {
  const refuse = () => Promise.reject(new Error("only the nodes of the project's own test cluster can be faulted"));
  return {
    cutNode: refuse,
    joinNode: refuse,
    killNode: refuse,
    bootNode: refuse,
    freezeNode: refuse,
    thawNode: refuse,
  };
}
