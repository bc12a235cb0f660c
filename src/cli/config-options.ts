/** The options that stand for settings, and the loading of the configuration for a command that has them. */
import type { LoadedConfig } from "../config/load.ts";
import type { CommandArguments, CommandIo, OptionSpec } from "./command.ts";

export const CONFIG_OPTION: OptionSpec = {
  name: "config",
  value: "FILE",
  about: "Configuration file (YAML). By default the one that CONFIG_FILE names, else none.",
};

export const DATA_DIR_OPTION: OptionSpec = {
  name: "data-dir",
  value: "DIR",
  about: "Directory for the embedded database, the simulator's ledger and recordings.",
  setting: "dataDir",
};

/** Options of commands that run the simulated market. */
export const MARKET_OPTIONS: readonly OptionSpec[] = [
  {
    name: "replay",
    value: "FILE",
    repeatable: true,
    about: "Replay this recorded file (gzip CSV) instead of the synthetic market.",
    setting: "simulator.replay",
  },
  {
    name: "quote-exchange",
    value: "X",
    about: "Of recorded quotes of several exchanges use only this one's.",
    setting: "simulator.quoteExchange",
  },
  {
    name: "speed",
    value: "N",
    about: "Factor of real time, max, or lockstep.",
    setting: "simulator.speed",
  },
  { name: "seed", value: "N", about: "Seed of the synthetic market.", setting: "simulator.seed" },
];

/** Reads the configuration with the options given. Throws `ConfigError`. */
export async function loadFor(
  options: readonly OptionSpec[],
  given: CommandArguments,
  io: CommandIo,
): Promise<LoadedConfig> {
  const { loadConfig } = await import("../config/load.ts");
  const overrides = new Map<string, { option: string; text: string | readonly string[] }>();
  for (const { name, setting, value, repeatable } of options) {
    if (setting === undefined || !given.has(name)) continue;
    const text = value === null ? "true" : repeatable === true ? given.texts(name) : (given.text(name) as string);
    overrides.set(setting, { option: `--${name}`, text });
  }
  const named = io.env["CONFIG_FILE"] ?? "";
  const file = given.text("config") ?? (named === "" ? null : named);
  return loadConfig({ env: io.env, file, options: overrides });
}
