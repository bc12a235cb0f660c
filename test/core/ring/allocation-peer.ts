/** Runs one per-tick path many times in a thread of its own and reports what its heap went through. */
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { KIND_QUOTE, KIND_TRADE, RECORD_BYTES, RecordBuffer } from "../../../src/core/market/record.ts";
import { InboundWriter } from "../../../src/core/ring/conflater.ts";
import { createRing } from "../../../src/core/ring/descriptor.ts";
import { createHistograms, LatencyRecorder } from "../../../src/core/ring/latency-histogram.ts";
import { RingReader } from "../../../src/core/ring/ring-reader.ts";
import { RingWriter } from "../../../src/core/ring/ring-writer.ts";

export interface AllocationReport {
  /** Collections of the young generation, while the path ran. */
  readonly collections: number;
  readonly grownBytes: number;
}

/** Calls before measuring, with turns of the event loop between, so that the optimised code is in place. */
const WARM_UP_ROUNDS = 50;
/** The least of these counts: what the path allocates shows every time, what the compiler allocates does not. */
const ATTEMPTS = 3;
/** Turns of the event loop after which every collection has been reported. */
const SETTLE_TURNS = 10;

type Path = (operations: number) => void;

const buffer = createRing({ recordBytes: RECORD_BYTES, capacity: 256, firstSequence: 2 ** 32 - 1000 });
const writer = new RingWriter(buffer, { recordBytes: RECORD_BYTES, reserve: 64 });
const reader = new RingReader(buffer, { recordBytes: RECORD_BYTES });
const inbound = new InboundWriter(writer, { instrumentCount: 10 });
const source = RecordBuffer.allocate(2);
source.header(0, KIND_QUOTE, 0, 3, 0, 1e15, 1e15);
source.header(1, KIND_TRADE, 0, 3, 0, 1e15, 1e15);

const PATHS: Readonly<Record<string, Path>> = {
  ring(operations) {
    for (let i = 0; i < operations; i++) {
      writer.claim();
      writer.publish();
      reader.release(reader.poll(8));
      if (writer.sequence !== reader.sequence) throw new Error("the sides disagree");
    }
  },
  inbound(operations) {
    for (let i = 0; i < operations; i++) {
      inbound.append(source, 0);
      inbound.flush();
      reader.release(reader.poll(8));
    }
  },
  conflating(operations) {
    for (let i = 0; i < operations; i++) {
      inbound.append(source, i & 1);
      if ((i & 511) === 511) for (let n = reader.poll(128); n > 0; n = reader.poll(128)) reader.release(n);
    }
  },
  latency(operations) {
    const recorder = new LatencyRecorder(createHistograms(["engine"]), ["engine"], "engine");
    for (let i = 0; i < operations; i++) recorder.record(i * 0.37);
  },
};

async function measure(path: Path, operations: number): Promise<AllocationReport> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceEntry & { detail: { kind: number } };
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) collections++;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  const before = getHeapStatistics().used_heap_size;
  path(operations);
  const grownBytes = getHeapStatistics().used_heap_size - before;
  for (let turn = 0; turn < SETTLE_TURNS; turn++) await nextTurn();
  observer.disconnect();
  return { collections, grownBytes };
}

async function warmUp(path: Path): Promise<void> {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    path(20_000);
    await nextTurn();
  }
}

if (parentPort !== null) {
  const { path: name, operations } = workerData as { path: string; operations: number };
  const path = PATHS[name] as Path;
  await warmUp(path);
  const reports: AllocationReport[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) reports.push(await measure(path, operations));
  reports.sort((a, b) => a.collections - b.collections || a.grownBytes - b.grownBytes);
  parentPort.postMessage(reports[0]);
}
