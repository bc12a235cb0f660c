/**
 * One feed of the streams: turns ticks into messages, and the bars that they make. The market
 * and the test market have one each. Main thread of the simulator.
 */
import type { Instrument } from "../../../core/market/instrument.ts";
import type { HistoryBar, MarketTick } from "../../market-source.ts";
import { type BarLetter, barShape } from "../message/messages.ts";
import type { DataChannel } from "../stream/endpoint.ts";
import { type AnyMessage, sealed } from "../stream/stream-message.ts";
import { LiveBars, type LiveBarsOptions } from "./live-bars.ts";
import { tickMessage } from "./tick-message.ts";

export interface FeedPublisherOptions extends Omit<LiveBarsOptions, "publish"> {
  readonly publish: (message: AnyMessage) => void;
}

const BAR_CHANNELS: Readonly<Record<BarLetter, DataChannel>> = { b: "bars", u: "updatedBars", d: "dailyBars" };

export class FeedPublisher {
  readonly #options: FeedPublisherOptions;
  readonly #bars: LiveBars;

  constructor(options: FeedPublisherOptions) {
    this.#options = options;
    this.#bars = new LiveBars({
      ...options,
      publish: (letter, instrument, bar) => options.publish(barMessage(letter, instrument, bar)),
    });
  }

  /** Time has come this far: bars that have ended leave. */
  advance(timeUs: number): void {
    this.#bars.advance(timeUs);
  }

  /** The tick itself, after the bars that it ends. It is among the recent ones already. */
  play(tick: MarketTick): void {
    this.observe(tick);
    const instrument = this.#options.instruments[tick.index] as Instrument;
    const message = tickMessage(tick, instrument);
    if (message !== null) this.#options.publish(message);
  }

  /** A tick of an earlier life: its bars are made again. */
  observe(tick: MarketTick): void {
    this.#bars.advance(tick.timeUs);
    if (tick.kind === "trade") this.#bars.add(tick);
    else if (tick.kind === "bar") this.#bars.addBar(tick);
    else if (tick.kind === "correction" || tick.kind === "cancelError") this.#bars.correct(tick);
  }
}

function barMessage(letter: BarLetter, instrument: Instrument, bar: HistoryBar): AnyMessage {
  const shape = barShape(letter, instrument);
  return sealed({ channel: BAR_CHANNELS[letter], instrument, shape, value: bar, timeUs: bar.startUs });
}
