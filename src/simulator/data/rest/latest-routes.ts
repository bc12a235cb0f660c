/** The latest bars, quotes, trades, books and snapshots, of stocks and of crypto. Main thread of the simulator. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AssetClass, Instrument } from "../../../core/market/instrument.ts";
import type { HistoryBar } from "../../market-source.ts";
import { WireError } from "../../wire-error.ts";
import type { Timeframe } from "../history/timeframe.ts";
import { levelBody } from "../message/message-shape.ts";
import { rfc3339Nano } from "../message/wire-timestamp.ts";
import { type DataRoutesOptions, instrumentsOf } from "./data-market.ts";
import { checkLocation, checkSymbol, currencyOf, queryOf, refuseUnexpected } from "./data-query.ts";
import { latestFeed, type StockFeed } from "./stock-feed.ts";
import { type Body, barBody, tickBody } from "./tick-body.ts";

type Kind = "bar" | "quote" | "trade";
type Reader = (options: DataRoutesOptions, instrument: Instrument, feed: StockFeed) => Promise<Body | undefined>;

const MINUTE: Timeframe = { unit: "minute", count: 1 };
const DAY: Timeframe = { unit: "day", count: 1 };
const DAY_US = 86_400_000_000;
/** How far back a latest bar is looked for: over a long weekend. */
const MINUTE_SEARCH_US = 4 * DAY_US;
const DAY_SEARCH_US = 12 * DAY_US;
const STOCK_PARAMETERS = ["symbols", "feed", "currency"];
const CRYPTO_PARAMETERS = ["symbols"];

const READERS: Readonly<Record<Kind, Reader>> = { bar: latestBar, quote: latestQuote, trade: latestTrade };

export function latestRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  for (const kind of ["bar", "quote", "trade"] as const) {
    const read = READERS[kind];
    app.get(`/v2/stocks/${kind}s/latest`, async (request) => ({
      [`${kind}s`]: await several(options, "us_equity", request, read),
      ...currencyOf(queryOf(request.query)),
    }));
    app.get(`/v2/stocks/:symbol/${kind}s/latest`, async (request) => ({
      ...(await single(options, request, kind, read)),
    }));
    app.get(`/v1beta3/crypto/:location/latest/${kind}s`, async (request) => ({
      [`${kind}s`]: await several(options, "crypto", request, read),
    }));
  }
  app.get("/v1beta3/crypto/:location/latest/orderbooks", async (request) => ({
    orderbooks: await several(options, "crypto", request, latestBook),
  }));
  app.get("/v2/stocks/snapshots", async (request) => several(options, "us_equity", request, snapshot));
  app.get("/v1beta3/crypto/:location/snapshots", async (request) => ({
    snapshots: await several(options, "crypto", request, snapshot),
  }));
  app.get("/v2/stocks/:symbol/snapshot", async (request) => {
    const { symbol, snapshot: body } = await single(options, request, "snapshot", snapshot);
    return { symbol, ...(body as Body) };
  });
}

/** By symbol; those of which nothing is known are left out. */
async function several(
  options: DataRoutesOptions,
  assetClass: AssetClass,
  request: FastifyRequest,
  read: Reader,
): Promise<Body> {
  const query = queryOf(request.query);
  const isStock = assetClass === "us_equity";
  if (!isStock) checkLocation(request);
  refuseUnexpected(query, isStock ? STOCK_PARAMETERS : CRYPTO_PARAMETERS);
  const nowUs = options.nowUs();
  const feed = isStock ? latestFeed(query, options.plan, nowUs) : { untilUs: nowUs, shows: () => true };
  const answer: Record<string, Body> = {};
  for (const instrument of instrumentsOf(options, assetClass, query)) {
    const body = await read(options, instrument, feed);
    if (body !== undefined) answer[instrument.symbol] = body;
  }
  return answer;
}

async function single(options: DataRoutesOptions, request: FastifyRequest, name: string, read: Reader): Promise<Body> {
  const { symbol } = request.params as { symbol: string };
  checkSymbol(symbol, "stock");
  const query = { ...queryOf(request.query), symbols: symbol };
  refuseUnexpected(query, STOCK_PARAMETERS);
  const feed = latestFeed(query, options.plan, options.nowUs());
  const [instrument] = instrumentsOf(options, "us_equity", query);
  const body = instrument === undefined ? undefined : await read(options, instrument, feed);
  if (body === undefined) throw new WireError(404, null, `no ${name} found for ${symbol}`);
  return { symbol, [name]: body, ...currencyOf(query) };
}

async function latestQuote(options: DataRoutesOptions, instrument: Instrument, feed: StockFeed) {
  const quote = await options.latest.quote(instrument.index, feed.untilUs);
  return quote === undefined || !feed.shows(quote.timeUs) ? undefined : tickBody(quote, instrument);
}

async function latestTrade(options: DataRoutesOptions, instrument: Instrument, feed: StockFeed) {
  const trade = await options.latest.trade(instrument.index, feed.untilUs);
  return trade === undefined || !feed.shows(trade.timeUs) ? undefined : tickBody(trade, instrument);
}

async function latestBar(options: DataRoutesOptions, instrument: Instrument, feed: StockFeed) {
  const [bar] = await latestBars(options, instrument, feed, MINUTE, MINUTE_SEARCH_US, 1);
  return bar === undefined ? undefined : barBody(bar, instrument);
}

/** Newest first. */
async function latestBars(
  options: DataRoutesOptions,
  instrument: Instrument,
  feed: StockFeed,
  timeframe: Timeframe,
  searchUs: number,
  limit: number,
): Promise<readonly HistoryBar[]> {
  const { untilUs } = feed;
  const found: HistoryBar[] = [];
  for (let endUs: number | null = untilUs; endUs !== null && found.length < limit; ) {
    const range = { startUs: untilUs - searchUs, endUs, nowUs: untilUs, descending: true };
    const page = await options.bars.page({ instrument, timeframe, ...range, limit, adjustments: [] });
    found.push(...page.bars.filter((bar) => feed.shows(bar.startUs)));
    endUs = page.nextUs;
  }
  return found.slice(0, limit);
}

/** Fields of which nothing is known are left out. */
async function snapshot(options: DataRoutesOptions, instrument: Instrument, feed: StockFeed) {
  const [dailyBar, prevDailyBar] = await latestBars(options, instrument, feed, DAY, DAY_SEARCH_US, 2);
  const day = (bar: HistoryBar | undefined) => (bar === undefined ? undefined : barBody(bar, instrument));
  const body = {
    latestTrade: await latestTrade(options, instrument, feed),
    latestQuote: await latestQuote(options, instrument, feed),
    minuteBar: await latestBar(options, instrument, feed),
    dailyBar: day(dailyBar),
    prevDailyBar: day(prevDailyBar),
  };
  return Object.values(body).every((value) => value === undefined) ? undefined : body;
}

async function latestBook(options: DataRoutesOptions, instrument: Instrument) {
  const book = options.books.of(instrument.index);
  if (book === undefined) return undefined;
  return { t: rfc3339Nano(book.timeUs), b: book.bids.map(levelBody), a: book.asks.map(levelBody) };
}
