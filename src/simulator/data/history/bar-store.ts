/** Bars that have been closed while the market was played, a bounded number of each instrument. Main thread of the simulator. */
import type { HistoryBar } from "../../market-source.ts";

export class BarStore {
  /** By index of the instrument and by length in seconds. */
  readonly #bars: Map<number, HistoryBar[]>[];
  readonly #retained: number;
  /** Start of the oldest bar that nothing is missing after, per instrument. */
  readonly #completeSinceUs: number[];

  /** `retained`: bars kept of each instrument and length. */
  constructor(instruments: number, retained: number) {
    this.#retained = retained;
    this.#bars = Array.from({ length: instruments }, () => new Map());
    this.#completeSinceUs = Array.from({ length: instruments }, () => Number.NEGATIVE_INFINITY);
  }

  /** From this start on no bar has been dropped. */
  completeSinceUs(index: number): number {
    return this.#completeSinceUs[index] as number;
  }

  /** Length of the shortest bars of an instrument; undefined when it has none. */
  shortestSeconds(index: number): number | undefined {
    const lengths = [...(this.#bars[index] as Map<number, HistoryBar[]>).keys()];
    return lengths.length === 0 ? undefined : Math.min(...lengths);
  }

  /** Bars come in order of time. */
  add(index: number, seconds: number, bar: HistoryBar): void {
    const lengths = this.#bars[index] as Map<number, HistoryBar[]>;
    let bars = lengths.get(seconds);
    if (bars === undefined) {
      bars = [];
      lengths.set(seconds, bars);
    }
    bars.push(bar);
    if (bars.length <= this.#retained * 2) return;
    bars.splice(0, bars.length - this.#retained);
    this.#completeSinceUs[index] = Math.max(this.completeSinceUs(index), (bars[0] as HistoryBar).startUs);
  }

  /** Bars from before the first one. */
  prepend(index: number, seconds: number, bars: readonly HistoryBar[]): void {
    const lengths = this.#bars[index] as Map<number, HistoryBar[]>;
    lengths.set(seconds, [...bars, ...(lengths.get(seconds) ?? [])]);
  }

  /** The kept bar of the same start is put right. */
  replace(index: number, seconds: number, bar: HistoryBar): void {
    const bars = this.#bars[index]?.get(seconds) ?? [];
    const place = firstFrom(bars, bar.startUs);
    if (bars[place]?.startUs === bar.startUs) bars[place] = bar;
  }

  /** Starts in [startUs, endUs). */
  between(index: number, seconds: number, startUs: number, endUs: number): readonly HistoryBar[] {
    const bars = this.#bars[index]?.get(seconds) ?? [];
    return bars.slice(firstFrom(bars, startUs), firstFrom(bars, endUs));
  }
}

function firstFrom(bars: readonly HistoryBar[], startUs: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bars[middle] as HistoryBar).startUs < startUs) low = middle + 1;
    else high = middle;
  }
  return low;
}
