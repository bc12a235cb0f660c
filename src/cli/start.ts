/** `start`: runs the bot until it is told to stop, or until a replay has ended. */
import type { Config } from "../config/config.ts";
import type { Command, CommandIo, OptionSpec } from "./command.ts";
import { packageVersion } from "./version.ts";
import { CONFIG_OPTION, DATA_DIR_OPTION, loadFor, MARKET_OPTIONS } from "./config-options.ts";

export const START_OPTIONS: readonly OptionSpec[] = [
  CONFIG_OPTION,
  ...MARKET_OPTIONS,
  { name: "port", value: "N", about: "Port of the REST API and the page.", setting: "ports.api" },
  { name: "ws-port", value: "N", about: "Port of the WebSocket stream.", setting: "ports.ws" },
  { name: "metrics-port", value: "N", about: "Port of the Prometheus metrics.", setting: "ports.metrics" },
  { name: "simulator-port", value: "N", about: "Port of the simulator.", setting: "ports.simulator" },
  {
    name: "bind",
    value: "ADDRESS",
    about: "Address to listen on; any but loopback needs a key.",
    setting: "bindAddress",
  },
  DATA_DIR_OPTION,
  { name: "record", value: null, about: "Record the inbound sequence of the run.", setting: "recordRun" },
];

export const START: Command = {
  name: "start",
  summary: "Run the bot.",
  details: [
    "Without options it trades simulated money on a synthetic market with demonstration strategies, which are no advice.",
    "With --replay it trades recorded days instead, and ends with a summary.",
  ],
  positionals: [],
  options: START_OPTIONS,
  examples: [
    "algo-trading-bot start",
    "algo-trading-bot start --replay quotes.csv.gz --replay trades.csv.gz --quote-exchange N --speed 100",
  ],
  async run(given, io) {
    const config = await completeConfig((await loadFor(START_OPTIONS, given, io)).config, io);
    const { createLogger } = await import("./logger.ts");
    const { runBot } = await import("../bot/start.ts");
    return await runBot(config, {
      log: createLogger(config, io),
      version: packageVersion(),
      print: io.print,
      signal: io.signal,
    });
  },
};

/** Asks replayed files for their symbols where nothing else says what to trade. */
export async function completeConfig(config: Config, io: CommandIo): Promise<Config> {
  const { needsRecordedSymbols, withRecordedSymbols } = await import("../config/resolve.ts");
  if (!needsRecordedSymbols(config)) return config;
  const { recordedSymbols } = await import("./recorded-symbols.ts");
  return withRecordedSymbols(config, await recordedSymbols(config.simulator.replay, io));
}
