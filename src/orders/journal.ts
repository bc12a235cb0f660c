/**
 * The journal port: the durable truth of the order path. At most ten operations, each one transaction. No committed intent, no
 * order. Two implementations are held equal by the same random commands: the in-memory model and the SQL functions.
 *
 * Every write that trades carries a `Fence`; a write whose lease is not the current, unexpired one fails as a whole with
 * the code `FENCED`. Manual intents and trading-state changes need no fence: any process on the database may make them.
 */
import type { Fixed } from "../core/fixed.ts";
import type { OrderState } from "../core/order/order-state.ts";

/** Proof of ownership: the lease row must hold exactly this owner and generation and be unexpired by the database's clock. */
export interface Fence {
  readonly owner: string;
  readonly generation: bigint;
}

export interface Lease extends Fence {
  /** Full life of the lease from the moment of the call, ms; measure the deadline from before the call. */
  readonly ttlMs: number;
  /**
   * False when the lease was taken over from another owner that never released it: something of theirs may still be on
   * its way, so the new owner waits before it acts.
   */
  readonly clean: boolean;
  /**
   * How long ago anybody is known to have traded, ms by the journal's own clock: since the last owner stopped, or renewed its
   * lease for the last time. Null for a renewal and where nobody ever has.
   */
  readonly untradedMs: number | null;
}

export type Side = "buy" | "sell";
export type OrderType = "market" | "limit" | "stop" | "stop_limit" | "trailing_stop";
export type TimeInForce = "day" | "gtc" | "ioc" | "fok" | "opg" | "cls";
/** `bracket`: an entry with both exits; `oto`: an entry with one; `oco`: both exits of a position that is there. */
export type OrderClass = "simple" | "bracket" | "oco" | "oto";

/** What an order is to do, apart from whose it is and how it fares. Prices and quantities are positive. */
export interface OrderTerms {
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Fixed;
  /** Given exactly for limit and stop_limit; of an OCO it is the take-profit's. */
  readonly limitPrice: Fixed | null;
  /** Given exactly for stop and stop_limit. */
  readonly stopPrice: Fixed | null;
  /** Distance of a trailing stop in price; it has this or `trailPercent`. */
  readonly trailPrice: Fixed | null;
  /** Distance of a trailing stop in percent of its best price, below 100. */
  readonly trailPercent: Fixed | null;
  /** Trades before and after the core session, too; limit orders only. */
  readonly extendedHours: boolean;
  readonly orderClass: OrderClass;
  /** Limit of the take-profit leg of a bracket or OTO. */
  readonly takeProfitPrice: Fixed | null;
  /** Stop of the stop-loss leg of a bracket, OTO or OCO. */
  readonly stopLossPrice: Fixed | null;
  /** Makes the stop-loss leg a stop-limit order. */
  readonly stopLossLimitPrice: Fixed | null;
}

/** The terms that most orders leave empty: `{ ...SIMPLE_TERMS, symbol, … }`. */
export const SIMPLE_TERMS = {
  limitPrice: null,
  stopPrice: null,
  trailPrice: null,
  trailPercent: null,
  extendedHours: false,
  orderClass: "simple",
  takeProfitPrice: null,
  stopLossPrice: null,
  stopLossLimitPrice: null,
} as const satisfies Partial<OrderTerms>;

export type { OrderState };

export type TradingState = "active" | "reducing" | "halted";

/** `account` for all, else a strategy instance's or an instrument's own state. */
export type TradingScope = "account" | `instance:${string}` | `symbol:${string}`;

/** The owner id that manual orders and unattributed positions are booked under. */
export const MANUAL_INSTANCE = "manual";

export interface OrderIntent extends OrderTerms {
  /** Derived from the trigger key (strategies) or from the idempotency key (manual); at most 48 characters. */
  readonly clientOrderId: string;
  readonly instanceId: string;
  /**
   * Our id of the open order whose place it is to take; null for an order of its own. It has the same symbol, side and type
   * then, and the quantity is the total with what the old one has filled.
   */
  readonly replaces: string | null;
  /** Worst-case price the order may trade at, for reservations: the limit, or far touch plus collar. */
  readonly worstPrice: Fixed;
  /** True when the order can only bring the instance's position nearer to zero. */
  readonly reducing: boolean;
  /** Formatted trigger key, or `manual:<idempotency key>`. */
  readonly trigger: string;
  readonly reason: string;
  /** Mid at decision, as a decimal; null when unknown. */
  readonly midAtDecision: Fixed | null;
  readonly decidedAtUs: number;
  /** Instance state after the decision (little-endian doubles); null for manual orders. */
  readonly snapshot: Uint8Array | null;
  /** Engine time of the decision in microseconds (venue clock): nothing up to it may be decided again. */
  readonly snapshotTimeUs: number | null;
  /** What wrote the snapshot (see `InstanceState`); null for manual orders. */
  readonly fingerprint: string | null;
}

