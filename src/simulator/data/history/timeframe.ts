/**
 * The time frames of bars and where their bars begin: minutes and hours counted from midnight, days at midnight, weeks on
 * Monday, months by the calendar, all by New York's clock for stocks and by UTC for crypto. Pure.
 */
import { formatEpochDay, newYorkEpochDay, newYorkTimeUs } from "../../../core/market/calendar.ts";
import type { Instrument } from "../../../core/market/instrument.ts";

export type TimeframeUnit = "minute" | "hour" | "day" | "week" | "month";

export interface Timeframe {
  readonly unit: TimeframeUnit;
  readonly count: number;
}

export interface BarSpan {
  readonly startUs: number;
  /** First microsecond after it. */
  readonly endUs: number;
}

const MINUTE_US = 60_000_000;
const DAY_US = 86_400_000_000;
const MINUTES_PER_HOUR = 60;
const DAYS_PER_WEEK = 7;
const MONTHS_PER_YEAR = 12;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY = 4;

const UNITS: readonly [pattern: RegExp, unit: TimeframeUnit, allowed: (count: number) => boolean][] = [
  [/^(\d{1,2})(?:min|t)$/i, "minute", (count) => count >= 1 && count <= 59],
  [/^(\d{1,2})(?:hour|h)$/i, "hour", (count) => count >= 1 && count <= 23],
  [/^(\d{1,2})(?:day|d)$/i, "day", (count) => count === 1],
  [/^(\d{1,2})(?:week|w)$/i, "week", (count) => count === 1],
  [/^(\d{1,2})(?:month|m)$/i, "month", (count) => [1, 2, 3, 4, 6, 12].includes(count)],
];

/** `1Min`, `15T`, `4Hour`, `1D`, `1Week`, `3M`, in any case, since clients differ in it; null for anything else. */
export function parseTimeframe(text: string): Timeframe | null {
  for (const [pattern, unit, allowed] of UNITS) {
    const count = Number(pattern.exec(text)?.[1] ?? Number.NaN);
    if (allowed(count)) return { unit, count };
  }
  return null;
}

/** Whether bars are made of whole days. */
export function isDaily(timeframe: Timeframe): boolean {
  return timeframe.unit !== "minute" && timeframe.unit !== "hour";
}

/** By which clock an instrument's days begin. */
export interface DayClock {
  /** The date at a time, as days since 1970-01-01. */
  dayOf(timeUs: number): number;
  startUs(day: number): number;
}

const NEW_YORK: DayClock = { dayOf: newYorkEpochDay, startUs: (day) => newYorkTimeUs(day, 0) };
const UTC: DayClock = { dayOf: (timeUs) => Math.floor(timeUs / DAY_US), startUs: (day) => day * DAY_US };

export function dayClockOf(instrument: Pick<Instrument, "assetClass">): DayClock {
  return instrument.assetClass === "crypto" ? UTC : NEW_YORK;
}

/** The bar that a time falls into. */
export function spanAt(timeUs: number, timeframe: Timeframe, clock: DayClock): BarSpan {
  const day = clock.dayOf(timeUs);
  if (!isDaily(timeframe)) return withinDay(timeUs, timeframe, clock.startUs(day), clock.startUs(day + 1));
  const [first, after] = daysAround(day, timeframe);
  return { startUs: clock.startUs(first), endUs: clock.startUs(after) };
}

/** Bars that do not divide a day start anew at midnight. */
function withinDay(timeUs: number, timeframe: Timeframe, dayStartUs: number, dayEndUs: number): BarSpan {
  const lengthUs = timeframe.count * (timeframe.unit === "hour" ? MINUTES_PER_HOUR : 1) * MINUTE_US;
  const startUs = dayStartUs + Math.floor((timeUs - dayStartUs) / lengthUs) * lengthUs;
  return { startUs, endUs: Math.min(startUs + lengthUs, dayEndUs) };
}

function daysAround(day: number, timeframe: Timeframe): readonly [first: number, after: number] {
  if (timeframe.unit === "day") return [day, day + 1];
  if (timeframe.unit === "week") {
    const monday = day - ((((day - FIRST_MONDAY) % DAYS_PER_WEEK) + DAYS_PER_WEEK) % DAYS_PER_WEEK);
    return [monday, monday + DAYS_PER_WEEK];
  }
  const [year, month] = formatEpochDay(day).split("-").map(Number) as [number, number, number];
  const first = Math.floor((month - 1) / timeframe.count) * timeframe.count;
  return [firstOfMonth(year, first), firstOfMonth(year, first + timeframe.count)];
}

/** `month` from 0; twelve is the next January. */
function firstOfMonth(year: number, month: number): number {
  return Date.UTC(year + Math.floor(month / MONTHS_PER_YEAR), month % MONTHS_PER_YEAR, 1) / 86_400_000;
}
