/**
 * PATCH: a new order takes the place of an open one. The old order stays in the market, pending_replace, until the new one
 * arrives; if it has ended by then, the new one is rejected. Buying power and quantity are kept for the larger of the two.
 */
import { type Fixed, FIXED_ONE } from "../core/fixed.ts";
import { type AdmissionContext, closingRefusal, fundsRefusal, stopSideRefusal } from "./admission.ts";
import { legsOf } from "./groups.ts";
import type { VenueMarket } from "./market.ts";
import {
  groupOf,
  remainingOf,
  type ReplaceRequest,
  type VenueOrder,
  type VenueRefusal,
  type WorkingOrder,
} from "./order.ts";
import { workingOrder } from "./order-book.ts";
import { activate } from "./order-life.ts";
import { trailedStop } from "./order-price.ts";
import { combinationRefusal, incrementRefusal, shapeRefusal, type SizedOrder } from "./order-rules.ts";
import { malformedOrder, unprocessable } from "./refusal.ts";
import { availableQuantity, heldQuantity, heldValue, openingCost } from "./reservations.ts";
import { seededUuid } from "./seeded-hash.ts";
import { orderWindow } from "./sessions.ts";
import type { VenueState } from "./venue-state.ts";
import { washTradeRefusal } from "./wash-trade.ts";

/** Null when the order may be replaced so. */
export function replaceRefusal(
  order: WorkingOrder,
  request: ReplaceRequest,
  market: VenueMarket,
  context: AdmissionContext,
): VenueRefusal | null {
  const { clientOrderId } = request;
  const terms = { ...order, ...changedTerms(order, request), clientOrderId };
  const candidate: SizedOrder = { ...terms, takeProfit: null, stopLoss: null };
  return (
    statusRefusal(order) ??
    kindRefusal(order, request) ??
    quantityRefusal(order, request, market) ??
    unchangedRefusal(order, request) ??
    termsRefusal(candidate, order, market, context.timeUs) ??
    accountRefusal(candidate, order, market, context)
  );
}

/** Sends the replacement on its way and returns it. */
export function beginReplace(
  state: VenueState,
  order: WorkingOrder,
  request: ReplaceRequest,
  market: VenueMarket,
): WorkingOrder {
  const number = state.book.nextNumber;
  const terms = { ...order, ...changedTerms(order, request) };
  const window = orderWindow(terms, market.calendar, state.timeUs);
  const replacement = workingOrder(
    {
      ...terms,
      id: seededUuid(state.idSeed, number),
      number,
      clientOrderId: request.clientOrderId,
      status: "pending_new",
      replaces: order.id,
      replacedBy: null,
      filledQuantity: 0n,
      filledNotional: 0n,
      fillCount: 0,
      submittedAtUs: state.timeUs,
      updatedAtUs: state.timeUs,
      activeAtUs: state.timeUs,
      expiresAtUs: order.timeInForce === terms.timeInForce ? order.expiresAtUs : window.expiresAtUs,
    },
    market,
  );
  if (order.status !== "held") replacement.activeAtUs += state.models.latency.latencyUs(replacement);
  state.book.enter(replacement, market);
  return replacement;
}

/** The replacement has arrived. */
export function completeReplace(state: VenueState, replacement: WorkingOrder): void {
  const market = state.marketOf(replacement);
  const old = state.book.working(replacement.replaces as string);
  if (old === undefined || remainingOf(replacement) === 0n) return reject(state, replacement, old, market);
  const held = old.status === "held";
  old.status = "replaced";
  old.replacedBy = replacement.id;
  old.replacedAtUs = state.timeUs;
  state.emit("replaced", old);
  state.book.settle(old, market);
  relink(state, old, replacement, market);
  if (!held) return activate(state, replacement, true);
  replacement.status = "held";
  state.emit("amended", replacement);
}

function reject(state: VenueState, replacement: WorkingOrder, old: WorkingOrder | undefined, market: VenueMarket) {
  replacement.status = "rejected";
  replacement.failedAtUs = state.timeUs;
  state.emit("order_replace_rejected", replacement, null, "TOO_LATE_TO_CANCEL");
  state.book.settle(replacement, market);
  if (old === undefined) return;
  old.status = old.filledQuantity > 0n ? "partially_filled" : "new";
  state.emit("amended", old);
}

/** The replacement takes the old order's place in its group. */
function relink(state: VenueState, old: WorkingOrder, replacement: WorkingOrder, market: VenueMarket): void {
  for (const leg of legsOf(old, market)) {
    leg.parentId = replacement.id;
    if (old.role === "entry" && replacement.quantity !== null) {
      leg.quantity = replacement.quantity;
      leg.expectedQuantity = replacement.quantity;
    }
    state.emit("amended", leg);
  }
  const parent = old.parentId === null ? undefined : state.book.kept(old.parentId);
  if (parent === undefined) return;
  parent.legIds = parent.legIds.map((id) => (id === old.id ? replacement.id : id));
  state.emit("amended", parent);
}

type ChangedTerms = Pick<
  VenueOrder,
  | "quantity"
  | "expectedQuantity"
  | "limitPrice"
  | "stopPrice"
  | "trailPrice"
  | "trailPercent"
  | "timeInForce"
  | "triggeredAtUs"
>;

