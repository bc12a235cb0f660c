/**
 * Only one process at a time starts, stops or faults a cluster, and only one builds images. The lock is a socket's abstract
 * name: the kernel gives it to one process and takes it back when that ends, however it ends.
 */
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./progress.ts";

const POLL_MS = 250;

/** Waits until nobody else has the lock of this name, a cluster's or `images`, then does `work`. */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = await take(`\0algo-trading-bot-cluster-${name}`);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function take(name: string): Promise<Server> {
  for (let attempt = 0; ; attempt++) {
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen(name);
      await once(server, "listening");
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
    if (attempt === 0) say("waiting for another process that works on the same cluster or on its images");
    await sleep(POLL_MS);
  }
}
