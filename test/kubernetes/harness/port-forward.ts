/** `kubectl port-forward` as a child of the test, on a free port of loopback. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { TestNamespace } from "./namespace.ts";

export interface PortForward {
  /** The port on 127.0.0.1. */
  readonly port: number;
  /** Ends the forwarding; waits until the child is gone. */
  close(): Promise<void>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const START_TIMEOUT_MS = 30_000;

/**
 * Forwards a free local port to `port` of `target` (`service/NAME`, `pod/NAME`, `deployment/NAME`). A forwarding stays with
 * the pod it began with: when that pod ends, so does the forwarding. Throws when kubectl ends or says nothing for 30 s.
 */
export async function forwardPort(
  { cluster, name }: TestNamespace,
  target: string,
  port: number | string,
): Promise<PortForward> {
  const args = [`--namespace=${name}`, "port-forward", "--address=127.0.0.1", target, `:${port}`];
  const child: Child = spawn(cluster.kubectlPath, args, { env: cluster.env, stdio: ["ignore", "pipe", "pipe"] });
  const gone = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill();
    await gone;
  };
  try {
    return { port: await forwardedPort(child, `${target} ${port}`), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function forwardedPort(child: Child, what: string): Promise<number> {
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`port-forward ${what}: nothing in time ${said}`)), START_TIMEOUT_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`port-forward ${what} ended with ${code}: ${said.trim()}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, port] = /^Forwarding from 127\.0\.0\.1:(\d+) ->/.exec(line) ?? [];
      if (port === undefined) return;
      clearTimeout(late);
      resolve(Number(port));
    });
  });
}
