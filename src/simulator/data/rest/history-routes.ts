/** Bars, quotes and trades of the past, a page at a time, of stocks and of crypto. Main thread of the simulator. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AssetClass, Instrument } from "../../../core/market/instrument.ts";
import { type DayClock, dayClockOf } from "../history/timeframe.ts";
import { type DataRoutesOptions, instrumentsOf } from "./data-market.ts";
import {
  adjustmentsOf,
  checkAsof,
  checkLocation,
  checkSymbol,
  currencyOf,
  isDescending,
  limitOf,
  type Query,
  queryOf,
  rangeOf,
  refuseUnexpected,
  type TimeRange,
  timeframeOf,
} from "./data-query.ts";
import { readPageToken } from "./page-token.ts";
import { type PagedAnswer, pageOf, type SymbolPage } from "./pages.ts";
import { historicalFeed, type StockFeed } from "./stock-feed.ts";
import { type Body, barBody, tickBody } from "./tick-body.ts";

type Kind = "bars" | "quotes" | "trades";

const KINDS: readonly Kind[] = ["bars", "quotes", "trades"];
const COMMON = ["symbols", "start", "end", "limit", "page_token", "sort"];
const STOCK_ONLY = ["feed", "asof", "currency"];
const KNOWN: Readonly<Record<AssetClass, Readonly<Record<Kind, readonly string[]>>>> = {
  us_equity: {
    bars: [...COMMON, ...STOCK_ONLY, "timeframe", "adjustment"],
    quotes: [...COMMON, ...STOCK_ONLY],
    trades: [...COMMON, ...STOCK_ONLY],
  },
  crypto: { bars: [...COMMON, "timeframe"], quotes: COMMON, trades: COMMON },
};

/** A request, read and checked. */
interface Asked {
  readonly query: Query;
  readonly instruments: readonly Instrument[];
  readonly range: TimeRange;
  readonly feed: StockFeed;
  readonly descending: boolean;
  readonly limit: number;
}

/** Multi-symbol answers are maps; those of one symbol name it and give its list. */
export function historyRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  for (const kind of KINDS) {
    app.get(`/v2/stocks/${kind}`, async (request) => several(options, "us_equity", kind, queryOf(request.query)));
    app.get(`/v1beta3/crypto/:location/${kind}`, async (request) => {
      checkLocation(request);
      return several(options, "crypto", kind, queryOf(request.query));
    });
    app.get(`/v2/stocks/:symbol/${kind}`, async (request) => single(options, kind, request));
  }
}

async function several(options: DataRoutesOptions, assetClass: AssetClass, kind: Kind, query: Query): Promise<Body> {
  const asked = readRequest(options, assetClass, kind, query);
  const { items, next_page_token } = await answer(options, kind, asked);
  return { [kind]: items, next_page_token, ...currencyOf(query) };
}

async function single(options: DataRoutesOptions, kind: Kind, request: FastifyRequest): Promise<Body> {
  const { symbol } = request.params as { symbol: string };
  checkSymbol(symbol, "stock");
  const query = { ...queryOf(request.query), symbols: symbol };
  const asked = readRequest(options, "us_equity", kind, query);
  const { items, next_page_token } = await answer(options, kind, asked);
  return { symbol, [kind]: items[symbol] ?? [], next_page_token, ...currencyOf(query) };
}

function readRequest(options: DataRoutesOptions, assetClass: AssetClass, kind: Kind, query: Query): Asked {
  refuseUnexpected(query, KNOWN[assetClass][kind]);
  const nowUs = options.nowUs();
  const clock = dayClockOf({ assetClass });
  const isStock = assetClass === "us_equity";
  if (isStock) checkAsof(query);
  const range = rangeOf(query, clock, { startUs: defaultStartUs(clock, nowUs), endUs: nowUs });
  const endUs = query["end"] === undefined ? null : Math.min(range.endUs, nowUs);
  return {
    query,
    range,
    instruments: instrumentsOf(options, assetClass, query),
    feed: isStock ? historicalFeed(query, options.plan, nowUs, endUs) : { untilUs: nowUs, shows: () => true },
    descending: isDescending(query),
    limit: limitOf(query),
  };
}

function defaultStartUs(clock: DayClock, nowUs: number): number {
  return clock.startUs(clock.dayOf(nowUs));
}

function answer(options: DataRoutesOptions, kind: Kind, asked: Asked): Promise<PagedAnswer<Body>> {
  const token = asked.query["page_token"];
  const place = token === undefined || token === "" ? null : readPageToken(token, asked.range);
  const firstUs = asked.descending ? asked.range.endUs : asked.range.startUs;
  const read = kind === "bars" ? barReader(options, asked) : tickReader(options, kind, asked);
  return pageOf(asked.instruments, place, asked.limit, firstUs, read);
}

type Reader = Parameters<typeof pageOf<Body>>[4];

function barReader(options: DataRoutesOptions, asked: Asked): Reader {
  const { query, range, feed, descending } = asked;
  const timeframe = timeframeOf(query);
  const adjustments = adjustmentsOf(query);
  return async (instrument, cursor, limit): Promise<SymbolPage<Body>> => {
    const fromUs = cursor?.timeUs;
    const page = await options.bars.page({
      instrument,
      timeframe,
      startUs: descending ? range.startUs : (fromUs ?? range.startUs),
      endUs: descending ? (fromUs ?? range.endUs) : range.endUs,
      nowUs: feed.untilUs,
      descending,
      limit,
      adjustments,
    });
    const shown = page.bars.filter((bar) => feed.shows(bar.startUs));
    const next = page.nextUs === null ? null : { timeUs: page.nextUs, skip: 0 };
    return { items: shown.map((bar) => barBody(bar, instrument)), next };
  };
}

function tickReader(options: DataRoutesOptions, kind: "quotes" | "trades", asked: Asked): Reader {
  const { range, feed, descending } = asked;
  return async (instrument, cursor, limit): Promise<SymbolPage<Body>> => {
    const { index } = instrument;
    const fromUs = cursor?.timeUs;
    const page = await options.ticks.page({
      index,
      kind: kind === "quotes" ? "quote" : "trade",
      startUs: descending ? range.startUs : (fromUs ?? range.startUs),
      endUs: Math.min(feed.untilUs, descending ? (fromUs ?? range.endUs) : range.endUs),
      descending,
      skip: cursor?.skip ?? 0,
      limit,
    });
    const shown = page.ticks.filter((tick) => feed.shows(tick.timeUs));
    const fate = (tick: (typeof shown)[number]) =>
      tick.kind === "trade" ? options.ticks.fateOf(index, tick.tradeId) : undefined;
    return { items: shown.map((tick) => tickBody(tick, instrument, fate(tick))), next: page.next };
  };
}
