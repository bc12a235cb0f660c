/**
 * Donchian breakout: enter when a close leaves the channel of the bars before it, leave when a close breaks a shorter
 * channel the other way or falls a multiple of the average true range from the entry. After the Turtle rules; a
 * demonstration, not advice.
 */
import { Atr } from "../indicator/atr.ts";
import { DonchianChannel } from "../indicator/donchian-channel.ts";
import type { Bar } from "../market/bar.ts";
import { barSecondsParameter, checkBarSeconds } from "./bar-interval.ts";
import type { Strategy, StrategyDefinition, StrategyHost } from "./contract.ts";
import { type Parameters, parameterError } from "./parameters.ts";
import {
  REASON_ATR_STOP,
  REASON_CHANNEL_BREAK_DOWN,
  REASON_CHANNEL_BREAK_UP,
  REASON_CHANNEL_EXIT,
  REASON_NONE,
} from "./reason.ts";

class DonchianBreakout implements Strategy {
  readonly #host: StrategyHost;
  readonly #entryChannel: DonchianChannel;
  readonly #exitChannel: DonchianChannel;
  readonly #atr: Atr;
  readonly #atrStop: number;
  readonly #allowShort: boolean;
  /** −1, 0 or 1. */
  #side = 0;
  #reason = REASON_NONE;
  #stopPrice = 0;

  constructor(parameters: Parameters, host: StrategyHost) {
    this.#host = host;
    this.#entryChannel = new DonchianChannel(parameters.number("entry"));
    this.#exitChannel = new DonchianChannel(parameters.number("exit"));
    this.#atr = new Atr(parameters.number("atrPeriod"));
    this.#atrStop = parameters.number("atrStop");
    this.#allowShort = parameters.boolean("allowShort");
  }

  get stateSize(): number {
    return 3 + this.#entryChannel.stateSize + this.#exitChannel.stateSize + this.#atr.stateSize;
  }

  /** The channels are those before the bar; the range includes it. */
  onBar(local: number, bar: Bar): void {
    const hasChannels = this.#entryChannel.ready && this.#exitChannel.ready;
    this.#atr.update(bar.high, bar.low, bar.close, bar.volume);
    if (hasChannels && this.#atr.ready) {
      if (this.#side !== 0) this.#leave(bar.close);
      if (this.#side === 0) this.#enter(bar.close);
      this.#host.target(local, this.#side, this.#reason, bar.close - this.#entryChannel.value);
    }
    this.#entryChannel.update(bar.high, bar.low, bar.close, bar.volume);
    this.#exitChannel.update(bar.high, bar.low, bar.close, bar.volume);
  }

  #enter(close: number): void {
    const stopDistance = this.#atrStop * this.#atr.value;
    if (close > this.#entryChannel.upper) {
      this.#side = 1;
      this.#reason = REASON_CHANNEL_BREAK_UP;
      this.#stopPrice = close - stopDistance;
    } else if (close < this.#entryChannel.lower && this.#allowShort) {
      this.#side = -1;
      this.#reason = REASON_CHANNEL_BREAK_DOWN;
      this.#stopPrice = close + stopDistance;
    }
  }

  #leave(close: number): void {
    const isLong = this.#side > 0;
    const stopped = isLong ? close <= this.#stopPrice : close >= this.#stopPrice;
    const broken = isLong ? close < this.#exitChannel.lower : close > this.#exitChannel.upper;
    if (!stopped && !broken) return;
    this.#side = 0;
    this.#reason = stopped ? REASON_ATR_STOP : REASON_CHANNEL_EXIT;
    this.#stopPrice = 0;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#side;
    out[at + 1] = this.#reason;
    out[at + 2] = this.#stopPrice;
    return this.#atr.snapshot(out, this.#exitChannel.snapshot(out, this.#entryChannel.snapshot(out, at + 3)));
  }

  restore(values: Float64Array, at: number): number {
    this.#side = values[at] as number;
    this.#reason = values[at + 1] as number;
    this.#stopPrice = values[at + 2] as number;
    return this.#atr.restore(values, this.#exitChannel.restore(values, this.#entryChannel.restore(values, at + 3)));
  }
}

export const DONCHIAN_BREAKOUT: StrategyDefinition = {
  name: "donchian-breakout",
  version: 1,
  title: "Donchian breakout",
  description: "Enters when a close leaves the channel of earlier bars; leaves on a shorter channel or an ATR stop.",
  parameters: {
    entry: { kind: "integer", min: 2, max: 500, default: 20, description: "bars of the entry channel" },
    exit: { kind: "integer", min: 1, max: 500, default: 10, description: "bars of the exit channel" },
    atrPeriod: { kind: "integer", min: 1, max: 500, default: 14, description: "bars of the average true range" },
    atrStop: { kind: "number", min: 0.1, max: 50, default: 2, description: "stop distance in average true ranges" },
    barSeconds: barSecondsParameter(60),
    allowShort: { kind: "boolean", default: false, description: "sell short breaks of the channel downwards" },
  },
  minInstruments: 1,
  maxInstruments: 1,
  barSeconds: (parameters) => parameters.number("barSeconds"),
  warmUpBars: (parameters) => Math.max(parameters.number("entry") + 1, parameters.number("atrPeriod")),
  check(parameters) {
    checkBarSeconds(parameters);
    const entry = parameters.number("entry");
    if (parameters.number("exit") > entry) throw parameterError("exit", `must be at most entry (${entry})`);
  },
  create: (parameters, host) => new DonchianBreakout(parameters, host),
};
