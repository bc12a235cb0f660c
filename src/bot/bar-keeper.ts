/**
 * The main thread's own bars: one builder per instrument and interval that an instance uses, plus one minute for charts.
 * They are stored, shown, and fed to a worker that has to warm up again. They decide nothing.
 */
import { BarBuilder } from "../core/market/bar-builder.ts";
import {
  KIND_BAR,
  KIND_BAR_UPDATE,
  KIND_QUOTE,
  KIND_TRADE,
  LANE_VENUE_TIME_US,
  type RecordBuffer,
} from "../core/market/record.ts";

export interface KeptBar {
  readonly instrument: number;
  readonly intervalSeconds: number;
  readonly startUs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Bars kept in memory per series: more than any warm-up needs to bridge between two snapshots. */
const KEPT_MAX = 1000;

interface Series {
  readonly instrument: number;
  readonly builder: BarBuilder;
  readonly kept: KeptBar[];
}

export class BarKeeper {
  readonly #byInstrument: Series[][];
  readonly #onBar: (bar: KeptBar) => void;

  /** `wanted`: instrument index and interval pairs; doubles are fine. */
  constructor(instrumentCount: number, wanted: readonly (readonly [number, number])[], onBar: (bar: KeptBar) => void) {
    this.#byInstrument = Array.from({ length: instrumentCount }, () => []);
    this.#onBar = onBar;
    for (const [instrument, intervalSeconds] of wanted) this.#series(instrument, intervalSeconds);
  }

  /** A market record in feed order. */
  record(records: RecordBuffer, slot: number): void {
    const kind = records.kind(slot);
    const list = this.#byInstrument[records.instrument(slot)];
    if (list === undefined) return;
    if (kind === KIND_BAR || kind === KIND_BAR_UPDATE) return this.#repair(list, records, slot);
    if (kind !== KIND_TRADE && kind !== KIND_QUOTE) return;
    const timeUs = records.lane(slot, LANE_VENUE_TIME_US);
    for (const series of list) {
      if (timeUs >= series.builder.endUs) this.#close(series);
      if (kind === KIND_TRADE) series.builder.addTrade(records, slot);
    }
  }

  /** Venue time moved on: closes what has ended. */
  time(timeUs: number): void {
    for (const list of this.#byInstrument) {
      for (const series of list) if (timeUs >= series.builder.endUs) this.#close(series);
    }
  }

  /** Trades may be missing from here on, of every instrument. */
  gap(timeUs: number): void {
    for (const list of this.#byInstrument) for (const series of list) series.builder.gap(timeUs);
  }

  /** A feed is connected anew after a time without one: bars of before would leave a hole, and the open one is not whole. */
  begin(timeUs: number): void {
    for (const list of this.#byInstrument) for (const series of list) series.kept.length = 0;
    this.gap(timeUs);
  }

  /** Complete bars that start at or after a time, oldest first. */
  since(instrument: number, intervalSeconds: number, startUs: number): readonly KeptBar[] {
    const series = this.#byInstrument[instrument]?.find((s) => s.builder.intervalSeconds === intervalSeconds);
    return series === undefined ? [] : series.kept.filter((bar) => bar.startUs >= startUs);
  }

  #series(instrument: number, intervalSeconds: number): void {
    const list = this.#byInstrument[instrument] as Series[];
    if (intervalSeconds <= 0 || list.some((s) => s.builder.intervalSeconds === intervalSeconds)) return;
    list.push({ instrument, builder: new BarBuilder(intervalSeconds), kept: [] });
  }

  /** A bar of the venue's takes the place of one that misses trades. */
  #repair(list: readonly Series[], records: RecordBuffer, slot: number): void {
    for (const series of list) {
      const newestUs = series.kept.at(-1)?.startUs ?? Number.NEGATIVE_INFINITY;
      if (series.builder.addBar(records, slot) && series.builder.bar.startUs > newestUs) this.#keep(series);
    }
  }

  #close(series: Series): void {
    if (series.builder.close()) this.#keep(series);
  }

  #keep(series: Series): void {
    const { startUs, open, high, low, close, volume } = series.builder.bar;
    const { intervalSeconds } = series.builder;
    const bar: KeptBar = { instrument: series.instrument, intervalSeconds, startUs, open, high, low, close, volume };
    series.kept.push(bar);
    if (series.kept.length > KEPT_MAX) series.kept.shift();
    this.#onBar(bar);
  }
}
