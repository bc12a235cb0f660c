/**
 * The LMAX Disruptor as a peer of the ring benchmark: a Java process that lives for the whole benchmark and is asked for
 * one run at a time. It needs Java 17 and Maven on the machine; the first build fetches the library and is kept.
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { checkAnswer } from "./harness.ts";

export const DISRUPTOR = "LMAX Disruptor 4.0";

const PROJECT = join(import.meta.dirname, "peers", "disruptor");
const BUILD = join(import.meta.dirname, "..", "node_modules", ".cache", "disruptor-peer");
const BUILD_TIMEOUT_MS = 300_000;

const run = promisify(execFile);

export class DisruptorPeer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  private constructor() {
    const classpath = [join(BUILD, "classes"), join(BUILD, "classpath", "*")].join(":");
    this.#child = spawn("java", ["-cp", classpath, "OneToOne"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface(this.#child.stdout);
  }

  /** Builds and starts it; null with the reason in `say` where the machine lacks what it takes. */
  static async start(say: (text: string) => void): Promise<DisruptorPeer | null> {
    try {
      await run("java", ["-version"]);
      if (!existsSync(join(BUILD, "classes", "OneToOne.class"))) {
        say(`building the ${DISRUPTOR} peer`);
        const argv = ["-q", "-B", "-f", join(PROJECT, "pom.xml"), `-Dpeer.build=${BUILD}`, "package"];
        await run("mvn", argv, { timeout: BUILD_TIMEOUT_MS });
      }
    } catch (error) {
      say(`no ${DISRUPTOR} beside it (Java 17 and Maven are needed): ${(error as Error).message.split("\n")[0]}`);
      return null;
    }
    return new DisruptorPeer();
  }

  /** Events a second, in millions, through a ring of 4,096; the sum of what the consumer saw is checked. */
  async throughput(batch: number, count: number): Promise<number> {
    this.#child.stdin.write(`${batch} ${count}\n`);
    const [line] = (await once(this.#lines, "line")) as [string];
    const [perSecond, sum] = line.split(" ").map(Number) as [number, number];
    checkAnswer(DISRUPTOR, sum, (count * (count - 1)) / 2);
    return perSecond / 1e6;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin.end();
    await ended;
  }
}
