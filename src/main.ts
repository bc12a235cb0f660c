/** The entry: parses the command line, runs one command, and ends with its exit code. */
import { runCommandLine } from "./cli/dispatch.ts";
import { COMMANDS } from "./cli/registry.ts";
import { processIo } from "./cli/terminal.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), COMMANDS, processIo());
