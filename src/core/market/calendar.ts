/**
 * When an instrument may trade. `nyse` is computed from the exchange's published rules and its list of special closings
 * (no time-zone database, no I/O), `always` never closes. Pure; any thread.
 *
 * Sources: NYSE rule 7.2 (holidays; a holiday on Saturday is kept on Friday, except New Year's Day), the exchange's
 * notices of special closings, and the summer-time rules of the US Energy Policy Acts of 1986 and 2005. Partial
 * disruptions (late openings, technical halts) are not sessions of their own and are left out.
 */
import { CodedError } from "../errors.ts";
import type { CalendarName } from "./instrument.ts";

const DAY_US = 86_400_000_000;
const HOUR_US = 3_600_000_000;
const MINUTE_US = 60_000_000;

/** First and last year that the built-in calendar knows. */
export const CALENDAR_FIRST_YEAR = 1990;
export const CALENDAR_LAST_YEAR = 2035;

/** One trading session; times are epoch microseconds. */
export interface Session {
  /** Days since 1970-01-01 of the trading date. */
  readonly epochDay: number;
  readonly openUs: number;
  /** First microsecond after the session. */
  readonly closeUs: number;
}

export interface Calendar {
  readonly name: CalendarName;
  /** The session of a trading date; null when there is none. */
  sessionOf(epochDay: number): Session | null;
  isOpen(timeUs: number): boolean;
  /** The first opening after `timeUs`; infinity when there is none. */
  nextOpenUs(timeUs: number): number;
  /** The first close after `timeUs`; infinity when there is none. */
  nextCloseUs(timeUs: number): number;
}

/** The calendar by its name; `nyse` throws `CALENDAR_RANGE` for times outside 1990–2035. */
export function calendarOf(name: CalendarName): Calendar {
  return name === "nyse" ? NYSE : ALWAYS;
}

/** Days since 1970-01-01 of a proleptic Gregorian date; month 1..12. */
export function epochDayOf(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

/** `2018-01-02` → days since 1970-01-01. Throws `DATE_SYNTAX` on anything that is no date. */
export function parseEpochDay(text: string, field: string): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  const day = match === null ? Number.NaN : epochDayOf(Number(match[1]), Number(match[2]), Number(match[3]));
  if (Number.isNaN(day) || formatEpochDay(day) !== text) {
    throw new CodedError("DATE_SYNTAX", `${field} must be a date such as 2018-01-02, got ${JSON.stringify(text)}`, {
      field,
    });
  }
  return day;
}

/** Days since 1970-01-01 → `2018-01-02`. */
export function formatEpochDay(epochDay: number): string {
  return new Date(epochDay * 86_400_000).toISOString().slice(0, 10);
}

/** Hours that New York is behind UTC at `timeUs`: 4 in summer, 5 in winter. */
export function newYorkHoursBehind(timeUs: number): 4 | 5 {
  const { startUs, endUs } = summerTime(yearOf(Math.floor(timeUs / DAY_US)));
  return timeUs >= startUs && timeUs < endUs ? 4 : 5;
}

/** The date on New York's wall at `timeUs`, as days since 1970-01-01. */
export function newYorkEpochDay(timeUs: number): number {
  return Math.floor((timeUs - newYorkHoursBehind(timeUs) * HOUR_US) / DAY_US);
}

/** Epoch microseconds of a New York wall time (minutes after midnight) on a date; never call it inside a change of clocks. */
export function newYorkTimeUs(epochDay: number, minutes: number): number {
  const wallUs = epochDay * DAY_US + minutes * MINUTE_US;
  return wallUs + newYorkHoursBehind(wallUs + 5 * HOUR_US) * HOUR_US;
}

/** Summer time of a year: clocks change at 02:00 New York time, which is 07:00 UTC in spring and 06:00 UTC in autumn. */
function summerTime(year: number): { readonly startUs: number; readonly endUs: number } {
  let known = SUMMER_TIMES.get(year);
  if (known === undefined) {
    const start = year >= 2007 ? weekdayFrom(year, 3, 8, SUNDAY) : weekdayFrom(year, 4, 1, SUNDAY);
    const end = year >= 2007 ? weekdayFrom(year, 11, 1, SUNDAY) : weekdayFrom(year, 10, 25, SUNDAY);
    known = { startUs: start * DAY_US + 7 * HOUR_US, endUs: end * DAY_US + 6 * HOUR_US };
    SUMMER_TIMES.set(year, known);
  }
  return known;
}

