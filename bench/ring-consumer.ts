/**
 * The reading thread of the ring benchmark: for each order it attaches to a ring, adds up every lane of every record and
 * answers with the sum; records that come copied, in a message, are answered likewise. It stays alive between orders, so that its code is warm, as in a worker that trades all day.
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import { RING_DATA_OFFSET } from "../src/core/ring/descriptor.ts";
import { RingReader } from "../src/core/ring/ring-reader.ts";

export interface ConsumeRing {
  readonly kind: "events" | "records";
  readonly buffer: SharedArrayBuffer;
  readonly count: number;
  /** Word 0 is set, and its waiter woken, when the last record has been read. */
  readonly done: Int32Array;
}

const LANES = 8;
const BATCH = 256;
/** About a millisecond of pauses before the reader parks. */
const SPINS = 20_000;

function sumEvents(reader: RingReader, values: Float64Array, count: number): number {
  let sum = 0;
  for (let left = count; left > 0; ) {
    const readable = reader.poll(BATCH);
    for (let i = 0; i < readable; i++) sum += values[reader.slot(i)] as number;
    if (readable > 0) reader.release(readable);
    else reader.park(1000);
    left -= readable;
  }
  return sum;
}

function sumRecords(reader: RingReader, lanes: Float64Array, count: number): number {
  let sum = 0;
  for (let left = count; left > 0; ) {
    const readable = reader.poll(BATCH);
    for (let i = 0; i < readable; i++) {
      const at = reader.slot(i) * LANES;
      for (let lane = 0; lane < LANES; lane++) sum += lanes[at + lane] as number;
    }
    if (readable > 0) reader.release(readable);
    else reader.park(1000);
    left -= readable;
  }
  return sum;
}

function sumMessage(lanes: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < lanes.length; i++) sum += lanes[i] as number;
  return sum;
}

function consume(port: MessagePort, order: ConsumeRing): void {
  const recordBytes = order.kind === "events" ? 8 : LANES * 8;
  const reader = new RingReader(order.buffer, { recordBytes, spins: SPINS });
  const values = new Float64Array(order.buffer, RING_DATA_OFFSET);
  port.postMessage("attached");
  const sum = (order.kind === "events" ? sumEvents : sumRecords)(reader, values, order.count);
  Atomics.store(order.done, 0, 1);
  Atomics.notify(order.done, 0);
  port.postMessage(sum);
}

if (parentPort !== null) {
  const port = parentPort;
  port.on("message", (message: ConsumeRing | Float64Array) => {
    if (message instanceof Float64Array) port.postMessage(sumMessage(message));
    else consume(port, message);
  });
}
