/**
 * One observation of a market as the research and replay edges see it: a plain object, reused by whoever yields it. The
 * engine never sees ticks, only records. Copy what must outlive the batch.
 */

/** `barOpen`: the first price of a bar, at its start; `depth`: one level of a book; the last two are corporate actions. */
export type TickKind = "trade" | "quote" | "bar" | "barOpen" | "depth" | "split" | "dividend";

/** Fields that a kind does not have are 0 or "". Prices and sizes are doubles, times epoch microseconds. */
export interface Tick {
  readonly kind: TickKind;
  readonly symbol: string;
  /** Venue time; of a bar its start, of a corporate action the midnight in New York at which its day begins. */
  readonly timeUs: number;
  /** Trades and depth. */
  readonly price: number;
  readonly size: number;
  /** 1 the buyer, 2 the seller was the aggressor, 0 not told. */
  readonly aggressor: number;
  readonly tradeId: number;
  /** FLAG_* bits of the sale conditions. */
  readonly conditions: number;
  readonly conditionText: string;
  /** Trades and quotes. */
  readonly exchange: string;
  /** Quotes: 0 is "no quote on that side". Quote bars: the closing bid and ask. */
  readonly bid: number;
  readonly bidSize: number;
  readonly ask: number;
  readonly askSize: number;
  /** Bars; of quote bars the means of bid and ask. */
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly intervalSeconds: number;
  /** Bars: when the first price was to be had, and when all of it is known; of daily bars the session's. */
  readonly openUs: number;
  readonly closeUs: number;
  /** Depth: 1 a bid, 2 an ask; whether the row is part of a snapshot of the whole book; the source's number. */
  readonly bookSide: number;
  readonly snapshot: boolean;
  readonly updateId: number;
  /** Splits: `toShares` for each `fromShares`, both whole. */
  readonly fromShares: number;
  readonly toShares: number;
  /** Dividends: of one share, in quote currency. */
  readonly amount: number;
}

/** For the owner of the object only. */
export type MutableTick = { -readonly [Key in keyof Tick]: Tick[Key] };

export function emptyTick(): MutableTick {
  return {
    kind: "trade",
    symbol: "",
    timeUs: 0,
    price: 0,
    size: 0,
    aggressor: 0,
    tradeId: 0,
    conditions: 0,
    conditionText: "",
    exchange: "",
    bid: 0,
    bidSize: 0,
    ask: 0,
    askSize: 0,
    open: 0,
    high: 0,
    low: 0,
    close: 0,
    volume: 0,
    intervalSeconds: 0,
    openUs: 0,
    closeUs: 0,
    bookSide: 0,
    snapshot: false,
    updateId: 0,
    fromShares: 0,
    toShares: 0,
    amount: 0,
  };
}
