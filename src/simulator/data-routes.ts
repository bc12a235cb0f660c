/** Alpaca's market-data REST interface: bars of the past, latest quotes and trades. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import type { AssetClass, Instrument } from "../core/market/instrument.ts";
import type { Exchange } from "./exchange.ts";
import { barBody, quoteBody, tradeBody } from "./market-message.ts";
import type { BarHistory, BarPage } from "./market-source.ts";
import { WireError } from "./wire-error.ts";
import { parseTimeUs } from "./wire-time.ts";

type Query = Record<string, string | undefined>;
type Json = Record<string, unknown>;

const DAY_US = 86_400_000_000;
const PAGE_DEFAULT = 1000;
const PAGE_MAX = 10_000;

export interface DataRoutesOptions {
  readonly exchange: Exchange;
  readonly history: BarHistory;
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
}

export function dataRoutes(app: FastifyInstance, options: DataRoutesOptions): void {
  const served: readonly [string, string, AssetClass][] = [
    ["/v2/stocks/bars", "/v2/stocks", "us_equity"],
    ["/v1beta3/crypto/us/bars", "/v1beta3/crypto/us/latest", "crypto"],
  ];
  for (const [barsPath, latestPath, assetClass] of served) {
    app.get(barsPath, (request) => barsAnswer(options, assetClass, request.query as Query));
    const quotesPath = assetClass === "crypto" ? `${latestPath}/quotes` : `${latestPath}/quotes/latest`;
    const tradesPath = assetClass === "crypto" ? `${latestPath}/trades` : `${latestPath}/trades/latest`;
    app.get(quotesPath, (request) => ({ quotes: latest(options, assetClass, request.query as Query, "quote") }));
    app.get(tradesPath, (request) => ({ trades: latest(options, assetClass, request.query as Query, "trade") }));
  }
  app.get("/v2/stocks/:symbol/bars", (request) => {
    const { symbol } = request.params as { symbol: string };
    const answer = barsAnswer(options, "us_equity", { ...(request.query as Query), symbols: symbol });
    return { symbol, bars: (answer.bars as Json)[symbol] ?? [], next_page_token: answer.next_page_token };
  });
}

interface BarsAnswer {
  readonly bars: Json;
  readonly next_page_token: string | null;
}

/** Sorted by symbol, then by time; the limit counts bars of all symbols. */
function barsAnswer(options: DataRoutesOptions, assetClass: AssetClass, query: Query): BarsAnswer {
  const nowUs = options.nowUs();
  const startUs = timeOf(query["start"], "start") ?? Math.floor(nowUs / DAY_US) * DAY_US;
  const endUs = (timeOf(query["end"], "end") ?? nowUs) + 1;
  const intervalSeconds = intervalOf(query["timeframe"]);
  if (query["sort"] === "desc") throw badRequest("sort desc is not simulated, use asc");
  const instruments = instrumentsOf(options.exchange, assetClass, query["symbols"]).sort(bySymbol);
  const from = query["page_token"] === undefined ? null : readToken(query["page_token"]);
  let left = limitOf(query["limit"]);
  const bars: Json = {};
  for (const instrument of instruments) {
    if (from !== null && instrument.symbol < from.symbol) continue;
    const range = {
      startUs: from !== null && instrument.symbol === from.symbol ? from.timeUs : startUs,
      endUs,
      nowUs,
      limit: left,
    };
    const page: BarPage = options.history.bars(instrument.index, intervalSeconds, range);
    if (page.bars.length > 0) bars[instrument.symbol] = page.bars.map(barBody);
    left -= page.bars.length;
    if (page.nextUs !== null) return { bars, next_page_token: tokenOf(instrument.symbol, page.nextUs) };
    if (left === 0) return { bars, next_page_token: tokenOf(`${instrument.symbol}\u0001`, startUs) };
  }
  return { bars, next_page_token: null };
}

function latest(options: DataRoutesOptions, assetClass: AssetClass, query: Query, kind: "quote" | "trade"): Json {
  const answer: Json = {};
  for (const instrument of instrumentsOf(options.exchange, assetClass, query["symbols"])) {
    const tick = options.exchange.latest[instrument.index]?.[kind];
    if (tick === undefined) continue;
    const crypto = assetClass === "crypto";
    answer[instrument.symbol] = tick.kind === "quote" ? quoteBody(tick, crypto) : tradeBody(tick, crypto);
  }
  return answer;
}

function instrumentsOf(exchange: Exchange, assetClass: AssetClass, symbols: string | undefined): Instrument[] {
  if (symbols === undefined || symbols === "") throw badRequest("symbols is required");
  const wanted = symbols.split(",");
  const pair = /^[A-Z0-9]+\/[A-Z0-9]+$/;
  const invalid = assetClass === "crypto" ? wanted.find((symbol) => !pair.test(symbol)) : undefined;
  if (invalid !== undefined) throw badRequest(`invalid symbol: ${invalid}`);
  return exchange.venue
    .instruments()
    .filter((instrument) => instrument.assetClass === assetClass && wanted.includes(instrument.symbol));
}

const UNITS: Readonly<Record<string, number>> = { min: 60, t: 60, hour: 3600, h: 3600, day: 86_400, d: 86_400 };
const MOST: Readonly<Record<string, number>> = { min: 59, t: 59, hour: 23, h: 23, day: 1, d: 1 };

/** `1Min`, `15T`, `4Hour`, `1Day`, in any case (ccxt says `1min`) → seconds. Days are UTC days here. */
function intervalOf(text: string | undefined): number {
  const match = /^(\d+)(min|t|hour|h|day|d)$/.exec((text ?? "").toLowerCase());
  const count = Number(match?.[1]);
  const unit = match?.[2] ?? "";
  if (match === null || count < 1 || count > (MOST[unit] ?? 0)) {
    throw badRequest("timeframe must be 1Min to 59Min, 1Hour to 23Hour or 1Day");
  }
  return count * (UNITS[unit] ?? 0);
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return PAGE_DEFAULT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_MAX) throw badRequest(`limit must be 1 to ${PAGE_MAX}`);
  return limit;
}

function timeOf(text: string | undefined, name: string): number | null {
  if (text === undefined) return null;
  const timeUs = parseTimeUs(text);
  if (timeUs === null) throw badRequest(`${name} must be an RFC 3339 time or a date`);
  return timeUs;
}

function tokenOf(symbol: string, timeUs: number): string {
  return Buffer.from(`${symbol}|${timeUs}`).toString("base64");
}

function readToken(token: string): { symbol: string; timeUs: number } {
  const [symbol, time] = Buffer.from(token, "base64").toString("utf8").split("|");
  if (symbol === undefined || !Number.isSafeInteger(Number(time ?? Number.NaN))) throw badRequest("invalid page_token");
  return { symbol, timeUs: Number(time) };
}

function bySymbol(a: Instrument, b: Instrument): number {
  return a.symbol < b.symbol ? -1 : 1;
}

/** The data interface gives a message without a number. */
function badRequest(message: string): WireError {
  return new WireError(400, null, message);
}
