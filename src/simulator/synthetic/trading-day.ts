/**
 * The shape of a New York day: which hours trade, and how much. Volume and spread are high after the opening and before the
 * close and low at noon (a U), and in the extended hours thin and wide. Pure; remembers the day that was asked for last,
 * because instants are mostly asked for one after the other.
 */
import { calendarOf, newYorkEpochDay, newYorkTimeUs } from "../../core/market/calendar.ts";
import type { CalendarName } from "../../core/market/instrument.ts";

export type DayPhase = "closed" | "extended" | "core";

/** Minutes. */
const HOUR = 60;
const EXTENDED_OPEN = 4 * HOUR;
const OPEN = 9.5 * HOUR;
const CLOSE = 16 * HOUR;
/** Trading goes on for so long after the close. */
const EXTENDED_US = 4 * 3_600_000_000;
const EXTENDED_ACTIVITY = 0.08;
const EXTENDED_SPREAD = 3;
/** Outside of New York's hours, where something trades around the clock. */
const NIGHT_ACTIVITY = 0.7;

export class TradingDay {
  readonly #always: boolean;
  #startUs = 0;
  #endUs = 0;
  #extendedFromUs = 0;
  #extendedUntilUs = 0;
  /** Opening and close of the day's session; of what trades around the clock those of New York's clock. */
  openUs = 0;
  closeUs = 0;

  constructor(calendar: CalendarName) {
    this.#always = calendar === "always";
  }

  /** Looks at the day of an instant: everything else is about that day. */
  at(timeUs: number): this {
    if (timeUs < this.#startUs || timeUs >= this.#endUs) this.#load(newYorkEpochDay(timeUs));
    return this;
  }

  phaseAt(timeUs: number): DayPhase {
    if (this.#always || (timeUs >= this.openUs && timeUs < this.closeUs)) return "core";
    return timeUs >= this.#extendedFromUs && timeUs < this.#extendedUntilUs ? "extended" : "closed";
  }

  /** Relative number of quotes and trades: 0.9 at noon, 1.8 at the ends of the session. */
  activityAt(timeUs: number): number {
    const across = this.#acrossAt(timeUs);
    if (across !== null) return 0.9 + 0.9 * across * across;
    return this.#always ? NIGHT_ACTIVITY : EXTENDED_ACTIVITY;
  }

  /** Relative width of the spread: 1 at noon, 2.2 at the ends of the session. */
  spreadAt(timeUs: number): number {
    const across = this.#acrossAt(timeUs);
    if (across !== null) return 1 + 1.2 * across * across * across * across;
    return this.#always ? 1 : EXTENDED_SPREAD;
  }

  /** From −1 at the opening to 1 at the close; null outside of them. */
  #acrossAt(timeUs: number): number | null {
    if (timeUs < this.openUs || timeUs >= this.closeUs) return null;
    return ((timeUs - this.openUs) / (this.closeUs - this.openUs)) * 2 - 1;
  }

  #load(day: number): void {
    this.#startUs = newYorkTimeUs(day, 0);
    this.#endUs = newYorkTimeUs(day + 1, 0);
    const session = this.#always ? null : calendarOf("nyse").sessionOf(day);
    this.openUs = this.#always ? newYorkTimeUs(day, OPEN) : (session?.openUs ?? Number.POSITIVE_INFINITY);
    this.closeUs = this.#always ? newYorkTimeUs(day, CLOSE) : (session?.closeUs ?? Number.POSITIVE_INFINITY);
    this.#extendedFromUs = session === null ? Number.POSITIVE_INFINITY : newYorkTimeUs(day, EXTENDED_OPEN);
    this.#extendedUntilUs = session === null ? Number.NEGATIVE_INFINITY : session.closeUs + EXTENDED_US;
  }
}
