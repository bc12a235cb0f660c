/**
 * The one lane by which the order path writes to the journal: executions first, then order changes, then new intents, one
 * transaction at a time and in order. Main thread only.
 *
 * While the store cannot be reached the lane keeps executions and changes and tries again for ever (a fill is never
 * dropped); `isDown` tells the order manager to refuse new intents at once. A batch of intents whose commit failed is
 * tried again with the same ids, so that its true outcome is learnt; whether it is still wanted is the caller's decision.
 * An item that the journal refuses for another reason is set aside and reported.
 */
import { CodedError } from "../core/errors.ts";
import type {
  AppliedExecution,
  Execution,
  Fence,
  IntentOutcome,
  Journal,
  JournalLimits,
  JournalOrder,
  OrderChange,
  OrderIntent,
} from "./journal.ts";

export interface LaneHandler {
  applied(results: readonly AppliedExecution[]): void;
  changed(orders: readonly JournalOrder[], changes: readonly OrderChange[]): void;
  committed(intents: readonly OrderIntent[], outcomes: readonly IntentOutcome[]): void;
  /** The lease is gone: nothing of ours may be written any more. */
  fenced(): void;
  /** Called when the store is lost and when it is back. */
  storeDown(down: boolean, cause: string): void;
  /** The journal refused one item for another reason than loss or fence; it was set aside. A person must look at it. */
  failed(item: Execution | OrderChange | OrderIntent, error: unknown): void;
}

export interface LaneOptions {
  readonly journal: Journal;
  readonly fence: () => Fence | null;
  readonly limits: JournalLimits;
  readonly handler: LaneHandler;
  /** Most items of one transaction. */
  readonly batchMax: number;
  /** Pause before trying a lost store again, ms. */
  readonly retryMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told how long each transaction took, µs. */
  readonly onJournalUs: (us: number) => void;
  readonly nowUs: () => number;
}

export class JournalLane {
  readonly #options: LaneOptions;
  #executions: Execution[] = [];
  #changes: OrderChange[] = [];
  #intents: OrderIntent[] = [];
  #running: Promise<void> | null = null;
  #stopped = false;
  #down = false;
  #batchMax: number;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#batchMax = options.batchMax;
  }

  get isDown(): boolean {
    return this.#down;
  }

  get isIdle(): boolean {
    return this.#running === null;
  }

  execution(execution: Execution): void {
    this.#executions.push(execution);
    this.#kick();
  }

  change(change: OrderChange): void {
    this.#changes.push(change);
    this.#kick();
  }

  intent(intent: OrderIntent): void {
    this.#intents.push(intent);
    this.#kick();
  }

  /** Resolves when nothing is left to write, or when the lane was stopped. */
  async settle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Writes nothing more after the transaction under way. */
  stop(): void {
    this.#stopped = true;
  }

  #kick(): void {
    if (this.#running !== null || this.#stopped) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#pending()) this.#kick();
    });
  }

  #pending(): boolean {
    return this.#executions.length + this.#changes.length + this.#intents.length > 0;
  }

  async #run(): Promise<void> {
    // One turn of the event loop gathers what arrives together into one transaction.
    await Promise.resolve();
    while (!this.#stopped && this.#pending()) {
      const fence = this.#options.fence();
      if (fence === null) {
        this.#stopped = true;
        this.#options.handler.fenced();
        return;
      }
      await this.#step(fence);
    }
  }

  async #step(fence: Fence): Promise<void> {
    const { handler, journal, limits } = this.#options;
    if (this.#executions.length > 0) {
      await this.#write(this.#executions, async (batch) => {
        const results = await journal.applyExecutions(fence, batch);
        return () => handler.applied(results);
      });
    } else if (this.#changes.length > 0) {
      await this.#write(this.#changes, async (batch) => {
        const orders = await journal.transition(fence, batch);
        return () => handler.changed(orders, batch);
      });
    } else {
      await this.#write(this.#intents, async (batch) => {
        const outcomes = await journal.commit(fence, batch, limits);
        return () => handler.committed(batch, outcomes);
      });
    }
  }

  /** One transaction over the head of a queue. What it returned is told only after the queue was shortened. */
  async #write<T extends Execution | OrderChange | OrderIntent>(
    queue: T[],
    operation: (batch: readonly T[]) => Promise<() => void>,
  ): Promise<void> {
    const batch = queue.slice(0, this.#batchMax);
    const startUs = this.#options.nowUs();
    let tell: () => void;
    try {
      tell = await operation(batch);
    } catch (error) {
      return this.#onError(error, queue);
    }
    this.#options.onJournalUs(this.#options.nowUs() - startUs);
    this.#batchMax = this.#options.batchMax;
    this.#setDown(false, "");
    queue.splice(0, batch.length);
    tell();
  }

  async #onError<T extends Execution | OrderChange | OrderIntent>(error: unknown, queue: T[]): Promise<void> {
    const code = error instanceof CodedError ? error.code : "";
    if (code === "FENCED") {
      this.#stopped = true;
      this.#options.handler.fenced();
    } else if (code === "STORE_UNAVAILABLE") {
      this.#setDown(true, (error as CodedError).message);
      await this.#options.sleep(this.#options.retryMs);
    } else if (this.#batchMax > 1) {
      // One bad item must not hold up the others: the batch is tried again one by one.
      this.#batchMax = 1;
    } else {
      const item = queue.shift();
      if (item !== undefined) this.#options.handler.failed(item, error);
    }
  }

  #setDown(down: boolean, cause: string): void {
    if (this.#down === down) return;
    this.#down = down;
    this.#options.handler.storeDown(down, cause);
  }
}
