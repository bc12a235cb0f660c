/** `/v2/calendar` and `/v3/calendar/{market}`: trading days with their sessions. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { CALENDAR_FIRST_YEAR, epochDayOf, formatEpochDay, newYorkEpochDay } from "../../core/market/calendar.ts";
import { badParameter } from "../wire-error.ts";
import { rfc3339NewYork, rfc3339NewYorkSeconds, rfc3339Seconds } from "../wire-time.ts";
import {
  MARKET_TIME_ZONE,
  type Market,
  marketCodes,
  marketNamed,
  settlementDay,
  NEW_YORK_DAYS,
  type TradingDay,
} from "./market-hours.ts";
import { QueryParameters } from "./query.ts";

type Json = Record<string, unknown>;

/** Alpaca's calendar ends with 2029; this one begins where the built-in calendar does. */
const FIRST_DAY = epochDayOf(CALENDAR_FIRST_YEAR, 1, 1);
const LAST_DAY = epochDayOf(2029, 12, 31);
const DATE_TYPES = ["TRADING", "SETTLEMENT"] as const;
/** The longest time between a trade and its settlement: five trading days with holidays between them. */
const LONGEST_SETTLEMENT_DAYS = 14;
const DEFAULT_DAYS = 7;

export function calendarRoutes(app: FastifyInstance, nowUs: () => number): void {
  app.get("/v2/calendar", (request) => legacyDays(new QueryParameters(request.query, badParameter)));
  app.get("/v3/calendar/:market", (request) => {
    const { market: code } = request.params as { market: string };
    const market = marketNamed(code);
    if (market === undefined) throw badParameter(`market must be one of ${marketCodes().join(", ")}`);
    return { market: wireMarket(market), calendar: days(new QueryParameters(request.query, badParameter), nowUs()) };
  });
}

export function wireMarket(market: Market): Json {
  return { acronym: market.acronym, mic: market.mic, name: market.name, timezone: MARKET_TIME_ZONE };
}

/** All days of the calendar where neither end is given. */
function legacyDays(query: QueryParameters): Json[] {
  const bySettlement = query.choice("date_type", DATE_TYPES, "TRADING") === "SETTLEMENT";
  const start = query.epochDay("start") ?? FIRST_DAY;
  const end = query.epochDay("end") ?? LAST_DAY;
  if (!bySettlement) return tradingDays(start, end).map(legacyDay);
  return tradingDays(start - LONGEST_SETTLEMENT_DAYS, end)
    .filter(({ epochDay }) => settlementDay(epochDay) >= start && settlementDay(epochDay) <= end)
    .map(legacyDay);
}

function tradingDays(start: number, end: number): TradingDay[] {
  const found: TradingDay[] = [];
  for (let day = Math.max(start, FIRST_DAY); day <= Math.min(end, LAST_DAY); day++) {
    const tradingDay = NEW_YORK_DAYS.of(day);
    if (tradingDay !== null) found.push(tradingDay);
  }
  return found;
}

function legacyDay(day: TradingDay): Json {
  return {
    date: formatEpochDay(day.epochDay),
    open: hourAndMinute(day.coreStartUs),
    close: hourAndMinute(day.coreEndUs),
    session_open: hourAndMinute(day.preStartUs).replace(":", ""),
    session_close: hourAndMinute(day.postEndUs).replace(":", ""),
    settlement_date: formatEpochDay(settlementDay(day.epochDay)),
  };
}

/** New York's wall clock: `09:30`. */
function hourAndMinute(timeUs: number): string {
  return rfc3339NewYork(timeUs).slice(11, 16);
}

/** By default the week from today. */
function days(query: QueryParameters, nowUs: number): Json[] {
  const start = query.epochDay("start") ?? newYorkEpochDay(nowUs);
  const end = query.epochDay("end") ?? start + DEFAULT_DAYS;
  const format =
    query.choice("timezone", ["UTC", "market"], "market") === "UTC" ? rfc3339Seconds : rfc3339NewYorkSeconds;
  return tradingDays(start, end).map((day) => ({
    date: formatEpochDay(day.epochDay),
    pre_start: format(day.preStartUs),
    pre_end: format(day.coreStartUs),
    core_start: format(day.coreStartUs),
    core_end: format(day.coreEndUs),
    post_start: format(day.coreEndUs),
    post_end: format(day.postEndUs),
    settlement_date: formatEpochDay(settlementDay(day.epochDay)),
  }));
}
