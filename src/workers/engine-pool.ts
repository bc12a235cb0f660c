/**
 * The engine workers of one trading life: each runs one endless task on a thread of its own, with one inbound and one
 * intent ring. Main thread only. It starts workers, hands out their rings and notices deaths; what a replaced worker must
 * be told is its caller's business.
 */
import type { EngineSpec } from "../core/engine.ts";
import { RECORD_BYTES } from "../core/market/record.ts";
import { INTENT_BYTES, IntentBuffer } from "../core/order/intent.ts";
import { InboundWriter, INBOUND_RESERVE, type InboundTap } from "../core/ring/conflater.ts";
import { createRing, readRingCounters, RING_DATA_OFFSET, type RingCounters } from "../core/ring/descriptor.ts";
import { createHistograms, LatencySnapshot } from "../core/ring/latency-histogram.ts";
import { RingReader } from "../core/ring/ring-reader.ts";
import { RingWriter } from "../core/ring/ring-writer.ts";
import { REFUSAL_COUNT } from "../core/risk/refusal.ts";
import type { EngineThreads } from "./engine-threads.ts";
import {
  type EngineTask,
  PROGRESS_FAILED_CLOSED,
  PROGRESS_LOOPS,
  PROGRESS_READY,
  PROGRESS_WORDS,
  type RestoredInstance,
  STAGES,
} from "./protocol.ts";

/** Small enough to stay in a second-level cache; see the ring's benchmark. */
const INBOUND_CAPACITY = 4096;
const INTENT_CAPACITY = 4096;

export interface EnginePoolOptions {
  /** One engine per entry; its instances are those placed on that worker. */
  readonly specs: readonly EngineSpec[];
  /** As many threads as specs, lent to this pool until it has stopped. */
  readonly threads: EngineThreads;
  readonly spin: number;
  /** A worker's task ended although nobody stopped it. The thread is replaced already; call `start` to run it again. */
  readonly onDeath: (worker: number, error: unknown) => void;
}

export interface EngineWorker {
  readonly index: number;
  readonly inbound: InboundWriter;
  readonly intents: RingReader;
  readonly intentRecords: IntentBuffer;
  /** Incremented by every start: what an earlier life sent is told apart by it. */
  readonly life: number;
}

interface Cell {
  worker: EngineWorker;
  ring: RingWriter;
  histograms: SharedArrayBuffer;
  refusals: SharedArrayBuffer;
  progress: Int32Array;
  done: Promise<void>;
  lastLoops: number;
  stopping: boolean;
}

/** A task that has not ended so long after it was told to is ended with its thread, ms. */
const STOP_MS = 5000;

