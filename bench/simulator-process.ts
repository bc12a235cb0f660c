/** Starts the simulator of a benchmark and talks to it, from the process that measures. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { SimulatorChildMemory, SimulatorChildStarted } from "./simulator-child.ts";

const CHILD = join(import.meta.dirname, "simulator-child.ts");

export const KEYS = { keyId: "bench", secret: "bench-secret" };

export class SimulatorProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(config: object): Promise<SimulatorProcess> {
    const child = fork(CHILD, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    child.send({ port: 0, ...KEYS, ...config });
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`the simulator ended with ${code}`);
    });
    const [started] = (await Promise.race([once(child, "message"), failed])) as [SimulatorChildStarted];
    failed.catch(() => undefined);
    return new SimulatorProcess(child, started.port);
  }

  async memory(): Promise<SimulatorChildMemory> {
    this.#child.send("memory");
    const [memory] = (await once(this.#child, "message")) as [SimulatorChildMemory];
    return memory;
  }

  async socket(path: string, headers: Record<string, string> = {}): Promise<WebSocket> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { headers, perMessageDeflate: false });
    await once(socket, "open");
    return socket;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }
}
