/**
 * The options of `simulator` that only a simulator on its own has: each sets one field of its configuration, which checks it. What
 * the bot's own simulator has as well is a setting (`config-options.ts`).
 */
import { readFileSync } from "node:fs";
import { CodedError } from "../core/errors.ts";
import type { SimulatorConfigInput } from "../simulator/config.ts";
import { type CommandArguments, type OptionSpec, usageError } from "./command.ts";

interface FieldOption extends OptionSpec {
  readonly value: string;
  readonly field: keyof SimulatorConfigInput;
  readonly read: (text: string, option: string) => unknown;
}

const asText = (text: string): unknown => text;
/** What is no number is left as text: the configuration says what it wants instead. */
const asNumber = (text: string): unknown => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));
const numberOr =
  (word: string) =>
  (text: string): unknown =>
    text === word ? null : asNumber(text);

export const SIMULATOR_OPTIONS: readonly FieldOption[] = [
  {
    name: "ledger",
    value: "FILE",
    about:
      "File that keeps the account, none for memory only. simulator-ledger.jsonl in the data directory by default.",
    field: "ledgerFile",
    read: (text) => (text === "none" ? null : text),
  },
  {
    name: "symbol",
    value: "SYMBOL",
    repeatable: true,
    about: "Trade these instruments (AAPL, BTC/USD) instead of the demonstration's, or of all that were recorded.",
    field: "instruments",
    read: (symbol) => ({ symbol }),
  },
  {
    name: "start-time",
    value: "TIME",
    about: "Synthetic market: its time at the first start, RFC 3339. Now by default.",
    field: "startTime",
    read: asText,
  },
  {
    name: "halt-rate",
    value: "P",
    about: "Synthetic market: probability of a halt, for each instrument and half hour.",
    field: "haltRate",
    read: asNumber,
  },
  {
    name: "ticks",
    value: "N",
    about: "Synthetic market: end after so many ticks. Without end by default.",
    field: "tickLimit",
    read: asNumber,
  },
  {
    name: "ticks-per-step",
    value: "N",
    about: "Lockstep: ticks between two acknowledgements. 1 by default.",
    field: "ticksPerStep",
    read: asNumber,
  },
  {
    name: "margin",
    value: "N",
    about: "Multiplier of the account's buying power: 1, 2 or 4 (the default).",
    field: "marginMultiplier",
    read: asNumber,
  },
  {
    name: "cash-rounding",
    value: "WORD",
    about: "How cash is kept: exact (the default) or cents.",
    field: "cashRounding",
    read: asText,
  },
  {
    name: "partial-fill-rate",
    value: "P",
    about: "Share of fills that are partial. 0 by default.",
    field: "partialFillRate",
    read: asNumber,
  },
  {
    name: "requests-per-minute",
    value: "N",
    about: "Trading requests a minute before 429, as the broker limits them to 200; none (the default) for no limit.",
    field: "requestsPerMinute",
    read: numberOr("none"),
  },
  {
    name: "faults",
    value: "FILE",
    about: "JSON file with a list of faults to commit from the start.",
    field: "faults",
    read: readFaults,
  },
  {
    name: "tls-certificate",
    value: "FILE",
    about: "PEM certificate, for clients that insist on TLS; with --tls-key it is reached by https and wss only.",
    field: "tlsCertificateFile",
    read: asText,
  },
  { name: "tls-key", value: "FILE", about: "PEM key of the certificate.", field: "tlsKeyFile", read: asText },
];

/** The fields that the options give set. Throws `USAGE` for a file that is no list of faults. */
export function simulatorFields(given: CommandArguments): SimulatorConfigInput {
  const fields: Record<string, unknown> = {};
  for (const { name, field, read, repeatable } of SIMULATOR_OPTIONS) {
    if (!given.has(name)) continue;
    const values = given.texts(name).map((text) => read(text, name));
    fields[field] = repeatable === true ? values : values[0];
  }
  return fields;
}

/** A configuration error of a field that an option sets, in the option's name; other errors as they are. */
export function inOptionsName(error: unknown): unknown {
  if (!(error instanceof CodedError) || error.code !== "SIMULATOR_CONFIG") return error;
  const field = error.field ?? "";
  const option = SIMULATOR_OPTIONS.find((candidate) => field.split(".")[0] === candidate.field);
  return usageError(
    option === undefined ? error.message : `--${option.name}: ${error.message.replace(`${field}: `, "")}`,
  );
}

function readFaults(file: string, option: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw usageError(`--${option} ${file}: ${(error as Error).message}`);
  }
}
