/**
 * The rules that every journal decides by, as pure functions: what an intent and an execution must look like, which changes
 * of an order are legal, what trades with itself and what an order reserves. The in-memory model is built of them; the SQL functions say the same in SQL and are proven equal by random commands.
 */
import { divideRounded, type Fixed, FIXED_ONE } from "../core/fixed.ts";
import { isFinal, nextOrderState, type OrderEvent } from "../core/order/order-state.ts";
import { executionFault } from "./journal-errors.ts";
import type { Execution, JournalOrder, OrderChange, OrderIntent, OrderTerms, Side } from "./journal.ts";

/** The event that would bring an order into a state. */
const EVENTS = {
  sending: "send",
  unknown: "lose",
  accepted: "accept",
  partially_filled: "fill_partly",
  filled: "fill",
  canceled: "cancel",
  expired: "expire",
  rejected: "reject",
  replaced: "replace",
} as const satisfies Record<NonNullable<OrderChange["state"]>, OrderEvent>;

/** Whether the order may be brought into `state`; into `filled` only once the journal has every fill. */
export function isLegalChange(order: JournalOrder, state: NonNullable<OrderChange["state"]>): boolean {
  if (state === order.state) return true;
  if (state === "filled" && order.filledQuantity < order.quantity) return false;
  return nextOrderState(order.state, EVENTS[state]) === state;
}

export function isOpen(order: JournalOrder): boolean {
  return !isFinal(order.state);
}

const ID = /^[A-Za-z0-9_-]{1,48}$/;
const LIMITED = new Set(["limit", "stop_limit"]);
const STOPPED = new Set(["stop", "stop_limit"]);

const PLAIN = /^\P{Cc}{1,256}$/u;

/** What is wrong with an intent, naming the field and what is allowed, or null. */
export function intentFault(intent: OrderIntent): string | null {
  if (!ID.test(intent.clientOrderId)) return "clientOrderId must have 1 to 48 letters, digits, _ or -";
  for (const field of ["instanceId", "symbol", "trigger"] as const) {
    if (!isPlain(intent[field])) return `${field} must have 1 to 256 characters, none of them a control character`;
  }
  if (!Number.isSafeInteger(intent.decidedAtUs)) return "decidedAtUs must be a whole number of microseconds";
  if (intent.quantity <= 0n) return "quantity must be positive";
  if (intent.worstPrice <= 0n) return "worstPrice must be positive";
  const limited = LIMITED.has(intent.type);
  if (limited !== (intent.limitPrice !== null))
    return `limitPrice must ${limited ? "" : "not "}be given for ${intent.type}`;
  if (intent.limitPrice !== null && intent.limitPrice <= 0n) return "limitPrice must be positive";
  const stopped = STOPPED.has(intent.type);
  if (stopped && (intent.stopPrice === null || intent.stopPrice <= 0n))
    return `stopPrice must be positive for ${intent.type}`;
  const terms = trailFault(intent) ?? exitsFault(intent);
  if (terms !== null) return terms;
  if (intent.midAtDecision !== null && intent.midAtDecision <= 0n) return "midAtDecision must be positive or null";
  if (intent.snapshotTimeUs !== null && !Number.isSafeInteger(intent.snapshotTimeUs)) {
    return "snapshotTimeUs must be a whole number of microseconds";
  }
  const parts = [intent.snapshot, intent.snapshotTimeUs, intent.fingerprint].filter((part) => part !== null).length;
  if (parts !== 0 && parts !== 3) return "snapshot, snapshotTimeUs and fingerprint go together";
  return null;
}

function trailFault({ type, trailPrice, trailPercent, extendedHours }: OrderTerms): string | null {
  const trails = [trailPrice, trailPercent].filter((trail) => trail !== null);
  if (trails.length !== (type === "trailing_stop" ? 1 : 0)) {
    return "trailPrice or trailPercent must be given for trailing_stop, and for no other type";
  }
  if (trails.some((trail) => trail <= 0n)) return "trailPrice and trailPercent must be positive";
  if (trailPercent !== null && trailPercent >= HUNDRED) return "trailPercent must be below 100";
  return extendedHours && type !== "limit" ? "extendedHours needs a limit order" : null;
}