const SUMMER_TIMES = new Map<number, { readonly startUs: number; readonly endUs: number }>();

const SUNDAY = 0;
const MONDAY = 1;
const THURSDAY = 4;
const FRIDAY = 5;
const SATURDAY = 6;

/** 1970-01-01 was a Thursday. */
function weekdayOf(epochDay: number): number {
  return (((epochDay + THURSDAY) % 7) + 7) % 7;
}

function yearOf(epochDay: number): number {
  return new Date(epochDay * 86_400_000).getUTCFullYear();
}

/** The first such weekday at or after the date. */
function weekdayFrom(year: number, month: number, day: number, weekday: number): number {
  const from = epochDayOf(year, month, day);
  return from + ((weekday - weekdayOf(from) + 7) % 7);
}

/** Gregorian Easter Sunday (the anonymous algorithm of 1876). */
function easterSunday(year: number): number {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const g = Math.floor((8 * b + 13) / 25);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const n = h + l - 7 * m + 114;
  return epochDayOf(year, Math.floor(n / 31), (n % 31) + 1);
}

/** Closed days that follow from no rule: funerals, attacks, storms. */
const SPECIAL_CLOSINGS: readonly string[] = [
  "1994-04-27", // funeral of President Nixon
  "2001-09-11", // attacks of September 11th
  "2001-09-12",
  "2001-09-13",
  "2001-09-14",
  "2004-06-11", // funeral of President Reagan
  "2007-01-02", // funeral of President Ford
  "2012-10-29", // hurricane Sandy
  "2012-10-30",
  "2018-12-05", // funeral of President George H. W. Bush
  "2025-01-09", // funeral of President Carter
];

/** Days that closed at 13:00 by notice rather than by rule. */
const SPECIAL_EARLY_CLOSES: readonly string[] = ["1997-12-26", "1999-12-31", "2003-12-26"];

const OPEN_MINUTE = 9 * 60 + 30;
const CLOSE_MINUTE = 16 * 60;
const EARLY_CLOSE_MINUTE = 13 * 60;
/** Until 1992 the short days closed at 14:00. */
const OLD_EARLY_CLOSE_MINUTE = 14 * 60;

/** The weekday on which a fixed-date holiday is kept; on Saturday it moves to Friday, on Sunday to Monday. */
function observed(epochDay: number): number {
  const weekday = weekdayOf(epochDay);
  if (weekday === SATURDAY) return epochDay - 1;
  return weekday === SUNDAY ? epochDay + 1 : epochDay;
}

function holidaysOf(year: number): Set<number> {
  const holidays = new Set<number>();
  const newYear = epochDayOf(year, 1, 1);
  // A New Year's Day on Saturday is not kept: the Friday closes the books of the old year.
  if (weekdayOf(newYear) !== SATURDAY) holidays.add(observed(newYear));
  if (year >= 1998) holidays.add(weekdayFrom(year, 1, 15, MONDAY)); // Martin Luther King
  holidays.add(weekdayFrom(year, 2, 15, MONDAY)); // Washington
  holidays.add(easterSunday(year) - 2); // Good Friday
  holidays.add(weekdayFrom(year, 5, 25, MONDAY)); // Memorial Day
  if (year >= 2022) holidays.add(observed(epochDayOf(year, 6, 19))); // Juneteenth
  holidays.add(observed(epochDayOf(year, 7, 4)));
  holidays.add(weekdayFrom(year, 9, 1, MONDAY)); // Labor Day
  holidays.add(weekdayFrom(year, 11, 22, THURSDAY)); // Thanksgiving
  holidays.add(observed(epochDayOf(year, 12, 25)));
  for (const date of SPECIAL_CLOSINGS) if (date.startsWith(`${year}-`)) holidays.add(parseEpochDay(date, "date"));
  return holidays;
}

