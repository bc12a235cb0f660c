/** The market data of the past by Alpaca's client for JavaScript, version 4. */
import type { Alpaca, Bar, marketData, Quote, TimeFrame, Trade } from "@alpacahq/alpaca-trade-api";
import { alpaca4 } from "./alpaca-4.ts";
import { seenBar, seenQuote, seenTrade } from "./alpaca-4-data.ts";
import type { HistoryClient, HistoryRange, Kind, SeenBar, SeenQuote, SeenTrade } from "./data-client.ts";

type TimeFrameString = (typeof TimeFrame)[keyof typeof TimeFrame];

export class Alpaca4History implements HistoryClient {
  readonly #data: Alpaca["marketData"];

  constructor(url: string) {
    this.#data = alpaca4(url).marketData;
  }

  async bars(kind: Kind, range: HistoryRange, text: string): Promise<Record<string, SeenBar[]>> {
    const timeframe = text as TimeFrameString;
    const bars =
      kind === "stock"
        ? await this.#data.getStockBars({ ...range, timeframe })
        : await this.#data.getCryptoBars({ ...range, timeframe, loc: "us" });
    return named<Bar, SeenBar>(bars, seenBar);
  }

  async trades(kind: Kind, range: HistoryRange): Promise<Record<string, SeenTrade[]>> {
    const trades =
      kind === "stock"
        ? await this.#data.getStockTrades(range)
        : await this.#data.getCryptoTrades({ ...range, loc: "us" });
    return named<Trade, SeenTrade>(trades, seenTrade);
  }

  async quotes(kind: Kind, range: HistoryRange): Promise<Record<string, SeenQuote[]>> {
    const quotes =
      kind === "stock"
        ? await this.#data.getStockQuotes(range)
        : await this.#data.getCryptoQuotes({ ...range, loc: "us" });
    return named<Quote, SeenQuote>(quotes, seenQuote);
  }

  async latestTradePrice(kind: Kind, symbol: string): Promise<number> {
    const { stocks, crypto } = this.#data;
    if (kind === "stock") return (await stocks.stockLatestTradeSingle({ symbol })).trade.p;
    return (await crypto.cryptoLatestTrades({ loc: "us", symbols: symbol })).trades[symbol]?.p ?? Number.NaN;
  }

  async latestBid(kind: Kind, symbol: string): Promise<number> {
    const { stocks, crypto } = this.#data;
    if (kind === "stock") return (await stocks.stockLatestQuoteSingle({ symbol })).quote.bp;
    return (await crypto.cryptoLatestQuotes({ loc: "us", symbols: symbol })).quotes[symbol]?.bp ?? Number.NaN;
  }

  async snapshot(kind: Kind, symbol: string): Promise<readonly [number, number, number, number]> {
    const { stocks, crypto } = this.#data;
    const found: marketData.StockSnapshot | marketData.CryptoSnapshot | undefined =
      kind === "stock"
        ? await stocks.stockSnapshotSingle({ symbol })
        : (await crypto.cryptoSnapshots({ loc: "us", symbols: symbol })).snapshots[symbol];
    const { latestTrade, latestQuote, minuteBar, dailyBar } = found ?? {};
    return [latestTrade?.p, latestQuote?.ap, minuteBar?.c, dailyBar?.o].map(Number) as [number, number, number, number];
  }
}

function named<T, S>(bySymbol: Record<string, T[]>, seen: (item: T & { symbol: string }) => S): Record<string, S[]> {
  return Object.fromEntries(
    Object.entries(bySymbol).map(([symbol, items]) => [symbol, items.map((item) => seen({ ...item, symbol }))]),
  );
}