const HUNDRED = 100n * FIXED_ONE;
/** How many exits each class has, apart from the limit of an OCO, which is itself one. */
const EXITS = { simple: 0, oto: 1, bracket: 2, oco: 1 } as const;

function exitsFault(intent: OrderIntent): string | null {
  const { orderClass, takeProfitPrice, stopLossPrice, stopLossLimitPrice, type } = intent;
  const exits = [takeProfitPrice, stopLossPrice].filter((price) => price !== null);
  const given = exits.length === EXITS[orderClass] && (orderClass !== "oco" || stopLossPrice !== null);
  if (!given) return `takeProfitPrice and stopLossPrice are not those of ${orderClass}`;
  if (stopLossLimitPrice !== null && stopLossPrice === null) return "stopLossLimitPrice needs stopLossPrice";
  if ([...exits, stopLossLimitPrice].some((price) => price !== null && price <= 0n)) {
    return "takeProfitPrice, stopLossPrice and stopLossLimitPrice must be positive";
  }
  if (orderClass === "oco" && type !== "limit") return "type must be limit for oco";
  if (orderClass === "bracket" || orderClass === "oto") {
    if (type !== "market" && type !== "limit") return `type must be market or limit for ${orderClass}`;
  }
  if (intent.replaces !== null && orderClass !== "simple") return "orderClass must be simple for a replacement";
  return intent.replaces === null || isPlain(intent.replaces) ? null : "replaces must be an order's id";
}

/** The order that a committed intent becomes. `old` is the order whose place it takes: an exit's successor is an exit. */
export function journalledOrder(intent: OrderIntent, old: JournalOrder | undefined, nowMs: number): JournalOrder {
  const {
    reducing: _reducing,
    snapshot: _snapshot,
    snapshotTimeUs: _time,
    fingerprint: _fingerprint,
    ...rest
  } = intent;
  return {
    ...rest,
    orderClass: old?.orderClass ?? intent.orderClass,
    parentId: old?.parentId ?? null,
    brokerOrderId: null,
    state: "journalled",
    cancelRequested: false,
    filledQuantity: 0n,
    filledNotional: 0n,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    rejectCode: null,
    rejectMessage: null,
  };
}

/** The exits of an order as orders of their own, the take-profit first: they wait at the broker for their parent's fill. */
export function exitOrders(parent: JournalOrder): JournalOrder[] {
  const { orderClass, takeProfitPrice, stopLossPrice, stopLossLimitPrice } = parent;
  const stopType = stopLossLimitPrice === null ? "stop" : "stop_limit";
  const exits: JournalOrder[] = [];
  const add = (suffix: string, terms: Pick<OrderTerms, "type" | "limitPrice" | "stopPrice">, worstPrice: Fixed) =>
    exits.push({
      ...parent,
      ...terms,
      clientOrderId: `${parent.clientOrderId}${suffix}`,
      parentId: parent.clientOrderId,
      side: orderClass === "oco" ? parent.side : otherSide(parent.side),
      takeProfitPrice: null,
      stopLossPrice: null,
      stopLossLimitPrice: null,
      worstPrice,
    });
  if (takeProfitPrice !== null) {
    add(TAKE_PROFIT_SUFFIX, { type: "limit", limitPrice: takeProfitPrice, stopPrice: null }, takeProfitPrice);
  }
  if (stopLossPrice !== null) {
    const terms = { type: stopType, limitPrice: stopLossLimitPrice, stopPrice: stopLossPrice } as const;
    add(STOP_LOSS_SUFFIX, terms, stopLossPrice);
  }
  return exits;
}

const TAKE_PROFIT_SUFFIX = "-tp";
const STOP_LOSS_SUFFIX = "-sl";

function otherSide(side: Side): Side {
  return side === "buy" ? "sell" : "buy";
}

