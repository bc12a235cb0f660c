/**
 * Makes a process that stands by ready to take over at once: its engines' code loaded and compiled in their threads, and the
 * reads with which a takeover begins done once. Main thread only. It changes nothing and decides nothing.
 */
import type { Logger } from "pino";
import type { Broker } from "../broker/broker.ts";
import type { Journal } from "../orders/journal.ts";
import type { EngineThreads } from "../workers/engine-threads.ts";
import type { Placement } from "../workers/placement.ts";
import { rehearse } from "../workers/rehearsal.ts";

export interface WarmStandbyOptions {
  readonly threads: EngineThreads;
  readonly placement: Placement;
  readonly journal: Pick<Journal, "load">;
  readonly broker: Broker;
  readonly log: Pick<Logger, "info" | "warn">;
}

export class WarmStandby {
  readonly #options: WarmStandbyOptions;
  readonly #ending = new AbortController();

  constructor(options: WarmStandbyOptions) {
    this.#options = options;
  }

  /** Once, when it is known that another process trades. */
  async start(): Promise<void> {
    const { threads, placement, log } = this.#options;
    const { signal } = this.#ending;
    const startMs = performance.now();
    try {
      await rehearse(threads, placement.specs, signal);
      if (!signal.aborted) await this.#read();
      if (!signal.aborted) log.info({ ms: Math.round(performance.now() - startMs) }, "ready to take over");
    } catch (error) {
      log.warn({ error: String(error) }, "the engines could not be tried while standing by");
    }
  }

  /** Trading begins, or the process ends: the threads are free within a moment. */
  end(): void {
    this.#ending.abort();
  }

  /** What a reconciliation reads. Not kept: it would be old when it is needed. */
  async #read(): Promise<void> {
    const { journal, broker } = this.#options;
    const time = await broker.clock();
    await journal.load();
    await Promise.all([
      broker.account(),
      broker.positions(),
      broker.openOrders(),
      ...(time.kind === "ok" ? [broker.fillsSince(time.value.venueTimeUs)] : []),
    ]);
  }
}
