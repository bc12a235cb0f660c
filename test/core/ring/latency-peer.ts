/** Records latencies in a worker thread, for the test that reads them from another. */
import { parentPort, workerData } from "node:worker_threads";
import { LatencyRecorder } from "../../../src/core/ring/latency-histogram.ts";

const { buffer, names, count } = workerData as { buffer: SharedArrayBuffer; names: string[]; count: number };
const recorder = new LatencyRecorder(buffer, names, names[0] as string);
for (let i = 1; i <= count; i++) recorder.record(i / 10);
parentPort?.postMessage("recorded");
