/**
 * What the faces (REST, WebSocket, metrics, page) may ask of the running bot. The composition in `bot/` implements it; the
 * faces know nothing else of the order path. Decimals are strings as on the wire; times are epoch milliseconds.
 */
import type { OrderClass, OrderType, Side, TimeInForce, TradingScope, TradingState } from "../orders/journal.ts";

export interface PartHealth {
  readonly name: string;
  readonly ok: boolean;
  /** `ok`, `degraded` or `failed`, with a sentence on what is wrong. */
  readonly state: "ok" | "degraded" | "failed";
  readonly detail: string;
}

export interface HealthReport {
  /** False gives 503. */
  readonly ok: boolean;
  readonly state: "ok" | "degraded" | "failed" | "starting" | "draining";
  readonly parts: readonly PartHealth[];
}

export interface OrderView {
  readonly client_order_id: string;
  readonly broker_order_id: string | null;
  readonly instance: string;
  readonly symbol: string;
  readonly side: string;
  readonly type: string;
  readonly time_in_force: string;
  readonly quantity: string;
  readonly limit_price: string | null;
  readonly stop_price: string | null;
  readonly trail_price: string | null;
  readonly trail_percent: string | null;
  readonly extended_hours: boolean;
  readonly order_class: string;
  /** Of an exit, or of what replaced one: the order that it belongs to. */
  readonly parent_id: string | null;
  /** The order whose place it takes. */
  readonly replaces: string | null;
  readonly state: string;
  readonly cancel_requested: boolean;
  readonly filled_quantity: string;
  readonly filled_average_price: string | null;
  readonly reason: string;
  readonly reject_code: string | null;
  readonly reject_message: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface TradeView {
  readonly execution_id: string;
  readonly client_order_id: string;
  readonly instance: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string;
  readonly fee: string;
  readonly realised: string;
  readonly slippage_bps: number | null;
  readonly venue_time: number;
}

export interface PositionView {
  readonly instance: string;
  readonly symbol: string;
  readonly quantity: string;
  readonly average_entry_price: string | null;
  readonly mark_price: string | null;
  readonly market_value: string | null;
  readonly unrealised: string | null;
  readonly realised: string;
  readonly fees: string;
}

export interface AccountView {
  readonly book_id: string;
  readonly broker_account_id: string;
  readonly mode: string;
  readonly cash: string;
  readonly equity: string | null;
  readonly broker_cash: string | null;
  readonly broker_equity: string | null;
  readonly buying_power: string | null;
  readonly venue_time: number | null;
}

export interface StrategyView {
  readonly id: string;
  readonly strategy: string;
  readonly version: number;
  readonly instruments: readonly string[];
  readonly parameters: Readonly<Record<string, number | string | boolean>>;
  readonly capital: string;
  readonly worker: number | null;
  readonly state: "warming_up" | "running" | "stopped" | "standby";
  readonly trading_state: TradingState;
  readonly realised: string;
  readonly unrealised: string | null;
  /** Since the process that trades started; null where this one stands by and does not hear of it. */
  readonly intents: number | null;
  readonly refusals: number | null;
}

export interface SignalView {
  readonly id: number;
  readonly instance: string;
  readonly symbol: string;
  readonly target: string;
  readonly reason: string;
  readonly value: number;
  readonly venue_time: number;
  /** `committed`, `duplicate` or the refusal's code. */
  readonly outcome: string;
}

export interface BarView {
  readonly symbol: string;
  readonly start: number;
  readonly interval_seconds: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** What needs marks is null where this process stands by and does not hear of the one that trades. */
export interface PnlView {
  readonly realised: string;
  readonly unrealised: string | null;
  readonly fees: string;
  readonly total: string | null;
  /** Percent of closed round trips with a profit, 0 to 100; null before the first. */
  readonly win_rate: number | null;
  readonly round_trips: number;
  readonly drawdown: string | null;
  /** Weighted by notional; null before the first fill with a known mid. */
  readonly average_slippage_bps: number | null;
  readonly equity: readonly { readonly time: number; readonly equity: string }[];
}

export interface RiskView {
  readonly states: readonly { readonly scope: TradingScope; readonly state: TradingState }[];
  readonly limits: Readonly<Record<string, string | number>>;
  /** Number of refusals by code since the process that trades started; null where this one does not hear of it. */
  readonly refusals: Readonly<Record<string, number>> | null;
  readonly owner: boolean;
  /** Name of the process that trades; null where this one does not hear of it. */
  readonly lease_owner: string | null;
}

export interface NewOrderRequest {
  readonly idempotencyKey: string;
  readonly keyId: string;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: string;
  readonly limitPrice: string | null;
  readonly stopPrice: string | null;
  readonly trailPrice: string | null;
  readonly trailPercent: string | null;
  readonly extendedHours: boolean;
  readonly orderClass: OrderClass;
  readonly takeProfitPrice: string | null;
  readonly stopLossPrice: string | null;
  readonly stopLossLimitPrice: string | null;
}

/** What of an order is to change; null stays. `quantity` is the total, what has been filled included. */
export interface ReplaceOrderRequest {
  readonly idempotencyKey: string;
  readonly keyId: string;
  readonly quantity: string | null;
  readonly limitPrice: string | null;
  readonly stopPrice: string | null;
  /** Price or percent, whichever the order has. */
  readonly trail: string | null;
  readonly timeInForce: TimeInForce | null;
}

/** An expected refusal: `status` is the HTTP status, `code` stable, `field` where one is to blame. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly field?: string;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export interface KillReport {
  readonly state: TradingState;
  /** Orders that were open and were asked to be cancelled. */
  readonly cancel_requested: number;
  /** False when the database could not be told; the broker's `suspend_trade` then carries the halt. */
  readonly journalled: boolean;
  readonly broker_suspended: boolean;
  readonly broker_cancelled: boolean;
}

export type ResumeScope = "account" | `symbol:${string}`;

export interface Page {
  readonly limit: number;
  /** Opaque position from the previous page's last row; null for the newest rows. */
  readonly before: number | null;
}

/** Everything that the stream carries; `channel` is also the subscription name. */
export type StreamEvent =
  | {
      readonly channel: "quotes";
      readonly key: string;
      readonly data: { symbol: string; bid: number; ask: number; time: number };
    }
  | { readonly channel: "signals"; readonly key: null; readonly data: SignalView }
  | { readonly channel: "orders"; readonly key: string; readonly data: OrderView }
  | { readonly channel: "fills"; readonly key: null; readonly data: TradeView }
  | {
      readonly channel: "pnl";
      readonly key: "pnl";
      readonly data: Omit<PnlView, "equity"> & { readonly time: number; readonly equity: string | null };
    };

export type StreamChannel = StreamEvent["channel"];

export interface BotPort {
  health(): HealthReport;
  ready(): HealthReport;
  createOrder(request: NewOrderRequest): Promise<Answer<OrderView>>;
  order(id: string): Promise<OrderView | null>;
  orders(
    filter: { readonly state: "open" | "closed" | "all"; readonly symbol: string | null },
    page: Page,
  ): Promise<OrderView[]>;
  /** Puts a new order in the place of one by hand; the answer is the new one. */
  replaceOrder(id: string, request: ReplaceOrderRequest): Promise<Answer<OrderView>>;
  /** Ends an order of unknown outcome that the broker does not know, on a person's word. */
  settleOrder(id: string, actor: string, reason: string): Promise<Answer<OrderView>>;
  cancelOrder(id: string): Promise<Answer<OrderView>>;
  cancelAllOrders(): Promise<Answer<{ readonly cancel_requested: number }>>;
  positions(): Promise<PositionView[]>;
  account(): Promise<AccountView>;
  strategies(): Promise<StrategyView[]>;
  startStrategy(id: string, actor: string): Promise<Answer<StrategyView>>;
  stopStrategy(id: string, actor: string): Promise<Answer<StrategyView>>;
  trades(filter: { readonly symbol: string | null }, page: Page): Promise<TradeView[]>;
  signals(page: Page): Promise<SignalView[]>;
  bars(symbol: string, page: Page): Promise<BarView[]>;
  pnl(): Promise<PnlView>;
  risk(): Promise<RiskView>;
  /** Works without a database; resolves once the broker has been told. */
  kill(actor: string, reason: string): Promise<KillReport>;
  /** Lifts a halt: of the account, or of one symbol whose books and broker differed. */
  resume(scope: ResumeScope, actor: string, reason: string): Promise<Answer<RiskView>>;
  /** Current values of a channel, as the events that would build them. */
  snapshot(channel: StreamChannel): readonly StreamEvent[];
  /** Calls back for every change; returns the function that ends it. */
  subscribe(listener: (event: StreamEvent) => void): () => void;
  /** Calls back when what was built up from events is void and snapshots have to be read anew; returns what ends it. */
  onRestart(listener: () => void): () => void;
}
