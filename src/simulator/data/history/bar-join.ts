/** Bars that follow each other, put together to one. Pure. */
import type { HistoryBar } from "../../market-source.ts";

const VOLUME_DIGITS = 9;
const VWAP_DIGITS = 6;

export class BarJoin {
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

  /** `setsPrice` false counts the bar in volume only. Oldest first. */
  add(bar: HistoryBar, setsPrice = true): void {
    this.#volume += bar.volume;
    this.#value += bar.volume * bar.vwap;
    this.#count += bar.tradeCount;
    if (!setsPrice) return;
    if (this.#open === 0) this.#open = bar.open;
    this.#close = bar.close;
    if (bar.high > this.#high) this.#high = bar.high;
    if (this.#low === 0 || bar.low < this.#low) this.#low = bar.low;
  }

  /** The bar so far; null while nothing has set a price. */
  take(): HistoryBar | null {
    if (this.#close === 0) return null;
    return {
      startUs: this.startUs,
      open: this.#open,
      high: this.#high,
      low: this.#low,
      close: this.#close,
      volume: Number(this.#volume.toFixed(VOLUME_DIGITS)),
      tradeCount: this.#count,
      vwap: this.#volume === 0 ? this.#close : Number((this.#value / this.#volume).toFixed(VWAP_DIGITS)),
    };
  }
}
