/**
 * A thread that says when frames are due, as a socket would: it sleeps between them and sends the number that has come
 * due since. The thread that listens can sleep meanwhile, which is how the bot spends its time.
 */
import { parentPort } from "node:worker_threads";

export interface Pace {
  readonly framesPerSecond: number;
  readonly frames: number;
}

const nap = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on("message", ({ framesPerSecond, frames }: Pace) => {
  const startMs = performance.now();
  for (let sent = 0; sent < frames; ) {
    const due = Math.min(frames, Math.floor(((performance.now() - startMs) * framesPerSecond) / 1000));
    if (due > sent) parentPort?.postMessage(due - sent);
    sent = due;
    const nextMs = startMs + ((sent + 1) * 1000) / framesPerSecond;
    const waitMs = nextMs - performance.now();
    if (sent < frames && waitMs > 0) Atomics.wait(nap, 0, 0, waitMs);
  }
});
