/** An engine worker dies while it trades: it is replaced, its instances are rebuilt, and nothing is decided twice. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { Bot, monotonicMs, wallUs } from "../../src/bot/bot.ts";
import { AlpacaMarketFeed } from "../../src/bot/market-feed.ts";
import { VenueClock } from "../../src/bot/venue-clock.ts";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import { loadConfig } from "../../src/config/load.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, random, readJournal, runSeed } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Scope, until } from "./wait.ts";

const SPEED = 10;
const WAIT_MS = 60_000;
const DEATHS = 3;

/** A bot in this process, so that its workers are within reach. */
async function startBot(scope: Scope, dataDir: string, simulator: CrashSimulator): Promise<Bot> {
  const env = { DATA_DIR: dataDir, API_PORT: "0", WS_PORT: "0", METRICS_PORT: "0", ...simulator.env(SPEED) };
  const { config } = loadConfig({ env, file: null, options: new Map() });
  const log = pino({ level: "silent" });
  const { keyId, secret: secretKey } = config.simulator;
  const http = simulator.client.url;
  const streamUrl = http.replace("http", "ws");
  const cryptoPairs = ["BTC/USD"];
  const broker = new AlpacaBroker({
    baseUrl: http,
    dataUrl: http,
    streamUrl: `${streamUrl}/stream`,
    keyId,
    secretKey,
    cryptoPairs,
  });
  const { instruments } = config;
  const bot = new Bot({
    config,
    broker,
    clock: new VenueClock(monotonicMs, SPEED),
    log,
    lockstep: false,
    version: "test",
    createFeed: () => new AlpacaMarketFeed({ streamUrl, stockFeed: "iex", keyId, secretKey, instruments, wallUs, log }),
    signal: new AbortController().signal,
    onReceived: () => {},
  });
  atEnd(scope, () => bot.stop());
  await bot.start();
  return bot;
}

test("a worker that dies is rebuilt from its snapshots and trades on", { timeout: 180_000 }, async (scope) => {
  const directory = temporaryDirectory(scope);
  const dataDir = join(directory, "data");
  mkdirSync(dataDir);
  const file = join(directory, "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const ledger = () => new Ledger(file);
  const next = random(runSeed("worker"));
  const bot = await startBot(scope, dataDir, simulator);
  const trader = await until("trading", () => bot.status.trader, Boolean, WAIT_MS);
  assert.ok(trader !== null);
  const moreOrders = async (count: number) => {
    const before = ledger().accepted.length;
    await until(
      "orders",
      () => ledger().accepted.length,
      (now) => now >= before + count,
      WAIT_MS,
    );
  };
  for (let death = 0; death < DEATHS; death++) {
    await moreOrders(1 + Math.floor(next() * 3));
    const worker = Math.floor(next() * trader.pool.size);
    const life = trader.pool.worker(worker)?.life;
    trader.pool.halt(worker);
    await until(
      "the instances stop",
      () => trader.phase("demo-ema-cross-demo"),
      (phase) => phase === "warming_up",
      WAIT_MS,
    );
    await until(
      "another life",
      () => trader.pool.worker(worker)?.life,
      (now) => now !== life,
      WAIT_MS,
    );
    await until(
      "the instances run",
      () => trader.phase("demo-ema-cross-demo"),
      (phase) => phase === "running",
      WAIT_MS,
    );
    await until("health", () => bot.status.health().ok, Boolean, WAIT_MS);
  }
  await moreOrders(2);
  assert.equal(trader.pool.restarts, DEATHS);
  await bot.stop();
  assertNothingLostOrDoubled(await readJournal({ dataDir }), ledger());
});
