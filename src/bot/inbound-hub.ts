/**
 * The one writer of every engine's inbound ring: market records go to the workers that hold their instrument, timers to
 * all, account and control records to the worker they are for, in one order per worker. Main thread only.
 */
import { type Fixed } from "../core/fixed.ts";
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  ACCOUNT_POSITION,
  ACCOUNT_REFUSED,
  KIND_ACCOUNT,
  KIND_CONTROL,
  KIND_TIMER,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../core/market/record.ts";
import { refusalNumber } from "../core/risk/refusal.ts";
import type { IntentOwner } from "../orders/intent-decoder.ts";
import type { EngineFeedback } from "../orders/order-manager.ts";
import type { EngineWorker } from "../workers/engine-pool.ts";

export interface InboundHubOptions {
  /** Worker indexes that need each instrument's records. */
  readonly routes: readonly (readonly number[])[];
  /** Epoch µs for the received stamp of records made here. */
  readonly wallUs: () => number;
  /** An account or control record did not fit: the worker must be stopped. */
  readonly onUndeliverable: (worker: number) => void;
}

export class InboundHub implements EngineFeedback {
  readonly #options: InboundHubOptions;
  readonly #workers: (EngineWorker | undefined)[] = [];
  readonly #scratch = RecordBuffer.allocate(1);
  #retry: NodeJS.Timeout | null = null;
  #conflated = 0;
  #gaps = 0;

  constructor(options: InboundHubOptions) {
    this.#options = options;
  }

  /** Quotes conflated and gaps written so far, over all workers of this process. */
  get conflated(): number {
    return this.#workers.reduce((sum, worker) => sum + (worker?.inbound.conflated ?? 0), this.#conflated);
  }

  get gaps(): number {
    return this.#workers.reduce((sum, worker) => sum + (worker?.inbound.gaps ?? 0), this.#gaps);
  }

  attach(worker: EngineWorker): void {
    const before = this.#workers[worker.index];
    this.#conflated += before?.inbound.conflated ?? 0;
    this.#gaps += before?.inbound.gaps ?? 0;
    this.#workers[worker.index] = worker;
  }

  detach(index: number): void {
    const worker = this.#workers[index];
    if (worker === undefined) return;
    this.#conflated += worker.inbound.conflated;
    this.#gaps += worker.inbound.gaps;
    this.#workers[index] = undefined;
  }

  /** One market or timer record, in feed order; visible to the workers after `flush`. */
  market(records: RecordBuffer, slot: number): void {
    if (records.kind(slot) === KIND_TIMER) {
      for (const worker of this.#workers) worker?.inbound.append(records, slot);
      return;
    }
    const route = this.#options.routes[records.instrument(slot)];
    if (route === undefined) return;
    for (let i = 0; i < route.length; i++) this.#workers[route[i] as number]?.inbound.append(records, slot);
  }

  /** One market record to one worker only: history for its warm-up. */
  marketTo(index: number, records: RecordBuffer, slot: number): void {
    this.#workers[index]?.inbound.append(records, slot);
  }

  /** Makes everything appended visible. What found no room is tried again in a moment, without blocking. */
  flush(): void {
    let waiting = 0;
    for (const worker of this.#workers) if (worker !== undefined) waiting += worker.inbound.flush();
    if (waiting === 0 || this.#retry !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.flush();
    }, 1);
  }

  fill(owner: IntentOwner, signedQuantity: Fixed, price: Fixed, positionAfter: Fixed, venueTimeUs: number): void {
    const scratch = this.#account(ACCOUNT_FILL, owner, venueTimeUs);
    scratch.setInteger(0, LANE_B, Number(signedQuantity));
    scratch.setInteger(0, LANE_C, Number(price));
    scratch.setInteger(0, LANE_D, Number(positionAfter));
    this.#deliver(owner.worker);
  }

  done(owner: IntentOwner, venueTimeUs: number): void {
    this.#account(ACCOUNT_DONE, owner, venueTimeUs);
    this.#deliver(owner.worker);
  }

  refused(owner: IntentOwner, code: string, venueTimeUs: number): void {
    this.#account(ACCOUNT_REFUSED, owner, venueTimeUs).setInteger(0, LANE_B, refusalNumber(code));
    this.#deliver(owner.worker);
  }

  /** Sets an instance's position, as the books have it. */
  position(worker: number, instanceIndex: number, instrumentIndex: number, quantity: Fixed, venueTimeUs: number): void {
    const scratch = this.#account(
      ACCOUNT_POSITION,
      { worker, instanceIndex, instrumentIndex, intentNumber: 0 },
      venueTimeUs,
    );
    scratch.setInteger(0, LANE_D, Number(quantity));
    this.#deliver(worker);
  }

  control(worker: number, code: number, instanceIndex: number, argument: number, venueTimeUs: number): void {
    const scratch = this.#scratch;
    scratch.header(0, KIND_CONTROL, code, NO_INSTRUMENT, 0, venueTimeUs, this.#options.wallUs());
    scratch.setInteger(0, LANE_A, argument);
    scratch.setInteger(0, LANE_E, instanceIndex);
    this.#deliver(worker);
  }

  controlAll(code: number, argument: number, venueTimeUs: number): void {
    for (const worker of this.#workers)
      if (worker !== undefined) this.control(worker.index, code, 0, argument, venueTimeUs);
  }

  stop(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
  }

  #account(code: number, owner: IntentOwner, venueTimeUs: number): RecordBuffer {
    const scratch = this.#scratch;
    scratch.header(0, KIND_ACCOUNT, code, owner.instrumentIndex, 0, venueTimeUs, this.#options.wallUs());
    scratch.setInteger(0, LANE_A, owner.intentNumber);
    scratch.setInteger(0, LANE_E, owner.instanceIndex);
    return scratch;
  }

  #deliver(index: number): void {
    const worker = this.#workers[index];
    if (worker === undefined) return;
    if (worker.inbound.append(this.#scratch, 0) === "undeliverable") return this.#options.onUndeliverable(index);
    this.flush();
  }
}
