/** Backtests end to end: the seeded sample day and a real recorded one, by their books and by the hash of their intents. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { withRecordedSymbols } from "../../src/config/resolve.ts";
import { multiplyFixed, parseFixed } from "../../src/core/fixed.ts";
import { mergeRecordings, openRecording, type Tick } from "../../src/feed/recorded-file.ts";
import { type BacktestResult, runBacktest } from "../../src/research/backtest.ts";
import { writeSampleDay } from "../../src/simulator/sample-data.ts";

const DATA = process.env["MARKET_DATA_DIR"] ?? join(import.meta.dirname, "../../../shared/data");
const TAQ = ["quotes", "trades"].map((kind) => join(DATA, `fixtures/ticks_us_taq_xxx_20180102_${kind}.csv.gz`));
const withoutTaq = TAQ.every((file) => existsSync(file)) ? false : `needs the recorded day in ${DATA}/fixtures`;

function configOf(files: readonly string[], symbols: readonly string[]): Config {
  const options = new Map([["simulator.replay", { option: "--replay", text: [...files] }]]);
  return withRecordedSymbols(loadConfig({ env: {}, file: null, options }).config, symbols);
}

async function collect(files: readonly string[], quoteExchange?: string): Promise<Tick[]> {
  const ticks: Tick[] = [];
  const sources = files.map((file) => openRecording(file, quoteExchange === undefined ? {} : { quoteExchange }));
  for await (const batch of mergeRecordings(sources)) for (const tick of batch) ticks.push({ ...tick });
  return ticks;
}

async function* inBatchesOf(size: number, ticks: readonly Tick[]): AsyncGenerator<readonly Tick[]> {
  for (let at = 0; at < ticks.length; at += size) yield ticks.slice(at, at + size);
}

/** Cash and shares, valued at the last mid of each symbol, are what the result says. */
function assertValued(result: BacktestResult, ticks: readonly Tick[]): void {
  let equity = result.valuation.cash;
  for (const { symbol, quantity } of result.positions) {
    const last = ticks.findLast((tick) => tick.kind === "quote" && tick.symbol === symbol);
    assert.ok(last !== undefined);
    const mid = (parseFixed(String(last.bid), "bid") + parseFixed(String(last.ask), "ask")) / 2n;
    equity += multiplyFixed(quantity, mid, "half_even");
  }
  assert.equal(result.valuation.equity, equity);
  const { realised, unrealised, fees } = result.valuation;
  assert.equal(equity - result.startingCash, realised + unrealised - fees);
}

describe("a backtest of the sample day", () => {
  let folder = "";
  let ticks: Tick[] = [];
  let config: Config;
  let first: BacktestResult;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "backtest-"));
    const { files } = await writeSampleDay({ directory: folder, seed: 7, date: "2018-01-02" });
    ticks = await collect(files);
    config = configOf(files, ["ACME", "ORBT"]);
    first = await runBacktest({ config, ticks: inBatchesOf(1024, ticks) });
  });
  after(() => rmSync(folder, { recursive: true }));

  it("trades, and its equity is its cash and its shares at the last mid", () => {
    assert.equal(first.ticks, ticks.length);
    assert.ok(first.intents >= 200 && first.fills >= 100, `${first.intents} intents, ${first.fills} fills`);
    assert.equal(first.startingCash, parseFixed("100000", "cash"));
    assert.equal(first.firstTimeUs, ticks[0]?.timeUs);
    assert.equal(first.lastTimeUs, ticks.at(-1)?.timeUs);
    assertValued(first, ticks);
  });

  it("gives the same intents however its ticks are cut into batches", async () => {
    const again = await runBacktest({ config, ticks: inBatchesOf(7, ticks) });
    assert.deepEqual(again, first);
  });

  it("passes over ticks of symbols that it does not know", async () => {
    const strange = ticks.slice(0, 2000).flatMap((tick) => [tick, { ...tick, symbol: "NONE" }]);
    const plain = await runBacktest({ config, ticks: inBatchesOf(100, ticks.slice(0, 2000)) });
    assert.deepEqual(await runBacktest({ config, ticks: inBatchesOf(100, strange) }), plain);
  });

  it("tells of its progress in order", async () => {
    const told: { ticks: number; timeUs: number }[] = [];
    const onProgress = (count: number, timeUs: number) => told.push({ ticks: count, timeUs });
    await runBacktest({ config, ticks: inBatchesOf(1000, ticks), onProgress });
    assert.ok(told.length >= 1);
    for (const { ticks: count, timeUs } of told) assert.equal(timeUs, ticks[count - 1]?.timeUs);
  });
});

it("a real day gives the same intents every time, and books that add up", { skip: withoutTaq }, async () => {
  const ticks = await collect(TAQ, "N");
  const config = configOf(TAQ, ["XXX"]);
  const first = await runBacktest({ config, ticks: inBatchesOf(1024, ticks) });
  const second = await runBacktest({ config, ticks: inBatchesOf(1, ticks) });
  assert.ok(first.intents >= 200 && first.fills >= 100, `${first.intents} intents, ${first.fills} fills`);
  assertValued(first, ticks);
  assert.deepEqual(second, first);
});

it("a backtest without ticks ends with what it started with", async () => {
  const result = await runBacktest({ config: configOf(["none.csv.gz"], ["XXX"]), ticks: inBatchesOf(1, []) });
  assert.equal(result.intents, 0);
  assert.equal(result.valuation.cash, result.startingCash);
  assert.equal(result.drawdown, 0n);
});
