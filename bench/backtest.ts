/**
 * Backtests on one core: the loop over bars through the engine; ticks through venue, engine, order manager and journal
 * model; and the same from gzip CSV files to results. Every run's outcome is checked: the bars against a recomputation
 * that shares no code, the ticks by conservation of cash and shares and by the same intents every time.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config, StrategyConfig } from "../src/config/config.ts";
import { loadConfig } from "../src/config/load.ts";
import { withRecordedSymbols } from "../src/config/resolve.ts";
import { parseFixed } from "../src/core/fixed.ts";
import { mergeRecordings, openRecording } from "../src/feed/recorded-file.ts";
import type { MutableTick, Tick } from "../src/feed/tick.ts";
import { type BacktestResult, runBacktest } from "../src/research/backtest.ts";
import { writeSampleDay } from "../src/simulator/sample-data.ts";
import { runBarLoop } from "./bar-loop.ts";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer, median } from "./harness.ts";

const BARS = 50_000_000;
const QUICK_BARS = 50_000;
const TICK_RUNS = 7;
const SYMBOLS = ["ACME", "ORBT"];
/** The sample day is played on this many Tuesdays, all of them full trading days in New York's winter time. */
const WEEKS = 8;
const WEEK_US = 7 * 86_400_000_000;
const DAY = "2018-01-02";

export const backtest: Benchmark = {
  name: "backtest",
  description: "bars through the engine; ticks with matching and journal; gzip CSV to results, on one core",
  async run(options) {
    const folder = mkdtempSync(join(tmpdir(), "bench-backtest-"));
    try {
      const bars = barLoop(options);
      options.progress("sample day");
      const { files } = await writeSampleDay({ directory: folder, seed: 7, date: DAY });
      return [bars, ...(await tickRuns(files, options))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

/** One run, after a short one to warm up: it is long enough to be its own mean. */
function barLoop(options: BenchOptions): BenchResult {
  const bars = options.quick ? QUICK_BARS : BARS;
  options.progress(`${bars} bars`);
  if (!options.quick) runBarLoop(BARS / 50);
  const { barsPerSecond, orders } = runBarLoop(bars);
  const note = `${bars / 1e6} M bars, each with its quote; EMA cross 20/100, ${orders} orders filled; vectorbt elsewhere: 5.6`;
  return { name: "bars, EMA cross", value: barsPerSecond / 1e6, unit: "M/s", checked: true, note };
}

async function tickRuns(files: readonly string[], options: BenchOptions): Promise<BenchResult[]> {
  const config = crossConfig(files);
  const day = await readDay(files);
  const weeks = options.quick ? 1 : WEEKS;
  const inMemory: number[] = [];
  const fromFiles: number[] = [];
  const hashes = new Set<string>();
  let last: BacktestResult | null = null;
  for (let run = 0; run < (options.quick ? 1 : TICK_RUNS + 1); run++) {
    options.progress(`ticks, run ${run + 1}`);
    const memory = await timed(config, playWeeks(day, weeks));
    checkAnswer("ticks", memory.result.ticks, day.ticks * weeks);
    hashes.add(memory.result.intentHash);
    options.progress(`files, run ${run + 1}`);
    const read = await timed(config, mergeRecordings(files.map((file) => openRecording(file))));
    checkAnswer("rows", read.result.ticks, day.ticks);
    for (const { result } of [memory, read]) checkBooks(result);
    if (run === 0 && !options.quick) continue;
    inMemory.push(memory.rate);
    fromFiles.push(read.rate);
    last = memory.result;
  }
  checkAnswer("different intents", hashes.size, 1);
  const orders = `${last?.intents ?? 0} orders`;
  return [
    {
      name: "ticks with matching",
      value: median(inMemory),
      unit: "M/s",
      checked: true,
      note: `${((day.ticks * weeks) / 1e6).toPrecision(3)} M ticks from memory, ${orders}; hftbacktest elsewhere: 5.4`,
    },
    {
      name: "gzip CSV to results",
      value: median(fromFiles),
      unit: "M/s",
      checked: true,
      note: `rows, ${day.ticks} in two files, merged`,
    },
  ];
}

/** An EMA cross on bars of a minute for each symbol: about as many orders a day as a person would look at. */
function crossConfig(files: readonly string[]): Config {
  const options = new Map([["simulator.replay", { option: "--replay", text: [...files] }]]);
  const { config } = loadConfig({ env: {}, file: null, options });
  const strategies = SYMBOLS.map(
    (symbol): StrategyConfig => ({
      id: `cross-${symbol.toLowerCase()}`,
      strategy: "ema-cross",
      instruments: [symbol],
      capital: parseFixed("10000", "capital"),
      parameters: { fast: 5, slow: 20, barSeconds: 60, allowShort: false },
      execution: { type: "limit", offsetTicks: 1, cancelAfterSeconds: 10 },
    }),
  );
  return { ...withRecordedSymbols(config, SYMBOLS), strategies };
}

interface DayInMemory {
  readonly batches: readonly (readonly MutableTick[])[];
  readonly ticks: number;
}

async function readDay(files: readonly string[]): Promise<DayInMemory> {
  const batches: MutableTick[][] = [];
  for await (const batch of mergeRecordings(files.map((file) => openRecording(file)))) {
    batches.push(batch.map((tick) => ({ ...tick })));
  }
  return { batches, ticks: batches.reduce((sum, { length }) => sum + length, 0) };
}

/** The day again and again, a week later each time; the ticks are given back as they were. */
async function* playWeeks(day: DayInMemory, weeks: number): AsyncGenerator<readonly Tick[], void, void> {
  for (let week = 0; week < weeks; week++) {
    for (const batch of day.batches) {
      for (const tick of batch) tick.timeUs += week === 0 ? 0 : WEEK_US;
      yield batch;
    }
  }
  for (const batch of day.batches) for (const tick of batch) tick.timeUs -= (weeks - 1) * WEEK_US;
}

async function timed(
  config: Config,
  ticks: AsyncIterable<readonly Tick[]>,
): Promise<{ readonly result: BacktestResult; readonly rate: number }> {
  const startMs = performance.now();
  const result = await runBacktest({ config, ticks });
  return { result, rate: result.ticks / (performance.now() - startMs) / 1000 };
}

/** What was earned is what is there: cash and shares at cost against the start and the realised profit. */
function checkBooks(result: BacktestResult): void {
  const { valuation, startingCash } = result;
  const earned = valuation.realised + valuation.unrealised - valuation.fees;
  checkAnswer("equity in billionths", Number(valuation.equity - startingCash - earned), 0);
  const flat = result.positions.every(({ quantity }) => quantity === 0n);
  if (flat) checkAnswer("cash when flat", Number(valuation.cash - valuation.equity), 0);
  if (result.fills === 0) throw new Error("the backtest traded nothing: its figures say nothing about matching");
}
