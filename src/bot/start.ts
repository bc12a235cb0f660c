/**
 * Runs the bot until it is told to stop, or until a replay has ended: simulator as a child process where one is wanted,
 * the Alpaca adapter, the bot. Returns the exit code.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { Logger } from "pino";
import { AlpacaBroker } from "../broker/alpaca/alpaca-broker.ts";
import type { Config } from "../config/config.ts";
import { Bot, monotonicMs, sleep, wallUs } from "./bot.ts";
import { type LockstepClient, runLockstep } from "./lockstep.ts";
import { AlpacaMarketFeed } from "./market-feed.ts";
import { formatSummary } from "./run-summary.ts";
import { type SimulatorChild, startSimulatorChild } from "./simulator-child.ts";
import { simulatorInput } from "./simulator-input.ts";
import { VenueClock } from "./venue-clock.ts";

export interface RunIo {
  readonly log: Logger;
  /** Of the program. */
  readonly version: string;
  /** Writes a line for the person who started it. */
  readonly print: (line: string) => void;
  /** Aborted when the process is told to stop. */
  readonly signal: AbortSignal;
}

/** Told to stop, at the end of a replay, or without a simulator to go on with. */
type Ending = "stopped" | "finished" | "lost";

const SIMULATOR_START_MS = 20_000;
/** Every part of the end has its own limit; together they stay below this. */
const STOP_MS = 28_000;
const STATE_POLL_MS = 250;
/** Looks at the simulator in a row that may fail before it counts as lost. */
const STATE_MISSES_MAX = 20;
/** The simulator sets no limit of its own; Alpaca's budgets apply to Alpaca. */
const SIMULATED_BUDGET = { orders: 60_000, cancels: 60_000, queries: 60_000, data: 60_000 };

interface Endpoints {
  readonly baseUrl: string;
  readonly dataUrl: string;
  readonly streamUrl: string;
  readonly child: SimulatorChild | null;
}

export async function runBot(config: Config, io: RunIo): Promise<number> {
  io.signal.addEventListener("abort", () => endLate(io.log), { once: true });
  mkdirSync(config.dataDir, { recursive: true });
  const endpoints = await connect(config);
  // A lockstep day is one run from its beginning to its end: without its simulator it is lost.
  if (config.simulator.speed !== "lockstep") endpoints.child?.supervise(io.log);
  try {
    const code = await runConnected(config, endpoints, io);
    await endpoints.child?.stop();
    return code;
  } catch (error) {
    // One that was running before may be at work for another process.
    if (endpoints.child?.isFound === false) await endpoints.child.stop();
    throw error;
  }
}

/** Whoever told the process to stop kills it soon afterwards: what hangs by then is left, and said. */
function endLate(log: Logger): void {
  setTimeout(() => {
    log.error({ afterMs: STOP_MS }, "not all could be ended in time: ending as it is");
    process.exit(1);
  }, STOP_MS).unref();
}

async function runConnected(config: Config, endpoints: Endpoints, io: RunIo): Promise<number> {
  const lockstep = config.tradingMode === "simulated" && config.simulator.speed === "lockstep";
  const broker = createBroker(config, endpoints, io.log);
  const clock = new VenueClock(monotonicMs, clockSpeed(config));
  let stepper: LockstepClient | null = null;
  const counts = { market: 0, updates: 0 };
  const bot = new Bot({
    config,
    broker,
    clock,
    log: io.log,
    lockstep,
    version: io.version,
    createFeed: () =>
      new AlpacaMarketFeed({
        streamUrl: endpoints.streamUrl,
        stockFeed: config.alpaca.feed,
        ...credentials(config),
        instruments: config.instruments,
        lockstep,
        wallUs,
        log: io.log,
      }),
    signal: io.signal,
    onReceived: (marketMessages, tradeUpdates) => {
      counts.market = marketMessages;
      counts.updates = tradeUpdates;
      stepper?.touched();
    },
  });
  try {
    const { addresses, firstKey } = await bot.start();
    announce(config, addresses.rest, firstKey, io);
    const ended = Promise.withResolvers<Ending>();
    io.signal.addEventListener("abort", () => ended.resolve("stopped"), { once: true });
    if (io.signal.aborted) ended.resolve("stopped");
    if (lockstep && endpoints.child !== null) {
      stepper = runLockstep({
        url: `${endpoints.child.streamUrl}/simulator/lockstep`,
        tradeUpdates: () => counts.updates,
        marketMessages: () => counts.market,
        quiesce: () => bot.quiesce(),
        onEnd: () => ended.resolve("finished"),
        onLost: (cause) => {
          if (!io.signal.aborted) io.log.error({ cause }, "lockstep lost: the simulator is gone");
          ended.resolve("lost");
        },
      });
    }
    const replays = config.simulator.replay.length > 0 && endpoints.child !== null;
    if (replays && !lockstep) void watchReplay(endpoints.child, io, () => ended.resolve("finished"));
    return await conclude(await ended.promise, bot, io);
  } finally {
    stepper?.close();
    await bot.stop();
  }
}

