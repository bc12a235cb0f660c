/**
 * The windows that a portfolio history is asked for: from the query's period, start, end, timeframe and reporting hours to
 * the windows' beginnings and ends. Pure.
 */
import { newYorkTimeUs } from "../../core/market/calendar.ts";
import { malformed } from "../wire-error.ts";
import type { MarketDays, TradingDay } from "./market-hours.ts";
import type { QueryParameters } from "./query.ts";

const MINUTE_US = 60_000_000;
const DAY_MS = 86_400_000;
const TIMEFRAMES = ["1Min", "5Min", "15Min", "1H", "1D"] as const;
const REPORTING = ["market_hours", "extended_hours", "continuous"] as const;
const WINDOW_US = {
  "1Min": MINUTE_US,
  "5Min": 5 * MINUTE_US,
  "15Min": 15 * MINUTE_US,
  "1H": 60 * MINUTE_US,
} as const;
/** Days: what the default timeframe and the limit of timeframes below a day depend on. */
const MINUTE_SPAN = 7;
const INTRADAY_SPAN = 30;
/** New York's 20:00, the timestamp of a day. */
const DAY_STAMP_MINUTE = 20 * 60;
/** More days than any holiday lasts. */
const LONGEST_HOLIDAY_DAYS = 14;

export type Timeframe = (typeof TIMEFRAMES)[number];

export interface ReportWindow {
  /** What the report calls it, epoch microseconds. */
  readonly stampUs: number;
  /** Epoch microseconds; the report's value is that of the end. */
  readonly startUs: number;
  readonly endUs: number;
  /** The trading date that it belongs to, as days since 1970-01-01. */
  readonly epochDay: number;
}

export interface ReportWindows {
  readonly timeframe: Timeframe;
  readonly windows: readonly ReportWindow[];
}

/** Where the account begins and what time it is, epoch microseconds. */
export interface ReportBounds {
  readonly accountStartUs: number;
  readonly nowUs: number;
}

/** Dates are days since 1970-01-01, both ends included. */
interface Range {
  /** As asked for, perhaps long before the account began. */
  readonly askedDay: number;
  readonly firstDay: number;
  readonly lastDay: number;
  /** Of a `continuous` report that names its start, epoch microseconds. */
  readonly startUs: number | null;
  readonly endUs: number;
}

/** Throws 422 naming the parameter that does not fit. Windows before the account began are left out. */
export function reportWindows(query: QueryParameters, days: MarketDays, bounds: ReportBounds): ReportWindows {
  const range = rangeOf(query, days, bounds);
  const timeframe = timeframeOf(query, range);
  const windows = timeframe === "1D" ? dayWindows(range, days) : shortWindows(range, timeframe, query, days);
  return { timeframe, windows: windows.filter((window) => window.endUs > bounds.accountStartUs) };
}

function rangeOf(query: QueryParameters, days: MarketDays, { accountStartUs, nowUs }: ReportBounds): Range {
  query.atMost(2, ["start", "end", "period"]);
  const period = readPeriod(query.text("period") ?? "1M");
  const askedUs = query.timeUs("start");
  const askedEndUs = query.timeUs("end") ?? nowUs;
  if (askedUs !== null && askedUs > askedEndUs) throw malformed("start must be before end");
  const startUs = askedUs === null ? null : Math.min(Math.max(askedUs, accountStartUs), nowUs);
  const endUs = Math.min(Math.max(askedEndUs, accountStartUs), nowUs);
  const startDay = startUs === null ? null : firstDayFrom(startUs, days);
  const endsByPeriod = startDay !== null && query.text("period") !== null;
  const endDay = days.dateAt(endUs);
  const lastDay = lastDayUntil(endsByPeriod ? Math.min(daysLater(startDay, period) - 1, endDay) : endDay, days);
  const askedDay = startDay ?? daysLater(lastDay, { ...period, count: -period.count }) + 1;
  return { askedDay, firstDay: Math.max(askedDay, days.dateAt(accountStartUs)), lastDay, startUs, endUs };
}

