/**
 * The broker port: what the order path needs of an account at a broker. The only adapter speaks Alpaca's protocol, to
 * Alpaca or to the simulator. Every call has a deadline of its own and ends in a value; only bugs throw.
 */
import type { Fixed } from "../core/fixed.ts";
import type { OrderTerms, Side, TimeInForce } from "../orders/journal.ts";

export interface BrokerAccount {
  readonly id: string;
  readonly status: string;
  readonly cash: Fixed;
  readonly equity: Fixed;
  readonly lastEquity: Fixed;
  readonly buyingPower: Fixed;
  readonly suspended: boolean;
}

export interface BrokerPosition {
  readonly symbol: string;
  readonly quantity: Fixed;
  readonly averageEntryPrice: Fixed;
  readonly currentPrice: Fixed | null;
}

/** Alpaca's order statuses as they are on the wire. */
export type BrokerOrderStatus = string;

export interface BrokerOrder {
  readonly id: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  /** As on the wire, like `timeInForce` and `orderClass` (`""` for simple orders): a broker may have more than we send. */
  readonly type: string;
  readonly timeInForce: string;
  readonly orderClass: string;
  /** Null for orders by notional. */
  readonly quantity: Fixed | null;
  readonly limitPrice: Fixed | null;
  /** Of a trailing stop where it stands now. */
  readonly stopPrice: Fixed | null;
  readonly trailPrice: Fixed | null;
  readonly trailPercent: Fixed | null;
  readonly filledQuantity: Fixed;
  readonly filledAveragePrice: Fixed | null;
  readonly status: BrokerOrderStatus;
  /** Broker ids of the order that this one takes the place of, and of the one that took its place. */
  readonly replaces: string | null;
  readonly replacedBy: string | null;
  /** Of a parent, where the broker tells them; their client ids are the broker's. */
  readonly legs: readonly BrokerOrder[];
  /** Venue time, epoch microseconds. */
  readonly submittedAtUs: number;
  readonly updatedAtUs: number;
}

/** `quantity` or `notional` (to be spent or raised, in the quote currency), never both. */
export interface NewOrder extends Omit<OrderTerms, "quantity"> {
  readonly clientOrderId: string;
  readonly quantity: Fixed | null;
  readonly notional: Fixed | null;
}

/** What of an open order is to change; null stays as it is. */
export interface OrderReplacement {
  /** Of the order that takes the old one's place. */
  readonly clientOrderId: string;
  /** The total, what has been filled included. */
  readonly quantity: Fixed | null;
  readonly limitPrice: Fixed | null;
  readonly stopPrice: Fixed | null;
  /** Price or percent, whichever the order has. */
  readonly trail: Fixed | null;
  readonly timeInForce: TimeInForce | null;
}

/** The account moved without a trade. Signed amounts are seen from the account. */
export interface BrokerActivity {
  readonly id: string;
  /** Alpaca's word: DIV, SPLIT, FEE, CFEE, INT, CSD, …; unknown ones are passed on. */
  readonly type: string;
  readonly status: string;
  readonly symbol: string | null;
  /** Change of the position; of a dividend what it was paid on. */
  readonly quantity: Fixed | null;
  /** Change of cash. */
  readonly netAmount: Fixed;
  readonly price: Fixed | null;
  /** ISO date in New York, on which it counts. */
  readonly date: string;
  readonly createdAtUs: number;
  readonly description: string;
}

export type SubmitOutcome =
  | { readonly kind: "accepted"; readonly order: BrokerOrder }
  /** Provably not traded: a 4xx with a body of Alpaca's shape. `code` is ours and stable. */
  | { readonly kind: "rejected"; readonly code: string; readonly message: string }
  /** 422 "client_order_id must be unique": look it up and adopt. */
  | { readonly kind: "duplicate" }
  /** 429: nothing happened, the same id may be sent again. */
  | { readonly kind: "retry_later"; readonly afterMs: number }
  /** Time-out, reset, 5xx, unreadable answer. */
  | { readonly kind: "unknown"; readonly cause: string };

export type CancelOutcome =
  | { readonly kind: "requested" }
  | { readonly kind: "not_cancelable"; readonly message: string }
  | { readonly kind: "not_found" }
  | { readonly kind: "failed"; readonly cause: string };

/** `orders`: how many were open and are asked to be cancelled. */
export type CancelAllOutcome =
  | { readonly kind: "requested"; readonly orders: number }
  | { readonly kind: "failed"; readonly cause: string };

/** A closing order has an id of the broker's; null where the answer could not be read. */
export type CloseOutcome =
  | { readonly kind: "requested"; readonly order: BrokerOrder | null }
  | { readonly kind: "rejected"; readonly code: string; readonly message: string }
  | { readonly kind: "not_found" }
  | { readonly kind: "failed"; readonly cause: string };

