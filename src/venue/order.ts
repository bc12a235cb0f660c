/**
 * The shapes that go in and out of the venue: orders, events and refusals. Plain values, no behaviour beyond reading them.
 */
import { divideFixed, type Fixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";

export type VenueSide = "buy" | "sell";
export type VenueOrderType = "market" | "limit" | "stop" | "stop_limit" | "trailing_stop";
/** `opg` and `cls` trade in the opening and the closing auction only. */
export type VenueTimeInForce = "day" | "gtc" | "ioc" | "fok" | "opg" | "cls";
/** `bracket`: an entry with both exits; `oto`: an entry with one; `oco`: both exits of a position that is there. */
export type VenueOrderClass = "simple" | "bracket" | "oco" | "oto";
/** What an order is within its group; `entry` also for the simple ones. */
export type VenueOrderRole = "entry" | "take_profit" | "stop_loss";
export type VenuePositionIntent = "buy_to_open" | "buy_to_close" | "sell_to_open" | "sell_to_close";

/**
 * `pending_new`: on its way to the market; `accepted`: waits for its session; `held`: waits for its entry;
 * `pending_replace`: still in the market while its replacement is on its way. Final: filled, canceled, expired, rejected
 * and replaced. The others are Alpaca's, too, and this venue never gives them.
 */
export type VenueOrderStatus =
  | "accepted"
  | "pending_new"
  | "held"
  | "new"
  | "partially_filled"
  | "pending_cancel"
  | "pending_replace"
  | "filled"
  | "canceled"
  | "expired"
  | "replaced"
  | "rejected"
  | "done_for_day"
  | "accepted_for_bidding"
  | "stopped"
  | "suspended"
  | "calculated";

export interface TakeProfit {
  readonly limitPrice: Fixed;
}

export interface StopLoss {
  readonly stopPrice: Fixed;
  /** Makes it a stop-limit order. */
  readonly limitPrice: Fixed | null;
}

/** What every order states; prices, quantities and amounts are positive where they are not null. */
export interface VenueOrderTerms {
  /** Unique for ever within the account; at most 128 characters. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: VenueSide;
  readonly type: VenueOrderType;
  readonly timeInForce: VenueTimeInForce;
  /** Null exactly when `notional` is given. */
  readonly quantity: Fixed | null;
  /** Value to trade in the quote currency; market orders only. */
  readonly notional: Fixed | null;
  /** Given exactly for limit and stop_limit. */
  readonly limitPrice: Fixed | null;
  /** Given for stop and stop_limit; of a trailing stop the venue keeps it. */
  readonly stopPrice: Fixed | null;
  /** Distance of a trailing stop in price; it has this or `trailPercent`. */
  readonly trailPrice: Fixed | null;
  /** Distance of a trailing stop in percent of its best price, above 0 and below 100. */
  readonly trailPercent: Fixed | null;
  /** Trades before and after the core session, too; limit orders only. */
  readonly extendedHours: boolean;
  readonly orderClass: VenueOrderClass;
}

export interface NewVenueOrder extends VenueOrderTerms {
  readonly takeProfit: TakeProfit | null;
  readonly stopLoss: StopLoss | null;
  /** Must fit the side; what the order does to the position follows from the position. */
  readonly positionIntent: VenuePositionIntent | null;
}

/** The fields of a simple order that most orders leave empty: `{ ...PLAIN_ORDER, clientOrderId, … }`. */
export const PLAIN_ORDER = {
  notional: null,
  limitPrice: null,
  stopPrice: null,
  trailPrice: null,
  trailPercent: null,
  extendedHours: false,
  orderClass: "simple",
  takeProfit: null,
  stopLoss: null,
  positionIntent: null,
} as const satisfies Partial<NewVenueOrder>;

export interface VenueOrder extends VenueOrderTerms {
  readonly id: string;
  /** Counts the account's orders from 1, legs and replacements included. */
  readonly number: number;
  /** Whether it was to open or to reduce a position when it was submitted. */
  readonly positionIntent: VenuePositionIntent;
  readonly role: VenueOrderRole;
  /** Of a leg: the order that it belongs to. Of an OCO the take-profit is the parent, the stop-loss its leg. */
  readonly parentId: string | null;
  /** Of a parent: its legs, the take-profit first. */
  readonly legIds: readonly string[];
  /** The order that this one takes the place of. */
  readonly replaces: string | null;
  readonly replacedBy: string | null;
  readonly status: VenueOrderStatus;
  /** What it is expected to trade: its quantity, or the notional at the price of the submission. What a sell reserves. */
  readonly expectedQuantity: Fixed;
  readonly filledQuantity: Fixed;
  /** Σ price × quantity of its fills. */
  readonly filledNotional: Fixed;
  /** Number of its fills. */
  readonly fillCount: number;
  /** Of a trailing stop: the best price so far, the lowest for a buy. */
  readonly highWaterMark: Fixed | null;
  readonly submittedAtUs: number;
  readonly updatedAtUs: number;
  /** When it may first trade: its session's opening, or the submission plus the venue's latency. */
  readonly activeAtUs: number;
  /** End of the session for day orders, 90 days for gtc; null where nothing ends it by time. */
  readonly expiresAtUs: number | null;
  /** When its stop was reached. */
  readonly triggeredAtUs: number | null;
  readonly filledAtUs: number | null;
  readonly canceledAtUs: number | null;
  readonly expiredAtUs: number | null;
  readonly replacedAtUs: number | null;
  /** When it was rejected. */
  readonly failedAtUs: number | null;
}

export interface VenueExecution {
  readonly id: string;
  /** This execution only. */
  readonly quantity: Fixed;
  readonly price: Fixed;
  /** In quote currency. */
  readonly fee: Fixed;
  /** Taken from what was bought. */
  readonly feeQuantity: Fixed;
  /** The account's signed position in the symbol after it. */
  readonly positionQuantity: Fixed;
  /** The account's cash after it. */
  readonly cash: Fixed;
  /** The execution that a bust undoes or a correction puts right; null for a fill. */
  readonly previousId: string | null;
}

/**
 * Alpaca's trade events that this venue gives, and `amended`: the venue changed an order by itself (a trailing stop moved,
 * a stop was reached, an exit shrank, a leg changed its parent). That one is for the ledger, clients are not told.
 *
 * `accepted`: queued for its session. `new`: in the market. `replaced` carries the old order. `order_replace_rejected`
 * carries the replacement that came too late. Of a bust the execution's quantity is what is undone, of a correction its
 * price is the right one.
 */
export type VenueEventKind =
  | "accepted"
  | "pending_new"
  | "new"
  | "fill"
  | "partial_fill"
  | "canceled"
  | "expired"
  | "pending_replace"
  | "replaced"
  | "rejected"
  | "order_replace_rejected"
  | "trade_bust"
  | "trade_correct"
  | "amended";

export interface VenueEvent {
  readonly kind: VenueEventKind;
  /** As of the event. */
  readonly order: VenueOrder;
  readonly timeUs: number;
  /** Of fills, partial fills, busts and corrections only. */
  readonly execution: VenueExecution | null;
  /** Alpaca's word for why the venue did it of its own accord; null for the usual reasons. */
  readonly reason: "CORPORATE_ACTION" | "TRADE_BUST" | "TOO_LATE_TO_CANCEL" | null;
}

/** Something that moved the account without a trade. Signed amounts are seen from the account. */
export interface VenueActivity {
  readonly id: string;
  /** SPLIT and DIV come from corporate actions; FEE (shares) and CFEE (crypto) from executions. */
  readonly type: "SPLIT" | "DIV" | "FEE" | "CFEE";
  readonly timeUs: number;
  readonly symbol: string;
  /** Change of cash. */
  readonly netAmount: Fixed;
  /** Change of the position; of a dividend the quantity that it was paid on. */
  readonly quantity: Fixed;
  readonly perShareAmount: Fixed | null;
  readonly price: Fixed | null;
  readonly description: string;
  /** The order whose execution it belongs to. */
  readonly orderId: string | null;
  /** The account's signed position in the symbol and its cash after it. */
  readonly positionQuantity: Fixed;
  readonly cash: Fixed;
  /** Of a split: the signed cost of the position after it; null for the others. */
  readonly positionCost: Fixed | null;
}

/** A refusal in the words and numbers of Alpaca's trading interface. */
export interface VenueRefusal {
  readonly status: 403 | 404 | 422;
  readonly code: number;
  readonly message: string;
  /** Further fields of the body. */
  readonly extra: Readonly<Record<string, string | readonly string[]>>;
}

export type SubmitResult =
  | {
      readonly ok: true;
      /** As accepted: before anything in `events` happened to it. */
      readonly order: VenueOrder;
      /** As accepted, the take-profit first; empty for simple orders. */
      readonly legs: readonly VenueOrder[];
      readonly events: readonly VenueEvent[];
    }
  | Refused;

export type CancelResult = { readonly ok: true; readonly events: readonly VenueEvent[] } | Refused;

/** What became of one order when all are cancelled; no refusal means that it is. */
export interface CancelRow {
  readonly id: string;
  readonly refusal: VenueRefusal | null;
}

/**
 * What may change of an open order; what is undefined stays. `quantity` is the total, what has been filled included: the
 * replacement is a new order for the rest, with fills of its own.
 */
export interface ReplaceRequest {
  readonly quantity?: Fixed;
  readonly limitPrice?: Fixed;
  readonly stopPrice?: Fixed;
  /** Of a trailing stop: the new trail price or percent, whichever it has. */
  readonly trail?: Fixed;
  readonly timeInForce?: VenueTimeInForce;
  /** Of the replacement; never taken over from the old order. */
  readonly clientOrderId: string;
}

export type ReplaceResult =
  | {
      readonly ok: true;
      /** The replacement as accepted. The old order may still fill first: then it is rejected in an event. */
      readonly order: VenueOrder;
      readonly events: readonly VenueEvent[];
    }
  | Refused;

/** How much of a position to close: all of it, a quantity, or a percentage (0–100] of it. */
export type ClosingSize =
  | { readonly kind: "all" }
  | { readonly kind: "quantity"; readonly quantity: Fixed }
  | { readonly kind: "percentage"; readonly percentage: Fixed };

export type CorporateActionResult =
  | {
      readonly ok: true;
      readonly activities: readonly VenueActivity[];
      readonly events: readonly VenueEvent[];
    }
  | Refused;

/** Of a bust or a correction. */
export type AmendTradeResult = { readonly ok: true; readonly events: readonly VenueEvent[] } | Refused;

export interface Refused {
  readonly ok: false;
  readonly refusal: VenueRefusal;
  /** What was due anyway at the time of the call. */
  readonly events: readonly VenueEvent[];
}

/** Owned and changed by the venue only. */
export type WorkingOrder = { -readonly [Key in keyof VenueOrder]: VenueOrder[Key] } & {
  readonly instrument: Instrument;
  /** The limit as a double; infinite for market orders on the side that always trades. */
  limitNumber: number;
};

const FINAL: ReadonlySet<VenueOrderStatus> = new Set(["filled", "canceled", "expired", "rejected", "replaced"]);

export function isFinal(status: VenueOrderStatus): boolean {
  return FINAL.has(status);
}

export function opensPosition(order: { readonly positionIntent: VenuePositionIntent }): boolean {
  return order.positionIntent === "buy_to_open" || order.positionIntent === "sell_to_open";
}

/** What is left of what it is expected to trade; not below 0. */
export function remainingOf(order: Pick<VenueOrder, "expectedQuantity" | "filledQuantity">): Fixed {
  const left = order.expectedQuantity - order.filledQuantity;
  return left > 0n ? left : 0n;
}

/**
 * What is left to trade at a price: of a notional order what the rest of the amount buys or brings, to nine decimals, and
 * of one that reduces a position never more than it reserves.
 */
export function remainingAt(order: VenueOrder, price: Fixed): Fixed {
  if (order.notional === null) return remainingOf(order);
  const left = divideFixed(order.notional - order.filledNotional, price, "floor", "quantity");
  const reserved = remainingOf(order);
  if (!opensPosition(order) && left > reserved) return reserved;
  return left > 0n ? left : 0n;
}

/** What an order has in common with the others of its group: the id of their parent, of a parent its own. */
export function groupOf(order: Pick<VenueOrder, "id" | "parentId" | "role" | "replaces" | "status">): string {
  if (order.parentId !== null) return order.parentId;
  // Of an OCO's parent that is to be replaced, the group goes by the old one until the new one has arrived.
  return order.role !== "entry" && inTransit(order) ? (order.replaces as string) : order.id;
}

/** A replacement that is still on its way: the order that it replaces is in the market. */
export function inTransit(order: Pick<VenueOrder, "replaces" | "status">): boolean {
  return order.replaces !== null && order.status === "pending_new";
}

/** Waits for its stop to be reached. */
export function awaitsTrigger(order: Pick<VenueOrder, "type" | "triggeredAtUs">): boolean {
  return order.triggeredAtUs === null && order.type !== "market" && order.type !== "limit";
}

/** A copy for the outside, without the venue's own fields. */
export function snapshotOf(order: WorkingOrder): VenueOrder {
  const { instrument: _instrument, limitNumber: _limitNumber, ...snapshot } = order;
  return snapshot;
}
