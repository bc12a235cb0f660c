/**
 * Reads the intent rings of the engine workers and hands each intent on, in ring order. Main thread only; it sleeps in
 * `Atomics.waitAsync` while there is nothing, one loop per worker.
 */
import { IntentDecoder, type DecodedIntent } from "../orders/intent-decoder.ts";
import type { IntentBuffer } from "../core/order/intent.ts";
import type { EngineWorker } from "../workers/engine-pool.ts";

const BATCH_MAX = 1024;

export interface IntentPumpOptions {
  readonly onIntent: (intent: DecodedIntent) => void;
  /** Sees the raw record before it is released: for hashes and recordings. */
  readonly onRecord: (worker: number, intents: IntentBuffer, slot: number) => void;
}

interface Attached {
  readonly worker: EngineWorker;
  readonly decoder: IntentDecoder;
}

export class IntentPump {
  readonly #options: IntentPumpOptions;
  readonly #attached: (Attached | undefined)[] = [];

  constructor(options: IntentPumpOptions) {
    this.#options = options;
  }

  /** Follows the worker's ring until it is stopped. */
  attach(worker: EngineWorker): void {
    const attached: Attached = { worker, decoder: new IntentDecoder(worker.index) };
    this.#attached[worker.index] = attached;
    void this.#follow(attached);
  }

  /** Reads what is there now, without waiting. */
  drain(): void {
    for (const attached of this.#attached) if (attached !== undefined) this.#drain(attached);
  }

  async #follow(attached: Attached): Promise<void> {
    while ((await attached.worker.intents.parkAsync(1000)) !== "stopped") this.#drain(attached);
    this.#drain(attached);
  }

  #drain({ worker, decoder }: Attached): void {
    for (;;) {
      const count = worker.intents.poll(BATCH_MAX);
      if (count === 0) return;
      for (let i = 0; i < count; i++) {
        const slot = worker.intents.slot(i);
        this.#options.onRecord(worker.index, worker.intentRecords, slot);
        const intent = decoder.decode(worker.intentRecords, slot);
        if (intent !== null) this.#options.onIntent(intent);
      }
      worker.intents.release(count);
    }
  }
}
