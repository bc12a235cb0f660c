/** The thread that stands by in the benchmark of replicas: mirrors until it has the fills it is told of, and reports. */
import { parentPort, workerData } from "node:worker_threads";
import { RedisCache } from "../src/cache/redis-cache.ts";

export interface StandbyReport {
  readonly fills: number;
  /** Events that its mirror holds. */
  readonly mirrored: number;
  /** Of one processor, from the first event on. */
  readonly cpuPercent: number;
  readonly delaysMs: readonly number[];
}

const POLL_MS = 10;
const GIVE_UP_MS = 5_000;
const { url, bookId } = workerData as { readonly url: string; readonly bookId: string };
const delaysMs: number[] = [];
let start: { readonly atMs: number; readonly cpu: NodeJS.CpuUsage } | null = null;

const cache = new RedisCache({
  config: { url, sentinels: [], masterName: "", password: null },
  bookId,
  nowMs: () => performance.now(),
  onListenerFault: (error) => {
    throw error;
  },
  onFault: (fault) => {
    if (fault === null) parentPort?.postMessage("ready");
  },
});
cache.onEvent((event) => {
  start ??= { atMs: performance.now(), cpu: process.threadCpuUsage() };
  if (event.channel !== "fills") return;
  delaysMs.push(performance.timeOrigin + performance.now() - Number(event.data.execution_id));
});
parentPort?.once("message", (fills: number) => {
  const endMs = performance.now() + GIVE_UP_MS;
  const timer = setInterval(() => {
    if (delaysMs.length < fills && performance.now() < endMs) return;
    clearInterval(timer);
    parentPort?.postMessage(report());
  }, POLL_MS);
});

function report(): StandbyReport {
  const { user, system } = process.threadCpuUsage(start?.cpu);
  const cpuPercent = (user + system) / (performance.now() - (start?.atMs ?? 0)) / 10;
  return { fills: delaysMs.length, mirrored: cache.latest()?.events.length ?? 0, cpuPercent, delaysMs };
}
