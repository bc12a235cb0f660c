/** The market-data streams of Alpaca's client for JavaScript, version 3: MessagePack, and TLS whatever the address says. */
import { type Alpaca3, alpaca3 } from "./alpaca-3.ts";
import type { Channel, DataStreamClient, SeenBar, SeenQuote, SeenTrade } from "./data-client.ts";
import { Arrivals } from "./arrivals.ts";

type StockStream = Alpaca3["data_stream_v2"];
type CryptoStream = Alpaca3["crypto_stream_v1beta3"];

/** Fields of the three kinds of message. Crypto's have a Date where the types say text, and names of their own. */
type Fields = Record<string, unknown>;

export class Alpaca3DataStream implements DataStreamClient {
  readonly trades = new Arrivals<SeenTrade>();
  readonly quotes = new Arrivals<SeenQuote>();
  readonly bars = new Arrivals<SeenBar>();
  readonly updatedBars = new Arrivals<SeenBar>();
  readonly dailyBars = new Arrivals<SeenBar>();
  readonly errors = new Arrivals<string>();
  readonly stream: StockStream | CryptoStream;
  #acknowledged: (() => void) | null = null;

  constructor(url: string, kind: "stock" | "crypto") {
    const client = alpaca3(url);
    const add =
      <T>(arrivals: Arrivals<T>, read: (fields: Fields) => T) =>
      (message: object) =>
        arrivals.add(read(message as Fields));
    if (kind === "stock") {
      const stream = client.data_stream_v2;
      stream.onStockTrade(add(this.trades, seenTrade));
      stream.onStockQuote(add(this.quotes, seenQuote));
      stream.onStockBar(add(this.bars, seenBar));
      stream.onStockUpdatedBar(add(this.updatedBars, seenBar));
      stream.onStockDailyBar(add(this.dailyBars, seenBar));
      this.stream = stream;
    } else {
      const stream = client.crypto_stream_v1beta3;
      stream.onCryptoTrade(add(this.trades, seenTrade));
      stream.onCryptoQuote(add(this.quotes, seenQuote));
      stream.onCryptoBar(add(this.bars, seenBar));
      stream.onCryptoUpdatedBar(add(this.updatedBars, seenBar));
      stream.onCryptoDailyBar(add(this.dailyBars, seenBar));
      this.stream = stream;
    }
    this.stream.onError((text) => this.errors.add(String(text)));
    this.#hearSubscriptions();
  }

  /** This client has no event for "the subscription is acknowledged"; its handler of that message is the place to hear it. */
  #hearSubscriptions(): void {
    const stream = this.stream as { updateSubscriptions(message: unknown): void };
    const update = stream.updateSubscriptions.bind(stream);
    stream.updateSubscriptions = (message) => {
      update(message);
      this.#acknowledged?.();
    };
  }

  connect(): Promise<void> {
    return new Promise((resolve) => {
      this.stream.onConnect(() => resolve());
      this.stream.connect();
    });
  }

  async subscribe(channel: Channel, symbols: string[]): Promise<void> {
    await this.#answer(() => {
      const { stream } = this;
      if (channel === "trades") stream.subscribeForTrades(symbols);
      if (channel === "quotes") stream.subscribeForQuotes(symbols);
      if (channel === "bars") stream.subscribeForBars(symbols);
      if (channel === "updatedBars") stream.subscribeForUpdatedBars(symbols);
      if (channel === "dailyBars") stream.subscribeForDailyBars(symbols);
    });
  }

  async unsubscribe(channel: Channel, symbols: string[]): Promise<void> {
    await this.#answer(() => this.stream.unsubscribe({ [channel]: symbols }));
  }

  #answer(ask: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#acknowledged = resolve;
      ask();
    });
  }

  close(): void {
    this.stream.disconnect();
  }
}

function timeMsOf(fields: Fields): number {
  return new Date(fields["Timestamp"] as string | Date).getTime();
}

function number(fields: Fields, ...names: readonly string[]): number {
  return Number(names.map((name) => fields[name]).find((value) => value !== undefined));
}

export function seenTrade(fields: Fields): SeenTrade {
  const symbol = (fields["Symbol"] ?? fields["S"]) as string;
  return { symbol, price: number(fields, "Price"), size: number(fields, "Size"), timeMs: timeMsOf(fields) };
}

export function seenQuote(fields: Fields): SeenQuote {
  return {
    symbol: (fields["Symbol"] ?? fields["S"]) as string,
    bid: number(fields, "BidPrice"),
    bidSize: number(fields, "BidSize"),
    ask: number(fields, "AskPrice"),
    askSize: number(fields, "AskSize"),
    timeMs: timeMsOf(fields),
  };
}

export function seenBar(fields: Fields): SeenBar {
  return {
    symbol: (fields["Symbol"] ?? fields["S"]) as string,
    open: number(fields, "OpenPrice", "Open"),
    high: number(fields, "HighPrice", "High"),
    low: number(fields, "LowPrice", "Low"),
    close: number(fields, "ClosePrice", "Close"),
    volume: number(fields, "Volume"),
    trades: number(fields, "TradeCount"),
    vwap: number(fields, "VWAP"),
    timeMs: timeMsOf(fields),
  };
}
