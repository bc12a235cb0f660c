/**
 * Places strategy instances on engine workers and makes each worker's engine spec. Pure; done once at start. Instances are
 * spread by the number of instruments they hold; every worker knows the whole instrument table, so that an instrument has
 * one index everywhere.
 */
import { type Config, engineLimits, type StrategyConfig } from "../config/config.ts";
import type { Fixed } from "../core/fixed.ts";
import type { EngineSpec, InstanceSpec } from "../core/engine.ts";
import { fingerprintOf, validateInstance } from "../core/strategy/instance-spec.ts";

export interface PlacedInstance {
  readonly id: string;
  readonly strategy: string;
  readonly version: number;
  readonly worker: number;
  /** Index in the worker's engine. */
  readonly index: number;
  /** Indexes in the instrument table. */
  readonly instruments: readonly number[];
  readonly symbols: readonly string[];
  readonly capital: Fixed;
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly barSeconds: number;
  readonly warmUpBars: number;
  /** What its snapshots belong to. */
  readonly fingerprint: string;
}

export interface Placement {
  readonly specs: readonly EngineSpec[];
  readonly instances: readonly PlacedInstance[];
  /** Workers that need each instrument's records, by instrument index. */
  readonly routes: readonly (readonly number[])[];
}

/** Throws the engine's own CodedErrors for an instance that is not valid. */
export function place(config: Config, workers: number): Placement {
  const limits = engineLimits(config.risk);
  const barGraceUs = config.engine.barGraceMs * 1000;
  const bySymbol = new Map(config.instruments.map((instrument) => [instrument.symbol, instrument.index]));
  const tables: InstanceSpec[][] = Array.from({ length: workers }, () => []);
  const load = Array.from({ length: workers }, () => 0);
  const instances: PlacedInstance[] = [];
  for (const strategy of config.strategies) {
    const worker = load.indexOf(Math.min(...load));
    load[worker] = (load[worker] as number) + strategy.instruments.length;
    const table = tables[worker] as InstanceSpec[];
    const spec = instanceSpec(strategy, table.length, bySymbol);
    table.push(spec);
    const valid = validateInstance(spec, config.instruments, limits);
    instances.push({
      id: strategy.id,
      strategy: strategy.strategy,
      version: valid.definition.version,
      worker,
      index: spec.index,
      instruments: spec.instruments,
      symbols: strategy.instruments,
      capital: strategy.capital,
      parameters: strategy.parameters,
      barSeconds: valid.definition.barSeconds(valid.parameters),
      warmUpBars: valid.definition.warmUpBars(valid.parameters),
      fingerprint: fingerprintOf(valid, config.instruments),
    });
  }
  const specs = tables.map((table) => ({ instruments: config.instruments, instances: table, limits, barGraceUs }));
  return { specs, instances, routes: routesOf(config.instruments.length, instances) };
}

function instanceSpec(strategy: StrategyConfig, index: number, bySymbol: ReadonlyMap<string, number>): InstanceSpec {
  return {
    index,
    id: strategy.id,
    strategy: strategy.strategy,
    parameters: strategy.parameters,
    // The configuration has checked that each symbol is in the table.
    instruments: strategy.instruments.map((symbol) => bySymbol.get(symbol) as number),
    capital: strategy.capital,
    execution: strategy.execution,
  };
}

function routesOf(instrumentCount: number, instances: readonly PlacedInstance[]): number[][] {
  const routes: Set<number>[] = Array.from({ length: instrumentCount }, () => new Set());
  for (const instance of instances) for (const index of instance.instruments) routes[index]?.add(instance.worker);
  return routes.map((route) => [...route].sort((a, b) => a - b));
}
