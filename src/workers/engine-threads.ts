/**
 * The threads that engines run on: started once in the life of a process and lent to one engine pool after the other, so
 * that a process which begins to trade finds them running and their code compiled. Main thread only.
 */
import { Piscina } from "piscina";
import type { WorkerHeap } from "./heap-sizes.ts";
import type { EngineTask } from "./protocol.ts";

export interface EngineThreadsOptions {
  readonly count: number;
  /** Of each thread; Node's own sizes when null. One that needs more dies alone. */
  readonly heap: WorkerHeap | null;
  /** Module whose default export runs an `EngineTask`, as a file URL; this build's own engine worker when absent. */
  readonly workerFile?: string;
}

const WORKER_FILE = new URL(`./engine-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url).href;
const CLOSE_MS = 5000;

export class EngineThreads {
  readonly count: number;
  readonly #piscina: Piscina;

  constructor(options: EngineThreadsOptions) {
    const { count, heap, workerFile = WORKER_FILE } = options;
    this.count = count;
    this.#piscina = new Piscina({
      filename: workerFile,
      minThreads: count,
      maxThreads: count,
      // Sockets and timers are the main thread's; an idle thread here only waits for its task.
      atomics: "disabled",
      closeTimeout: CLOSE_MS,
      ...(heap === null ? {} : { resourceLimits: heap }),
    });
  }

  /** Runs a task on a free thread until it ends by itself. The signal ends it with its thread, which is replaced. */
  run(task: EngineTask, signal: AbortSignal): Promise<unknown> {
    return this.#piscina.run(task, { signal });
  }

  /** Ends the threads; their tasks must have been ended before. */
  async close(): Promise<void> {
    await this.#piscina.close({ force: true });
  }
}
