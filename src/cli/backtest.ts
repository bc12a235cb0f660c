/** `backtest`: recorded days through the live order path, with the venue in the same process. */
import { formatFixed } from "../core/fixed.ts";
import type { BacktestResult } from "../research/backtest.ts";
import { type Command, EXIT_DONE, usageError } from "./command.ts";
import { CONFIG_OPTION, loadFor, MARKET_OPTIONS } from "./config-options.ts";
import { completeConfig } from "./start.ts";

const BACKTEST_OPTIONS = [CONFIG_OPTION, ...MARKET_OPTIONS.filter(({ name }) => name !== "speed")];

export const BACKTEST: Command = {
  name: "backtest",
  summary: "Test the configured strategies on recorded files, as fast as possible and without any socket.",
  details: [
    "Without configured strategies the demonstrations trade each recorded symbol.",
    "A backtest says what would have happened under the stated assumptions, not what will.",
  ],
  positionals: [],
  options: BACKTEST_OPTIONS,
  examples: ["algo-trading-bot backtest --replay quotes.csv.gz --replay trades.csv.gz"],
  async run(given, io) {
    if (given.texts("replay").length === 0) throw usageError("backtest needs --replay FILE, at least once");
    const config = await completeConfig((await loadFor(BACKTEST_OPTIONS, given, io)).config, io);
    const { openRecording, mergeRecordings } = await import("../feed/recorded-file.ts");
    const { runBacktest } = await import("../research/backtest.ts");
    const { replay, quoteExchange } = config.simulator;
    const options = {
      symbols: config.instruments.map(({ symbol }) => symbol),
      ...(quoteExchange === null ? {} : { quoteExchange }),
    };
    const startedMs = performance.now();
    const result = await runBacktest({
      config,
      ticks: mergeRecordings(replay.map((file) => openRecording(file, options))),
      onProgress: (ticks, venueTimeUs) => io.progress(`${ticks} ticks, ${new Date(venueTimeUs / 1000).toISOString()}`),
    });
    io.progress("");
    const shown = shownResult(result, (performance.now() - startedMs) / 1000);
    io.print(given.json ? JSON.stringify(shown) : shownTable(shown));
    return EXIT_DONE;
  },
};

type Shown = Readonly<Record<string, string | number | readonly unknown[] | object>>;

/** Amounts as decimal strings, times as RFC 3339. */
function shownResult(result: BacktestResult, seconds: number): Shown {
  const { valuation, startingCash, drawdown, positions, firstTimeUs, lastTimeUs } = result;
  return {
    from: new Date(firstTimeUs / 1000).toISOString(),
    to: new Date(lastTimeUs / 1000).toISOString(),
    ticks: result.ticks,
    intents: result.intents,
    intentHash: result.intentHash,
    fills: result.fills,
    refusals: result.refusals,
    startingCash: formatFixed(startingCash),
    cash: formatFixed(valuation.cash),
    equity: formatFixed(valuation.equity),
    realised: formatFixed(valuation.realised),
    unrealised: formatFixed(valuation.unrealised),
    fees: formatFixed(valuation.fees),
    drawdown: formatFixed(drawdown),
    positions: positions.map(({ symbol, quantity }) => ({ symbol, quantity: formatFixed(quantity) })),
    seconds: Number(seconds.toFixed(3)),
  };
}

function shownTable(shown: Shown): string {
  return Object.entries(shown)
    .map(([name, value]) => `${name.padEnd(14)}${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join("\n");
}