/** A read either answers or says why not; `notFound` is an answer. */
export type ReadOutcome<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "not_found" }
  | { readonly kind: "failed"; readonly cause: string };

/** One fill from account activities, for gap recovery. `executionId` is as `Execution` of the journal defines it. */
export interface BrokerFill {
  readonly executionId: string;
  readonly brokerOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Fixed;
  readonly price: Fixed;
  readonly venueTimeUs: number;
}

export interface TradeUpdate {
  /** Alpaca's event name; unknown ones are passed on and ignored by the order manager. */
  readonly event: string;
  readonly order: BrokerOrder;
  readonly executionId: string | null;
  readonly price: Fixed | null;
  readonly quantity: Fixed | null;
  readonly positionQuantity: Fixed | null;
  readonly venueTimeUs: number;
}

export interface TradeUpdateHandler {
  /** The stream is authenticated and listening; everything before it must be reconciled by REST. */
  connected(): void;
  disconnected(cause: string): void;
  update(update: TradeUpdate): void;
}

export interface BrokerClock {
  readonly venueTimeUs: number;
  readonly isOpen: boolean;
  readonly nextOpenUs: number;
  readonly nextCloseUs: number;
}

export interface BrokerAsset {
  readonly symbol: string;
  readonly assetClass: "us_equity" | "crypto";
  readonly tradable: boolean;
  readonly shortable: boolean;
  readonly fractionable: boolean;
  readonly minOrderSize: Fixed | null;
  readonly minTradeIncrement: Fixed | null;
  readonly priceIncrement: Fixed | null;
}

export interface HistoricalBar {
  readonly startUs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Prices are zero where a side is empty. */
export interface BrokerQuote {
  readonly bid: number;
  readonly ask: number;
  readonly timeUs: number;
}

export interface Broker {
  account(): Promise<ReadOutcome<BrokerAccount>>;
  positions(): Promise<ReadOutcome<BrokerPosition[]>>;
  clock(): Promise<ReadOutcome<BrokerClock>>;
  asset(symbol: string): Promise<ReadOutcome<BrokerAsset>>;
  /** With its legs. */
  order(brokerOrderId: string): Promise<ReadOutcome<BrokerOrder>>;
  orderByClientId(clientOrderId: string): Promise<ReadOutcome<BrokerOrder>>;
  /** All orders, whatever their status, submitted at or after the time; oldest first, paged to the end. */
  ordersSince(venueTimeUs: number): Promise<ReadOutcome<BrokerOrder[]>>;
  openOrders(): Promise<ReadOutcome<BrokerOrder[]>>;
  /** All fills after the venue time (inclusive), oldest first, paged to the end. */
  fillsSince(venueTimeUs: number): Promise<ReadOutcome<BrokerFill[]>>;
  /** All that moved the account without a trade and was entered after the venue time (inclusive), oldest first. */
  activitiesSince(venueTimeUs: number): Promise<ReadOutcome<BrokerActivity[]>>;
  /** Bars of `intervalSeconds` (60 or a multiple) with start in [startUs, endUs), oldest first. */
  bars(symbol: string, intervalSeconds: number, startUs: number, endUs: number): Promise<ReadOutcome<HistoricalBar[]>>;
  /** The newest quote of a symbol, however old; null when there has been none. */
  latestQuote(symbol: string): Promise<ReadOutcome<BrokerQuote | null>>;
  /** One POST, never retried here. `deadlineMs` is a length, not a time. */
  submit(order: NewOrder, deadlineMs: number): Promise<SubmitOutcome>;
  /** One PATCH, never retried here: puts a new order in the place of an open one, which may still fill first. */
  replace(brokerOrderId: string, replacement: OrderReplacement, deadlineMs: number): Promise<SubmitOutcome>;
  cancel(brokerOrderId: string): Promise<CancelOutcome>;
  /** A market order against the position, all of it without a quantity. Its id is the broker's: it is nobody's intent. */
  closePosition(symbol: string, quantity: Fixed | null): Promise<CloseOutcome>;
  /** DELETE /v2/orders; waits for no budget. */
  cancelAll(): Promise<CancelAllOutcome>;
  /** Sets `suspend_trade` at the broker. */
  suspendTrade(suspended: boolean): Promise<CancelOutcome>;
  /** Opens the trade-update stream and keeps it open (jittered backoff, watchdog) until `close`. */
  watch(handler: TradeUpdateHandler): void;
  /** Ends the trade-update stream, so that the account's one connection is free; it may be watched again afterwards. */
  unwatch(): Promise<void>;
  close(): Promise<void>;
}
