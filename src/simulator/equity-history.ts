/**
 * The account's equity over time, as a step function: a sample at the end of each minute in which it changed for the last
 * 31 days, and one at the end of each day since the beginning. Owned by the exchange; pure.
 */
import type { Fixed } from "../core/fixed.ts";

export interface EquitySample {
  /** Epoch microseconds; the sample holds from here until the next one. */
  readonly timeUs: number;
  readonly equity: Fixed;
  /** The end of a day: kept for ever. */
  readonly dayEnd: boolean;
}

const MINUTE_US = 60_000_000;
const MINUTES_KEPT_US = 31 * 86_400_000_000;

export class EquityHistory {
  readonly #samples: EquitySample[] = [];
  readonly #onSample: (sample: EquitySample) => void;
  /** The end of the minute that is running; 0 before the first observation. */
  #minuteEndUs = 0;

  /** `onSample` is told of every sample that this life takes. */
  constructor(onSample: (sample: EquitySample) => void) {
    this.#onSample = onSample;
  }

  /** Where the account begins; null before it does. */
  get startUs(): number | null {
    return this.#samples[0]?.timeUs ?? null;
  }

  /** Samples that are kept. */
  get size(): number {
    return this.#samples.length;
  }

  /** Those that are kept, oldest first: the account's beginning, then what followed. */
  get samples(): readonly EquitySample[] {
    return this.#samples;
  }

  /** Time has come to `timeUs` with nothing of that moment done yet; `equity` is asked for once a minute. */
  observe(timeUs: number, equity: () => Fixed): void {
    if (timeUs < this.#minuteEndUs) return;
    if (this.#minuteEndUs > 0) this.#take({ timeUs: this.#minuteEndUs, equity: equity(), dayEnd: false });
    this.#minuteEndUs = (Math.floor(timeUs / MINUTE_US) + 1) * MINUTE_US;
  }

  /** The equity with which a day ends, or with which the account begins. */
  endDay(timeUs: number, equity: Fixed): void {
    this.#take({ timeUs, equity, dayEnd: true });
    this.#thin(timeUs - MINUTES_KEPT_US);
  }

  /** Takes over a sample of an earlier life; a day's end that comes again is known already. */
  restore(sample: EquitySample): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && (last.timeUs > sample.timeUs || (last.timeUs === sample.timeUs && last.dayEnd))) return;
    this.#samples.push(sample);
    if (sample.dayEnd) this.#thin(sample.timeUs - MINUTES_KEPT_US);
  }

  /** Equity as of a time, everything before it done; null before the account began. */
  at(timeUs: number): Fixed | null {
    let low = 0;
    let high = this.#samples.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#samples[middle] as EquitySample).timeUs <= timeUs) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? null : (this.#samples[low - 1] as EquitySample).equity;
  }

  #take(sample: EquitySample): void {
    const last = this.#samples.at(-1);
    if (!sample.dayEnd && last?.equity === sample.equity) return;
    if (last !== undefined && last.timeUs > sample.timeUs) return;
    this.#onSample(sample);
    this.#samples.push(sample);
  }

  /** Leaves only day ends before a time. */
  #thin(beforeUs: number): void {
    const first = this.#samples.findIndex((sample) => sample.timeUs >= beforeUs);
    const old = this.#samples.splice(0, first === -1 ? this.#samples.length : first);
    this.#samples.unshift(...old.filter((sample) => sample.dayEnd));
  }
}
