/**
 * One writer (this thread), one ring, one reader (a worker), as fast as they go.
 *
 *   main thread ──▶ ring of 4,096 records ──▶ worker
 *
 * 8-byte events show the ring itself; 64-byte records with every lane written and read show what a feed pays. The sum of
 * everything that the reader saw is checked. The peers: for events the LMAX Disruptor, where the machine has Java and Maven;
 * for records the platform's own way between threads, copied messages.
 */
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import { Worker } from "node:worker_threads";
import { createRing, RING_DATA_OFFSET } from "../src/core/ring/descriptor.ts";
import { RingWriter } from "../src/core/ring/ring-writer.ts";
import { DISRUPTOR, DisruptorPeer } from "./disruptor-peer.ts";
import {
  type Benchmark,
  type BenchOptions,
  type BenchResult,
  checkAnswer,
  type Flow,
  interleavedMedians,
} from "./harness.ts";
import type { ConsumeRing } from "./ring-consumer.ts";

const CAPACITY = 4096;
const LANES = 8;
const QUICK_COUNT = 20_000;
/** Messages under way before the writer waits for answers. */
const WINDOW = 16;
const PEER = "MessagePort, 256 copied records a message";

interface Shape {
  readonly name: string;
  readonly kind: "events" | "records";
  readonly batch: number;
  readonly count: number;
  readonly note: string;
}

const SHAPES: readonly Shape[] = [
  {
    name: "8-byte events, batch 256",
    kind: "events",
    batch: 256,
    count: 20_000_000,
    note: "aim: at least 0.5 of the peer",
  },
  {
    name: "8-byte events, one by one",
    kind: "events",
    batch: 1,
    count: 4_000_000,
    note: "aim: at least 0.25 of the peer",
  },
  { name: "64-byte records, batch 256", kind: "records", batch: 256, count: 8_000_000, note: "aim: at least 40" },
  { name: "64-byte records, batch 32", kind: "records", batch: 32, count: 8_000_000, note: "" },
  { name: "64-byte records, one by one", kind: "records", batch: 1, count: 3_000_000, note: "aim: at least 10" },
];
const MESSAGES = { name: PEER, batch: 256, count: 1_000_000 };

/** Waits for room in a full ring: pauses, and every thousandth time sleeps, because the machine may have one core to give. */
class Backoff {
  readonly #nap = new Int32Array(new SharedArrayBuffer(4));
  #tries = 0;

