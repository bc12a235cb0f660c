/**
 * Bars out of the simulator's own trades, by the tape's rules: what may not move last, high or low counts in volume at
 * most. Used for history and for the stream's minute bars alike.
 */
import { FLAG_NOT_HIGH_LOW, FLAG_NOT_LAST, FLAG_NOT_VOLUME } from "../core/market/record.ts";
import { saleConditionFlagsOf, type Tape } from "../core/market/sale-condition.ts";
import type { HistoryBar, TradeTick } from "./market-source.ts";

export class BarAggregate {
  readonly startUs: number;
  #open = 0;
  #high = 0;
  #low = 0;
  #close = 0;
  #volume = 0;
  #value = 0;
  #count = 0;

  constructor(startUs: number) {
    this.startUs = startUs;
  }

  add(trade: TradeTick): void {
    const flags = saleConditionFlagsOf(priceConditions(trade.conditions), trade.tape as Tape);
    if ((flags & FLAG_NOT_VOLUME) === 0) {
      this.#volume += trade.size;
      this.#value += trade.size * trade.price;
      this.#count++;
    }
    if ((flags & FLAG_NOT_LAST) === 0) {
      if (this.#open === 0) this.#open = trade.price;
      this.#close = trade.price;
    }
    if ((flags & FLAG_NOT_HIGH_LOW) !== 0) return;
    if (trade.price > this.#high) this.#high = trade.price;
    if (this.#low === 0 || trade.price < this.#low) this.#low = trade.price;
  }

  /** The bar so far; null while no trade has set a price. */
  take(): HistoryBar | null {
    if (this.#close === 0 || this.#high === 0) return null;
    return {
      startUs: this.startUs,
      open: this.#open,
      high: this.#high,
      low: this.#low,
      close: this.#close,
      volume: Number(this.#volume.toFixed(9)),
      tradeCount: this.#count,
      vwap: this.#volume === 0 ? this.#close : Number((this.#value / this.#volume).toFixed(6)),
    };
  }
}

const EXTENDED_HOURS = "T";

/** The hours outside of the session have their own minute bars: that a trade is one of theirs does not speak against it. */
function priceConditions(conditions: readonly string[]): readonly string[] {
  return conditions.includes(EXTENDED_HOURS) ? conditions.filter((letter) => letter !== EXTENDED_HOURS) : conditions;
}
