/**
 * The hours of the markets that the clock and the calendar are asked for: those that keep New York's trading days, their
 * sessions before and after the core session, and the day on which a trade settles. Pure.
 *
 * Sources: Alpaca's list of market codes; NYSE's trading hours (early session from 04:00, late session four hours past the
 * close); SEC rule 15c6-1 for the settlement cycle, and the Federal Reserve's holidays on which nothing settles.
 */
import { calendarOf, epochDayOf, formatEpochDay, newYorkEpochDay, newYorkTimeUs } from "../../core/market/calendar.ts";
import type { Instrument } from "../../core/market/instrument.ts";

const DAY_US = 86_400_000_000;
const HOUR_US = 3_600_000_000;
const EARLY_MINUTE = 4 * 60;
const LATE_US = 4 * HOUR_US;

export interface Market {
  readonly acronym: string;
  readonly mic: string;
  readonly name: string;
}

/** Markets with New York's trading days and sessions. */
const MARKETS: readonly Market[] = [
  { acronym: "NYSE", mic: "XNYS", name: "New York Stock Exchange" },
  { acronym: "NASDAQ", mic: "XNAS", name: "National Association of Securities Dealers Automated Quotations" },
  { acronym: "IEX", mic: "IEXG", name: "Investors Exchange" },
  { acronym: "OTC", mic: "OTCM", name: "OTC Markets" },
];

export const MARKET_TIME_ZONE = "America/New_York";

/** By acronym or market identifier code. */
export function marketNamed(code: string): Market | undefined {
  return MARKETS.find((market) => market.acronym === code || market.mic === code);
}

export function marketCodes(): readonly string[] {
  return MARKETS.flatMap((market) => [market.acronym, market.mic]);
}

/** Times of a trading day, epoch microseconds. */
export interface TradingDay {
  readonly epochDay: number;
  readonly preStartUs: number;
  readonly coreStartUs: number;
  readonly coreEndUs: number;
  readonly postEndUs: number;
}

/** Trading days of a market; dates are days since 1970-01-01. Throws `CALENDAR_RANGE` outside the built-in calendar. */
export interface MarketDays {
  /** The date that a moment (epoch microseconds) belongs to. */
  dateAt(timeUs: number): number;
  /** Null on a day without a session. */
  of(epochDay: number): TradingDay | null;
  /** The first trading day after a date. */
  after(epochDay: number): TradingDay;
  /** The last trading day before a date. */
  before(epochDay: number): TradingDay;
}

function marketDays(dateAt: MarketDays["dateAt"], of: MarketDays["of"]): MarketDays {
  const from = (epochDay: number, step: 1 | -1): TradingDay => {
    for (let day = epochDay + step; ; day += step) {
      const found = of(day);
      if (found !== null) return found;
    }
  };
  return { dateAt, of, after: (epochDay) => from(epochDay, 1), before: (epochDay) => from(epochDay, -1) };
}

export const NEW_YORK_DAYS: MarketDays = marketDays(newYorkEpochDay, (epochDay) => {
  const session = calendarOf("nyse").sessionOf(epochDay);
  if (session === null) return null;
  return {
    epochDay,
    preStartUs: newYorkTimeUs(epochDay, EARLY_MINUTE),
    coreStartUs: session.openUs,
    coreEndUs: session.closeUs,
    postEndUs: session.closeUs + LATE_US,
  };
});

/** Where nothing keeps sessions: every day is one, from midnight to midnight UTC. */
const ENDLESS_DAYS: MarketDays = marketDays(
  (timeUs) => Math.floor(timeUs / DAY_US),
  (epochDay) => {
    const startUs = epochDay * DAY_US;
    const endUs = startUs + DAY_US;
    return { epochDay, preStartUs: startUs, coreStartUs: startUs, coreEndUs: endUs, postEndUs: endUs };
  },
);

/** Whether any of the instruments keeps New York's sessions. */
export function keepsSessions(instruments: readonly Instrument[]): boolean {
  return instruments.some((instrument) => instrument.calendar === "nyse");
}

/** The days by which an account that trades these instruments is reckoned. */
export function accountDays(instruments: readonly Instrument[]): MarketDays {
  return keepsSessions(instruments) ? NEW_YORK_DAYS : ENDLESS_DAYS;
}

/** Trading days after the trade on which it settles, and the first trade date of each rule. */
const SETTLEMENT_CYCLES: readonly (readonly [firstDay: number, days: number])[] = [
  [epochDayOf(2024, 5, 28), 1],
  [epochDayOf(2017, 9, 5), 2],
  [epochDayOf(1995, 6, 7), 3],
];
const OLD_CYCLE_DAYS = 5;

/** The date on which a trade of this date settles, as days since 1970-01-01. */
export function settlementDay(epochDay: number): number {
  let left = SETTLEMENT_CYCLES.find(([firstDay]) => epochDay >= firstDay)?.[1] ?? OLD_CYCLE_DAYS;
  let day = epochDay;
  while (left > 0) {
    day = NEW_YORK_DAYS.after(day).epochDay;
    if (!isBankHoliday(day)) left--;
  }
  return day;
}

/** Columbus Day and Veterans Day: the exchange is open, the banks are not. */
function isBankHoliday(epochDay: number): boolean {
  const [, month, date] = formatEpochDay(epochDay).split("-").map(Number) as [number, number, number];
  const isMonday = (epochDay + 4) % 7 === 1;
  if (month === 10) return isMonday && date >= 8 && date <= 14;
  return month === 11 && (date === 11 || (isMonday && date === 12));
}
