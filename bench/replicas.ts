/**
 * What it costs that replicas hear of each other: an owner publishes over a real Redis, a thread stands by and mirrors it.
 * Processor time is that of the thread alone, in percent of one processor; the time to the standby is from the call to its
 * listener. Every fill that is sent must arrive, and the mirror must hold what the owner has.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { StreamEvent } from "../src/api/bot-port.ts";
import type { OwnerState } from "../src/cache/cache.ts";
import { RedisCache } from "../src/cache/redis-cache.ts";
import { fill, order, pnl, quote } from "../test/cache/samples.ts";
import { TEST_REDIS_URL } from "../test/support/database.ts";
import { startRedis } from "../test/support/services.ts";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer } from "./harness.ts";
import type { StandbyReport } from "./replica-standby.ts";

/** Events a second: those of the demonstration (four symbols four times a second, profit, now and then an order), and many. */
const RATES = [20, 1_000];
const SECONDS = 10;
const QUICK_SECONDS = 0.3;
const SYMBOLS = 100;
const OPEN_ORDERS = 100;
const TURN_MS = 10;
const QUOTES_PER_FILL = 9;

export const replicas: Benchmark = {
  name: "replicas",
  description: "what an owner that publishes and a standby that mirrors cost, over a real Redis",
  async run(options) {
    const redis = TEST_REDIS_URL === undefined ? await startRedis() : null;
    try {
      const results: BenchResult[] = [];
      for (const rate of RATES)
        results.push(...(await measure(redis?.url ?? (TEST_REDIS_URL as string), rate, options)));
      return results;
    } finally {
      await redis?.stop();
    }
  },
};

async function measure(url: string, rate: number, options: BenchOptions): Promise<BenchResult[]> {
  options.progress(`${rate} events/s`);
  const bookId = randomBytes(8).toString("hex");
  const owner = new RedisCache({
    config: { url, sentinels: [], masterName: "", password: null },
    bookId,
    nowMs: () => performance.now(),
    onListenerFault: (error) => {
      throw error;
    },
    onFault: () => undefined,
  });
  const standby = new Worker(new URL("./replica-standby.ts", import.meta.url), { workerData: { url, bookId } });
  try {
    while (owner.health().state !== "ok") await pause(TURN_MS);
    await once(standby, "message");
    owner.lead(1n);
    const seconds = options.quick ? QUICK_SECONDS : SECONDS;
    const { fills, cpuPercent } = await publish(owner, rate, seconds);
    standby.postMessage(fills);
    const [report] = (await once(standby, "message")) as [StandbyReport];
    checkAnswer("fills at the standby", report.fills, fills);
    checkAnswer("events in its mirror", report.mirrored, SYMBOLS + OPEN_ORDERS + 1);
    const results = [
      { name: `owner, ${rate} events/s`, value: cpuPercent, unit: "%" },
      { name: `standby, ${rate} events/s`, value: report.cpuPercent, unit: "%" },
      { name: `to the standby, ${rate} events/s, p50`, value: quantile(report.delaysMs, 0.5), unit: "ms" },
      { name: `to the standby, ${rate} events/s, p99`, value: quantile(report.delaysMs, 0.99), unit: "ms" },
    ];
    return results.map((result) => ({ ...result, checked: true }));
  } finally {
    await owner.close();
    await standby.terminate();
  }
}

/** Publishes at the rate, and the whole state once a second as the bot does. */
async function publish(
  owner: RedisCache,
  rate: number,
  seconds: number,
): Promise<{ readonly fills: number; readonly cpuPercent: number }> {
  let fills = 0;
  owner.setState(stateOf());
  const startMs = performance.now();
  const startCpu = process.threadCpuUsage();
  let sharedMs = startMs;
  for (let sent = 0; sent < rate * seconds; ) {
    const nowMs = performance.now();
    const due = Math.min(rate * seconds, ((nowMs - startMs) * rate) / 1000);
    for (; sent < due; sent++) {
      const isFill = sent % (QUOTES_PER_FILL + 1) === 0;
      // Its id says when it was sent.
      owner.publish(isFill ? fill(String(performance.timeOrigin + performance.now())) : quoteOf(sent));
      if (isFill) fills++;
    }
    if (nowMs - sharedMs >= 1000) {
      sharedMs = nowMs;
      owner.setState(stateOf());
    }
    await pause(TURN_MS);
  }
  const { user, system } = process.threadCpuUsage(startCpu);
  return { fills, cpuPercent: (user + system) / (performance.now() - startMs) / 10 };
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] as number;
}

function quoteOf(number: number): StreamEvent {
  return quote(`SYM${number % SYMBOLS}`, 100 + (number % 7));
}

function stateOf(): OwnerState {
  const quotes = Array.from({ length: SYMBOLS }, (_, i) => quoteOf(i));
  const orders = Array.from({ length: OPEN_ORDERS }, (_, i) => order(`order-${i}`, "accepted"));
  return { owner: "bench", instances: [], refusals: {}, events: [...quotes, ...orders, pnl("1")] };
}
