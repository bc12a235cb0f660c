/** `sample-data`: a synthetic trading day in the formats of recorded files, so that every example works in a fresh clone. */
import { type Command, EXIT_DONE, usageError } from "./command.ts";

const SEED_MAX = 4_294_967_295;
/** An ordinary Wednesday. */
const DEFAULT_DATE = "2024-05-15";

export const SAMPLE_DATA: Command = {
  name: "sample-data",
  summary: "Write a synthetic trading day of two invented symbols as recorded files (gzip CSV).",
  details: ["The same seed and date give the same bytes. It is no real market's data."],
  positionals: [],
  options: [
    { name: "out", value: "DIR", about: "Directory for the two files; made where it is missing." },
    { name: "seed", value: "N", about: "Seed of the day. 1 by default." },
    { name: "date", value: "YYYY-MM-DD", about: `A trading day of the New York exchange. ${DEFAULT_DATE} by default.` },
  ],
  examples: ["algo-trading-bot sample-data --out data/sample --seed 1 --date 2024-05-15"],
  async run(given, io) {
    const directory = given.text("out");
    if (directory === null) throw usageError("sample-data needs --out DIR");
    const { writeSampleDay } = await import("../simulator/sample-data.ts");
    io.progress("writing the day");
    const seed = given.integer("seed", 0, SEED_MAX, 1);
    const day = await writeSampleDay({ directory, seed, date: given.text("date") ?? DEFAULT_DATE });
    io.progress("");
    io.print(given.json ? JSON.stringify(day) : [...day.files, `${day.rows} rows`].join("\n"));
    return EXIT_DONE;
  },
};
