/** `simulator`: the simulated broker on its own, for several bots or for other clients of Alpaca's protocol. */
import type { LoadedConfig } from "../config/load.ts";
import { isLoopback } from "../config/rules.ts";
import { type Command, EXIT_DONE, EXIT_FAILED, usageError } from "./command.ts";
import { CONFIG_OPTION, DATA_DIR_OPTION, loadFor, MARKET_OPTIONS } from "./config-options.ts";

const OPTIONS = [
  CONFIG_OPTION,
  ...MARKET_OPTIONS,
  { name: "port", value: "N", about: "Port to listen on.", setting: "ports.simulator" },
  {
    name: "bind",
    value: "ADDRESS",
    about: "Address to listen on; any but loopback needs keys of your own.",
    setting: "bindAddress",
  },
  DATA_DIR_OPTION,
];

export const SIMULATOR: Command = {
  name: "simulator",
  summary: "Run the simulated broker and market on its own, in Alpaca's protocol.",
  details: [
    "Bots use it with ALPACA_BASE_URL=http://127.0.0.1:4010; their keys are SIMULATOR_API_KEY and SIMULATOR_SECRET_KEY.",
    "Its account is kept in the data directory and outlives it.",
  ],
  positionals: [],
  options: OPTIONS,
  examples: ["algo-trading-bot simulator --speed 10 --data-dir simulated"],
  async run(given, io) {
    const loaded = await loadFor(OPTIONS, given, io);
    refuseKnownKeys(loaded);
    const { mkdir } = await import("node:fs/promises");
    const { simulatorInput } = await import("../bot/simulator-input.ts");
    const { createSimulator } = await import("../simulator/simulator.ts");
    const { config } = loaded;
    await mkdir(config.dataDir, { recursive: true });
    const ended = Promise.withResolvers<Error | null>();
    io.signal.addEventListener("abort", () => ended.resolve(null), { once: true });
    const input = { ...simulatorInput(config), host: config.bindAddress };
    const simulator = await createSimulator(input, { onFailure: (error) => ended.resolve(error) });
    const port = await simulator.listen();
    const url = `http://${config.bindAddress.includes(":") ? `[${config.bindAddress}]` : config.bindAddress}:${port}`;
    io.print(given.json ? JSON.stringify({ listening: port, url }) : `the simulator listens on ${url}`);
    const failure = await ended.promise;
    await simulator.close();
    if (failure !== null) io.tell(failure.message);
    return failure === null ? EXIT_DONE : EXIT_FAILED;
  },
};

/** The default keys are in the source for everybody to read. */
function refuseKnownKeys({ config, sources }: LoadedConfig): void {
  if (isLoopback(config.bindAddress) || (sources.has("simulator.keyId") && sources.has("simulator.secret"))) return;
  throw usageError(`listening on ${config.bindAddress} needs SIMULATOR_API_KEY and SIMULATOR_SECRET_KEY of your own`);
}
