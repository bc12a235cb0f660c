/**
 * The configuration as the rest of the program sees it: complete, checked, exact and immutable. Amounts are Fixed
 * (bigint scaled by 1e-9). It holds secrets: never log it; `show-config` knows how to print it.
 */
import { join } from "node:path";
import type { Fixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import type { RiskLimits } from "../core/risk/limits.ts";
import type { Execution } from "../core/strategy/instance-spec.ts";
import type { JournalLimits } from "../orders/journal.ts";
import type { ParsedConfig } from "./schema.ts";

export type { Execution } from "../core/strategy/instance-spec.ts";

export interface StrategyConfig {
  readonly id: string;
  /** Name of a strategy definition; parameters, instruments and capital were checked against it. */
  readonly strategy: string;
  /** Symbols, each one in `Config.instruments`. */
  readonly instruments: readonly string[];
  readonly capital: Fixed;
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly execution: Execution;
}

export interface RedisConfig {
  /** Null where Sentinels are asked. */
  readonly url: string | null;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  readonly masterName: string;
  readonly password: string | null;
}

export interface AlpacaConfig {
  readonly keyId: string;
  readonly secret: string;
  /** Null in simulated mode when the bot runs a simulator of its own; no slash at the end otherwise. */
  readonly baseUrl: string | null;
  readonly dataUrl: string | null;
  /** Without version and feed. */
  readonly streamUrl: string | null;
  readonly feed: ParsedConfig["alpaca"]["feed"];
}

export interface Config
  extends Readonly<
    Pick<
      ParsedConfig,
      | "tradingMode"
      | "environment"
      | "logLevel"
      | "bindAddress"
      | "startWithoutKey"
      | "allowedHosts"
      | "allowedOrigins"
      | "changesPerMinute"
      | "recordRun"
      | "ports"
      | "simulator"
      | "engine"
      | "resources"
      | "risk"
      | "lease"
      | "orders"
    >
  > {
  /** Shown to people only. */
  readonly replicaName: string;
  /** Absolute path. */
  readonly dataDir: string;
  /** Null: the embedded database in `dataDir`. */
  readonly database: { readonly url: string | null };
  /** Null: no Redis; one process keeps everything in memory. */
  readonly redis: RedisConfig | null;
  readonly alpaca: AlpacaConfig;
  /** In the order of the engine's instrument table. */
  readonly instruments: readonly Instrument[];
  readonly strategies: readonly StrategyConfig[];
}

/** Where the embedded database keeps its files. */
export function databaseDirectory(config: Pick<Config, "dataDir">): string {
  return join(config.dataDir, "database");
}

/** The limits that engine workers check. */
export function engineLimits(risk: Config["risk"]): RiskLimits {
  const { maxOrderQuantity, maxOrderNotional, maxPositionNotional, collarBps, repeatedExecutionsPerMinute } = risk;
  return {
    maxOrderQuantity,
    maxOrderNotional,
    maxPositionNotional,
    collarBps,
    quoteStaleUs: risk.quoteStaleSeconds * 1_000_000,
    marketQuoteStaleUs: risk.marketQuoteStaleSeconds * 1_000_000,
    repeatedExecutionsPerMinute,
  };
}

/** The limits that the journal's transaction decides. */
export function journalLimits(risk: Config["risk"]): JournalLimits {
  const { maxOrderNotional, maxSymbolNotional, maxGrossNotional, maxOpenOrders } = risk;
  return { maxOrderNotional, maxSymbolNotional, maxGrossNotional, maxOpenOrders };
}
