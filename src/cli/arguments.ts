/** Reads a command's arguments by its own description; anything else is refused with the nearest known name. */
import { parseArgs } from "node:util";
import { nearestName } from "../config/nearest-name.ts";
import { type Command, CommandArguments, type OptionSpec, usageError } from "./command.ts";

/** Options of every command. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "json", value: null, about: "Print results and errors as JSON." },
  { name: "help", value: null, about: "Print this help." },
];

/** Throws `USAGE`. */
export function readArguments(command: Command, argv: readonly string[]): CommandArguments {
  const specs = new Map([...command.options, ...COMMON_OPTIONS].map((spec) => [spec.name, spec]));
  const options = Object.fromEntries(
    [...specs.values()].map(({ name, value }) => [name, { type: value === null ? "boolean" : "string" } as const]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind === "option") addOption(specs, token, values);
  }
  if (!values.has("help")) checkPositionals(command, positionals);
  return new CommandArguments(values, positionals);
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
}

function addOption(specs: ReadonlyMap<string, OptionSpec>, token: OptionToken, values: Map<string, string[]>): void {
  const spec = token.rawName.startsWith("--") ? specs.get(token.name) : undefined;
  if (spec === undefined) {
    const near = nearestName(token.name, [...specs.keys()]);
    throw usageError(`unknown option ${token.rawName}${near === null ? "" : `; did you mean --${near}?`}`);
  }
  const { name, value, repeatable = false } = spec;
  if (value === null && token.value !== undefined) throw usageError(`--${name} takes no value`);
  if (value !== null && (token.value === undefined || token.value === "" || token.value.startsWith("--"))) {
    throw usageError(`--${name} needs a value: --${name} ${value}`);
  }
  const before = values.get(name) ?? [];
  if (before.length > 0 && value !== null && !repeatable) throw usageError(`--${name} may be given once`);
  values.set(name, value === null ? [] : [...before, token.value as string]);
}

function checkPositionals(command: Command, given: readonly string[]): void {
  const { positionals } = command;
  const absent = positionals[given.length];
  if (absent !== undefined) throw usageError(`${absent.name} is missing: ${absent.about}`);
  const extra = given[positionals.length];
  if (extra !== undefined) throw usageError(`${command.name} does not take ${JSON.stringify(extra)}`);
}
