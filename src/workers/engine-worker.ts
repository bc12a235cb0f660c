/**
 * The entry of an engine worker: one long task that reads its inbound ring, runs the engine and publishes intents, until
 * the ring is stopped. It owns the reading side of the inbound ring and the writing side of the intent ring; it does no
 * I/O and sees no wall clock but for latency stamps.
 */
import { Engine, type IntentSink, type RefusalSink } from "../core/engine.ts";
import { LANE_RECEIVED_TIME_US, RECORD_BYTES, RecordBuffer } from "../core/market/record.ts";
import { INTENT_BYTES, INTENT_LANE_PUBLISHED_US, INTENT_LANES, IntentBuffer } from "../core/order/intent.ts";
import { RING_DATA_OFFSET } from "../core/ring/descriptor.ts";
import { LatencyRecorder } from "../core/ring/latency-histogram.ts";
import { RingReader } from "../core/ring/ring-reader.ts";
import { RingWriter } from "../core/ring/ring-writer.ts";
import { REFUSAL_COUNT } from "../core/risk/refusal.ts";
import { STRATEGIES, type StrategyRegistry } from "../core/strategy/registry.ts";
import {
  type EngineTask,
  PARK_MS,
  PROGRESS_FAILED_CLOSED,
  PROGRESS_LOOPS,
  PROGRESS_READY,
  STAGES,
} from "./protocol.ts";

/** Records taken per turn: enough to spread the cost of the clock reads, few enough to publish soon. */
const BATCH_MAX = 256;

/** Epoch microseconds on the clock that stamps received records. */
function wallUs(): number {
  return (performance.timeOrigin + performance.now()) * 1000;
}

class RingSink implements IntentSink {
  readonly intents: IntentBuffer;
  readonly #ring: RingWriter;
  #last = -1;

  constructor(buffer: SharedArrayBuffer) {
    this.#ring = new RingWriter(buffer, { recordBytes: INTENT_BYTES });
    this.intents = new IntentBuffer(buffer, RING_DATA_OFFSET, this.#ring.capacity);
  }

  available(): number {
    return this.#ring.available();
  }

  claim(): number {
    this.#last = this.#ring.claim();
    return this.#last;
  }

  publish(): void {
    this.intents.f64[this.#last * INTENT_LANES + INTENT_LANE_PUBLISHED_US] = wallUs();
    this.#ring.publish();
  }
}

/** Piscina calls this once per worker; it resolves with the number of records processed when the ring is stopped. */
export default function runEngineWorker(task: EngineTask): number {
  return runEngine(task, STRATEGIES);
}

/** The worker's whole life with the given strategies; for an entry that brings others than the built-in ones. */
export function runEngine(task: EngineTask, strategies: StrategyRegistry): number {
  const progress = new Int32Array(task.progress);
  const reader = new RingReader(task.inbound, { recordBytes: RECORD_BYTES, spins: task.spin });
  const records = new RecordBuffer(task.inbound, RING_DATA_OFFSET, reader.capacity);
  const sink = new RingSink(task.intents);
  const counts = new Float64Array(task.refusals);
  const refusals: RefusalSink = {
    refused(instanceIndex, _instrumentIndex, refusal) {
      const at = instanceIndex * REFUSAL_COUNT + refusal;
      counts[at] = (counts[at] as number) + 1;
    },
  };
  const engine = new Engine(task.spec, sink, { refusals, strategies });
  for (const { instanceIndex, snapshot } of task.restored) engine.restore(instanceIndex, snapshot);
  const [decodeToEngine, engineStage] = STAGES.map((name) => new LatencyRecorder(task.histograms, STAGES, name));
  Atomics.store(progress, PROGRESS_READY, 1);
  for (;;) {
    const count = reader.poll(BATCH_MAX);
    if (count === 0) {
      tick(progress);
      if (reader.park(PARK_MS) === "stopped") return reader.sequence;
      continue;
    }
    const startUs = wallUs();
    decodeToEngine?.record(startUs - records.lane(reader.slot(0), LANE_RECEIVED_TIME_US));
    for (let i = 0; i < count; i++) engine.process(records, reader.slot(i), reader.sequence + i);
    reader.release(count);
    engineStage?.record((wallUs() - startUs) / count);
    if (engine.stats.failedClosed) Atomics.store(progress, PROGRESS_FAILED_CLOSED, 1);
    tick(progress);
  }
}

/** Shows that the loop turns, and wakes a main thread that waits for the ring to be drained. */
function tick(progress: Int32Array): void {
  Atomics.add(progress, PROGRESS_LOOPS, 1);
  Atomics.notify(progress, PROGRESS_LOOPS);
}
