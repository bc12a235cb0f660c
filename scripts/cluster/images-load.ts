/** Brings image archives onto the nodes, instead of a registry. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { nodeName } from "./addresses.ts";
import { insideNode, nodeInit } from "./node.ts";
import { CONTAINERD_SOCKET } from "./node-config.ts";
import { allOf } from "./progress.ts";
import type { ClusterState } from "./state.ts";

/** Imports a docker or OCI archive into every living node. Throws when a node refuses it, or when none lives. */
export async function loadImage(state: ClusterState, archive: string): Promise<void> {
  const nodes = Array.from({ length: state.nodeCount }, (_, index) => index + 1);
  const living = nodes.filter((node) => nodeInit(state, node) !== null);
  if (living.length === 0) throw new Error("no node is running");
  await allOf(living.map((node) => loadIntoNode(state, node, archive)));
}

/** By standard input: the node does not see every folder of the machine. */
export async function loadIntoNode(state: ClusterState, node: number, archive: string): Promise<void> {
  const init = nodeInit(state, node);
  if (init === null) throw new Error(`${nodeName(node)} is not running`);
  const ctr = [join(state.programs, "ctr"), "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"];
  const [program, ...args] = [...insideNode(init), ...ctr, "images", "import", "--local", "-"];
  const input = openSync(archive, "r");
  try {
    const child = spawn(program as string, args, { stdio: [input, "ignore", "pipe"] });
    const said = child.stderr === null ? Promise.resolve("") : text(child.stderr);
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${archive} cannot be loaded into ${nodeName(node)}: ${(await said).trim()}`);
  } finally {
    closeSync(input);
  }
}
