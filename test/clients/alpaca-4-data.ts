/** The market-data streams of Alpaca's client for JavaScript, version 4: MessagePack over plain sockets. */
import type { Bar, Quote, streaming, Trade } from "@alpacahq/alpaca-trade-api";
import { alpaca4 } from "./alpaca-4.ts";
import type { Channel, DataStreamClient, SeenBar, SeenQuote, SeenTrade } from "./data-client.ts";
import { Arrivals } from "./arrivals.ts";

type Named<T> = T & { readonly symbol: string };

export class Alpaca4DataStream implements DataStreamClient {
  readonly trades = new Arrivals<SeenTrade>();
  readonly quotes = new Arrivals<SeenQuote>();
  readonly bars = new Arrivals<SeenBar>();
  readonly updatedBars = new Arrivals<SeenBar>();
  readonly dailyBars = new Arrivals<SeenBar>();
  readonly errors = new Arrivals<string>();
  readonly stream: streaming.MarketDataStream;
  readonly #subscriptions = new Arrivals<unknown>();
  #asked = 0;

  constructor(url: string, kind: "stock" | "crypto") {
    const { marketData } = alpaca4(url);
    const socket = url.replace("http", "ws");
    this.stream =
      kind === "stock"
        ? marketData.stockStream({ url: `${socket}/v2/iex`, reconnect: false })
        : marketData.cryptoStream({ url: `${socket}/v1beta3/crypto/us`, reconnect: false });
    this.stream.onTrade((trade) => this.trades.add(seenTrade(trade)));
    this.stream.onQuote((quote) => this.quotes.add(seenQuote(quote)));
    this.stream.onBar((bar) => this.bars.add(seenBar(bar)));
    this.stream.onUpdatedBar((bar) => this.updatedBars.add(seenBar(bar)));
    this.stream.onDailyBar((bar) => this.dailyBars.add(seenBar(bar)));
    this.stream.onError((text) => this.errors.add(text));
    this.stream.on("subscription", (state: unknown) => this.#subscriptions.add(state));
  }

  async connect(): Promise<void> {
    this.stream.connect();
    const { authenticated, message } = await this.stream.waitForAuthenticationResult();
    if (!authenticated) throw new Error(message);
  }

  async subscribe(channel: Channel, symbols: string[]): Promise<void> {
    const { stream } = this;
    if (channel === "trades") stream.subscribeForTrades(symbols);
    if (channel === "quotes") stream.subscribeForQuotes(symbols);
    if (channel === "bars") stream.subscribeForBars(symbols);
    if (channel === "updatedBars") stream.subscribeForUpdatedBars(symbols);
    if (channel === "dailyBars") stream.subscribeForDailyBars(symbols);
    await this.#subscriptions.first(++this.#asked);
  }

  async unsubscribe(channel: Channel, symbols: string[]): Promise<void> {
    const { stream } = this;
    if (channel === "trades") stream.unsubscribeFromTrades(symbols);
    if (channel === "quotes") stream.unsubscribeFromQuotes(symbols);
    if (channel === "bars") stream.unsubscribeFromBars(symbols);
    if (channel === "updatedBars") stream.unsubscribeFromUpdatedBars(symbols);
    if (channel === "dailyBars") stream.unsubscribeFromDailyBars(symbols);
    await this.#subscriptions.first(++this.#asked);
  }

  close(): void {
    this.stream.disconnect();
  }
}

export function seenTrade(trade: Named<Trade>): SeenTrade {
  const { symbol, price, size, timestamp } = trade;
  return { symbol, price, size, timeMs: timestamp.getTime() };
}

export function seenQuote(quote: Named<Quote>): SeenQuote {
  const { symbol, bidPrice: bid, bidSize, askPrice: ask, askSize, timestamp } = quote;
  return { symbol, bid, bidSize, ask, askSize, timeMs: timestamp.getTime() };
}

export function seenBar(bar: Named<Bar>): SeenBar {
  const { symbol, open, high, low, close, volume, tradeCount = -1, vwap = Number.NaN, timestamp } = bar;
  return { symbol, open, high, low, close, volume, trades: tradeCount, vwap, timeMs: timestamp.getTime() };
}
