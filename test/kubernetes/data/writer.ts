/** A writer in the client pod, started and stopped by the test: tells at the end of the longest pause and of what was lost. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestNamespace } from "../harness/namespace.ts";
import { eventually } from "../harness/wait.ts";
import type { StoreName } from "./stores.ts";

interface Line {
  readonly event: "writing" | "done";
  readonly acknowledged?: number;
  readonly lost?: readonly number[];
  readonly longestMs?: number;
}

export interface Outcome {
  /** How many writes the store acknowledged. */
  readonly acknowledged: number;
  /** Those of them that it no longer has. */
  readonly lost: readonly number[];
  /** The longest time between two acknowledgements. */
  readonly longestMs: number;
}

export interface Writer {
  /** Ends writing and looks for what was lost. */
  stop(): Promise<Outcome>;
}

const START_MS = 60_000;

/** Resolves once the first write is acknowledged. */
export async function startWriter({ cluster, name }: TestNamespace, store: StoreName): Promise<Writer> {
  const args = [`--namespace=${name}`, "exec", "-i", "client", "--", "node", `/client/${store}-writer.mjs`];
  const child = spawn(cluster.kubectlPath, args, { env: cluster.env, stdio: ["pipe", "pipe", "pipe"] });
  const gone = once(child, "exit");
  const lines: Line[] = [];
  let complaint = "";
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line) as Line));
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = chunk.toString().trim();
  });
  const find = (event: Line["event"], deadlineMs: number): Promise<Line> =>
    eventually(`${store} writer: ${event}`, deadlineMs, () => {
      const index = lines.findIndex((line) => line.event === event);
      if (index >= 0) return lines.splice(index, 1)[0];
      throw new Error(complaint);
    });
  try {
    await find("writing", START_MS);
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    stop: async () => {
      child.stdin.end();
      const { acknowledged = 0, lost = [], longestMs = 0 } = await find("done", START_MS);
      await gone;
      return { acknowledged, lost, longestMs };
    },
  };
}
