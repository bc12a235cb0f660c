/**
 * What a simulator is started with. JSON-safe (amounts are decimal strings), because it also travels to a child process;
 * checked in one place, with errors that name the field and what is allowed.
 */
import { z } from "zod";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed, parseFixed } from "../core/fixed.ts";
import { cryptoPair, equity, type Instrument } from "../core/market/instrument.ts";
import { feeSchema, fillSchema, latencySchema, slippageSchema } from "./model-config.ts";
import { faultSchema } from "./faults/fault.ts";

const decimal = z.string().refine(isDecimal, 'a decimal number in a string, such as "0.01"');

const instrumentSchema = z.strictObject({
  symbol: z.string().regex(/^[A-Z0-9._-]+(\/[A-Z0-9]+)?$/, "a symbol such as AAPL or BTC/USD"),
  assetClass: z.enum(["us_equity", "crypto"]).optional(),
  calendar: z.enum(["nyse", "always"]).optional(),
  priceIncrement: decimal.nullable().optional(),
  quantityIncrement: decimal.optional(),
  minQuantity: decimal.optional(),
  minNotional: decimal.optional(),
  shortable: z.boolean().optional(),
  fractionable: z.boolean().optional(),
  tradable: z.boolean().optional(),
  /** Synthetic market only: the price around which the path wanders, US dollars. */
  basePrice: z.number().min(1).max(1_000_000).optional(),
  /** Synthetic market only: typical change of a day. */
  dailyVolatilityPercent: z.number().min(0).max(100).optional(),
  /** Synthetic market only: share of its variance that it has in common with the others. */
  marketShare: z.number().min(0).max(1).optional(),
});

const schema = z.strictObject({
  host: z.string().min(1).default("127.0.0.1"),
  /** 0 takes a free port. */
  port: z.int().min(0).max(65_535).default(4010),
  /** PEM files; with both of them it is reached by https and wss, and only so. */
  tlsCertificateFile: z.string().min(1).nullable().default(null),
  tlsKeyFile: z.string().min(1).nullable().default(null),
  keyId: z.string().min(1).default("simulator"),
  secret: z.string().min(1).default("simulated-money-only"),
  seed: z.int().min(0).max(4_294_967_295).default(1),
  /** Venue time per real time; `max` as fast as it is consumed; `lockstep` one step after each acknowledgement. */
  speed: z
    .union(
      [z.number().positive().max(1_000_000), z.literal("max"), z.literal("lockstep")],
      "a number above 0, at most 1000000, or max or lockstep",
    )
    .default(1),
  /** Recorded files; empty for the synthetic market. */
  replay: z.array(z.string().min(1)).default([]),
  quoteExchange: z.string().min(1).nullable().default(null),
  /** Recorded files of bars: what their stamps mean. */
  barStamp: z.enum(["start", "end"]).default("start"),
  /** Recorded files: those to trade, all when empty. Synthetic market: those to make, the demonstration's when empty. */
  instruments: z.array(instrumentSchema).max(1000).default([]),
  /** US dollars. */
  startingCash: decimal.default("100000"),
  /** Null keeps the account in memory. */
  ledgerFile: z.string().min(1).nullable().default(null),
  /** When the ledger has grown by so much it begins anew, with the account as it is. */
  ledgerCompactBytes: z
    .int()
    .min(1)
    .default(32 * 1024 * 1024),
  cashRounding: z.enum(["exact", "cents"]).default("exact"),
  marginMultiplier: z.union([z.literal(1), z.literal(2), z.literal(4)], "1, 2 or 4").default(4),
  /** When and at what price orders trade; null for `quote`, and for `path` where the market shows bars only. */
  fill: fillSchema.nullable().default(null),
  /** Fill model `quote`: share of fills that are partial. */
  partialFillRate: z.number().min(0).max(1).default(0),
  fee: feeSchema.default({ model: "none" }),
  /** From the submission of an order until it is in the market. */
  latency: latencySchema.default({ model: "none" }),
  slippage: slippageSchema.default({ model: "none" }),
  /** Trading requests a minute; null for no limit. */
  requestsPerMinute: z.int().min(1).nullable().default(null),
  /** Frames of the trade-update stream's JSON: binary as the paper venue sends it, text as the live one does. */
  tradeFrames: z.enum(["binary", "text"]).default("binary"),
  /** What the market-data subscription allows: its limits, and whether the consolidated tape is in real time. */
  dataPlan: z.enum(["basic", "algo_trader_plus"]).default("algo_trader_plus"),
  /** Market-data requests a minute; null for no limit. Without it the plan's: 200 or 10,000. */
  dataRequestsPerMinute: z.int().min(1).nullable().optional(),
  /** Connections at a time on each path of the market-data stream. */
  dataConnections: z.int().min(1).max(10_000).default(1),
  /** Symbols with trades or quotes on one connection; null for no limit. Without it the plan's: 30, or none. */
  dataSymbols: z.int().min(1).nullable().optional(),
  /** A reader of market data who has left so many bytes unread is cut. */
  slowClientBytes: z.int().min(65_536).max(1_073_741_824).default(16_777_216),
  /** Ticks of the whole market that are kept for history, about 200 bytes each; older ones are read or made again. */
  retainedTicks: z.int().min(1000).max(10_000_000).default(20_000),
  /** A file of news articles, one JSON object a line; null for a market without news. */
  newsFile: z.string().min(1).nullable().default(null),
  /** Synthetic market: halts per instrument and half hour, as a probability. */
  haltRate: z.number().min(0).max(1).default(0.02),
  /** Synthetic market: share of the trades of shares that are corrected or cancelled two seconds later. */
  correctionRate: z.number().min(0).max(1).default(0),
  /** Synthetic market: venue time at the first start, RFC 3339; null for now. */
  startTime: z.iso.datetime({ offset: true, error: "a time such as 2026-03-02T15:00:00Z" }).nullable().default(null),
  /** Synthetic market: ends after so many ticks; null for never. */
  tickLimit: z.int().min(1).nullable().default(null),
  /** Lockstep: ticks between acknowledgements. */
  ticksPerStep: z.int().min(1).max(100_000).default(1),
  /** Recorded files: hold the first tick until somebody has subscribed to market data. */
  waitForSubscriber: z.boolean().default(true),
  /** A stream's peer that answers no ping for so long is dead and gives its place up. */
  deadConnectionSeconds: z.number().min(1).max(600).default(90),
  /** Faults that it commits from the start, by a draw seeded with `seed`; more can be set while it runs. */
  faults: z.array(faultSchema).default([]),
  /** As a child process: live on when the parent dies. */
  detached: z.boolean().default(false),
  /** As a detached child process: ends when for so long nobody was connected and nothing was asked. */
  orphanSeconds: z.number().min(1).max(86_400).default(300),
});

