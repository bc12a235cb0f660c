/** Opening and closing auctions of past days, by their prints. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { calendarOf, formatEpochDay, newYorkTimeUs } from "../../../core/market/calendar.ts";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { TradeTick } from "../../market-source.ts";
import type { TickCursor } from "../history/tick-page.ts";
import { dayClockOf } from "../history/timeframe.ts";
import { rfc3339Nano } from "../message/wire-timestamp.ts";
import { type DataRoutesOptions, instrumentsOf } from "./data-market.ts";
import {
  badRequest,
  checkAsof,
  checkSymbol,
  currencyOf,
  isDescending,
  limitOf,
  type Query,
  queryOf,
  rangeOf,
  refuseUnexpected,
  type TimeRange,
} from "./data-query.ts";
import { readPageToken } from "./page-token.ts";
import { type PagedAnswer, pageOf, type SymbolPage } from "./pages.ts";
import { historicalFeed } from "./stock-feed.ts";
import type { Body } from "./tick-body.ts";

const KNOWN = ["symbols", "start", "end", "limit", "asof", "feed", "currency", "page_token", "sort"];
const OPENING = ["O", "Q"];
const CLOSING = ["6", "M"];
/** Auctions print within minutes of the session's ends. */
const WINDOW_US = 300_000_000;
const DAYS_PER_PAGE = 40;
const OPEN_MINUTE = 9 * 60 + 30;
const CLOSE_MINUTE = 16 * 60;

export function auctionRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  app.get("/v2/stocks/auctions", async (request) => {
    const query = queryOf(request.query);
    const { items, next_page_token } = await auctions(options, query);
    return { auctions: items, next_page_token, ...currencyOf(query) };
  });
  app.get("/v2/stocks/:symbol/auctions", async (request) => {
    const { symbol } = request.params as { symbol: string };
    checkSymbol(symbol, "stock");
    const query = { ...queryOf(request.query), symbols: symbol };
    const { items, next_page_token } = await auctions(options, query);
    return { symbol, auctions: items[symbol] ?? [], next_page_token, ...currencyOf(query) };
  });
}

function auctions(options: DataRoutesOptions, query: Query): Promise<PagedAnswer<Body>> {
  refuseUnexpected(query, KNOWN);
  checkAsof(query);
  if (query["feed"] !== undefined && query["feed"] !== "sip") throw badRequest("invalid feed: only sip is allowed");
  const nowUs = options.nowUs();
  const clock = dayClockOf({ assetClass: "us_equity" });
  const range = rangeOf(query, clock, { startUs: clock.startUs(clock.dayOf(nowUs)), endUs: nowUs });
  const endUs = query["end"] === undefined ? null : Math.min(range.endUs, nowUs);
  const { untilUs } = historicalFeed({ ...query, feed: "sip" }, options.plan, nowUs, endUs);
  const shown = {
    startUs: Math.max(range.startUs, options.ticks.firstUs),
    endUs: Math.min(range.endUs, untilUs),
  };
  const token = query["page_token"];
  const place = token === undefined || token === "" ? null : readPageToken(token, range);
  const descending = isDescending(query);
  const firstUs = descending ? shown.endUs : shown.startUs;
  const instruments = instrumentsOf(options, "us_equity", query);
  return pageOf(instruments, place, limitOf(query), firstUs, (instrument, cursor, room) =>
    daysOf(options, instrument, shown, descending, cursor, room),
  );
}

async function daysOf(
  options: DataRoutesOptions,
  instrument: Instrument,
  range: TimeRange,
  descending: boolean,
  cursor: TickCursor | null,
  room: number,
): Promise<SymbolPage<Body>> {
  const clock = dayClockOf(instrument);
  const step = descending ? -1 : 1;
  const [first, last] = descending ? [range.endUs, range.startUs] : [range.startUs, range.endUs];
  const items: Body[] = [];
  let day = clock.dayOf(cursor?.timeUs ?? first);
  for (let days = 0; (clock.dayOf(last) - day) * step >= 0; day += step, days++) {
    if (days === DAYS_PER_PAGE || items.length === room)
      return { items, next: { timeUs: clock.startUs(day), skip: 0 } };
    const body = await auctionsOf(options, instrument, day, range);
    if (body !== null) items.push(body);
  }
  return { items, next: null };
}

/** Null for a day without an auction. */
async function auctionsOf(
  options: DataRoutesOptions,
  instrument: Instrument,
  day: number,
  range: TimeRange,
): Promise<Body | null> {
  const times = auctionTimes(instrument, day);
  if (times === null) return null;
  const opening = await prints(options, instrument, times.openUs, OPENING, range);
  const closing = await prints(options, instrument, times.closeUs, CLOSING, range);
  if (opening.length === 0 && closing.length === 0) return null;
  return { d: formatEpochDay(day), o: opening, c: closing };
}

/** What never closes still has its auctions at New York's usual times. */
function auctionTimes(
  instrument: Instrument,
  day: number,
): { readonly openUs: number; readonly closeUs: number } | null {
  if (instrument.calendar === "nyse") return calendarOf("nyse").sessionOf(day);
  return { openUs: newYorkTimeUs(day, OPEN_MINUTE), closeUs: newYorkTimeUs(day, CLOSE_MINUTE) };
}

/** Each price, exchange and condition once, at its first time. */
async function prints(
  options: DataRoutesOptions,
  instrument: Instrument,
  fromUs: number,
  conditions: readonly string[],
  range: TimeRange,
): Promise<readonly Body[]> {
  const startUs = Math.max(fromUs, range.startUs);
  const endUs = Math.min(fromUs + WINDOW_US, range.endUs);
  if (startUs > endUs) return [];
  const { index } = instrument;
  const window = { startUs, endUs, descending: false, skip: 0, limit: Number.POSITIVE_INFINITY };
  const { ticks } = await options.ticks.page({ index, kind: "trade", ...window });
  const found = new Map<string, Body>();
  for (const trade of ticks.filter((tick): tick is TradeTick => tick.kind === "trade")) {
    const condition = trade.conditions.find((letter) => conditions.includes(letter));
    const key = `${condition} ${trade.exchange} ${trade.price}`;
    if (condition === undefined || found.has(key)) continue;
    found.set(key, { c: condition, p: trade.price, s: trade.size, t: rfc3339Nano(trade.timeUs), x: trade.exchange });
  }
  return [...found.values()];
}
