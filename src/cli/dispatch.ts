/** Finds the command, reads its arguments, runs it, and turns what went wrong into a message and an exit code. */
import { nearestName } from "../config/nearest-name.ts";
import { CodedError } from "../core/errors.ts";
import { readArguments } from "./arguments.ts";
import { type Command, type CommandIo, EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, usageError } from "./command.ts";
import { commandHelp, overviewHelp, PROGRAM } from "./help.ts";

/** Codes that blame what was typed or configured. */
const WRONG_USE_CODES: readonly string[] = [
  "USAGE",
  "CONFIG_INVALID",
  "DATE_SYNTAX",
  "SAMPLE_DATE",
  "KEY_INVALID",
  "KEY_NEEDED",
];

/** Runs one command line (without node and script); resolves to the exit code and never rejects. */
export async function runCommandLine(
  argv: readonly string[],
  commands: readonly Command[],
  io: CommandIo,
): Promise<number> {
  const wantsJson = argv.includes("--json");
  try {
    const [first, ...rest] = argv;
    if (first === undefined || first === "--help" || first === "-h") return printHelp(commands, [], io);
    if (first === "help") return printHelp(commands, rest, io);
    const { command, remaining } = findCommand(commands, first === "--version" ? ["version", ...rest] : argv);
    const given = readArguments(command, remaining);
    if (given.has("help")) {
      io.print(commandHelp(command));
      return EXIT_DONE;
    }
    return await command.run(given, io);
  } catch (error) {
    return report(error, wantsJson, io);
  }
}

function printHelp(commands: readonly Command[], words: readonly string[], io: CommandIo): number {
  io.print(words.length === 0 ? overviewHelp(commands) : commandHelp(findCommand(commands, words).command));
  return EXIT_DONE;
}

/** `key create` is found by two words; throws `USAGE` with the nearest name. */
function findCommand(commands: readonly Command[], argv: readonly string[]): { command: Command; remaining: string[] } {
  for (const words of [2, 1]) {
    const name = argv.slice(0, words).join(" ");
    const command = commands.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, remaining: argv.slice(words) };
  }
  const first = argv[0] ?? "";
  const family = commands.map(({ name }) => name).filter((name) => name.startsWith(`${first} `));
  if (family.length > 0)
    throw usageError(`${first} needs one of ${family.map((name) => name.slice(first.length + 1)).join(", ")}`);
  const near = nearestName(first, [...new Set(commands.map(({ name }) => name.split(" ")[0] as string)), "help"]);
  const hint = near === null ? `${PROGRAM} help lists them` : `did you mean ${near}?`;
  throw usageError(`unknown command ${JSON.stringify(first)}; ${hint}`);
}

function report(error: unknown, wantsJson: boolean, io: CommandIo): number {
  if (!(error instanceof CodedError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.tell(wantsJson ? JSON.stringify({ error: { code: "INTERNAL", message: text } }) : text);
    return EXIT_FAILED;
  }
  const { code, message, field } = error;
  const isWrongUse = WRONG_USE_CODES.includes(code);
  if (wantsJson) io.tell(JSON.stringify({ error: { code, message, ...(field === undefined ? {} : { field }) } }));
  else io.tell(isWrongUse ? message : `${message} (${code})`);
  return isWrongUse ? EXIT_WRONG_USE : EXIT_FAILED;
}
