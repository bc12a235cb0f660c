/**
 * Builds the `Config` from what the schema and the rules let through: derived addresses, demonstration strategies, the
 * instrument table. Strategies are checked against their definitions here, so that nothing opens before they are right.
 */
import { hostname } from "node:os";
import { resolve } from "node:path";
import { CodedError } from "../core/errors.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { type InstanceSpec, validateInstance } from "../core/strategy/instance-spec.ts";
import {
  type AlpacaConfig,
  type Config,
  engineLimits,
  type Execution,
  type RedisConfig,
  type StrategyConfig,
} from "./config.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { DEMONSTRATION_SYMBOLS, recordedDemonstrations, syntheticDemonstrations } from "./demonstration.ts";
import { instrumentOf, instrumentOfSymbol } from "./instruments.ts";
import type { ParsedConfig, ParsedStrategy } from "./schema.ts";

const ALPACA_URLS = {
  paper: "https://paper-api.alpaca.markets",
  live: "https://api.alpaca.markets",
  data: "https://data.alpaca.markets",
  stream: "wss://stream.data.alpaca.markets",
} as const;

/** Throws `ConfigError` naming the strategy and key. `source` is where the strategies were configured. */
export function resolveConfig(parsed: ParsedConfig, source: string): Config {
  const demonstrates = parsed.tradingMode === "simulated" && parsed.simulator.replay.length === 0;
  const configured = parsed.strategies.map(strategyOf);
  const strategies =
    configured.length === 0 && parsed.instruments.length === 0 && demonstrates ? syntheticDemonstrations() : configured;
  const instruments = instrumentsOf(parsed, strategies, demonstrates);
  const { environment, logLevel, bindAddress, startWithoutKey, allowedHosts, allowedOrigins } = parsed;
  const { changesPerMinute, recordRun } = parsed;
  const { ports, simulator, engine, resources, risk, lease, orders, tradingMode } = parsed;
  const config: Config = {
    tradingMode,
    environment,
    logLevel,
    bindAddress,
    replicaName: parsed.replicaName ?? hostname(),
    startWithoutKey,
    allowedHosts,
    allowedOrigins,
    changesPerMinute,
    dataDir: resolve(parsed.dataDir),
    recordRun,
    ports,
    database: { url: databaseUrl(parsed.database) },
    redis: redisOf(parsed.redis),
    alpaca: alpacaOf(parsed),
    simulator: { ...simulator, replay: simulator.replay.map((file) => resolve(file)) },
    engine,
    resources,
    instruments,
    strategies,
    risk,
    lease,
    orders,
  };
  instanceSpecs(config, source);
  return config;
}

/** True when the replayed files have to say which symbols there are to trade: nothing else does. */
export function needsRecordedSymbols(config: Config): boolean {
  return config.instruments.length === 0 && config.simulator.replay.length > 0;
}

/** The configuration with the demonstrations on every symbol of the replayed files. */
export function withRecordedSymbols(config: Config, symbols: readonly string[]): Config {
  const resolved = {
    ...config,
    instruments: symbols.map(instrumentOfSymbol),
    strategies: recordedDemonstrations(symbols),
  };
  instanceSpecs(resolved, "demonstration");
  return resolved;
}

/** The strategy instances as engines take them, in the order of the configuration. Throws `ConfigError`. */
export function instanceSpecs(config: Config, source: string): InstanceSpec[] {
  const problems: ConfigProblem[] = [];
  const ids = new Set<string>();
  const limits = engineLimits(config.risk);
  const specs = config.strategies.map((strategy, index) => {
    const refuse = (key: string, value: string | null, message: string) =>
      problems.push({ key: `strategies[${index}].${key}`, value, message, source });
    if (ids.has(strategy.id)) refuse("id", strategy.id, "another strategy has the same id");
    ids.add(strategy.id);
    const positions = strategy.instruments.map((symbol) => {
      const position = config.instruments.findIndex((instrument) => instrument.symbol === symbol);
      if (position === -1) refuse("instruments", symbol, "there is no such symbol in `instruments`");
      return position;
    });
    const { id, parameters, capital, execution } = strategy;
    const spec: InstanceSpec = {
      index,
      id,
      strategy: strategy.strategy,
      parameters,
      instruments: positions,
      capital,
      execution,
    };
    if (!positions.includes(-1)) checkInstance(spec, config.instruments, limits, refuse);
    return spec;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return specs;
}

function checkInstance(
  spec: InstanceSpec,
  instruments: readonly Instrument[],
  limits: ReturnType<typeof engineLimits>,
  refuse: (key: string, value: string | null, message: string) => void,
): void {
  try {
    validateInstance(spec, instruments, limits);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const field = error.field ?? "strategy";
    refuse(error.code === "STRATEGY_PARAMETER" ? `parameters.${field}` : field, null, error.message);
  }
}

function strategyOf(parsed: ParsedStrategy): StrategyConfig {
  const { type, offsetTicks, cancelAfterSeconds } = parsed.execution;
  const execution: Execution = type === "market" ? { type } : { type, offsetTicks, cancelAfterSeconds };
  return { ...parsed, execution };
}

/** Configured ones first; without any, the symbols that strategies name, and the synthetic market's in a demonstration. */
function instrumentsOf(
  parsed: ParsedConfig,
  strategies: readonly StrategyConfig[],
  demonstrates: boolean,
): Instrument[] {
  if (parsed.instruments.length > 0) return parsed.instruments.map(instrumentOf);
  const named = strategies.flatMap((strategy) => strategy.instruments);
  const isDemonstration = demonstrates && parsed.strategies.length === 0;
  return [...new Set(isDemonstration ? DEMONSTRATION_SYMBOLS : named)].map(instrumentOfSymbol);
}

function databaseUrl(database: ParsedConfig["database"]): string | null {
  if (database.host === null) return database.url;
  const { host, port, name, user, password } = database;
  const signIn =
    password === null ? encodeURIComponent(user) : `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const shownHost = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  return `postgresql://${signIn}@${shownHost}:${port}/${encodeURIComponent(name)}`;
}

function redisOf({ url, sentinels, masterName, password }: ParsedConfig["redis"]): RedisConfig | null {
  if (url === null && sentinels.length === 0) return null;
  const split = sentinels.map((sentinel) => {
    const colon = sentinel.lastIndexOf(":");
    return { host: sentinel.slice(0, colon), port: Number(sentinel.slice(colon + 1)) };
  });
  return { url, sentinels: split, masterName, password };
}

function alpacaOf({ tradingMode, alpaca, simulator }: ParsedConfig): AlpacaConfig {
  const { feed } = alpaca;
  const trimmed = (url: string | null) => url?.replace(/\/+$/, "") ?? null;
  if (tradingMode === "simulated") {
    const baseUrl = trimmed(alpaca.baseUrl);
    return {
      keyId: alpaca.keyId ?? simulator.keyId,
      secret: alpaca.secret ?? simulator.secret,
      baseUrl,
      dataUrl: trimmed(alpaca.dataUrl) ?? baseUrl,
      streamUrl: trimmed(alpaca.streamUrl) ?? baseUrl?.replace(/^http/, "ws") ?? null,
      feed,
    };
  }
  return {
    keyId: alpaca.keyId ?? "",
    secret: alpaca.secret ?? "",
    baseUrl: trimmed(alpaca.baseUrl) ?? ALPACA_URLS[tradingMode],
    dataUrl: trimmed(alpaca.dataUrl) ?? ALPACA_URLS.data,
    streamUrl: trimmed(alpaca.streamUrl) ?? ALPACA_URLS.stream,
    feed,
  };
}
