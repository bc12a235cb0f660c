/** `replay`: repeats every decision of a recorded run. */
import { type Command, EXIT_DONE } from "./command.ts";

export const REPLAY: Command = {
  name: "replay",
  summary: "Run a recorded inbound sequence through the engine again and print the hash of its intents.",
  details: [
    "Recordings are made by `start --record`. The same recording always gives the same hash; nothing is traded.",
  ],
  positionals: [{ name: "RECORDING", about: "a .run file in the data directory's recordings" }],
  options: [],
  examples: ["algo-trading-bot replay data/recordings/FILE.run"],
  async run(given, io) {
    const { rerunRecording } = await import("../bot/rerun-recording.ts");
    const result = await rerunRecording(given.positionals[0] as string, (records) => io.progress(`${records} records`));
    io.progress("");
    const { records, intents, intentHash, tornBytes } = result;
    const torn = tornBytes === 0 ? "" : `; the last ${tornBytes} bytes are no whole block and were left out`;
    io.print(given.json ? JSON.stringify(result) : `${records} records, ${intents} intents, hash ${intentHash}${torn}`);
    return EXIT_DONE;
  },
};