  wait(): void {
    this.#tries++;
    if (this.#tries % 1000 === 0) Atomics.wait(this.#nap, 0, 0, 0.05);
    else Atomics.pause();
  }
}

function claimSlot(writer: RingWriter, backoff: Backoff): number {
  for (let slot = writer.claim(); ; slot = writer.claim()) {
    if (slot >= 0) return slot;
    writer.publish();
    backoff.wait();
  }
}

function writeEvents(writer: RingWriter, values: Float64Array, shape: Shape, count: number): void {
  const backoff = new Backoff();
  for (let i = 0; i < count; ) {
    const end = Math.min(i + shape.batch, count);
    for (; i < end; i++) values[claimSlot(writer, backoff)] = i;
    writer.publish();
  }
}

function writeRecords(writer: RingWriter, lanes: Float64Array, shape: Shape, count: number): void {
  const backoff = new Backoff();
  for (let i = 0; i < count; ) {
    const end = Math.min(i + shape.batch, count);
    for (; i < end; i++) {
      const at = claimSlot(writer, backoff) * LANES;
      lanes[at] = i;
      lanes[at + 1] = i + 1;
      lanes[at + 2] = i + 2;
      lanes[at + 3] = i + 3;
      lanes[at + 4] = i + 4;
      lanes[at + 5] = i + 5;
      lanes[at + 6] = i + 6;
      lanes[at + 7] = i + 7;
    }
    writer.publish();
  }
}

/** Records a second, in millions. */
async function throughRing(worker: Worker, shape: Shape, count: number): Promise<number> {
  const recordBytes = shape.kind === "events" ? 8 : LANES * 8;
  const buffer = createRing({ recordBytes, capacity: CAPACITY });
  const writer = new RingWriter(buffer, { recordBytes });
  const values = new Float64Array(buffer, RING_DATA_OFFSET);
  const done = new Int32Array(new SharedArrayBuffer(4));
  const order: ConsumeRing = { kind: shape.kind, buffer, count, done };
  const attached = once(worker, "message");
  worker.postMessage(order);
  await attached;
  const answer = once(worker, "message");
  const startMs = performance.now();
  (shape.kind === "events" ? writeEvents : writeRecords)(writer, values, shape, count);
  Atomics.wait(done, 0, 0);
  const elapsedMs = performance.now() - startMs;
  const [sum] = (await answer) as [number];
  checkAnswer(shape.name, sum, expectedSum(count, shape.kind === "events" ? 1 : LANES));
  return count / elapsedMs / 1000;
}

async function throughMessages(worker: Worker, count: number): Promise<number> {
  const messages = Math.ceil(count / MESSAGES.batch);
  const lanes = new Float64Array(MESSAGES.batch * LANES);
  let sum = 0;
  let answered = 0;
  let wake = () => {};
  const listen = (part: number) => {
    sum += part;
    answered++;
    wake();
  };
  worker.on("message", listen);
  const startMs = performance.now();
  for (let message = 0; message < messages; message++) {
    for (let i = 0; i < MESSAGES.batch; i++) {
      for (let lane = 0; lane < LANES; lane++) lanes[i * LANES + lane] = message * MESSAGES.batch + i + lane;
    }
    worker.postMessage(lanes);
    const last = message === messages - 1;
    while (message + 1 - answered >= (last ? 1 : WINDOW)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  const elapsedMs = performance.now() - startMs;
  worker.off("message", listen);
  checkAnswer(PEER, sum, expectedSum(messages * MESSAGES.batch, LANES));
  return (messages * MESSAGES.batch) / elapsedMs / 1000;
}

/** Sum over all records i and lanes l of i + l; exact in a double for the counts used here. */
function expectedSum(count: number, lanes: number): number {
  return (lanes * count * (count - 1)) / 2 + (count * lanes * (lanes - 1)) / 2;
}

/** The peer's flow of the same shape of events. */
function disruptorFlow(shape: Shape): string {
  return `${shape.name}, ${DISRUPTOR}`;
}

function resultOf(shape: Shape, figures: ReadonlyMap<string, number>): BenchResult {
  const value = figures.get(shape.name) ?? Number.NaN;
  const base = { name: shape.name, value, unit: "M/s", checked: true } as const;
  const noted = shape.note === "" ? base : { ...base, note: shape.note };
  const peer = shape.kind === "events" ? DISRUPTOR : PEER;
  const peerValue = figures.get(shape.kind === "events" ? disruptorFlow(shape) : PEER);
  return peerValue === undefined ? noted : { ...noted, ratio: value / peerValue, peer };
}

function peerResults(figures: ReadonlyMap<string, number>): BenchResult[] {
  const names = [...SHAPES.map(disruptorFlow), PEER];
  return names.flatMap((name) => {
    const value = figures.get(name);
    return value === undefined ? [] : [{ name, value, unit: "M/s", checked: true } as const];
  });
}

export const ring: Benchmark = {
  name: "ring",
  description: "records through a shared-memory ring, one writing and one reading thread",
  async run(options: BenchOptions): Promise<BenchResult[]> {
    const worker = new Worker(new URL("./ring-consumer.ts", import.meta.url));
    // A tiny run only shows that our side works: it neither waits for a build nor needs one.
    const disruptor = options.quick ? null : await DisruptorPeer.start((text) => options.progress(text));
    try {
      const figures = await interleavedMedians(flowsOf(worker, disruptor, options.quick), options);
      return [...SHAPES.map((shape) => resultOf(shape, figures)), ...peerResults(figures)];
    } finally {
      await Promise.all([worker.terminate(), disruptor?.stop()]);
    }
  },
};

function flowsOf(worker: Worker, disruptor: DisruptorPeer | null, quick: boolean): Flow[] {
  const sized = (count: number) => (quick ? QUICK_COUNT : count);
  const flows: Flow[] = SHAPES.flatMap((shape) => {
    const own = { name: shape.name, run: () => throughRing(worker, shape, sized(shape.count)) };
    if (disruptor === null || shape.kind !== "events") return [own];
    return [own, { name: disruptorFlow(shape), run: () => disruptor.throughput(shape.batch, shape.count) }];
  });
  return [...flows, { name: PEER, run: () => throughMessages(worker, sized(MESSAGES.count)) }];
}
