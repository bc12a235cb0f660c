/**
 * From the start of the process to the first 200 of `/ready`, and the resident memory of the process at rest, with
 * the command that a user runs: on the embedded database, started for the first time and again, and on PostgreSQL. The
 * bot runs its demonstration; its simulator is a process of its own and told apart.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../test/support/services.ts";
import { type Benchmark, type BenchOptions, type BenchResult, median } from "./harness.ts";

const COMMAND = join(import.meta.dirname, "../bin/algo-trading-bot.mjs");
const ROUNDS = 3;
const IDLE_MS = 10_000;
const READY_MS = 120_000;
const POLL_MS = 10;

interface Started {
  readonly readyMs: number;
  /** Megabytes; NaN where the platform does not tell. */
  readonly memoryMb: number;
  readonly simulatorMb: number;
}

export const start: Benchmark = {
  name: "start",
  description: "from the command to /ready, and resident memory at rest, on real processes",
  async run(options) {
    if (options.quick) return quickStart(options);
    return [...(await embeddedStarts(options)), ...(await postgresStarts(options))];
  },
};

async function quickStart(options: BenchOptions): Promise<BenchResult[]> {
  return inFolder(async (folder) => {
    options.progress("embedded database, first start");
    const started = [await startBot(folder, null, 0)];
    return [duration("ready, embedded database, first start", started), ...memoryOf("embedded database", started)];
  });
}

async function embeddedStarts(options: BenchOptions): Promise<BenchResult[]> {
  const first: Started[] = [];
  const again: Started[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    await inFolder(async (folder) => {
      options.progress(`embedded database, first start, round ${round}`);
      first.push(await startBot(folder, null, 0));
      options.progress(`embedded database, started again, round ${round}`);
      again.push(await startBot(folder, null, IDLE_MS));
    });
  }
  return [
    duration("ready, embedded database, first start", first),
    duration("ready, embedded database, started again", again),
    ...memoryOf("embedded database", again),
  ];
}

async function postgresStarts(options: BenchOptions): Promise<BenchResult[]> {
  options.progress("starting PostgreSQL");
  const postgres = await startPostgres().catch((error: unknown) => {
    process.stderr.write(`without PostgreSQL: ${(error as Error).message}\n`);
    return null;
  });
  if (postgres === null) return [];
  try {
    const starts: Started[] = [];
    await inFolder(async (folder) => {
      for (let round = 1; round <= ROUNDS; round++) {
        options.progress(`PostgreSQL, round ${round}`);
        starts.push(await startBot(folder, postgres.url, IDLE_MS));
      }
    });
    return [duration("ready, PostgreSQL", starts), ...memoryOf("PostgreSQL", starts)];
  } finally {
    await postgres.stop();
  }
}

function duration(name: string, starts: readonly Started[]): BenchResult {
  const value = median(starts.map(({ readyMs }) => readyMs)) / 1000;
  return { name, value, unit: "s", checked: true, note: `${starts.length} starts, /ready answered 200` };
}

/** Nothing where the platform does not tell. */
function memoryOf(label: string, starts: readonly Started[]): BenchResult[] {
  const value = median(starts.map((started) => started.memoryMb));
  if (!Number.isFinite(value)) return [];
  const simulator = median(starts.map(({ simulatorMb }) => simulatorMb)).toFixed(0);
  const note = `at rest; the simulator's process has ${simulator} more`;
  return [{ name: `resident memory, ${label}`, value, unit: "MB", checked: true, note }];
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "bench-start-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the bot, waits until it is ready and has rested, and ends it in order. */
async function startBot(folder: string, databaseUrl: string | null, idleMs: number): Promise<Started> {
  const [api, ws, metrics, simulatorPort] = await freePorts(4);
  const env = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    DATA_DIR: join(folder, "data"),
    API_PORT: String(api),
    WS_PORT: String(ws),
    METRICS_PORT: String(metrics),
    SIMULATOR_LISTEN_PORT: String(simulatorPort),
    LOG_LEVEL: "error",
    ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
  };
  const startMs = performance.now();
  const bot = spawn(process.execPath, [COMMAND, "start"], { env, cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  try {
    await ready(bot, `http://127.0.0.1:${api}/ready`);
    const readyMs = performance.now() - startMs;
    await sleep(idleMs);
    const simulator = JSON.parse(readFileSync(join(folder, "data/simulator.json"), "utf8")) as { readonly pid: number };
    return { readyMs, memoryMb: residentMb(bot.pid), simulatorMb: residentMb(simulator.pid) };
  } finally {
    await stop(bot).finally(() => endSimulator(join(folder, "data/simulator.json")));
  }
}

/** A bot that ends in order takes its simulator with it and removes the file; after any other end it is still there. */
function endSimulator(file: string): void {
  if (!existsSync(file)) return;
  const { pid } = JSON.parse(readFileSync(file, "utf8")) as { readonly pid: number };
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // Gone already.
  }
}

async function ready(bot: ChildProcess, url: string): Promise<void> {
  const deadlineMs = performance.now() + READY_MS;
  while (performance.now() < deadlineMs) {
    if (bot.exitCode !== null) throw new Error(`the bot ended with ${bot.exitCode} before it was ready`);
    const status = await fetch(url).then(
      async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      },
      () => 0,
    );
    if (status === 200) return;
    await sleep(POLL_MS);
  }
  throw new Error(`the bot was not ready within ${READY_MS} ms`);
}

async function stop(bot: ChildProcess): Promise<void> {
  if (bot.exitCode !== null || bot.signalCode !== null) return;
  const exited = once(bot, "exit");
  bot.kill("SIGTERM");
  await exited;
  if (bot.exitCode !== 0) throw new Error(`the bot ended with ${bot.exitCode ?? bot.signalCode} when told to stop`);
}

/** As Linux tells it; includes pages of the program file that other processes share. */
function residentMb(pid: number | undefined): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return (Number(kilobytes) * 1024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