export type SimulatorInstrument = z.input<typeof instrumentSchema>;
/** As given: everything is optional. */
export type SimulatorConfigInput = z.input<typeof schema>;
/** Complete and checked. */
export type SimulatorConfig = z.output<typeof schema>;

/** Checks and completes a configuration. Throws `SIMULATOR_CONFIG` naming the first bad field and what is allowed. */
export function simulatorConfig(input: unknown): SimulatorConfig {
  const parsed = schema.safeParse(input ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0] as z.core.$ZodIssue;
    const field = issue.path.join(".") || "configuration";
    throw new CodedError("SIMULATOR_CONFIG", `${field}: ${issue.message}`, { field });
  }
  const symbols = parsed.data.instruments.map((instrument) => instrument.symbol);
  const repeated = symbols.find((symbol, place) => symbols.indexOf(symbol) !== place);
  if (repeated !== undefined) {
    throw new CodedError("SIMULATOR_CONFIG", `instruments: ${repeated} is given twice, each symbol may be given once`, {
      field: "instruments",
    });
  }
  return parsed.data;
}

/** The JSON-safe form of an engine's instrument, for a simulator's configuration. */
export function simulatorInstrument(instrument: Instrument): SimulatorInstrument {
  return {
    symbol: instrument.symbol,
    assetClass: instrument.assetClass,
    calendar: instrument.calendar,
    priceIncrement: instrument.priceIncrement === null ? null : formatFixed(instrument.priceIncrement),
    quantityIncrement: formatFixed(instrument.quantityIncrement),
    minQuantity: formatFixed(instrument.minQuantity),
    minNotional: formatFixed(instrument.minNotional),
    shortable: instrument.shortable,
    fractionable: instrument.fractionable,
    tradable: instrument.tradable,
  };
}

/** The venue's instrument at a place of its table; what is not given is as usual for the asset class. */
export function venueInstrument(given: SimulatorInstrument, index: number): Instrument {
  const assetClass = given.assetClass ?? (given.symbol.includes("/") ? "crypto" : "us_equity");
  const base = (assetClass === "crypto" ? cryptoPair : equity)(index, given.symbol);
  return {
    ...base,
    calendar: given.calendar ?? base.calendar,
    priceIncrement: typeof given.priceIncrement === "string" ? amount(given.priceIncrement) : base.priceIncrement,
    quantityIncrement: given.quantityIncrement === undefined ? base.quantityIncrement : amount(given.quantityIncrement),
    minQuantity: given.minQuantity === undefined ? base.minQuantity : amount(given.minQuantity),
    minNotional: given.minNotional === undefined ? base.minNotional : amount(given.minNotional),
    shortable: given.shortable ?? base.shortable,
    fractionable: given.fractionable ?? base.fractionable,
    tradable: given.tradable ?? base.tradable,
  };
}

function amount(text: string): Fixed {
  return parseFixed(text, "amount");
}

function isDecimal(text: string): boolean {
  try {
    parseFixed(text, "amount");
    return true;
  } catch {
    return false;
  }
}
