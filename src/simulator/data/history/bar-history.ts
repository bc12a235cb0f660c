/**
 * Bars of any time frame out of minute bars, adjusted for corporate actions, a page at a time in either direction. What it
 * has made once it keeps for a while. Main thread of the simulator; long searches let others run in between.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { HistoryBar } from "../../market-source.ts";
import type { Adjustments, AdjustmentKind } from "./adjustments.ts";
import { BarJoin } from "./bar-join.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { dayBar } from "./day-bar.ts";
import type { MinuteSource } from "./minute-source.ts";
import { type BarSpan, dayClockOf, isDaily, spanAt, type Timeframe } from "./timeframe.ts";

export interface BarQuery {
  readonly instrument: Instrument;
  readonly timeframe: Timeframe;
  /** Starts of bars, both inclusive, epoch microseconds. */
  readonly startUs: number;
  readonly endUs: number;
  readonly nowUs: number;
  readonly descending: boolean;
  readonly limit: number;
  readonly adjustments: readonly AdjustmentKind[];
}

export interface BarsPage {
  readonly bars: readonly HistoryBar[];
  /** Start of the next bar to look for; null when nothing is left in the range. */
  readonly nextUs: number | null;
}

/** Windows of minutes that are kept, and days. */
const KEPT_WINDOWS = 2000;
const KEPT_DAYS = 20_000;
/** Windows that a page may have made anew before it is cut short. */
const WINDOWS_PER_PAGE = 240;
const DAY: Timeframe = { unit: "day", count: 1 };

/** Of one page: how much work is left to it. */
interface Budget {
  windows: number;
}

export class BarHistory {
  readonly #source: MinuteSource;
  readonly #adjustments: Adjustments;
  readonly #windows = new BoundedCache<readonly HistoryBar[]>(KEPT_WINDOWS);
  readonly #days = new BoundedCache<HistoryBar | null>(KEPT_DAYS);

  constructor(source: MinuteSource, adjustments: Adjustments) {
    this.#source = source;
    this.#adjustments = adjustments;
  }

  /** The running bar is among them, unless it is a minute. A page may be short, even empty, and go on. */
  async page(query: BarQuery): Promise<BarsPage> {
    const { instrument, timeframe, descending } = query;
    const clock = dayClockOf(instrument);
    const firstUs = Math.max(query.startUs, this.#source.firstUs);
    const lastUs = Math.min(query.endUs, query.nowUs);
    const budget: Budget = { windows: WINDOWS_PER_PAGE };
    const bars: HistoryBar[] = [];
    let span = spanAt(descending ? lastUs : firstUs, timeframe, clock);
    if (!descending && span.startUs < query.startUs) span = spanAt(span.endUs, timeframe, clock);
    for (; span.startUs >= query.startUs && span.startUs <= lastUs && span.endUs > firstUs; ) {
      if (bars.length === query.limit) return { bars, nextUs: span.startUs };
      const bar = await this.#bar(query, span, budget);
      if (bar === undefined) return { bars, nextUs: span.startUs };
      if (bar !== null) bars.push(bar);
      span = spanAt(descending ? span.startUs - 1 : span.endUs, timeframe, clock);
    }
    return { bars, nextUs: null };
  }

  /** Null when nothing traded; undefined when the budget is used up. */
  async #bar(query: BarQuery, span: BarSpan, budget: Budget): Promise<HistoryBar | null | undefined> {
    const { instrument, timeframe, nowUs } = query;
    if (timeframe.unit === "minute" && timeframe.count === 1 && span.endUs > nowUs) return null;
    if (isDaily(timeframe)) return this.#joinedDays(query, span, budget);
    const minutes = await this.#minutes(instrument.index, span, nowUs, budget);
    return minutes === undefined ? undefined : this.#joined(query, span.startUs, minutes);
  }

  async #joinedDays(query: BarQuery, span: BarSpan, budget: Budget): Promise<HistoryBar | null | undefined> {
    const clock = dayClockOf(query.instrument);
    const days: HistoryBar[] = [];
    for (let startUs = span.startUs; startUs < span.endUs && startUs <= query.nowUs; ) {
      const day = spanAt(startUs, DAY, clock);
      const bar = await this.#day(query.instrument, day, query.nowUs, budget);
      if (bar === undefined) return undefined;
      if (bar !== null) days.push(bar);
      startUs = day.endUs;
    }
    return this.#joined(query, span.startUs, days);
  }

  #joined(query: BarQuery, startUs: number, parts: readonly HistoryBar[]): HistoryBar | null {
    const join = new BarJoin(startUs);
    for (const part of parts) join.add(this.#adjustments.adjusted(query.instrument, part, query.adjustments));
    return join.take();
  }

  async #day(
    instrument: Instrument,
    day: BarSpan,
    nowUs: number,
    budget: Budget,
  ): Promise<HistoryBar | null | undefined> {
    const key = `${instrument.index} ${day.startUs}`;
    const known = this.#days.get(key);
    if (known !== undefined) return known;
    const parts = await this.#minutes(instrument.index, day, nowUs, budget);
    if (parts === undefined) return undefined;
    const isRecordedDay = this.#source.partSeconds(instrument.index) >= DAY_SECONDS;
    const bar = isRecordedDay ? (parts[0] ?? null) : dayBar(instrument, day.startUs, parts);
    if (day.endUs <= nowUs && !this.#source.isKept(instrument.index, day.startUs)) this.#days.set(key, bar);
    return bar;
  }

  async #minutes(index: number, span: BarSpan, nowUs: number, budget: Budget): Promise<HistoryBar[] | undefined> {
    if ((span.endUs - span.startUs) / 1e6 < this.#source.partSeconds(index)) return [];
    const { windowUs } = this.#source;
    const minutes: HistoryBar[] = [];
    for (let fromUs = Math.floor(span.startUs / windowUs) * windowUs; fromUs < span.endUs; fromUs += windowUs) {
      const window = await this.#window(index, fromUs, nowUs, budget);
      if (window === undefined) return undefined;
      for (const bar of window) if (bar.startUs >= span.startUs && bar.startUs < span.endUs) minutes.push(bar);
    }
    return minutes;
  }

  async #window(
    index: number,
    fromUs: number,
    nowUs: number,
    budget: Budget,
  ): Promise<readonly HistoryBar[] | undefined> {
    const toUs = fromUs + this.#source.windowUs;
    if (this.#source.isKept(index, fromUs)) return this.#source.minutes(index, fromUs, toUs, nowUs);
    const key = `${index} ${fromUs}`;
    const known = this.#windows.get(key);
    if (known !== undefined || fromUs > nowUs) return known ?? [];
    if (budget.windows === 0) return undefined;
    budget.windows--;
    const bars = await this.#source.minutes(index, fromUs, toUs, nowUs);
    if (toUs <= nowUs) this.#windows.set(key, bars);
    await nextTurn();
    return bars;
  }
}

const DAY_SECONDS = 86_400;
