/** `simulator`: the simulated broker on its own, for several bots or for other clients of Alpaca's protocol. */
import type { LoadedConfig } from "../config/load.ts";
import { isLoopback } from "../config/rules.ts";
import type { Simulator } from "../simulator/simulator.ts";
import { type Command, type CommandArguments, EXIT_DONE, EXIT_FAILED, usageError } from "./command.ts";
import { CONFIG_OPTION, DATA_DIR_OPTION, loadFor, MARKET_OPTIONS } from "./config-options.ts";
import { inOptionsName, SIMULATOR_OPTIONS, simulatorFields } from "./simulator-options.ts";

const OPTIONS = [
  CONFIG_OPTION,
  { name: "port", value: "N", about: "Port to listen on; 0 takes a free one.", setting: "ports.simulator" },
  {
    name: "bind",
    value: "ADDRESS",
    about: "Address to listen on; any but loopback needs keys of your own.",
    setting: "bindAddress",
  },
  DATA_DIR_OPTION,
  ...MARKET_OPTIONS,
  {
    name: "cash",
    value: "USD",
    about: "Cash of the account at its first start. 100000 by default.",
    setting: "simulator.startingCash",
  },
  ...SIMULATOR_OPTIONS,
];

export const SIMULATOR: Command = {
  name: "simulator",
  summary: "Run the simulated broker and market on its own, in Alpaca's protocol.",
  details: [
    "Any client of Alpaca's can use it: docs/simulator.md shows how.",
    "The keys that it takes are set by SIMULATOR_API_KEY and SIMULATOR_SECRET_KEY.",
    "Bots use it with ALPACA_BASE_URL=http://127.0.0.1:4010.",
    "Its account is kept in the data directory and outlives it.",
  ],
  positionals: [],
  options: OPTIONS,
  examples: [
    "algo-trading-bot simulator",
    "algo-trading-bot simulator --speed 10 --data-dir simulated",
    "algo-trading-bot simulator --replay trades.csv.gz --replay quotes.csv.gz --speed 100 --ledger none",
    "algo-trading-bot simulator --symbol AAPL --symbol BTC/USD --seed 7 --requests-per-minute 200",
  ],
  async run(given, io) {
    const loaded = await loadFor(OPTIONS, given, io);
    refuseKnownKeys(loaded);
    const { config } = loaded;
    const ended = Promise.withResolvers<Error | null>();
    io.signal.addEventListener("abort", () => ended.resolve(null), { once: true });
    const simulator = await create(loaded, given, (error) => ended.resolve(error));
    const port = await simulator.listen();
    const places = addresses(simulator, config.bindAddress, port);
    io.print(given.json ? JSON.stringify({ listening: port, ...places }) : announcement(loaded, simulator, places));
    const failure = await ended.promise;
    await simulator.close();
    if (failure !== null) io.tell(failure.message);
    return failure === null ? EXIT_DONE : EXIT_FAILED;
  },
};

async function create(
  { config }: LoadedConfig,
  given: CommandArguments,
  onFailure: (error: Error) => void,
): Promise<Simulator> {
  const { mkdir } = await import("node:fs/promises");
  const { simulatorInput } = await import("../bot/simulator-input.ts");
  const { createSimulator } = await import("../simulator/simulator.ts");
  const input = { ...simulatorInput(config), host: config.bindAddress, ...simulatorFields(given) };
  if (!given.has("ledger")) await mkdir(config.dataDir, { recursive: true });
  try {
    return await createSimulator(input, { onFailure });
  } catch (error) {
    throw inOptionsName(error);
  }
}

interface Addresses {
  /** Of both REST interfaces. */
  readonly url: string;
  readonly tradeUpdates: string;
  readonly stocks: string;
  readonly crypto: string;
}

function addresses({ config }: Simulator, bindAddress: string, port: number): Addresses {
  const secure = config.tlsKeyFile === null ? "" : "s";
  const host = `${bindAddress.includes(":") ? `[${bindAddress}]` : bindAddress}:${port}`;
  const socket = `ws${secure}://${host}`;
  return {
    url: `http${secure}://${host}`,
    tradeUpdates: `${socket}/stream`,
    stocks: `${socket}/v2/iex`,
    crypto: `${socket}/v1beta3/crypto/us`,
  };
}

/** What a person needs to point a client at it. Keys of one's own are not shown. */
function announcement({ sources }: LoadedConfig, { config }: Simulator, places: Addresses): string {
  const key = sources.has("simulator.keyId") ? "as SIMULATOR_API_KEY says" : config.keyId;
  const secret = sources.has("simulator.secret") ? "as SIMULATOR_SECRET_KEY says" : config.secret;
  const rows = [
    ["key id", key],
    ["secret key", secret],
    ["trading and market data", places.url],
    ["trade updates", places.tradeUpdates],
    ["stock stream", places.stocks],
    ["crypto stream", places.crypto],
    ["faults", `${places.url}/simulator/faults`],
    ["account", config.ledgerFile === null ? "in memory only" : `kept in ${config.ledgerFile}`],
  ];
  const lines = rows.map(([what = "", value = ""]) => `  ${what.padEnd(25)}${value}`);
  return [`the simulator listens on ${places.url}`, ...lines].join("\n");
}

/** The default keys are in the source for everybody to read. */
function refuseKnownKeys({ config, sources }: LoadedConfig): void {
  if (isLoopback(config.bindAddress) || (sources.has("simulator.keyId") && sources.has("simulator.secret"))) return;
  throw usageError(`listening on ${config.bindAddress} needs SIMULATOR_API_KEY and SIMULATOR_SECRET_KEY of your own`);
}
