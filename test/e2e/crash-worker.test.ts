/** An engine worker dies while it trades: it is replaced, its instances are rebuilt, and nothing is decided twice. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Logger, pino } from "pino";
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
const INSTANCE = "demo-ema-cross-demo";

/** A bot in this process, so that its workers are within reach. */
async function startBot(scope: Scope, dataDir: string, simulator: CrashSimulator, log: Logger): Promise<Bot> {
  const env = { DATA_DIR: dataDir, API_PORT: "0", WS_PORT: "0", METRICS_PORT: "0", ...simulator.env(SPEED) };
  const { config } = loadConfig({ env, file: null, options: new Map() });
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
    createFeed: () =>
      new AlpacaMarketFeed({
        streamUrl,
        stockFeed: "iex",
        keyId,
        secretKey,
        instruments,
        lockstep: false,
        wallUs,
        log,
      }),
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
  // A rebuild may take less than one turn of a polling loop, so each death is judged at the moment it is reported.
  const phasesAtDeath: (string | undefined)[] = [];
  const write = (line: string) => {
    if (line.includes("engine worker died")) phasesAtDeath.push(bot.status.trader?.phase(INSTANCE));
  };
  const bot: Bot = await startBot(scope, dataDir, simulator, pino({ level: "error" }, { write }));
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
      "another life",
      () => trader.pool.worker(worker)?.life,
      (now) => now !== life,
      WAIT_MS,
    );
    await until(
      "the instances run",
      () => trader.phase(INSTANCE),
      (phase) => phase === "running",
      WAIT_MS,
    );
    await until("health", () => bot.status.health().ok, Boolean, WAIT_MS);
  }
  await moreOrders(2);
  assert.equal(trader.pool.restarts, DEATHS);
  assert.deepEqual(phasesAtDeath, Array(DEATHS).fill("warming_up"));
  // What the simulator fills when the bot is gone, no journal has.
  trader.setAccountState("halted");
  await until(
    "no order alive",
    () => [...trader.manager.liveOrders()].length,
    (alive) => alive === 0,
    WAIT_MS,
  );
  await bot.stop();
  assertNothingLostOrDoubled(await readJournal({ dataDir }), ledger());
});
