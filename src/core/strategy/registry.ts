/** The built-in strategies by name. */
import type { StrategyDefinition } from "./contract.ts";
import { DONCHIAN_BREAKOUT } from "./donchian-breakout.ts";
import { EMA_CROSS } from "./ema-cross.ts";
import { MEAN_REVERSION } from "./mean-reversion.ts";

export type StrategyRegistry = ReadonlyMap<string, StrategyDefinition>;

/** Throws when two definitions share a name: a bug. */
export function strategyRegistry(definitions: readonly StrategyDefinition[]): StrategyRegistry {
  const registry = new Map<string, StrategyDefinition>();
  for (const definition of definitions) {
    if (registry.has(definition.name)) throw new Error(`two strategies are named ${definition.name}`);
    registry.set(definition.name, definition);
  }
  return registry;
}

export const STRATEGIES: StrategyRegistry = strategyRegistry([EMA_CROSS, MEAN_REVERSION, DONCHIAN_BREAKOUT]);