/** A finished replay prints and stores its summary, and fails when the books differ from the broker's. */
async function conclude(ending: Ending, bot: Bot, io: RunIo): Promise<number> {
  if (ending !== "finished") return ending === "stopped" ? 0 : 1;
  const summary = await bot.summary();
  io.print(formatSummary(summary));
  return summary.reconciled ? 0 : 1;
}

async function connect(config: Config): Promise<Endpoints> {
  const { baseUrl, dataUrl, streamUrl } = config.alpaca;
  if (baseUrl !== null && dataUrl !== null && streamUrl !== null) return { baseUrl, dataUrl, streamUrl, child: null };
  const simulator = simulatorInput(config);
  const child = await startSimulatorChild({
    dataDir: config.dataDir,
    config: simulator,
    fingerprint: createHash("sha256").update(JSON.stringify(simulator)).digest("hex"),
    startMs: SIMULATOR_START_MS,
    sleep,
  });
  return { baseUrl: child.url, dataUrl: child.url, streamUrl: child.streamUrl, child };
}

function createBroker(config: Config, endpoints: Endpoints, log: Logger): AlpacaBroker {
  const { baseUrl, dataUrl } = endpoints;
  const { feed } = config.alpaca;
  return new AlpacaBroker({
    baseUrl,
    dataUrl,
    streamUrl: `${baseUrl.replace(/^http/, "ws")}/stream`,
    ...credentials(config),
    cryptoPairs: config.instruments.filter((i) => i.assetClass === "crypto").map((i) => i.symbol),
    ...(feed === "iex" || feed === "sip" ? { stockFeed: feed } : {}),
    ...(config.tradingMode === "simulated" ? { budget: SIMULATED_BUDGET } : {}),
    log,
  });
}

function credentials(config: Config): { readonly keyId: string; readonly secretKey: string } {
  if (config.tradingMode === "simulated" && config.alpaca.keyId === "") {
    return { keyId: config.simulator.keyId, secretKey: config.simulator.secret };
  }
  return { keyId: config.alpaca.keyId, secretKey: config.alpaca.secret };
}

function clockSpeed(config: Config): number | null {
  if (config.tradingMode !== "simulated") return 1;
  return typeof config.simulator.speed === "number" ? config.simulator.speed : null;
}

async function watchReplay(child: SimulatorChild | null, io: RunIo, onDone: () => void): Promise<void> {
  let misses = 0;
  while (!io.signal.aborted && child !== null) {
    const state = await child.state();
    if (state?.done === true) return onDone();
    misses = state === null ? misses + 1 : 0;
    if (misses === STATE_MISSES_MAX) io.log.error("the simulator does not answer any more");
    await sleep(STATE_POLL_MS);
  }
}

function announce(config: Config, rest: string, firstKey: string | null, io: RunIo): void {
  io.print(`algo-trading-bot ${io.version}, ${config.tradingMode} money`);
  io.print(`page   ${rest}/`);
  if (firstKey !== null) io.print(`key    ${firstKey}   (shown only now; it is needed for every change)`);
  if (config.tradingMode === "simulated") io.print("The strategies that trade here are demonstrations, not advice.");
}
