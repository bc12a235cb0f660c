/** The market data of the past by Alpaca's client for JavaScript, version 3. */
import { type Alpaca3, alpaca3 } from "./alpaca-3.ts";
import { seenBar, seenQuote, seenTrade } from "./alpaca-3-data.ts";
import type { HistoryClient, HistoryRange, Kind, SeenBar, SeenQuote, SeenTrade } from "./data-client.ts";

type Fields = Record<string, unknown>;

export class Alpaca3History implements HistoryClient {
  readonly #client: Alpaca3;

  constructor(url: string) {
    this.#client = alpaca3(url);
  }

  async bars(kind: Kind, range: HistoryRange, timeframe: string): Promise<Record<string, SeenBar[]>> {
    const options = { ...optionsOf(range), timeframe };
    const bars =
      kind === "stock"
        ? await this.#client.getMultiBarsV2(range.symbols, options)
        : await this.#client.getCryptoBars(range.symbols, options);
    return named(bars, seenBar);
  }

  async trades(kind: Kind, range: HistoryRange): Promise<Record<string, SeenTrade[]>> {
    const trades =
      kind === "stock"
        ? await this.#client.getMultiTradesV2(range.symbols, optionsOf(range))
        : await this.#client.getCryptoTrades(range.symbols, optionsOf(range));
    return named(trades, seenTrade);
  }

  async quotes(kind: Kind, range: HistoryRange): Promise<Record<string, SeenQuote[]>> {
    const quotes =
      kind === "stock"
        ? await this.#client.getMultiQuotesV2(range.symbols, optionsOf(range))
        : await this.#client.getCryptoQuotes(range.symbols, optionsOf(range));
    return named(quotes, seenQuote);
  }

  async latestTradePrice(kind: Kind, symbol: string): Promise<number> {
    if (kind === "stock") return (await this.#client.getLatestTrade(symbol)).Price;
    return Number((await this.#client.getLatestCryptoTrades([symbol])).get(symbol)?.Price);
  }

  async latestBid(kind: Kind, symbol: string): Promise<number> {
    if (kind === "stock") return (await this.#client.getLatestQuote(symbol)).BidPrice;
    return Number((await this.#client.getLatestCryptoQuotes([symbol])).get(symbol)?.BidPrice);
  }

  async snapshot(kind: Kind, symbol: string): Promise<readonly [number, number, number, number]> {
    const found = (kind === "stock"
      ? await this.#client.getSnapshot(symbol)
      : (await this.#client.getCryptoSnapshots([symbol])).get(symbol)) as unknown as Record<
      "LatestTrade" | "LatestQuote" | "MinuteBar" | "DailyBar",
      Fields
    >;
    const minute = seenBar(found.MinuteBar);
    return [
      seenTrade(found.LatestTrade).price,
      seenQuote(found.LatestQuote).ask,
      minute.close,
      seenBar(found.DailyBar).open,
    ];
  }
}

/** It takes times as text, and a page's size beside the limit of all points. */
function optionsOf({ start, end, limit }: HistoryRange): Record<string, unknown> {
  return { start: start.toISOString(), end: end.toISOString(), pageLimit: limit };
}

function named<S extends object>(bySymbol: Map<string, unknown[]>, seen: (fields: Fields) => S): Record<string, S[]> {
  return Object.fromEntries(
    [...bySymbol].map(([symbol, items]) => [symbol, items.map((item) => ({ ...seen(item as Fields), symbol }))]),
  );
}