function changedTerms(order: WorkingOrder, request: ReplaceRequest): ChangedTerms {
  const total = request.quantity ?? order.quantity;
  const quantity = total === null ? null : total - order.filledQuantity;
  const trailPrice = order.trailPrice === null ? null : (request.trail ?? order.trailPrice);
  const trailPercent = order.trailPercent === null ? null : (request.trail ?? order.trailPercent);
  const given = request.stopPrice ?? order.stopPrice;
  const stopPrice =
    order.highWaterMark === null || request.trail === undefined
      ? given
      : trailedStop({ side: order.side, trailPrice, trailPercent }, order.instrument, order.highWaterMark);
  return {
    quantity,
    expectedQuantity: quantity ?? order.expectedQuantity,
    limitPrice: request.limitPrice ?? order.limitPrice,
    stopPrice,
    trailPrice,
    trailPercent,
    timeInForce: request.timeInForce ?? order.timeInForce,
    triggeredAtUs: stopPrice === order.stopPrice ? order.triggeredAtUs : null,
  };
}

const IRREPLACEABLE: ReadonlySet<string> = new Set(["accepted", "pending_new", "pending_cancel", "pending_replace"]);

function statusRefusal(order: WorkingOrder): VenueRefusal | null {
  if (!IRREPLACEABLE.has(order.status)) return null;
  return unprocessable(`cannot replace order in ${order.status} status`);
}

function kindRefusal(order: WorkingOrder, request: ReplaceRequest): VenueRefusal | null {
  if (order.notional !== null) return unprocessable("notional orders cannot be replaced");
  if (order.orderClass === "oto") return unprocessable("oto orders cannot be replaced");
  if (order.role === "entry" && order.orderClass === "bracket" && order.filledQuantity > 0n) {
    return unprocessable("partially filled bracket entry orders cannot be replaced");
  }
  if (request.trail !== undefined && order.type !== "trailing_stop") {
    return malformedOrder("trail is for trailing stop orders");
  }
  if (request.stopPrice !== undefined && order.type === "trailing_stop") {
    return malformedOrder("trailing stop orders require no stop price");
  }
  return null;
}

/** Shares are replaced whole; coins have increments, which the rules of a new order look at. */
function quantityRefusal(
  order: WorkingOrder,
  { quantity }: ReplaceRequest,
  { instrument }: VenueMarket,
): VenueRefusal | null {
  if (quantity === undefined) return null;
  const whole = instrument.assetClass !== "crypto";
  if (whole && quantity % FIXED_ONE !== 0n) return malformedOrder("qty must be integer");
  if (quantity === order.quantity) return null;
  if (whole && (order.quantity as Fixed) % FIXED_ONE !== 0n) return unprocessable("fractional qty cannot be replaced");
  if (order.status === "held") return unprocessable("qty of held orders cannot be replaced");
  return quantity > order.filledQuantity ? null : unprocessable("qty must be > filled_qty");
}

function unchangedRefusal(order: WorkingOrder, request: ReplaceRequest): VenueRefusal | null {
  const changed =
    differs(request.quantity, order.quantity) ||
    differs(request.limitPrice, order.limitPrice) ||
    differs(request.stopPrice, order.stopPrice) ||
    differs(request.trail, order.trailPrice ?? order.trailPercent) ||
    differs(request.timeInForce, order.timeInForce);
  return changed ? null : unprocessable("order parameters are not changed");
}

function differs<T>(asked: T | undefined, there: T): boolean {
  return asked !== undefined && asked !== there;
}

/** The same rules as for a new order; legs stay as they are. */
function termsRefusal(
  candidate: SizedOrder,
  order: WorkingOrder,
  market: VenueMarket,
  timeUs: number,
): VenueRefusal | null {
  const alone: SizedOrder = {
    ...candidate,
    orderClass: "simple",
    stopPrice: candidate.type === "trailing_stop" ? null : candidate.stopPrice,
  };
  const moved = candidate.stopPrice !== order.stopPrice;
  return (
    shapeRefusal(alone) ??
    combinationRefusal(alone, market, timeUs) ??
    incrementRefusal(alone, market.instrument) ??
    (moved ? stopSideRefusal(candidate, market.mark()) : null)
  );
}

function accountRefusal(
  candidate: SizedOrder,
  order: WorkingOrder,
  market: VenueMarket,
  context: AdmissionContext,
): VenueRefusal | null {
  const { holdings, timeUs } = context;
  const others = market.open.filter((each) => each !== order);
  const wash = washTradeRefusal(candidate, others);
  // The quantity of a held leg is its entry's business.
  if (wash !== null || order.status === "held") return wash;
  const held = holdings.quantityOf(order.symbol);
  if (order.role !== "entry" || (order.side === "buy" ? held < 0n : held > 0n)) {
    const kept = market.open
      .filter((each) => each.side === order.side && (each === order || isSibling(each, order)))
      .reduce((sum, each) => sum + heldQuantity(each, market), 0n);
    // An exit sells what its group has, no more.
    const free = order.role === "entry" ? availableQuantity(market, holdings) : 0n;
    return closingRefusal(candidate, market, held, free + kept);
  }
  const basis = { ...candidate, role: order.role, filledQuantity: 0n, filledNotional: 0n };
  const cost = openingCost(basis, market, holdings, timeUs);
  const kept = heldValue(order, market, holdings, timeUs);
  return cost <= kept ? null : fundsRefusal(cost, kept, market.instrument, context);
}

/** The exits of one group keep their quantity together. */
function isSibling(each: WorkingOrder, order: WorkingOrder): boolean {
  return order.role !== "entry" && each.role !== "entry" && groupOf(each) === groupOf(order);
}
