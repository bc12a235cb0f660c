/**
 * What corporate actions do to bars of the days before them: a split moves prices and volumes, a dividend prices, by the
 * share of the last close that it takes away. Main thread of the simulator.
 */
import { fixedToNumber } from "../../../core/fixed.ts";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { DividendTick, HistoryBar, SplitTick } from "../../market-source.ts";
import { dayClockOf } from "./timeframe.ts";

export type AdjustmentKind = "split" | "dividend";

interface Action {
  readonly kind: AdjustmentKind;
  /** Bars of days before this one are adjusted. */
  readonly day: number;
  readonly price: number;
  readonly volume: number;
}

/** Actions kept per instrument: those of a hundred years. */
const RETAINED = 500;
const PRICE_DIGITS = 6;

export class Adjustments {
  readonly #actions = new Map<number, Action[]>();

  /** `lastClose`: the last price before it, raw; 0 when there is none, which leaves a dividend without effect. */
  add(instrument: Instrument, tick: SplitTick | DividendTick, lastClose: number): void {
    const actions = this.#actions.get(instrument.index) ?? [];
    this.#actions.set(instrument.index, actions);
    const day = dayClockOf(instrument).dayOf(tick.timeUs);
    if (tick.kind === "split") {
      const shares = tick.to / tick.from;
      actions.push({ kind: "split", day, price: 1 / shares, volume: shares });
    } else {
      const amount = fixedToNumber(tick.amount);
      if (lastClose > amount) actions.push({ kind: "dividend", day, price: 1 - amount / lastClose, volume: 1 });
    }
    if (actions.length > RETAINED) actions.shift();
  }

  adjusted(instrument: Instrument, bar: HistoryBar, kinds: readonly AdjustmentKind[]): HistoryBar {
    const actions = kinds.length === 0 ? undefined : this.#actions.get(instrument.index);
    if (actions === undefined) return bar;
    const day = dayClockOf(instrument).dayOf(bar.startUs);
    let price = 1;
    let volume = 1;
    for (const action of actions) {
      if (action.day <= day || !kinds.includes(action.kind)) continue;
      price *= action.price;
      volume *= action.volume;
    }
    return price === 1 && volume === 1 ? bar : scaled(bar, price, volume);
  }
}

function scaled(bar: HistoryBar, price: number, volume: number): HistoryBar {
  const moved = (value: number) => Number((value * price).toFixed(PRICE_DIGITS));
  return {
    ...bar,
    open: moved(bar.open),
    high: moved(bar.high),
    low: moved(bar.low),
    close: moved(bar.close),
    vwap: moved(bar.vwap),
    volume: Math.round(bar.volume * volume),
  };
}
