/**
 * What the operating system and the runtime do to this process: processor, memory, event-loop delay, garbage collection,
 * throttling by the container's quota. Read when Prometheus asks; only garbage collection is observed as it happens.
 */
import { readFileSync } from "node:fs";
import { constants, monitorEventLoopDelay, PerformanceObserver, type PerformanceEntry } from "node:perf_hooks";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type CpuStat, parseCpuStat } from "./cpu-stat.ts";

const QUANTILES = [0.5, 0.9, 0.99, 1] as const;
/** Two scrapes within this time get the same processor usage: over less, the figure is noise. */
const CPU_WINDOW_MS_MIN = 1_000;

/** Registers all of it. `cpuLimit`: processors that this process may use, such as 0.5. Returns what ends the observers. */
export function addProcessMetrics(registry: Registry, cpuLimit: number): () => void {
  const registers = [registry];
  const cpu = new CpuUsage(cpuLimit);
  new Gauge({
    name: "system_cpu_usage",
    help: "Processor time used since the scrape before, as a fraction of the limit (1 = all of it)",
    registers,
    collect() {
      this.set(cpu.fraction());
    },
  });
  new Gauge({
    name: "system_memory_usage",
    help: "Resident memory of the process in bytes",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "system_heap_used_bytes",
    help: "Heap in use by the main thread",
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  addThrottling(registers);
  const endDelay = addEventLoopDelay(registers);
  const endCollections = addCollections(registers);
  return () => {
    endDelay();
    endCollections();
  };
}

class CpuUsage {
  readonly #limit: number;
  #at = { ms: performance.now(), usage: process.cpuUsage() };
  #fraction = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  fraction(): number {
    const nowMs = performance.now();
    const elapsedMs = nowMs - this.#at.ms;
    if (elapsedMs < CPU_WINDOW_MS_MIN) return this.#fraction;
    const used = process.cpuUsage(this.#at.usage);
    this.#fraction = (used.user + used.system) / 1_000 / elapsedMs / this.#limit;
    this.#at = { ms: nowMs, usage: process.cpuUsage() };
    return this.#fraction;
  }
}

function addEventLoopDelay(registers: Registry[]): () => void {
  const resolutionMs = 10;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  new Gauge({
    name: "system_event_loop_delay_seconds",
    help: "How late the main thread's event loop was since the scrape before, by quantile (1 is the worst)",
    labelNames: ["quantile"],
    registers,
    collect() {
      for (const quantile of QUANTILES) {
        const ns = delay.count === 0 ? 0 : quantile === 1 ? delay.max : delay.percentile(quantile * 100);
        // The monitor measures the time between its timers, which is the resolution when nothing is late.
        this.set({ quantile }, Math.max(0, ns / 1e9 - resolutionMs / 1e3));
      }
      delay.reset();
    },
  });
  return () => delay.disable();
}

const COLLECTION_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};

function addCollections(registers: Registry[]): () => void {
  const durations = new Histogram({
    name: "system_gc_duration_seconds",
    help: "Garbage collections of the main thread by kind",
    labelNames: ["kind"],
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5],
    registers,
  });
  for (const kind of Object.values(COLLECTION_KINDS)) durations.zero({ kind });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { detail?: { kind?: number } })[]) {
      const kind = COLLECTION_KINDS[entry.detail?.kind ?? -1];
      if (kind !== undefined) durations.observe({ kind }, entry.duration / 1_000);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

/** cgroup version 2, then version 1. */
const CPU_STAT_FILES = ["/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat"];

function addThrottling(registers: Registry[]): void {
  let stat: CpuStat = readCpuStat();
  new Counter({
    name: "system_cpu_throttled_seconds_total",
    help: "Time for which the container's processor quota held threads back",
    registers,
    collect() {
      stat = readCpuStat();
      setTo(this, stat.throttledSeconds);
    },
  });
  new Counter({
    name: "system_cpu_throttled_periods_total",
    help: "Quota periods in which threads were held back",
    registers,
    collect() {
      setTo(this, stat.throttledPeriods);
    },
  });
  new Counter({
    name: "system_cpu_periods_total",
    help: "Quota periods",
    registers,
    collect() {
      setTo(this, stat.periods);
    },
  });
}

function readCpuStat(): CpuStat {
  for (const file of CPU_STAT_FILES) {
    try {
      return parseCpuStat(readFileSync(file, "utf8"));
    } catch {
      // No such file: the other version, or no control groups at all.
    }
  }
  return { periods: 0, throttledPeriods: 0, throttledSeconds: 0 };
}

/** The kernel counts, so the counter takes its value over. */
function setTo(counter: Counter, value: number): void {
  counter.reset();
  counter.inc(value);
}