export class EnginePool {
  readonly #options: EnginePoolOptions;
  readonly #cells: (Cell | undefined)[];
  readonly #killer = new AbortController();
  #lives = 0;
  #restarts = 0;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#cells = options.specs.map(() => undefined);
  }

  get size(): number {
    return this.#cells.length;
  }

  /** Records in an inbound ring. */
  get inboundCapacity(): number {
    return INBOUND_CAPACITY;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts (or starts again) one worker with fresh rings. `tap` sees every record really written to it, in order. */
  start(index: number, restored: readonly RestoredInstance[], tap: InboundTap | null): EngineWorker {
    const spec = this.#options.specs[index] as EngineSpec;
    const inbound = createRing({ recordBytes: RECORD_BYTES, capacity: INBOUND_CAPACITY });
    const intents = createRing({ recordBytes: INTENT_BYTES, capacity: INTENT_CAPACITY });
    const histograms = createHistograms(STAGES);
    const progress = new SharedArrayBuffer(PROGRESS_WORDS * 4);
    const refusals = new SharedArrayBuffer(Math.max(1, spec.instances.length) * REFUSAL_COUNT * 8);
    const ring = new RingWriter(inbound, { recordBytes: RECORD_BYTES, reserve: INBOUND_RESERVE });
    if (this.#lives >= this.size) this.#restarts += 1;
    this.#lives += 1;
    const worker: EngineWorker = {
      index,
      inbound: new InboundWriter(ring, { instrumentCount: spec.instruments.length, ...(tap === null ? {} : { tap }) }),
      intents: new RingReader(intents, { recordBytes: INTENT_BYTES }),
      intentRecords: new IntentBuffer(intents, RING_DATA_OFFSET, INTENT_CAPACITY),
      life: this.#lives,
    };
    const { spin } = this.#options;
    const task: EngineTask = { worker: index, spec, inbound, intents, histograms, progress, refusals, restored, spin };
    const cell: Cell = {
      worker,
      ring,
      histograms,
      refusals,
      progress: new Int32Array(progress),
      done: Promise.resolve(),
      lastLoops: 0,
      stopping: false,
    };
    this.#cells[index] = cell;
    cell.done = this.#options.threads.run(task, this.#killer.signal).then(
      () => this.#ended(cell, null),
      (error: unknown) => this.#ended(cell, error),
    );
    return worker;
  }

  worker(index: number): EngineWorker | undefined {
    return this.#cells[index]?.worker;
  }

  counters(index: number): RingCounters | undefined {
    const cell = this.#cells[index];
    return cell === undefined ? undefined : readRingCounters(cell.ring.buffer, RECORD_BYTES);
  }

  histogram(index: number, stage: (typeof STAGES)[number]): LatencySnapshot | undefined {
    const cell = this.#cells[index];
    return cell === undefined ? undefined : new LatencySnapshot(cell.histograms, STAGES, stage);
  }

  /** The engine's own refusals of one instance by REFUSAL_* number, since its worker was started. */
  refusals(index: number, instanceIndex: number): Float64Array {
    const cell = this.#cells[index];
    if (cell === undefined) return new Float64Array(REFUSAL_COUNT);
    return new Float64Array(cell.refusals, instanceIndex * REFUSAL_COUNT * 8, REFUSAL_COUNT);
  }

  isReady(index: number): boolean {
    const cell = this.#cells[index];
    return cell !== undefined && Atomics.load(cell.progress, PROGRESS_READY) === 1;
  }

  hasFailedClosed(index: number): boolean {
    const cell = this.#cells[index];
    return cell !== undefined && Atomics.load(cell.progress, PROGRESS_FAILED_CLOSED) === 1;
  }

  /** True when the worker's loop has turned since the last call; a parked worker turns several times a second. */
  hasProgressed(index: number): boolean {
    const cell = this.#cells[index];
    if (cell === undefined) return false;
    const loops = Atomics.load(cell.progress, PROGRESS_LOOPS);
    const progressed = loops !== cell.lastLoops;
    cell.lastLoops = loops;
    return progressed;
  }

  /** Ends one worker's task, as if it had died: its caller hears of it by `onDeath`. */
  halt(index: number): void {
    this.#cells[index]?.ring.stop();
  }

  /** True when every worker has processed all that was published to it. */
  get isDrained(): boolean {
    return this.#cells.every((cell) => cell === undefined || isDrainedCell(cell));
  }

  /** Resolves when every worker has processed all that was published to it. */
  async drained(): Promise<void> {
    for (const cell of this.#cells) if (cell !== undefined) await drainedCell(cell);
  }

  /** Ends every task after the records already published; the threads are free again then. */
  async stop(): Promise<void> {
    for (const cell of this.#cells) {
      if (cell === undefined) continue;
      cell.stopping = true;
      cell.ring.stop();
    }
    const late = setTimeout(() => this.#killer.abort(), STOP_MS);
    await Promise.all(this.#cells.map((cell) => cell?.done ?? Promise.resolve()));
    clearTimeout(late);
  }

  #ended(cell: Cell, error: unknown): void {
    // Whoever waits for intents of this life must wake up and see that there will be no more.
    cell.worker.intents.stop();
    if (!cell.stopping)
      this.#options.onDeath(cell.worker.index, error ?? new Error("the engine worker ended by itself"));
  }
}

async function drainedCell(cell: Cell): Promise<void> {
  for (;;) {
    const loops = Atomics.load(cell.progress, PROGRESS_LOOPS);
    if (isDrainedCell(cell)) return;
    await Atomics.waitAsync(cell.progress, PROGRESS_LOOPS, loops, 50).value;
  }
}

function isDrainedCell(cell: Cell): boolean {
  const { published, released } = readRingCounters(cell.ring.buffer, RECORD_BYTES);
  return published === released || cell.ring.isStopped;
}
