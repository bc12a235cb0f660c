/**
 * The one lane by which the order path writes to the journal: executions first, then order changes, then new intents, one
 * transaction at a time and in order. Main thread only.
 *
 * While the store cannot be reached the lane keeps executions and changes and tries again for ever (a fill is never
 * dropped); `isDown` tells the order manager to refuse new intents at once. A batch of intents whose commit failed is
 * tried again with the same ids, so that its true outcome is learnt; whether it is still wanted is the caller's decision.
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
  /** The journal refused a batch for another reason than loss or fence: a bug or a corrupt row. */
  failed(error: unknown): void;
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

  constructor(options: LaneOptions) {
    this.#options = options;
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
    const { handler, journal, limits, batchMax } = this.#options;
    if (this.#executions.length > 0) {
      const batch = this.#executions.slice(0, batchMax);
      const results = await this.#write(() => journal.applyExecutions(fence, batch));
      if (results === null) return;
      this.#executions.splice(0, batch.length);
      handler.applied(results);
    } else if (this.#changes.length > 0) {
      const batch = this.#changes.slice(0, batchMax);
      const orders = await this.#write(() => journal.transition(fence, batch));
      if (orders === null) return;
      this.#changes.splice(0, batch.length);
      handler.changed(orders, batch);
    } else {
      const batch = this.#intents.slice(0, batchMax);
      const outcomes = await this.#write(() => journal.commit(fence, batch, limits));
      if (outcomes === null) return;
      this.#intents.splice(0, batch.length);
      handler.committed(batch, outcomes);
    }
  }

  /** Null when the write has to be tried again or the lane was stopped. */
  async #write<T>(operation: () => Promise<T>): Promise<T | null> {
    const startUs = this.#options.nowUs();
    try {
      const result = await operation();
      this.#options.onJournalUs(this.#options.nowUs() - startUs);
      this.#setDown(false, "");
      return result;
    } catch (error) {
      await this.#onError(error);
      return null;
    }
  }

  async #onError(error: unknown): Promise<void> {
    if (error instanceof CodedError && error.code === "FENCED") {
      this.#stopped = true;
      this.#options.handler.fenced();
      return;
    }
    if (!(error instanceof CodedError && error.code === "STORE_UNAVAILABLE")) this.#options.handler.failed(error);
    this.#setDown(true, error instanceof Error ? error.message : String(error));
    await this.#options.sleep(this.#options.retryMs);
  }

  #setDown(down: boolean, cause: string): void {
    if (this.#down === down) return;
    this.#down = down;
    this.#options.handler.storeDown(down, cause);
  }
}
