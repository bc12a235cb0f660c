/** Follows the logs of all bot pods, also of those that come later and those that are gone: hand-overs are told there. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestNamespace } from "../harness/namespace.ts";

/** A process began to trade. */
export interface Handover {
  readonly pod: string;
  /** `clean` after one that gave the lease back, `takeover` after one that vanished. */
  readonly kind: string;
  /** How long nobody had traded, ms; null where nobody ever had. */
  readonly untradedMs: number | null;
}

export interface BotLogs {
  readonly handovers: readonly Handover[];
  close(): Promise<void>;
}

const POLL_MS = 1000;
const SELECTOR = "--selector=app.kubernetes.io/name=algo-trading-bot";

export function followBots(namespace: TestNamespace): BotLogs {
  const handovers: Handover[] = [];
  const followed = new Map<string, ChildProcess>();
  let closing = false;
  const watching = watch();

  async function watch(): Promise<void> {
    while (!closing) {
      const { stdout } = await namespace.kubectl([
        "get",
        "pods",
        SELECTOR,
        "--field-selector=status.phase=Running",
        "--output=name",
      ]);
      for (const pod of stdout.split("\n").filter((name) => name !== "" && !followed.has(name))) follow(pod);
      await sleep(POLL_MS);
    }
  }

  function follow(pod: string): void {
    const args = [`--namespace=${namespace.name}`, "logs", "--follow", pod];
    const { cluster } = namespace;
    const child = spawn(cluster.kubectlPath, args, { env: cluster.env, stdio: ["ignore", "pipe", "ignore"] });
    followed.set(pod, child);
    child.once("error", () => followed.delete(pod));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.includes('"msg":"trading"')) return;
      const { handover, untradedMs } = JSON.parse(line) as { handover: string; untradedMs: number | null };
      handovers.push({ pod, kind: handover, untradedMs });
    });
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.kill()) await once(child, "exit");
  }

  return {
    handovers,
    close: async () => {
      closing = true;
      await watching;
      const ends = [...followed.values()].filter((child) => child.exitCode === null && child.signalCode === null);
      await Promise.all(ends.map(end));
    },
  };
}
