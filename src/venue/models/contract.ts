/**
 * What the venue leaves open: when and at what price an order trades, what it costs, how long it travels. Every model is
 * deterministic: it reads no clock and no generator, and randomness is a hash of what is being decided, so that the same
 * orders on the same market give the same fills, also after a restart.
 */
import type { Fixed } from "../../core/fixed.ts";
import type { Instrument } from "../../core/market/instrument.ts";
import type { VenueOrder, VenueSide, WorkingOrder } from "../order.ts";

/** A bar as it is known at its end; prices and volume are doubles. */
export interface VenueBar {
  readonly startUs: number;
  readonly endUs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  /** Half of the closing spread where the bar was made of bids and asks, else 0: buys pay it, sells give it. */
  readonly halfSpread: number;
}

/** What a model may see of an instrument's market; prices and sizes are doubles, 0 where there is none. */
export interface MarketView {
  readonly bid: number;
  readonly bidSize: number;
  readonly ask: number;
  readonly askSize: number;
  /** The last trade, or the point of a bar's path that has been reached. */
  readonly last: number;
  readonly lastSize: number;
  /** Of the last trade: 1 the buyer, 2 the seller took, 0 not told. */
  readonly lastAggressor: number;
  /** The newest bar; null before the first. */
  readonly bar: VenueBar | null;
  readonly timeUs: number;
  /** Counts what has been seen of this market: the same number is the same observation. */
  readonly observation: number;
  /** Size that rests at a price on a side (that of the bids for "buy"); null where it is not known. */
  restingSize(side: VenueSide, price: number): number | null;
}

/**
 * Why orders are tried: `activation` one order has come into the market (or its stop was reached); the others are what has
 * been seen. Of a bar: `bar_open` its first price at its start, `bar_path` a point of its path, `bar_close` its last price.
 */
export type MarketCause = "activation" | "quote" | "trade" | "depth" | "bar_open" | "bar_path" | "bar_close";

/** Whether an order waited in the market or took what waited there. */
export type Liquidity = "maker" | "taker";

export interface FillDecision {
  readonly price: Fixed;
  /** Positive, at most `remainingAt(order, price)`. */
  readonly quantity: Fixed;
  readonly liquidity: Liquidity;
}

export interface FillModel {
  /** The causes that it wants to be asked for; on all others nothing trades and nothing is asked. */
  readonly causes: ReadonlySet<MarketCause>;
  /** What of an order that is in the market trades now; null for nothing. Asked in order of submission. */
  decide(order: WorkingOrder, market: MarketView, cause: MarketCause): FillDecision | null;
}

/** An execution as the fee models see it. */
export interface FeeFill {
  readonly instrument: Instrument;
  readonly side: VenueSide;
  readonly quantity: Fixed;
  readonly price: Fixed;
  /** What of the order had been filled before. */
  readonly filledBefore: Fixed;
  readonly timeUs: number;
}

export interface Fee {
  /** In quote currency, positive costs. */
  readonly fee: Fixed;
  /** Taken from what was bought; at most the quantity. */
  readonly feeQuantity: Fixed;
}

export interface FeeModel {
  feeOf(fill: FeeFill, liquidity: Liquidity): Fee;
  /** An execution has been booked, after `feeOf` or in an earlier life; each once, in order. */
  booked(fill: FeeFill): void;
}

export interface LatencyModel {
  /** Microseconds from the submission until the order is in the market; at least 0. */
  latencyUs(order: VenueOrder): number;
}

export interface SlippageModel {
  /** The price that is paid in place of `price`; the venue keeps it within the order's limit. */
  slip(order: WorkingOrder, quantity: Fixed, price: Fixed): Fixed;
}
