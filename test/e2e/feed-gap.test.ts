/** The whole bot loses its market data for a while: no bar that its strategy lives on is missing afterwards. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { Bot, monotonicMs, wallUs } from "../../src/bot/bot.ts";
import { AlpacaMarketFeed } from "../../src/bot/market-feed.ts";
import { VenueClock } from "../../src/bot/venue-clock.ts";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, type Scope, until } from "./wait.ts";

/** A minute takes three seconds. */
const SPEED = 20;
const WAIT_MS = 60_000;
const MINUTE_MS = 60_000;
const CONFIG = `
instruments: [{symbol: DEMO}]
strategies: [{id: gap, strategy: ema-cross, instruments: [DEMO], capital: 1000, parameters: {fast: 2, slow: 5, barSeconds: 60}}]
`;

async function startBot(scope: Scope, port: number) {
  const directory = temporaryDirectory(scope);
  const dataDir = join(directory, "data");
  mkdirSync(dataDir);
  const file = join(directory, "config.yaml");
  writeFileSync(file, CONFIG);
  const http = `http://127.0.0.1:${port}`;
  const streamUrl = `ws://127.0.0.1:${port}`;
  const env = {
    DATA_DIR: dataDir,
    API_PORT: "0",
    WS_PORT: "0",
    METRICS_PORT: "0",
    ALPACA_BASE_URL: http,
    ALPACA_DATA_URL: http,
    ALPACA_STREAM_URL: streamUrl,
    SIMULATOR_SPEED: String(SPEED),
  };
  const { config } = loadConfig({ env, file, options: new Map() });
  const { keyId, secret: secretKey } = config.simulator;
  const log = pino({ level: "silent" });
  const { instruments } = config;
  const bot = new Bot({
    config,
    broker: new AlpacaBroker({ baseUrl: http, dataUrl: http, streamUrl: `${streamUrl}/stream`, keyId, secretKey }),
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
  const { addresses, firstKey } = await bot.start();
  const bars = async (): Promise<Body[]> => {
    const answer = await fetch(`${addresses.rest}/api/v1/bars?symbol=DEMO`, {
      headers: { authorization: `Bearer ${firstKey}` },
    });
    assert.equal(answer.status, 200);
    const { items } = (await answer.json()) as { items: Body[] };
    return items.toSorted((a, b) => a.start - b.start);
  };
  return { bot, bars };
}

test("bars that were missed while the stream was down are had from the broker", { timeout: 120_000 }, async (scope) => {
  const simulator = await createSimulator({
    port: 0,
    haltRate: 0,
    startTime: "2026-03-02T15:00:00Z",
    speed: SPEED,
    instruments: [{ symbol: "DEMO", calendar: "always", basePrice: 100 }],
  });
  const port = await simulator.listen();
  atEnd(scope, () => simulator.close());
  const { bot, bars } = await startBot(scope, port);
  const trader = await until(
    "market data",
    () => bot.status.trader,
    (now) => now?.isMarketUp === true,
    WAIT_MS,
  );
  const [first] = await until("a bar", bars, (list) => list.length > 0, WAIT_MS);
  // The connection ends, and the next attempt finds the slot taken: the second one comes three seconds later.
  const faults = [
    { fault: "cut", where: "market_data", times: 1 },
    { fault: "hold_slot", where: "market_data", times: 1 },
  ];
  await fetch(`http://127.0.0.1:${port}/simulator/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(faults),
  });
  await until(
    "no market data",
    () => trader?.isMarketUp,
    (isUp) => isUp === false,
    WAIT_MS,
  );
  await until(
    "market data again",
    () => trader?.isMarketUp,
    (isUp) => isUp === true,
    WAIT_MS,
  );
  const countThen = (await bars()).length;
  const all = await until("bars after it", bars, (list) => list.length >= countThen + 3, WAIT_MS);
  const starts = all.map((bar) => bar.start);
  const expected = starts.map((_, place) => first.start + place * MINUTE_MS);
  assert.deepEqual(starts, expected, "no minute is missing");
});
