/** `/v2/clock` and `/v3/clock`: whether the market is open, and until when. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { CALENDAR_FIRST_YEAR, CALENDAR_LAST_YEAR, newYorkEpochDay } from "../../core/market/calendar.ts";
import type { Instrument } from "../../core/market/instrument.ts";
import { badParameter } from "../wire-error.ts";
import { rfc3339NewYork, rfc3339NewYorkSeconds } from "../wire-time.ts";
import { wireMarket } from "./calendar.ts";
import { keepsSessions, type Market, marketCodes, marketNamed, NEW_YORK_DAYS } from "./market-hours.ts";
import { QueryParameters } from "./query.ts";

type Json = Record<string, unknown>;
type Phase = "closed" | "pre" | "core" | "post";

const DAY_US = 86_400_000_000;
const DEFAULT_MARKETS: readonly string[] = ["NYSE", "NASDAQ"];

interface Hours {
  readonly phase: Phase;
  readonly phaseUntilUs: number;
  readonly isMarketDay: boolean;
  readonly nextOpenUs: number;
  readonly nextCloseUs: number;
}

export function clockRoutes(app: FastifyInstance, instruments: readonly Instrument[], nowUs: () => number): void {
  const hours = keepsSessions(instruments) ? newYorkHours : alwaysOpen;
  app.get("/v2/clock", () => legacyClock(hours(nowUs()), nowUs()));
  app.get("/v3/clock", (request) => {
    const query = new QueryParameters(request.query, badParameter);
    const timeUs = query.timeUs("time") ?? nowUs();
    if (!isCovered(timeUs)) throw badParameter(`time must be in ${CALENDAR_FIRST_YEAR} to ${CALENDAR_LAST_YEAR - 1}`);
    const markets = (query.list("markets") ?? DEFAULT_MARKETS).map((code) => {
      const market = marketNamed(code);
      if (market === undefined) throw badParameter(`markets must be of ${marketCodes().join(", ")}`);
      return market;
    });
    return { clocks: markets.map((market) => clock(market, hours(timeUs), timeUs)) };
  });
}

/** Whether the built-in calendar knows the time and the trading day after it. */
function isCovered(timeUs: number): boolean {
  const year = new Date(timeUs / 1000).getUTCFullYear();
  return year >= CALENDAR_FIRST_YEAR && year < CALENDAR_LAST_YEAR;
}

function legacyClock(hours: Hours, nowUs: number): Json {
  return {
    timestamp: rfc3339NewYork(nowUs),
    is_open: hours.phase === "core",
    next_open: rfc3339NewYorkSeconds(hours.nextOpenUs),
    next_close: rfc3339NewYorkSeconds(hours.nextCloseUs),
  };
}

function clock(market: Market, hours: Hours, timeUs: number): Json {
  return {
    market: wireMarket(market),
    timestamp: rfc3339NewYork(timeUs),
    is_market_day: hours.isMarketDay,
    next_market_open: rfc3339NewYorkSeconds(hours.nextOpenUs),
    next_market_close: rfc3339NewYorkSeconds(hours.nextCloseUs),
    phase: hours.phase,
    phase_until: rfc3339NewYorkSeconds(hours.phaseUntilUs),
  };
}

function newYorkHours(timeUs: number): Hours {
  const today = newYorkEpochDay(timeUs);
  const day = NEW_YORK_DAYS.of(today);
  const next = NEW_YORK_DAYS.after(today);
  const phases: readonly [Phase, number][] =
    day === null
      ? []
      : [
          ["closed", day.preStartUs],
          ["pre", day.coreStartUs],
          ["core", day.coreEndUs],
          ["post", day.postEndUs],
        ];
  const [phase, phaseUntilUs] = phases.find(([, untilUs]) => timeUs < untilUs) ?? ["closed", next.preStartUs];
  return {
    phase,
    phaseUntilUs,
    isMarketDay: day !== null,
    nextOpenUs: day !== null && timeUs < day.coreStartUs ? day.coreStartUs : next.coreStartUs,
    nextCloseUs: day !== null && timeUs < day.coreEndUs ? day.coreEndUs : next.coreEndUs,
  };
}

/** Where nothing keeps sessions nothing ever closes: the next opening and close are shown a day ahead. */
function alwaysOpen(timeUs: number): Hours {
  const tomorrowUs = timeUs + DAY_US;
  return {
    phase: "core",
    phaseUntilUs: tomorrowUs,
    isMarketDay: true,
    nextOpenUs: tomorrowUs,
    nextCloseUs: tomorrowUs,
  };
}