export type IntentOutcome =
  | { readonly kind: "committed"; readonly clientOrderId: string }
  /** The id is already journalled with the same content: nothing new happened. */
  | { readonly kind: "duplicate"; readonly clientOrderId: string; readonly state: OrderState }
  | { readonly kind: "refused"; readonly clientOrderId: string; readonly code: string; readonly message: string };

export interface JournalOrder extends OrderTerms {
  readonly clientOrderId: string;
  readonly brokerOrderId: string | null;
  readonly instanceId: string;
  /** Of an exit that was committed with its entry (or of the order that replaced it): the parent's id of ours. */
  readonly parentId: string | null;
  readonly replaces: string | null;
  readonly worstPrice: Fixed;
  readonly state: OrderState;
  readonly cancelRequested: boolean;
  readonly filledQuantity: Fixed;
  /** Σ price × quantity of its fills. */
  readonly filledNotional: Fixed;
  readonly trigger: string;
  readonly reason: string;
  readonly midAtDecision: Fixed | null;
  readonly decidedAtUs: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Code and text of the refusal when rejected. */
  readonly rejectCode: string | null;
  readonly rejectMessage: string | null;
}

/** A change of an order learnt from the broker or made by the order manager. Illegal transitions are dropped and counted. */
export interface OrderChange {
  readonly clientOrderId: string;
  readonly state?: Exclude<OrderState, "journalled">;
  readonly brokerOrderId?: string;
  /**
   * What the broker's order is for, where that is less: an exit that its sibling has shrunk, the rest of a replaced order.
   * Never below what is filled.
   */
  readonly quantity?: Fixed;
  readonly cancelRequested?: true;
  readonly rejectCode?: string;
  readonly rejectMessage?: string;
}

export interface Execution {
  /**
   * The key under which a fill is applied once and only once: `<broker order id>@<filled quantity after it>`. Unlike the
   * stream's `execution_id` it can be formed from the stream, from activities and from an order alike.
   */
  readonly executionId: string;
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: Side;
  /** This execution only, positive. */
  readonly quantity: Fixed;
  readonly price: Fixed;
  /** In quote currency; fees in kind are given in `feeQuantity`. */
  readonly fee: Fixed;
  readonly feeQuantity: Fixed;
  readonly venueTimeUs: number;
}

/**
 * What moved the account without a trade. `split`: the holders' quantities change in proportion, their cost stays. `income`
 * (dividends, interest): profit of the holders, also below 0. `fee`: counts as a fee. `fee_in_kind`: leaves the position where
 * it was not booked with its fill. `transfer`: opening cash that came later.
 */
export type ActivityKind = "split" | "income" | "fee" | "fee_in_kind" | "transfer";

export interface AccountActivity {
  /** The broker's, one or (parts of one event) several; applied when none of them was. */
  readonly activityIds: readonly string[];
  readonly kind: ActivityKind;
  /** Null where it concerns the account as a whole. */
  readonly symbol: string | null;
  /** Change of the position; 0 for other than splits and fees in kind. */
  readonly quantity: Fixed;
  /** Change of cash. */
  readonly cash: Fixed;
  /** What a fee in kind is valued at; 0 for others. */
  readonly price: Fixed;
  /** New shares for each old one; 0 for other than splits. */
  readonly ratio: Fixed;
  readonly venueTimeUs: number;
}

/** Prices of before a split are to be divided by its ratio. */
export interface Split {
  readonly symbol: string;
  readonly ratio: Fixed;
  readonly atUs: number;
}

export interface PositionRow {
  readonly instanceId: string;
  readonly symbol: string;
  /** Signed. */
  readonly quantity: Fixed;
  /** Signed cost of the open quantity at average cost: quantity × average entry price. */
  readonly cost: Fixed;
  readonly realised: Fixed;
  readonly fees: Fixed;
}

export interface AppliedExecution {
  readonly executionId: string;
  /** False when the execution id had been applied before. */
  readonly first: boolean;
  readonly order: JournalOrder;
  /** The instance's position in the symbol after the batch up to here. */
  readonly position: PositionRow;
  /** Realised profit of this execution, before fees; 0 when it opened or was no first. */
  readonly realised: Fixed;
}

export interface InstanceState {
  readonly instanceId: string;
  /** Strategy name, version and parameters hash that wrote the snapshot; another one ignores it. */
  readonly fingerprint: string;
  readonly snapshot: Uint8Array;
  readonly snapshotTimeUs: number;
  readonly lastTrigger: string;
}

