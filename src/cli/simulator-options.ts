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
/** Parameters of models that are numbers; amounts are decimal texts. */
const NUMBER_PARAMETERS: readonly string[] = ["us", "minUs", "maxUs", "medianUs", "sigma"];

/** `per_share:amount=0.005,minimum=1` → `{ model: "per_share", amount: "0.005", minimum: "1" }` */
function readModel(text: string, option: string): unknown {
  const [model = "", ...rest] = text.split(":");
  const given = rest.join(":");
  const parameters = (given === "" ? [] : given.split(",")).map((parameter): [string, unknown] => {
    const [name = "", value] = parameter.split("=");
    if (value === undefined) throw usageError(`--${option}: ${JSON.stringify(parameter)} must be NAME=VALUE`);
    if (value === "true" || value === "false") return [name, value === "true"];
    return [name, NUMBER_PARAMETERS.includes(name) ? asNumber(value) : value];
  });
  return { model, ...Object.fromEntries(parameters) };
}

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
    about:
      "Trade these instruments (AAPL, BTC/USD) instead of the demonstration's, or of all that were recorded; shares keep New York's hours.",
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
    name: "correction-rate",
    value: "P",
    about:
      "Synthetic market: share of the trades of shares that are corrected or cancelled two seconds later. 0 by default.",
    field: "correctionRate",
    read: asNumber,
  },
  {
    name: "bar-stamp",
    value: "WORD",
    about: "Recorded files of bars: their stamps are the bars' start (the default) or their end.",
    field: "barStamp",
    read: asText,
  },
  {
    name: "news",
    value: "FILE",
    about: "File of news articles, one JSON object a line as Alpaca's; told when their time comes.",
    field: "newsFile",
    read: asText,
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
    name: "fill-model",
    value: "MODEL",
    about:
      "When and at what price orders trade: quote, next_open, next_close, same_close, path, volume_share[:share=P,impact=N] or queue[:cancels=WORD].",
    field: "fill",
    read: readModel,
  },
  {
    name: "fee-model",
    value: "MODEL",
    about:
      "What trading costs: none, alpaca, regulatory, crypto_tiers, per_share:amount=USD[,minimum=USD] or bps:bps=N[,inKind=true].",
    field: "fee",
    read: readModel,
  },
  {
    name: "latency-model",
    value: "MODEL",
    about:
      "How long an order takes to the market: none, constant:us=N, uniform:minUs=N,maxUs=N or log_normal:medianUs=N,sigma=N[,maxUs=N].",
    field: "latency",
    read: readModel,
  },
  {
    name: "slippage-model",
    value: "MODEL",
    about: "By how much fills are worse than the model's price: none, bps:bps=N or seeded:maxBps=N.",
    field: "slippage",
    read: readModel,
  },
  {
    name: "partial-fill-rate",
    value: "P",
    about: "Fill model quote: share of fills that are partial. 0 by default; the paper venue's is about 0.1.",
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
    name: "data-plan",
    value: "WORD",
    about: "Market-data subscription, with its limits: algo_trader_plus (the default) or basic.",
    field: "dataPlan",
    read: asText,
  },
  {
    name: "data-requests-per-minute",
    value: "N",
    about: "Market-data requests a minute; none for no limit. The plan's by default: 10000, or 200 of basic.",
    field: "dataRequestsPerMinute",
    read: numberOr("none"),
  },
  {
    name: "data-connections",
    value: "N",
    about: "Connections at a time on each path of the market-data stream. 1 by default.",
    field: "dataConnections",
    read: asNumber,
  },
  {
    name: "data-symbols",
    value: "N",
    about:
      "Symbols with trades or quotes on one connection; none for no limit. The plan's by default: no limit, or 30 of basic.",
    field: "dataSymbols",
    read: numberOr("none"),
  },
  {
    name: "slow-client-bytes",
    value: "N",
    about: "A reader of market data who has left more unread is cut. 16777216 by default.",
    field: "slowClientBytes",
    read: asNumber,
  },
  {
    name: "retained-ticks",
    value: "N",
    about:
      "Ticks of the whole market kept for history, about 200 bytes each. 20000 by default; older ones are made or read again.",
    field: "retainedTicks",
    read: asNumber,
  },
  {
    name: "trade-frames",
    value: "WORD",
    about: "Frames of the trade-update stream: binary (the default, as the paper venue's) or text.",
    field: "tradeFrames",
    read: asText,
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
  const [first, ...parts] = (error.field ?? "").split(".");
  const option = SIMULATOR_OPTIONS.find(({ field }) => field === first);
  if (option === undefined) return usageError(error.message);
  const inside = parts.filter((part) => !/^\d+$/.test(part) && part !== option.name).map((part) => `${part}: `);
  return usageError(`--${option.name}: ${inside.join("")}${error.message.replace(`${error.field}: `, "")}`);
}

function readFaults(file: string, option: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw usageError(`--${option} ${file}: ${(error as Error).message}`);
  }
}
