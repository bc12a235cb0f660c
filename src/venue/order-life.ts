/**
 * The life of one order in the market: activation, fills, end; and what each of these means to the others of its group.
 *
 * submit → (accepted, waits for its session) → pending_new → new → partial_fill* → fill | canceled | expired. The legs of
 * an entry are held until it has filled.
 */
import type { Fixed } from "../core/fixed.ts";
import { activityOfExecution } from "./activity.ts";
import { exitsOf, legsOf, otherExit } from "./groups.ts";
import { notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import type { FillDecision, MarketCause } from "./models/contract.ts";
import {
  awaitsTrigger,
  inTransit,
  isFinal,
  remainingAt,
  remainingOf,
  type VenueEvent,
  type VenueExecution,
  type WorkingOrder,
} from "./order.ts";
import { executionLimit } from "./order-price.ts";
import { seededUuid } from "./seeded-hash.ts";
import type { SessionPhase } from "./sessions.ts";
import type { VenueState } from "./venue-state.ts";

/** How an order ends without having filled. */
export type Ending = "canceled" | "expired";

/** Room for the fills of one order in the numbers that execution ids are made of. */
const FILLS_PER_ORDER = 1_000_000;

/** Into the market; `matchNow` is false where only a later quote may trade it. */
export function activate(state: VenueState, order: WorkingOrder, matchNow: boolean): void {
  const market = state.marketOf(order);
  order.status = "new";
  state.emit("new", order);
  if (matchNow && !market.halted) tryFill(state, order, market, "activation");
  if ((order.timeInForce === "ioc" || order.timeInForce === "fok") && !isFinal(order.status)) {
    close(state, order, "canceled");
  }
}

/** Every order of the market that may trade on what has been seen, in order of submission. */
export function match(state: VenueState, market: VenueMarket, cause: MarketCause): void {
  market.observation++;
  if (market.halted || !state.models.fill.causes.has(cause)) return;
  // A copy, because an order that is filled leaves the list.
  for (const order of market.open.slice()) tryFill(state, order, market, cause);
}

export function tryFill(state: VenueState, order: WorkingOrder, market: VenueMarket, cause: MarketCause): void {
  const { fill, slippage } = state.models;
  if (!fill.causes.has(cause) || !mayTrade(order, market.phaseAt(state.timeUs))) return;
  const decision = fill.decide(order, market, cause);
  if (decision === null) return;
  if (order.timeInForce === "fok" && decision.quantity < remainingAt(order, decision.price)) return;
  const price = slippage.slip(order, decision.quantity, decision.price);
  execute(state, order, market, { ...decision, price: withinLimit(order, price) });
}

/** Whether quotes of a phase trade it: it is in the market, its stop has been reached, and it is not for an auction. */
function mayTrade(order: WorkingOrder, phase: SessionPhase): boolean {
  const { status, timeInForce } = order;
  if (status !== "new" && status !== "partially_filled" && status !== "pending_replace") return false;
  if (timeInForce === "opg" || timeInForce === "cls" || awaitsTrigger(order)) return false;
  return phase === "core" || (order.extendedHours && phase !== "closed");
}

/** A trade at exactly this price, of at most this quantity. */
export function execute(state: VenueState, order: WorkingOrder, market: VenueMarket, decision: FillDecision): void {
  const { instrument } = market;
  const { price } = decision;
  const left = remainingAt(order, price);
  const quantity = decision.quantity < left ? decision.quantity : left;
  if (quantity <= 0n) return;
  const terms = { instrument, side: order.side, quantity, price };
  const feeFill = { ...terms, filledBefore: order.filledQuantity, timeUs: state.timeUs };
  const { fee, feeQuantity } = state.models.fee.feeOf(feeFill, decision.liquidity);
  state.models.fee.booked(feeFill);
  state.holdings.apply(instrument, { side: order.side, quantity, price, fee, feeQuantity });
  order.filledQuantity += quantity;
  order.filledNotional += notionalOf(instrument, quantity, price);
  order.fillCount++;
  const execution: VenueExecution = {
    id: seededUuid(state.idSeed + 1, order.number * FILLS_PER_ORDER + order.fillCount),
    quantity,
    price,
    fee,
    feeQuantity,
    positionQuantity: state.positionOf(instrument.symbol),
    cash: state.holdings.cash,
    previousId: null,
  };
  if (quantity === left) complete(state, order, market, execution);
  else {
    if (order.status === "new") order.status = "partially_filled";
    record(state, state.emit("partial_fill", order, execution));
  }
  afterExecution(state, order, quantity);
}

function complete(state: VenueState, order: WorkingOrder, market: VenueMarket, execution: VenueExecution): void {
  order.status = "filled";
  order.filledAtUs = state.timeUs;
  // What a notional order buys is known only now.
  order.expectedQuantity = order.filledQuantity;
  record(state, state.emit("fill", order, execution));
  state.book.settle(order, market);
}

/** Keeps the fill, and the fee as an activity of its own. */
export function record(state: VenueState, event: VenueEvent): void {
  state.fills.push(event);
  const activity = activityOfExecution(event, state.marketOf(event.order).instrument);
  if (activity !== null) state.activities.push(activity);
}

/** A filled entry sets its legs free; what one exit trades, the other has no longer to, and a replacement neither. */
function afterExecution(state: VenueState, order: WorkingOrder, quantity: Fixed): void {
  const market = state.marketOf(order);
  shrinkReplacement(state, order, quantity);
  if (order.role === "entry") {
    if (order.status !== "filled") return;
    for (const leg of legsOf(order, market)) if (leg.status === "held") activate(state, leg, false);
    return;
  }
  const other = otherExit(order, market);
  if (other !== undefined) shrinkExit(state, other, quantity, order.status === "filled");
}

function shrinkExit(state: VenueState, exit: WorkingOrder, quantity: Fixed, end: boolean): void {
  if (end || remainingOf(exit) <= quantity) {
    close(state, exit, "canceled");
    return;
  }
  shrinkReplacement(state, exit, quantity);
  shrink(state, exit, quantity);
}

/** The order that is on its way to replace this one. */
function shrinkReplacement(state: VenueState, order: WorkingOrder, quantity: Fixed): void {
  const { open } = state.marketOf(order);
  const replacement = open.find((other) => other.replaces === order.id && inTransit(other));
  if (replacement !== undefined) shrink(state, replacement, quantity);
}

/** Not below nothing: a replacement for nothing is rejected when it arrives. */
function shrink(state: VenueState, order: WorkingOrder, quantity: Fixed): void {
  const left = order.expectedQuantity > quantity ? order.expectedQuantity - quantity : 0n;
  if (order.quantity !== null) order.quantity = left;
  order.expectedQuantity = left;
  state.emit("amended", order);
}

/** The order ends, and with it the rest of its group. */
export function close(
  state: VenueState,
  order: WorkingOrder,
  ending: Ending,
  reason: VenueEvent["reason"] = null,
): void {
  const market = state.marketOf(order);
  order.status = ending;
  if (ending === "canceled") order.canceledAtUs = state.timeUs;
  else order.expiredAtUs = state.timeUs;
  state.emit(ending, order, null, reason);
  state.book.settle(order, market);
  const rest = order.role === "entry" ? legsOf(order, market) : exitsOf(order, market);
  for (const other of rest) if (!isFinal(other.status)) close(state, other, ending, reason);
}

/** Slippage never breaks a limit. */
function withinLimit(order: WorkingOrder, price: Fixed): Fixed {
  const limit = executionLimit(order, order.instrument);
  if (limit === null) return price;
  return order.side === "buy" ? (price < limit ? price : limit) : price > limit ? price : limit;
}
