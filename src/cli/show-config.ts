/** `show-config`: the configuration that a start with the same options would use. */
import { type Command, EXIT_DONE } from "./command.ts";
import { loadFor } from "./config-options.ts";
import { START_OPTIONS } from "./start.ts";

export const SHOW_CONFIG: Command = {
  name: "show-config",
  summary: "Print the merged configuration and where each value comes from; secrets are hidden.",
  details: ["Takes the options of `start` and checks everything that `start` checks before it opens a port."],
  positionals: [],
  options: START_OPTIONS,
  examples: ["algo-trading-bot show-config --config bot.yaml"],
  async run(given, io) {
    const { shownSettings, shownYaml } = await import("../config/shown-config.ts");
    const settings = shownSettings(await loadFor(START_OPTIONS, given, io));
    io.print(given.json ? JSON.stringify(settings) : shownYaml(settings));
    return EXIT_DONE;
  },
};