/** Within a trading day or before its session that day, otherwise the next. */
function firstDayFrom(timeUs: number, days: MarketDays): number {
  const epochDay = days.dateAt(timeUs);
  const day = days.of(epochDay);
  return day !== null && timeUs <= day.postEndUs ? epochDay : days.after(epochDay).epochDay;
}

function lastDayUntil(epochDay: number, days: MarketDays): number {
  for (let day = epochDay; day > epochDay - LONGEST_HOLIDAY_DAYS; day--) if (days.of(day) !== null) return day;
  return epochDay;
}

interface Period {
  readonly count: number;
  readonly unit: "D" | "W" | "M" | "A";
}

function readPeriod(text: string): Period {
  const match = /^([1-9]\d{0,3})([DWMA])$/.exec(text);
  if (match === null) throw malformed("period must be a number and D, W, M or A, such as 1M");
  return { count: Number(match[1]), unit: match[2] as Period["unit"] };
}

function daysLater(epochDay: number, { count, unit }: Period): number {
  if (unit === "D" || unit === "W") return epochDay + count * (unit === "D" ? 1 : 7);
  const date = new Date(epochDay * DAY_MS);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + count * (unit === "M" ? 1 : 12));
  const monthDays = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, monthDays));
  return Math.floor(date.getTime() / DAY_MS);
}

function timeframeOf(query: QueryParameters, { askedDay, lastDay }: Range): Timeframe {
  const span = lastDay - askedDay + 1;
  const preset = span < MINUTE_SPAN ? "1Min" : span < INTRADAY_SPAN ? "15Min" : "1D";
  const timeframe = query.choice("timeframe", TIMEFRAMES, preset);
  if (timeframe !== "1D" && span > INTRADAY_SPAN + 1) {
    throw malformed(`timeframe must be 1D for more than ${INTRADAY_SPAN} days`);
  }
  return timeframe;
}

function dayWindows({ firstDay, lastDay, endUs }: Range, days: MarketDays): ReportWindow[] {
  return tradingDays(firstDay, lastDay, days).map((day) => ({
    stampUs: newYorkTimeUs(day.epochDay, DAY_STAMP_MINUTE),
    startUs: days.before(day.epochDay).coreEndUs,
    endUs: Math.min(day.coreEndUs, endUs),
    epochDay: day.epochDay,
  }));
}

function shortWindows(
  range: Range,
  timeframe: keyof typeof WINDOW_US,
  query: QueryParameters,
  days: MarketDays,
): ReportWindow[] {
  const stepUs = WINDOW_US[timeframe];
  const preset = query.flag("extended_hours") ? "extended_hours" : "market_hours";
  const reporting = query.choice("intraday_reporting", REPORTING, preset);
  if (reporting === "continuous") {
    const startUs = range.startUs ?? newYorkTimeUs(range.firstDay, 0);
    return windowsOf(Math.floor(startUs / stepUs) * stepUs, range.endUs, stepUs, days);
  }
  return tradingDays(range.firstDay, range.lastDay, days).flatMap((day) =>
    reporting === "market_hours"
      ? windowsOf(day.coreStartUs, Math.min(day.coreEndUs, range.endUs), stepUs, days)
      : windowsOf(day.preStartUs, Math.min(day.postEndUs, range.endUs), stepUs, days),
  );
}

/** A window at both ends, as Alpaca's examples have it. */
function windowsOf(fromUs: number, toUs: number, stepUs: number, days: MarketDays): ReportWindow[] {
  const windows: ReportWindow[] = [];
  for (let startUs = fromUs; startUs <= toUs; startUs += stepUs) {
    windows.push({ stampUs: startUs, startUs, endUs: startUs + stepUs, epochDay: days.dateAt(startUs) });
  }
  return windows;
}

function tradingDays(firstDay: number, lastDay: number, days: MarketDays): TradingDay[] {
  const found: TradingDay[] = [];
  for (let epochDay = firstDay; epochDay <= lastDay; epochDay++) {
    const day = days.of(epochDay);
    if (day !== null) found.push(day);
  }
  return found;
}