function earlyClosesOf(year: number): Set<number> {
  const days = new Set<number>();
  days.add(weekdayFrom(year, 11, 22, THURSDAY) + 1);
  const christmasEve = epochDayOf(year, 12, 24);
  if (weekdayOf(christmasEve) >= MONDAY && weekdayOf(christmasEve) <= THURSDAY) days.add(christmasEve);
  if (year >= 1995) addIndependenceEve(days, year);
  for (const date of SPECIAL_EARLY_CLOSES) if (date.startsWith(`${year}-`)) days.add(parseEpochDay(date, "date"));
  return days;
}

/** July 3rd is short on Monday, Tuesday and Thursday, on Wednesday only since 2013 (before, Friday the 5th was). */
function addIndependenceEve(days: Set<number>, year: number): void {
  const third = epochDayOf(year, 7, 3);
  const weekday = weekdayOf(third);
  if (weekday < MONDAY || weekday > THURSDAY) return;
  if (weekday === 3 && year < 2013) days.add(third + 2);
  else days.add(third);
}

interface Year {
  readonly firstDay: number;
  /** Index: day of the year; null on days without a session. */
  readonly sessions: readonly (Session | null)[];
}

function buildYear(year: number): Year {
  const holidays = holidaysOf(year);
  const earlyCloses = earlyClosesOf(year);
  const early = year < 1993 ? OLD_EARLY_CLOSE_MINUTE : EARLY_CLOSE_MINUTE;
  const firstDay = epochDayOf(year, 1, 1);
  const sessions: (Session | null)[] = [];
  for (let day = firstDay; day < epochDayOf(year + 1, 1, 1); day++) {
    const weekday = weekdayOf(day);
    const closed = weekday === SUNDAY || weekday > FRIDAY || holidays.has(day);
    const closeMinute = earlyCloses.has(day) ? early : CLOSE_MINUTE;
    sessions.push(
      closed
        ? null
        : { epochDay: day, openUs: newYorkTimeUs(day, OPEN_MINUTE), closeUs: newYorkTimeUs(day, closeMinute) },
    );
  }
  return { firstDay, sessions };
}

class NyseCalendar implements Calendar {
  readonly name = "nyse";
  readonly #years = new Map<number, Year>();

  sessionOf(epochDay: number): Session | null {
    const number = yearOf(epochDay);
    let year = this.#years.get(number);
    if (year === undefined) {
      if (!(number >= CALENDAR_FIRST_YEAR && number <= CALENDAR_LAST_YEAR)) {
        throw new CodedError(
          "CALENDAR_RANGE",
          `the NYSE calendar covers ${CALENDAR_FIRST_YEAR} to ${CALENDAR_LAST_YEAR}, got the year ${number}`,
          { field: "time" },
        );
      }
      year = buildYear(number);
      this.#years.set(number, year);
    }
    return year.sessions[epochDay - year.firstDay] ?? null;
  }

  isOpen(timeUs: number): boolean {
    const session = this.sessionOf(newYorkEpochDay(timeUs));
    return session !== null && timeUs >= session.openUs && timeUs < session.closeUs;
  }

  nextOpenUs(timeUs: number): number {
    for (let day = newYorkEpochDay(timeUs); ; day++) {
      const session = this.sessionOf(day);
      if (session !== null && session.openUs > timeUs) return session.openUs;
    }
  }

  nextCloseUs(timeUs: number): number {
    for (let day = newYorkEpochDay(timeUs); ; day++) {
      const session = this.sessionOf(day);
      if (session !== null && session.closeUs > timeUs) return session.closeUs;
    }
  }
}

/** Sessions of UTC days that follow each other without a pause. */
class AlwaysCalendar implements Calendar {
  readonly name = "always";

  sessionOf(epochDay: number): Session {
    return { epochDay, openUs: epochDay * DAY_US, closeUs: (epochDay + 1) * DAY_US };
  }

  isOpen(): boolean {
    return true;
  }

  nextOpenUs(): number {
    return Number.POSITIVE_INFINITY;
  }

  nextCloseUs(): number {
    return Number.POSITIVE_INFINITY;
  }
}

const NYSE: Calendar = new NyseCalendar();
const ALWAYS: Calendar = new AlwaysCalendar();
