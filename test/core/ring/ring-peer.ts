/**
 * One side of a raced ring, run in a worker thread by the race tests. The writer fills every word of a record from the
 * record's sequence and the seed, so that a torn, lost, doubled or reordered record shows in the reader's check.
 */
import { parentPort, workerData } from "node:worker_threads";
import { RING_DATA_OFFSET } from "../../../src/core/ring/descriptor.ts";
import { RingReader } from "../../../src/core/ring/ring-reader.ts";
import { RingWriter } from "../../../src/core/ring/ring-writer.ts";

export interface PeerTask {
  readonly role: "write" | "write-half" | "read";
  readonly buffer: SharedArrayBuffer;
  readonly recordBytes: number;
  readonly count: number;
  readonly batchMax: number;
  readonly seed: number;
  readonly spins: number;
}

export interface ReadReport {
  readonly read: number;
  readonly checksum: number;
  readonly fault: string | null;
}

/** A generator of 32-bit numbers (xorshift), the same in every thread. */
export function seeded(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Word `index` of the record with this sequence (murmur's finaliser over both). */
export function payload(sequence: number, index: number, seed: number): number {
  let hash = Math.imul((sequence | 0) ^ seed, 0x9e3779b1) + Math.imul(index + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Reads `count` records, or to the end of the ring, checking every word; releases at random. */
export function readChecked(task: PeerTask, timeoutMs: number): ReadReport {
  const reader = new RingReader(task.buffer, { recordBytes: task.recordBytes, spins: task.spins });
  const random = seeded(task.seed * 7 + 1);
  const words = new Uint32Array(task.buffer, RING_DATA_OFFSET);
  const width = task.recordBytes / 4;
  const first = reader.sequence;
  let checksum = 0;
  while (reader.sequence - first < task.count) {
    const readable = reader.poll(1 + (random() % task.batchMax));
    for (let i = 0; i < readable; i++) {
      const sequence = reader.sequence + i;
      for (let word = 0; word < width; word++) {
        const found = words[reader.slot(i) * width + word] as number;
        if (found !== payload(sequence, word, task.seed)) {
          return { read: sequence - first, checksum, fault: `record ${sequence}, word ${word} holds ${found}` };
        }
        checksum = (checksum + found) % 4294967296;
      }
    }
    reader.release(readable);
    if (readable > 0) continue;
    const outcome = reader.park(timeoutMs);
    if (outcome === "ready") continue;
    return { read: reader.sequence - first, checksum, fault: outcome === "stopped" ? null : outcome };
  }
  return { read: reader.sequence - first, checksum, fault: null };
}

function writeSeeded(task: PeerTask): void {
  const writer = new RingWriter(task.buffer, { recordBytes: task.recordBytes });
  const random = seeded(task.seed);
  const words = new Uint32Array(task.buffer, RING_DATA_OFFSET);
  const width = task.recordBytes / 4;
  const nap = new Int32Array(new SharedArrayBuffer(4));
  const end = writer.sequence + task.count;
  while (writer.sequence < end) {
    const batch = Math.min(1 + (random() % task.batchMax), end - writer.sequence);
    for (let i = 0; i < batch; i++) {
      const sequence = writer.sequence;
      let slot = writer.claim();
      for (let tries = 1; slot < 0; tries++) {
        writer.publish();
        if (tries % 100 === 0) Atomics.wait(nap, 0, 0, 0.05);
        else Atomics.pause();
        slot = writer.claim();
      }
      for (let word = 0; word < width; word++) words[slot * width + word] = payload(sequence, word, task.seed);
    }
    writer.publish();
  }
}

/** Publishes `count` records, claims and half writes one more, reports, and never goes on. */
function writeHalf(task: PeerTask): void {
  writeSeeded(task);
  const slot = new RingWriter(task.buffer, { recordBytes: task.recordBytes }).claim();
  new Uint32Array(task.buffer, RING_DATA_OFFSET)[(slot * task.recordBytes) / 4] = 0xdeadbeef;
  parentPort?.postMessage("claimed");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const task = workerData as PeerTask | null;
if (parentPort !== null && task?.role !== undefined) {
  if (task.role === "write") {
    writeSeeded(task);
    parentPort.postMessage("written");
  } else if (task.role === "write-half") {
    writeHalf(task);
  } else {
    parentPort.postMessage(readChecked(task, 20_000));
  }
}
