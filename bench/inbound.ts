/**
 * What the main thread pays per record for an engine worker: appending to an inbound ring that has room, appending to one
 * that is full (every quote replaces an older one), and recording a latency. One thread; the reader only gives slots back.
 */
import { KIND_QUOTE, RECORD_BYTES, RecordBuffer } from "../src/core/market/record.ts";
import { INBOUND_RESERVE, InboundWriter } from "../src/core/ring/conflater.ts";
import { createRing } from "../src/core/ring/descriptor.ts";
import { createHistograms, LatencyRecorder, LatencySnapshot } from "../src/core/ring/latency-histogram.ts";
import { RingReader } from "../src/core/ring/ring-reader.ts";
import { RingWriter } from "../src/core/ring/ring-writer.ts";
import {
  type Benchmark,
  type BenchOptions,
  type BenchResult,
  checkAnswer,
  type MicroTask,
  microNanoseconds,
} from "./harness.ts";

const CAPACITY = 4096;
const INSTRUMENTS = 100;
const OPERATIONS = 1000;

interface CheckedTask extends MicroTask {
  /** Throws unless the work done so far left what it had to. */
  readonly check: () => void;
}

function inboundRing() {
  const buffer = createRing({ recordBytes: RECORD_BYTES, capacity: CAPACITY });
  const ringWriter = new RingWriter(buffer, { recordBytes: RECORD_BYTES, reserve: INBOUND_RESERVE });
  const reader = new RingReader(buffer, { recordBytes: RECORD_BYTES });
  return { writer: new InboundWriter(ringWriter, { instrumentCount: INSTRUMENTS }), reader };
}

function quotes(): RecordBuffer {
  const records = RecordBuffer.allocate(OPERATIONS);
  for (let i = 0; i < OPERATIONS; i++) records.header(i, KIND_QUOTE, 0, i % INSTRUMENTS, 0, i, i);
  return records;
}

function appendWithRoom(): CheckedTask {
  const { writer, reader } = inboundRing();
  const source = quotes();
  let appended = 0;
  return {
    name: "append to a ring with room",
    operations: OPERATIONS,
    work: () => {
      for (let i = 0; i < OPERATIONS; i++) writer.append(source, i);
      writer.flush();
      for (let left = OPERATIONS; left > 0; ) {
        const readable = reader.poll(left);
        reader.release(readable);
        left -= readable;
      }
      appended += OPERATIONS;
    },
    check: () => checkAnswer("records written", writer.written, appended),
  };
}

function appendWhenFull(): CheckedTask {
  const { writer } = inboundRing();
  const source = quotes();
  while (writer.pending < INSTRUMENTS) for (let i = 0; i < OPERATIONS; i++) writer.append(source, i);
  const conflatedBefore = writer.conflated;
  let appended = 0;
  return {
    name: "append to a full ring",
    operations: OPERATIONS,
    work: () => {
      for (let i = 0; i < OPERATIONS; i++) writer.append(source, i);
      appended += OPERATIONS;
    },
    check: () => checkAnswer("quotes conflated", writer.conflated - conflatedBefore, appended),
  };
}

function recordLatency(): CheckedTask {
  const names = ["engine"];
  const buffer = createHistograms(names);
  const recorder = new LatencyRecorder(buffer, names, "engine");
  let recorded = 0;
  return {
    name: "record a latency",
    operations: OPERATIONS,
    work: () => {
      for (let i = 0; i < OPERATIONS; i++) recorder.record(0.5 + i);
      recorded += OPERATIONS;
    },
    check: () => checkAnswer("latencies", new LatencySnapshot(buffer, names, "engine").count, recorded),
  };
}

export const inbound: Benchmark = {
  name: "inbound",
  description: "appending to a worker's inbound ring, and recording a latency, on one thread",
  async run(options: BenchOptions): Promise<BenchResult[]> {
    const tasks = [appendWithRoom(), appendWhenFull(), recordLatency()];
    const figures = await microNanoseconds(tasks, options);
    return tasks.map(({ name, check }) => {
      check();
      return { name, value: figures.get(name) ?? Number.NaN, unit: "ns", checked: true };
    });
  },
};
