/** What the contract of orders needs of a client, and what it sees of an order: Alpaca's words, whatever the client's own are. */
import type { Arrivals } from "./arrivals.ts";

/** As in the body of `POST /v2/orders`. */
export interface OrderFields {
  readonly symbol: string;
  readonly side: "buy" | "sell";
  readonly type: "market" | "limit" | "stop" | "stop_limit" | "trailing_stop";
  readonly qty?: string;
  readonly notional?: string;
  readonly time_in_force?: "day" | "gtc" | "opg" | "cls" | "ioc" | "fok";
  readonly limit_price?: string;
  readonly stop_price?: string;
  readonly trail_price?: string;
  readonly trail_percent?: string;
  readonly client_order_id?: string;
  readonly extended_hours?: boolean;
  readonly order_class?: "bracket" | "oco" | "oto";
  readonly take_profit?: { readonly limit_price: string };
  readonly stop_loss?: { readonly stop_price: string; readonly limit_price?: string };
}

/** As in the body of `PATCH /v2/orders/{id}`. */
export interface OrderChanges {
  readonly qty?: string;
  readonly limit_price?: string;
  readonly stop_price?: string;
  readonly trail?: string;
  readonly time_in_force?: "day" | "gtc";
  readonly client_order_id?: string;
}

/** Amounts are decimal strings; null is what the client says of a field without a value. */
export interface SeenOrder {
  readonly id: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: string;
  readonly type: string;
  readonly orderClass: string;
  readonly timeInForce: string;
  readonly status: string;
  readonly qty: string | null;
  readonly notional: string | null;
  readonly filledQty: string;
  readonly averagePrice: string | null;
  readonly limitPrice: string | null;
  readonly stopPrice: string | null;
  readonly trailPrice: string | null;
  readonly trailPercent: string | null;
  readonly hwm: string | null;
  readonly extendedHours: boolean;
  readonly replaces: string | null;
  readonly replacedBy: string | null;
  readonly legs: readonly SeenOrder[];
}

/** A `trade_updates` message; price and quantity are the execution's own. */
export interface SeenUpdate {
  readonly event: string;
  readonly order: SeenOrder;
  readonly price: string | null;
  readonly qty: string | null;
  readonly positionQty: string | null;
}

export interface SeenPosition {
  readonly symbol: string;
  readonly side: string;
  readonly qty: string;
  readonly available: string;
  readonly entryPrice: string;
}

/** What Alpaca answered instead: HTTP status, code of the body (null without one) and message. */
export class Refused extends Error {
  readonly status: number;
  readonly code: number | null;

  constructor(status: number, code: number | null, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Every call throws `Refused` when the answer is an error. */
export interface TradingClient {
  submit(order: OrderFields): Promise<SeenOrder>;
  replace(id: string, changes: OrderChanges): Promise<SeenOrder>;
  cancel(id: string): Promise<void>;
  cancelAll(): Promise<void>;
  order(id: string): Promise<SeenOrder>;
  orderByClientId(clientOrderId: string): Promise<SeenOrder>;
  /** Newest first, legs under their parents. */
  orders(status: "open" | "closed" | "all"): Promise<SeenOrder[]>;
  positions(): Promise<SeenPosition[]>;
  closePosition(symbol: string): Promise<SeenOrder>;
  closeAllPositions(): Promise<void>;
  cash(): Promise<string>;
  /** Resolves when the stream listens. */
  watch(): Promise<Arrivals<SeenUpdate>>;
  close(): void;
}