export interface JournalSnapshot {
  readonly bookId: string;
  /** Cash by the book: opening cash + flows of applied executions and activities. */
  readonly cash: Fixed;
  readonly openingCash: Fixed;
  /** Orders in a state that is not final. */
  readonly openOrders: readonly JournalOrder[];
  readonly positions: readonly PositionRow[];
  readonly instances: readonly InstanceState[];
  readonly tradingStates: ReadonlyMap<TradingScope, TradingState>;
  /** Venue time of the newest applied execution, us; 0 when none. */
  readonly lastExecutionTimeUs: number;
  /** Executions applied so far. */
  readonly executions: number;
  /** Venue time at which the book was opened, us: what moved the account before is in the opening cash. */
  readonly openedAtUs: number;
  /** Venue time of the newest applied activity, us; 0 when none. */
  readonly lastActivityTimeUs: number;
  readonly splits: readonly Split[];
}

export interface AccountBinding {
  readonly brokerAccountId: string;
  readonly mode: "simulated" | "paper" | "live";
  /** Cash at the broker at the first start, from which the book's cash counts. */
  readonly openingCash: Fixed;
  /** Venue time of that, us. */
  readonly openedAtUs: number;
}

/** Limits that the commit transaction decides exactly; none may be absent. */
export interface JournalLimits {
  /** Worst-case notional of one order. */
  readonly maxOrderNotional: Fixed;
  /** |net position + open orders of the same side and the new one| × the new one's worst price, over all instances. */
  readonly maxSymbolNotional: Fixed;
  /** Σ |cost| of all positions + worst-case notional of all open orders that do not reduce, the new one included. */
  readonly maxGrossNotional: Fixed;
  /** Orders in a non-final state at once. */
  readonly maxOpenOrders: number;
}

export interface Journal {
  /**
   * Binds the book to the broker's account at the first call; another account or mode fails with `ACCOUNT_MISMATCH`.
   * Returns the book id.
   */
  bind(binding: AccountBinding): Promise<string>;
  load(): Promise<JournalSnapshot>;
  /**
   * One batch of intents in one transaction: lease → trading state → account, then per intent, in order: duplicate,
   * `NOT_REPLACEABLE` (what it is to replace is not open at the broker, not alike, or being replaced), `TRADING_HALTED`, `TRADING_REDUCING` (unless reducing), `UNKNOWN_ORDER` (an unknown order on the symbol blocks
   * non-reducing ones), `SELF_TRADE` (Alpaca's wash-trade rule), `MAX_ORDER_NOTIONAL`, `MAX_SYMBOL_NOTIONAL`,
   * `MAX_GROSS_NOTIONAL`, `MAX_OPEN_ORDERS`, `BUYING_POWER`. An intent that makes no sense is refused with `INTENT_INVALID`, an id
   * that is journalled with another content with `ID_CONTENT_MISMATCH`. Buying power is the book's cash, less twice the
   * cost of its short positions (their proceeds are owed, and as much is held against them), less the worst-case
   * notional of the open orders that do not reduce: nothing is traded on credit. A committed intent also stores its
   * instance's snapshot, and its exits as orders of their own (`parentId`). An intent that replaces an order is checked as if
   * that one were gone. Refusals are stored for audit. Reducing intents pass all checks except duplicate, halt and
   * self-trade. Without a fence only manual intents are taken.
   */
  commit(fence: Fence | null, intents: readonly OrderIntent[], limits: JournalLimits): Promise<IntentOutcome[]>;
  /**
   * Applies changes in order; returns the orders after them, one per change. Terminal states free the reservation and are
   * final; a change that the order may not make is dropped, except for the broker's id where none is known yet. Fails as
   * a whole with `ORDER_NOT_FOUND`.
   */
  transition(fence: Fence, changes: readonly OrderChange[]): Promise<JournalOrder[]>;
  /** Marks the order as to be cancelled; any process may ask, the owner's next poll acts on it. Null for an unknown id. */
  requestCancel(clientOrderId: string): Promise<JournalOrder | null>;
  /**
   * Applies each execution once: fill row, order, position, cash. One result per input, in order. A fill that comes after
   * the order's end is booked and leaves the order's state. Fails as a whole with `ORDER_NOT_FOUND`,
   * `EXECUTION_INVALID`, `EXECUTION_MISMATCH` (symbol or side) or `OVERFILL`.
   */
  applyExecutions(fence: Fence, executions: readonly Execution[]): Promise<AppliedExecution[]>;
  /**
   * Applies each activity once: positions, cash, splits. True for each that was applied by this call. A split of what the
   * book does not hold, or that would turn the position's side, is not applied.
   */
  applyActivities(fence: Fence, activities: readonly AccountActivity[]): Promise<boolean[]>;
  setTradingState(scope: TradingScope, state: TradingState, actor: string, reason: string): Promise<void>;
  /**
   * Takes the lease when it is free, expired, or already this owner's: generation + 1 when the owner changes or the lease had
   * expired. Renewal by the holder keeps the generation. Null while somebody else's is unexpired.
   */
  acquireLease(owner: string, ttlMs: number): Promise<Lease | null>;
  /** `untradedMs`: how long ago the owner stopped trading. Does nothing when the lease is not the fence's any more. */
  releaseLease(fence: Fence, untradedMs: number): Promise<void>;
}
