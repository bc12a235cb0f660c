/**
 * A strategy that wants what the test tells it, for tests of what happens between a target and an intent. It states its
 * target at every quote, or at every bar of one second, whichever `on` says.
 */
import type { Strategy, StrategyDefinition, StrategyHost } from "../../../src/core/strategy/contract.ts";
import { REASON_CUSTOM } from "../../../src/core/strategy/reason.ts";
import { STRATEGIES, type StrategyRegistry, strategyRegistry } from "../../../src/core/strategy/registry.ts";

export class Puppet {
  /** By local instrument; undefined states nothing. */
  readonly wants: (number | undefined)[] = [];
  on: "quote" | "bar" | "trade" | "timer" = "quote";
  signal = 1.25;
  reason = REASON_CUSTOM;
  /** When true the next call throws. */
  throws = false;
  calls = 0;

  definition(options: { readonly warmUpBars?: number; readonly instruments?: number } = {}): StrategyDefinition {
    const count = options.instruments ?? 1;
    return {
      name: "puppet",
      version: 1,
      title: "Puppet",
      description: "Wants what a test tells it.",
      parameters: {},
      minInstruments: 1,
      maxInstruments: count,
      barSeconds: () => 1,
      warmUpBars: () => options.warmUpBars ?? 0,
      create: (_parameters, host) => this.#strategy(host),
    };
  }

  registry(options: { readonly warmUpBars?: number; readonly instruments?: number } = {}): StrategyRegistry {
    return strategyRegistry([...STRATEGIES.values(), this.definition(options)]);
  }

  #strategy(host: StrategyHost): Strategy {
    const call = (cause: Puppet["on"]): void => {
      if (cause !== this.on) return;
      this.calls++;
      if (this.throws) throw new Error("the puppet's string broke");
      for (const [local, want] of this.wants.entries()) {
        if (want !== undefined) host.target(local, want, this.reason, this.signal);
      }
    };
    return {
      stateSize: 1,
      onBar: () => call("bar"),
      onQuote: () => call("quote"),
      onTrade: () => call("trade"),
      onTimer: () => call("timer"),
      snapshot: (out, at) => {
        out[at] = this.calls;
        return at + 1;
      },
      restore: (values, at) => {
        this.calls = values[at] as number;
        return at + 1;
      },
    };
  }
}
