/**
 * Bars as they come about: of a minute right after it, again after the next half minute when a correction has changed it,
 * and of the day after every minute. Main thread of the simulator.
 */
import { calendarOf } from "../../../core/market/calendar.ts";
import type { Instrument } from "../../../core/market/instrument.ts";
import { BarAggregate } from "../../bar-aggregate.ts";
import type { BarTick, CancelErrorTick, CorrectionTick, HistoryBar, TradeTick } from "../../market-source.ts";
import type { BarStore } from "../history/bar-store.ts";
import { correctedTrades } from "../history/corrected-trades.ts";
import { dayBar } from "../history/day-bar.ts";
import { MINUTE_SECONDS, MINUTE_US } from "../history/minute-source.ts";
import type { RecentTicks } from "../history/recent-ticks.ts";
import { dayClockOf } from "../history/timeframe.ts";
import type { BarLetter } from "../message/messages.ts";

export interface LiveBarsOptions {
  readonly instruments: readonly Instrument[];
  /** Where closed bars are kept. */
  readonly store: BarStore;
  /** Where the trades of bars that change are looked up. */
  readonly recent: RecentTicks;
  readonly publish: (letter: BarLetter, instrument: Instrument, bar: HistoryBar) => void;
  /** Whether all minutes of an instrument since the beginning of a day are in the store. */
  readonly isDayKnown: (index: number, dayStartUs: number) => boolean;
  /** Whether anybody wants bars of days: they are not made for nobody. */
  readonly wantsDays: () => boolean;
}

const HALF_MINUTE_US = MINUTE_US / 2;
const DAY_SECONDS = 86_400;

interface Revision {
  readonly index: number;
  readonly minuteUs: number;
  readonly dueUs: number;
}

export class LiveBars {
  readonly #options: LiveBarsOptions;
  readonly #running = new Map<number, BarAggregate>();
  #revisions: Revision[] = [];
  /** Minutes that have ended by then are closed. */
  #closedUs = Number.NEGATIVE_INFINITY;
  #nextUs = Number.NEGATIVE_INFINITY;

  constructor(options: LiveBarsOptions) {
    this.#options = options;
  }

  /** Time has come this far. */
  advance(timeUs: number): void {
    if (timeUs < this.#nextUs) return;
    this.#nextUs = markAfter(timeUs);
    const minuteUs = Math.floor(timeUs / MINUTE_US) * MINUTE_US;
    if (minuteUs > this.#closedUs) this.#closeMinutes(minuteUs);
    if (this.#revisions.length > 0) this.#publishRevisions(timeUs);
  }

  /** `advance` comes first. */
  add(trade: TradeTick): void {
    const minuteUs = Math.floor(trade.timeUs / MINUTE_US) * MINUTE_US;
    if (minuteUs + MINUTE_US <= this.#closedUs) return this.#revise(trade.index, minuteUs);
    let running = this.#running.get(trade.index);
    if (running === undefined) {
      running = new BarAggregate(minuteUs);
      this.#running.set(trade.index, running);
    }
    running.add(trade);
  }

  /** A bar of a recorded file, at its end. */
  addBar(tick: BarTick): void {
    const instrument = this.#options.instruments[tick.index] as Instrument;
    this.#options.store.add(tick.index, tick.intervalSeconds, tick.bar);
    if (tick.intervalSeconds === DAY_SECONDS) this.#options.publish("d", instrument, tick.bar);
    if (tick.intervalSeconds !== MINUTE_SECONDS) return;
    this.#options.publish("b", instrument, tick.bar);
    this.#publishDay(instrument, tick.timeUs);
  }

  /** A trade of before did not happen, or not like that. The tick is among the recent ones already. */
  correct(tick: CorrectionTick | CancelErrorTick): void {
    const { recent } = this.#options;
    const tradeId = tick.kind === "correction" ? tick.original.tradeId : tick.tradeId;
    for (let number = recent.endNumber - 1; number >= recent.firstNumber; number--) {
      const trade = recent.at(number);
      if (trade.kind !== "trade" || trade.index !== tick.index || trade.tradeId !== tradeId) continue;
      return this.#revise(tick.index, Math.floor(trade.timeUs / MINUTE_US) * MINUTE_US);
    }
  }

  #revise(index: number, minuteUs: number): void {
    if (minuteUs + MINUTE_US > this.#closedUs) {
      this.#running.set(index, this.#aggregated(index, minuteUs));
      return;
    }
    const known = this.#revisions.some((revision) => revision.index === index && revision.minuteUs === minuteUs);
    if (!known) this.#revisions.push({ index, minuteUs, dueUs: halfMinuteAfter(this.#nextUs - HALF_MINUTE_US) });
  }

  #aggregated(index: number, minuteUs: number): BarAggregate {
    const bar = new BarAggregate(minuteUs);
    for (const trade of correctedTrades(this.#options.recent, index, minuteUs, minuteUs + MINUTE_US)) bar.add(trade);
    return bar;
  }

  #closeMinutes(minuteUs: number): void {
    const { instruments, store, publish } = this.#options;
    for (const [index, running] of this.#running) {
      const bar = running.take();
      if (bar === null) continue;
      store.add(index, MINUTE_SECONDS, bar);
      publish("b", instruments[index] as Instrument, bar);
    }
    this.#running.clear();
    this.#closedUs = minuteUs;
    if (!this.#options.wantsDays()) return;
    for (const instrument of instruments) this.#publishDay(instrument, minuteUs);
  }

  /** After every minute while the market is open; `minuteUs` is the end of one. */
  #publishDay(instrument: Instrument, minuteUs: number): void {
    if (!calendarOf(instrument.calendar).isOpen(minuteUs - 1)) return;
    const clock = dayClockOf(instrument);
    const startUs = clock.startUs(clock.dayOf(minuteUs - 1));
    if (!this.#options.isDayKnown(instrument.index, startUs)) return;
    const minutes = this.#options.store.between(instrument.index, MINUTE_SECONDS, startUs, minuteUs);
    const bar = dayBar(instrument, startUs, minutes);
    if (bar !== null) this.#options.publish("d", instrument, bar);
  }

  #publishRevisions(timeUs: number): void {
    const { instruments, store, publish } = this.#options;
    const due = this.#revisions.filter((revision) => revision.dueUs <= timeUs);
    this.#revisions = this.#revisions.filter((revision) => revision.dueUs > timeUs);
    for (const { index, minuteUs } of due) {
      const bar = this.#aggregated(index, minuteUs).take();
      if (bar === null) continue;
      store.replace(index, MINUTE_SECONDS, bar);
      publish("u", instruments[index] as Instrument, bar);
    }
  }
}

/** The next whole or half minute. */
function markAfter(timeUs: number): number {
  return (Math.floor(timeUs / HALF_MINUTE_US) + 1) * HALF_MINUTE_US;
}

/** The next half minute that is no whole one, from a time on. */
function halfMinuteAfter(timeUs: number): number {
  return Math.floor((timeUs + HALF_MINUTE_US) / MINUTE_US) * MINUTE_US + HALF_MINUTE_US;
}
