/** `version`: what is running. */
import { readFileSync } from "node:fs";
import { type Command, EXIT_DONE } from "./command.ts";
import { PROGRAM } from "./help.ts";

/** The version in package.json, which lies two folders up from the sources and from the compiled files. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

export const VERSION: Command = {
  name: "version",
  summary: "Print the versions of the program and of Node.",
  details: [],
  positionals: [],
  options: [],
  examples: [],
  async run(given, io) {
    const version = packageVersion();
    io.print(
      given.json
        ? JSON.stringify({ version, node: process.version })
        : `${PROGRAM} ${version} (Node ${process.version})`,
    );
    return EXIT_DONE;
  },
};
