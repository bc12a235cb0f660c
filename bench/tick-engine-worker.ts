/**
 * The engine worker of the tick-to-intent benchmark: the real one, with a strategy made for measuring. Every instance
 * turns its wish over once in so many quotes of its own.
 */
import type { QuoteView } from "../src/core/market/tick-view.ts";
import type { Strategy, StrategyDefinition, StrategyHost } from "../src/core/strategy/contract.ts";
import { REASON_CUSTOM } from "../src/core/strategy/reason.ts";
import { strategyRegistry } from "../src/core/strategy/registry.ts";
import { runEngine } from "../src/workers/engine-worker.ts";
import type { EngineTask } from "../src/workers/protocol.ts";

class Turner implements Strategy {
  readonly stateSize = 0;
  readonly #host: StrategyHost;
  readonly #period: number;
  #left: number;
  #exposure = 0;

  constructor(host: StrategyHost, period: number, phase: number) {
    this.#host = host;
    this.#period = period;
    this.#left = phase + 1;
  }

  onQuote(local: number, quote: QuoteView): void {
    if (--this.#left > 0) return;
    this.#left = this.#period;
    this.#exposure = 1 - this.#exposure;
    this.#host.target(local, this.#exposure, REASON_CUSTOM, quote.bid);
  }

  snapshot(_out: Float64Array, at: number): number {
    return at;
  }

  restore(_values: Float64Array, at: number): number {
    return at;
  }
}

const TURNER: StrategyDefinition = {
  name: "turner-bench",
  version: 1,
  title: "Turner",
  description: "Made for measuring.",
  parameters: {
    period: { kind: "integer", min: 1, max: 1_000_000, default: 1, description: "own quotes between two wishes" },
    phase: { kind: "integer", min: 0, max: 1_000_000, default: 0, description: "own quotes before the first" },
  },
  minInstruments: 1,
  maxInstruments: 1,
  barSeconds: () => 0,
  warmUpBars: () => 0,
  create: (parameters, host) => new Turner(host, parameters.number("period"), parameters.number("phase")),
};

const STRATEGIES = strategyRegistry([TURNER]);

export default function runTickEngine(task: EngineTask): number {
  return runEngine(task, STRATEGIES);
}
