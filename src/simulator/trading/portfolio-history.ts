/**
 * `/v2/account/portfolio/history`: the account's equity and profit over time. Main thread of the simulator.
 *
 * The value of a window is that of its end; its timestamp is its beginning, and that of a day 20:00 in New York, as
 * Alpaca's examples have them. Profit of a day counts from the day before and within a day from the close before it,
 * or with `pnl_reset=no_reset` everything from the base value.
 */
import type { FastifyInstance } from "fastify";
import { divideFixed, type Fixed, FIXED_ONE, fixedToNumber, roundToIncrement } from "../../core/fixed.ts";
import { formatEpochDay } from "../../core/market/calendar.ts";
import type { EquityHistory } from "../equity-history.ts";
import type { MarketDays } from "./market-hours.ts";
import { type ReportWindow, reportWindows } from "./portfolio-range.ts";
import { QueryParameters } from "./query.ts";

type Json = Record<string, unknown>;

const PNL_RESET = ["per_day", "no_reset"] as const;
const CENT = FIXED_ONE / 100n;
const PER_TEN_THOUSAND = FIXED_ONE / 10_000n;

/** Σ of the account's cash flows by activity type in (fromUs, toUs], epoch microseconds. */
export type CashFlows = (fromUs: number, toUs: number) => ReadonlyMap<string, Fixed>;

export interface PortfolioHistoryOptions {
  readonly history: EquityHistory;
  readonly days: MarketDays;
  /** What the account is worth now. */
  readonly equity: () => Fixed;
  readonly cashFlows: CashFlows;
  readonly nowUs: () => number;
}

interface Value extends ReportWindow {
  readonly equity: Fixed;
}

interface Close {
  readonly equity: Fixed;
  readonly epochDay: number;
}

interface Profit {
  readonly amount: Fixed;
  readonly from: Fixed;
}

export function portfolioHistoryRoutes(app: FastifyInstance, options: PortfolioHistoryOptions): void {
  app.get("/v2/account/portfolio/history", (request) => report(new QueryParameters(request.query), options));
}

function report(query: QueryParameters, options: PortfolioHistoryOptions): Json {
  const { history, days, nowUs, equity } = options;
  const now = nowUs();
  const { timeframe, windows } = reportWindows(query, days, { accountStartUs: history.startUs ?? now, nowUs: now });
  const reset = query.choice("pnl_reset", PNL_RESET, "per_day") === "per_day";
  const values = valuesOf(windows, options, now);
  const before = values[0] === undefined ? null : closeBefore(values[0].epochDay, options);
  const base = before?.equity ?? values[0]?.equity ?? equity();
  const profits = profitsOf(values, base, reset, timeframe === "1D", options);
  return {
    timestamp: values.map(({ stampUs }) => stampUs / 1_000_000),
    equity: values.map((value) => dollars(value.equity)),
    profit_loss: profits.map(({ amount }) => dollars(amount)),
    profit_loss_pct: profits.map(({ amount, from }) => share(amount, from)),
    base_value: dollars(base),
    ...(before === null ? {} : { base_value_asof: formatEpochDay(before.epochDay) }),
    timeframe,
    ...cashflowOf(query, values, options),
  };
}

/** A window that is not over yet has the present value. */
function valuesOf(
  windows: readonly ReportWindow[],
  { history, equity }: PortfolioHistoryOptions,
  now: number,
): Value[] {
  return windows.map((window) => ({
    ...window,
    equity: (window.endUs >= now ? null : history.at(window.endUs)) ?? equity(),
  }));
}

/** The newest close of a trading day before this one; null where the account has none. */
function closeBefore(epochDay: number, { history, days }: PortfolioHistoryOptions): Close | null {
  const day = days.before(epochDay);
  if (history.startUs === null || day.epochDay < days.dateAt(history.startUs)) return null;
  const equity = history.at(day.coreEndUs);
  return equity === null ? null : { equity, epochDay: day.epochDay };
}

function profitsOf(
  values: readonly Value[],
  base: Fixed,
  reset: boolean,
  daily: boolean,
  options: PortfolioHistoryOptions,
): Profit[] {
  let from = base;
  return values.map((value, place) => {
    const last = values[place - 1];
    if (reset && last !== undefined && last.epochDay !== value.epochDay) {
      from = daily ? last.equity : (closeBefore(value.epochDay, options)?.equity ?? from);
    }
    return { amount: value.equity - from, from };
  });
}

/** Nothing unless it is asked for. */
function cashflowOf(query: QueryParameters, values: readonly Value[], { cashFlows }: PortfolioHistoryOptions): Json {
  const types = query.list("cashflow_types");
  if (types === null || types[0] === "NONE") return {};
  const sums = values.map(({ startUs, endUs }) => cashFlows(startUs, endUs));
  const named = types[0] === "ALL" ? [...new Set(sums.flatMap((sum) => [...sum.keys()]))].sort() : types;
  return { cashflow: Object.fromEntries(named.map((type) => [type, sums.map((sum) => dollars(sum.get(type) ?? 0n))])) };
}

function dollars(value: Fixed): number {
  return fixedToNumber(roundToIncrement(value, CENT, "half_even"));
}

/** A fraction with four decimals. */
function share(amount: Fixed, from: Fixed): number {
  if (from === 0n) return 0;
  return fixedToNumber(roundToIncrement(divideFixed(amount, from, "half_even"), PER_TEN_THOUSAND, "half_even"));
}
