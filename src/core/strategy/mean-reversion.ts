/**
 * Mean reversion: buy when the close lies far below its recent mean, in standard deviations, and leave when it has come
 * back; the mirror image when shorts are allowed. A stop leaves when it goes further still, and waits for the return
 * before it enters again. A demonstration, not advice.
 */
import { ZScore } from "../indicator/z-score.ts";
import type { Bar } from "../market/bar.ts";
import { barSecondsParameter, checkBarSeconds } from "./bar-interval.ts";
import type { Strategy, StrategyDefinition, StrategyHost } from "./contract.ts";
import { type Parameters, parameterError } from "./parameters.ts";
import {
  REASON_NONE,
  REASON_Z_SCORE_HIGH,
  REASON_Z_SCORE_LOW,
  REASON_Z_SCORE_REVERTED,
  REASON_Z_SCORE_STOP,
} from "./reason.ts";

class MeanReversion implements Strategy {
  readonly #host: StrategyHost;
  readonly #zScore: ZScore;
  readonly #entry: number;
  readonly #exit: number;
  readonly #stop: number;
  readonly #allowShort: boolean;
  /** −1, 0 or 1. */
  #side = 0;
  #reason = REASON_NONE;
  #isStopped = false;

  constructor(parameters: Parameters, host: StrategyHost) {
    this.#host = host;
    this.#zScore = new ZScore(parameters.number("lookback"));
    this.#entry = parameters.number("entry");
    this.#exit = parameters.number("exit");
    this.#stop = parameters.number("stop");
    this.#allowShort = parameters.boolean("allowShort");
  }

  get stateSize(): number {
    return 3 + this.#zScore.stateSize;
  }

  onBar(local: number, bar: Bar): void {
    this.#zScore.update(bar.close);
    if (!this.#zScore.ready) return;
    const z = this.#zScore.value;
    if (Math.abs(z) <= this.#exit) this.#isStopped = false;
    if (this.#side === 0) this.#enter(z);
    else this.#leave(z);
    this.#host.target(local, this.#side, this.#reason, z);
  }

  #enter(z: number): void {
    if (this.#isStopped || Math.abs(z) >= this.#stop) return;
    if (z <= -this.#entry) this.#turn(1, REASON_Z_SCORE_LOW);
    else if (z >= this.#entry && this.#allowShort) this.#turn(-1, REASON_Z_SCORE_HIGH);
  }

  #leave(z: number): void {
    const distance = -z * this.#side;
    if (distance >= this.#stop) {
      this.#turn(0, REASON_Z_SCORE_STOP);
      this.#isStopped = true;
    } else if (distance <= this.#exit) this.#turn(0, REASON_Z_SCORE_REVERTED);
  }

  #turn(side: number, reason: number): void {
    this.#side = side;
    this.#reason = reason;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#side;
    out[at + 1] = this.#reason;
    out[at + 2] = this.#isStopped ? 1 : 0;
    return this.#zScore.snapshot(out, at + 3);
  }

  restore(values: Float64Array, at: number): number {
    this.#side = values[at] as number;
    this.#reason = values[at + 1] as number;
    this.#isStopped = values[at + 2] === 1;
    return this.#zScore.restore(values, at + 3);
  }
}

export const MEAN_REVERSION: StrategyDefinition = {
  name: "mean-reversion",
  version: 1,
  title: "Mean reversion",
  description: "Buys closes far below their rolling mean (z-score) and leaves when they return; shorts are optional.",
  parameters: {
    lookback: { kind: "integer", min: 2, max: 500, default: 20, description: "bars of the mean and deviation" },
    entry: { kind: "number", min: 0.1, max: 10, default: 2, description: "z-score, either way, at which to enter" },
    exit: { kind: "number", min: 0, max: 10, default: 0.5, description: "z-score at which the return counts as done" },
    stop: { kind: "number", min: 0.2, max: 30, default: 4, description: "z-score at which to give up" },
    barSeconds: barSecondsParameter(60),
    allowShort: { kind: "boolean", default: false, description: "sell short closes far above their mean" },
  },
  minInstruments: 1,
  maxInstruments: 1,
  barSeconds: (parameters) => parameters.number("barSeconds"),
  warmUpBars: (parameters) => parameters.number("lookback"),
  check(parameters) {
    checkBarSeconds(parameters);
    const entry = parameters.number("entry");
    if (parameters.number("exit") >= entry) throw parameterError("exit", `must be less than entry (${entry})`);
    if (parameters.number("stop") <= entry) throw parameterError("stop", `must be greater than entry (${entry})`);
  },
  create: (parameters, host) => new MeanReversion(parameters, host),
};
