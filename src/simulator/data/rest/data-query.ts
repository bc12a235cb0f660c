/** Reads the parameters of market-data requests. Whatever is wrong is a 400 with a message and no number. Pure. */
import type { FastifyRequest } from "fastify";
import { parseEpochDay } from "../../../core/market/calendar.ts";
import { WireError } from "../../wire-error.ts";
import { parseTimeUs } from "../../wire-time.ts";
import type { AdjustmentKind } from "../history/adjustments.ts";
import { type DayClock, parseTimeframe, type Timeframe } from "../history/timeframe.ts";

export type Query = Readonly<Record<string, string | undefined>>;

/** Both ends inclusive, epoch microseconds. */
export interface TimeRange {
  readonly startUs: number;
  readonly endUs: number;
}

const DAY_US = 86_400_000_000;
const PAGE_DEFAULT = 1000;
const PAGE_MAX = 10_000;
const SYMBOLS_MAX = 10_000;
const STOCK = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const PAIR = /^[A-Za-z0-9]+\/[A-Za-z0-9]+$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** The query as the server parsed it; what is given several times is a list, as with commas. */
export function queryOf(parsed: unknown): Query {
  const given = Object.entries(parsed as Readonly<Record<string, string | readonly string[]>>);
  return Object.fromEntries(given.map(([name, value]) => [name, typeof value === "string" ? value : value.join(",")]));
}

export function badRequest(message: string): WireError {
  return new WireError(400, null, message);
}

/** Alpaca refuses parameters that it does not know. */
export function refuseUnexpected(query: Query, known: readonly string[]): void {
  const unexpected = Object.keys(query).filter((name) => !known.includes(name));
  if (unexpected.length > 0) throw badRequest(`unexpected parameter(s): ${unexpected.join(", ")}`);
}

/** In alphabetical order, each once. */
export function symbolsOf(query: Query, format: "stock" | "pair"): string[] {
  const text = query["symbols"] ?? "";
  if (text === "") throw badRequest("symbols is required");
  const symbols = [...new Set(text.split(",").map((symbol) => symbol.trim()))];
  if (symbols.length > SYMBOLS_MAX) throw badRequest(`symbols: at most ${SYMBOLS_MAX}`);
  for (const symbol of symbols) checkSymbol(symbol, format);
  return symbols.sort();
}

export function checkSymbol(symbol: string, format: "stock" | "pair"): void {
  const pattern = format === "pair" ? PAIR : STOCK;
  if (!pattern.test(symbol)) throw badRequest(`invalid symbol: ${symbol}`);
}

/** All of them show the same market here. */
const CRYPTO_LOCATIONS = ["us", "us-1", "us-2", "eu-1", "bs-1"];

export function checkLocation(request: FastifyRequest): void {
  const { location } = request.params as { location: string };
  if (!CRYPTO_LOCATIONS.includes(location)) throw badRequest(`invalid location: ${location}`);
}

/** A date is its beginning as a start and its last instant as an end, by the clock that the instruments' days follow. */
export function rangeOf(query: Query, clock: DayClock, defaults: TimeRange): TimeRange {
  return {
    startUs: timeOf(query, "start", clock, 0) ?? defaults.startUs,
    endUs: timeOf(query, "end", clock, 1) ?? defaults.endUs,
  };
}

/** `days` after the given date, less an instant; times are taken as they are. */
function timeOf(query: Query, name: "start" | "end", clock: DayClock, days: 0 | 1): number | null {
  const text = query[name];
  if (text === undefined) return null;
  const timeUs = parseTimeUs(DATE.test(text) ? `${text}T00:00:00Z` : text);
  if (timeUs === null) throw badRequest(`invalid ${name}: ${text}, an RFC 3339 time or a date is needed`);
  return DATE.test(text) ? clock.startUs(timeUs / DAY_US + days) - days : timeUs;
}

export function limitOf(query: Query, most = PAGE_MAX, usual = PAGE_DEFAULT): number {
  const text = query["limit"];
  if (text === undefined) return usual;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > most)
    throw badRequest(`invalid limit: ${text}, 1 to ${most} is allowed`);
  return limit;
}

export function isDescending(query: Query, usual: "asc" | "desc" = "asc"): boolean {
  const sort = query["sort"] ?? usual;
  if (sort !== "asc" && sort !== "desc") throw badRequest(`invalid sort: ${sort}, asc or desc is allowed`);
  return sort === "desc";
}

export function timeframeOf(query: Query): Timeframe {
  const text = query["timeframe"] ?? "";
  const timeframe = parseTimeframe(text);
  if (timeframe !== null) return timeframe;
  throw badRequest(
    `invalid timeframe: ${text}, 1Min to 59Min, 1Hour to 23Hour, 1Day, 1Week and 1, 2, 3, 4, 6 or 12 Month are allowed`,
  );
}

/** Spin-offs are not simulated: asking for them changes nothing. */
const ADJUSTMENTS: Readonly<Record<string, readonly AdjustmentKind[]>> = {
  raw: [],
  split: ["split"],
  dividend: ["dividend"],
  "spin-off": [],
  all: ["split", "dividend"],
};

export function adjustmentsOf(query: Query): readonly AdjustmentKind[] {
  const names = (query["adjustment"] ?? "raw").split(",");
  return names.flatMap((name) => {
    const kinds = Object.hasOwn(ADJUSTMENTS, name) ? ADJUSTMENTS[name] : undefined;
    if (kinds === undefined) throw badRequest(`invalid adjustment: ${name}`);
    return kinds;
  });
}

/** No instrument has changed its name here: the date is only checked. */
export function checkAsof(query: Query): void {
  const { asof } = query;
  if (asof === undefined || asof === "-") return;
  try {
    parseEpochDay(asof, "asof");
  } catch {
    throw badRequest(`invalid asof: ${asof}, a date or - is needed`);
  }
}

/** Prices are in US dollars; the answer repeats the currency when it was asked for. */
export function currencyOf(query: Query): { readonly currency?: string } {
  const { currency } = query;
  if (currency === undefined) return {};
  if (currency.toUpperCase() !== "USD") throw badRequest(`invalid currency: ${currency}, only USD is simulated`);
  return { currency: "USD" };
}
