/** What the contract of market data needs of a client, and what it sees: one shape, whatever the client's own is. */
import type { Arrivals } from "./arrivals.ts";

export interface SeenTrade {
  readonly symbol: string;
  readonly price: number;
  readonly size: number;
  /** Epoch milliseconds. */
  readonly timeMs: number;
}

export interface SeenQuote {
  readonly symbol: string;
  readonly bid: number;
  readonly bidSize: number;
  readonly ask: number;
  readonly askSize: number;
  readonly timeMs: number;
}

export interface SeenBar {
  readonly symbol: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly trades: number;
  readonly vwap: number;
  /** Of its start. */
  readonly timeMs: number;
}

export type Channel = "trades" | "quotes" | "bars" | "updatedBars" | "dailyBars";

export interface DataStreamClient {
  readonly trades: Arrivals<SeenTrade>;
  readonly quotes: Arrivals<SeenQuote>;
  readonly bars: Arrivals<SeenBar>;
  readonly updatedBars: Arrivals<SeenBar>;
  readonly dailyBars: Arrivals<SeenBar>;
  /** Errors by their text, such as `auth failed`. */
  readonly errors: Arrivals<string>;
  /** Resolves when the keys were taken. */
  connect(): Promise<void>;
  /** Resolves when the subscription is acknowledged. */
  subscribe(channel: Channel, symbols: string[]): Promise<void>;
  unsubscribe(channel: Channel, symbols: string[]): Promise<void>;
  close(): void;
}

export type Kind = "stock" | "crypto";

export interface HistoryRange {
  readonly symbols: string[];
  readonly start: Date;
  /** Inclusive. */
  readonly end: Date;
  /** Points of one page. */
  readonly limit: number;
}

/** History by symbol, all pages of it, and the newest of everything. */
export interface HistoryClient {
  bars(kind: Kind, range: HistoryRange, timeframe: string): Promise<Record<string, SeenBar[]>>;
  trades(kind: Kind, range: HistoryRange): Promise<Record<string, SeenTrade[]>>;
  quotes(kind: Kind, range: HistoryRange): Promise<Record<string, SeenQuote[]>>;
  latestTradePrice(kind: Kind, symbol: string): Promise<number>;
  latestBid(kind: Kind, symbol: string): Promise<number>;
  /** Of the snapshot: latest trade's price, latest ask, close of the minute, open of the day. */
  snapshot(kind: Kind, symbol: string): Promise<readonly [number, number, number, number]>;
}
