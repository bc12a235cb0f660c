/**
 * Who sees which record: tables by instrument index, made once, so that a tick looks nothing up. Owned by one engine.
 */
import { BarBuilder } from "./market/bar-builder.ts";
import type { QuoteView, TradeView } from "./market/tick-view.ts";
import type { Holding } from "./order/holding.ts";
import type { Instance } from "./strategy/instance.ts";

/** One instance's interest in one instrument. */
export interface Subscription {
  readonly instance: Instance;
  readonly holding: Holding;
}

/**
 * An interest in ticks. `show` is the strategy's method, bound: so the one place that calls it sees many functions and the
 * compiler makes each strategy's code by itself, instead of all of them within the limits of one function, beyond which
 * it stops inlining and puts doubles on the heap.
 */
export interface Listener<View> extends Subscription {
  readonly local: number;
  readonly show: (local: number, view: View) => void;
}

export interface BarSeries {
  readonly instrument: number;
  readonly builder: BarBuilder;
  readonly subscriptions: Subscription[];
}

export class Routes {
  readonly allSeries: BarSeries[] = [];
  /** By instrument index, as the tables below. */
  readonly seriesOf: BarSeries[][] = [];
  readonly trades: Listener<TradeView>[][] = [];
  readonly quotes: Listener<QuoteView>[][] = [];
  readonly timers: Instance[] = [];

  constructor(instrumentCount: number) {
    for (let i = 0; i < instrumentCount; i++) {
      this.seriesOf.push([]);
      this.trades.push([]);
      this.quotes.push([]);
    }
  }

  /** Takes an instance in; in order of index. */
  add(instance: Instance): void {
    const { strategy } = instance;
    if (strategy.onTimer !== undefined) this.timers.push(instance);
    const showTrade = strategy.onTrade?.bind(strategy);
    const showQuote = strategy.onQuote?.bind(strategy);
    for (const holding of instance.holdings) {
      const subscription: Subscription = { instance, holding };
      const index = holding.instrument.index;
      const { local } = holding;
      if (showTrade !== undefined) this.trades[index]?.push({ instance, holding, local, show: showTrade });
      if (showQuote !== undefined) this.quotes[index]?.push({ instance, holding, local, show: showQuote });
      if (strategy.onBar !== undefined && instance.barSeconds > 0) this.#subscribeBars(subscription, index);
    }
  }

  #subscribeBars(subscription: Subscription, instrument: number): void {
    const { barSeconds, spec } = subscription.instance;
    const source = spec.barSource ?? "trades";
    const list = this.seriesOf[instrument] as BarSeries[];
    let series = list.find(({ builder }) => builder.intervalSeconds === barSeconds && builder.source === source);
    if (series === undefined) {
      series = { instrument, builder: new BarBuilder(barSeconds, source), subscriptions: [] };
      list.push(series);
      this.allSeries.push(series);
    }
    series.subscriptions.push(subscription);
  }
}
