/**
 * EMA cross: long while a fast average of closes is above a slow one, else flat or short. The textbook trend follower; a
 * demonstration, not advice.
 */
import { Ema } from "../indicator/ema.ts";
import type { Bar } from "../market/bar.ts";
import { barSecondsParameter, checkBarSeconds } from "./bar-interval.ts";
import type { Strategy, StrategyDefinition, StrategyHost } from "./contract.ts";
import { type Parameters, parameterError } from "./parameters.ts";
import { REASON_EMA_CROSS_DOWN, REASON_EMA_CROSS_UP } from "./reason.ts";

class EmaCross implements Strategy {
  readonly #host: StrategyHost;
  readonly #fast: Ema;
  readonly #slow: Ema;
  readonly #below: number;

  constructor(parameters: Parameters, host: StrategyHost) {
    this.#host = host;
    this.#fast = new Ema(parameters.number("fast"));
    this.#slow = new Ema(parameters.number("slow"));
    this.#below = parameters.boolean("allowShort") ? -1 : 0;
  }

  get stateSize(): number {
    return this.#fast.stateSize + this.#slow.stateSize;
  }

  onBar(local: number, bar: Bar): void {
    this.#fast.update(bar.close);
    this.#slow.update(bar.close);
    if (!this.#slow.ready) return;
    const spread = this.#fast.value - this.#slow.value;
    if (spread > 0) this.#host.target(local, 1, REASON_EMA_CROSS_UP, spread);
    else if (spread < 0) this.#host.target(local, this.#below, REASON_EMA_CROSS_DOWN, spread);
  }

  snapshot(out: Float64Array, at: number): number {
    return this.#slow.snapshot(out, this.#fast.snapshot(out, at));
  }

  restore(values: Float64Array, at: number): number {
    return this.#slow.restore(values, this.#fast.restore(values, at));
  }
}

export const EMA_CROSS: StrategyDefinition = {
  name: "ema-cross",
  version: 1,
  title: "EMA cross",
  description: "Long while the fast exponential average of closes is above the slow one, else flat or short.",
  parameters: {
    fast: { kind: "integer", min: 1, max: 1_000, default: 12, description: "period of the fast average, bars" },
    slow: { kind: "integer", min: 2, max: 2_000, default: 26, description: "period of the slow average, bars" },
    barSeconds: barSecondsParameter(60),
    allowShort: { kind: "boolean", default: false, description: "go short instead of flat below the slow average" },
  },
  minInstruments: 1,
  maxInstruments: 1,
  barSeconds: (parameters) => parameters.number("barSeconds"),
  warmUpBars: (parameters) => parameters.number("slow"),
  check(parameters) {
    checkBarSeconds(parameters);
    const slow = parameters.number("slow");
    if (parameters.number("fast") >= slow) throw parameterError("fast", `must be less than slow (${slow})`);
  },
  create: (parameters, host) => new EmaCross(parameters, host),
};