/** Whether `intent` may take the place of `old`, of which `open` are the orders that are not over. */
export function isReplaceable(
  old: JournalOrder | undefined,
  intent: OrderIntent,
  open: readonly JournalOrder[],
): boolean {
  return (
    old !== undefined &&
    (old.state === "accepted" || old.state === "partially_filled") &&
    (old.orderClass === "simple" || old.parentId !== null) &&
    old.instanceId === intent.instanceId &&
    old.symbol === intent.symbol &&
    old.side === intent.side &&
    old.type === intent.type &&
    intent.quantity > old.filledQuantity &&
    open.every((order) => order.replaces !== old.clientOrderId)
  );
}

/**
 * Whether an intent says the same as the order that has its id. Prices that follow the market are not compared, and the
 * broker may have made a replacement smaller: what the old order had filled is not its own.
 */
export function sameContent(order: JournalOrder, intent: OrderIntent): boolean {
  return (
    order.instanceId === intent.instanceId &&
    order.symbol === intent.symbol &&
    order.side === intent.side &&
    order.type === intent.type &&
    order.timeInForce === intent.timeInForce &&
    (order.quantity === intent.quantity || (order.replaces !== null && order.quantity < intent.quantity)) &&
    order.limitPrice === intent.limitPrice &&
    order.stopPrice === intent.stopPrice &&
    order.trailPrice === intent.trailPrice &&
    order.trailPercent === intent.trailPercent &&
    order.extendedHours === intent.extendedHours &&
    order.takeProfitPrice === intent.takeProfitPrice &&
    order.stopLossPrice === intent.stopLossPrice &&
    order.stopLossLimitPrice === intent.stopLossLimitPrice &&
    order.replaces === intent.replaces &&
    order.trigger === intent.trigger
  );
}

/**
 * Alpaca's wash-trade rule: a new order is refused against an open one of the other side when either is a market or stop
 * order, or when both have limits and the buy's reaches the sell's. Trailing stops and orders with exits are exempt, and so
 * are the exits.
 */
export function selfTrades(intent: OrderIntent, open: JournalOrder): boolean {
  if (open.symbol !== intent.symbol || open.side === intent.side || !isOpen(open)) return false;
  if (intent.type === "trailing_stop" || open.type === "trailing_stop") return false;
  if (intent.orderClass !== "simple" || open.orderClass !== "simple") return false;
  if (intent.limitPrice === null || open.limitPrice === null) return true;
  return intent.side === "buy" ? intent.limitPrice >= open.limitPrice : open.limitPrice >= intent.limitPrice;
}

/** Whether the broker's type is the order's: it makes stops into stop-limits when it pleases. */
export function isSameType(atBroker: string, type: OrderTerms["type"]): boolean {
  return atBroker === type || (STOPS.has(atBroker) && STOPS.has(type));
}

const STOPS: ReadonlySet<string> = new Set(["stop", "stop_limit"]);

/** `price × quantity` rounded away from zero; what an order may use in the worst case. Not limited to int64. */
export function worstNotional(price: Fixed, quantity: Fixed): bigint {
  return divideRounded(price * quantity, FIXED_ONE, "ceil");
}

/** Throws when an execution is not one of the order's: `EXECUTION_INVALID` or `EXECUTION_MISMATCH`, naming the field. */
export function checkExecution(execution: Execution, order: JournalOrder): void {
  const { executionId } = execution;
  if (execution.symbol !== order.symbol) throw executionFault("EXECUTION_MISMATCH", executionId, "symbol");
  if (execution.side !== order.side) throw executionFault("EXECUTION_MISMATCH", executionId, "side");
}

/** The field that makes an execution meaningless whatever its order, or null. */
export function executionFaultField(execution: Execution): string | null {
  if (!isPlain(execution.executionId)) return "executionId";
  if (execution.quantity <= 0n) return "quantity";
  if (execution.price <= 0n) return "price";
  if (!Number.isSafeInteger(execution.venueTimeUs)) return "venueTimeUs";
  return execution.feeQuantity < 0n || execution.feeQuantity >= execution.quantity ? "feeQuantity" : null;
}

/** Names and keys: what any store can hold. */
function isPlain(text: string): boolean {
  return PLAIN.test(text) && text.isWellFormed();
}
