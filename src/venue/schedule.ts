/**
 * Time: what is due by itself, activations of orders that wait for a session or travel, and the ends of orders. In order
 * of time, then of submission; an end comes before an activation.
 */
import { auctionMissed } from "./auctions.ts";
import { inTransit, isFinal, type WorkingOrder } from "./order.ts";
import { activate, close } from "./order-life.ts";
import { completeReplace } from "./replace.ts";
import type { VenueState } from "./venue-state.ts";

/** Does what is due up to a time, and makes it the venue's. */
export function advance(state: VenueState, timeUs: number): void {
  while (state.wakeUs <= timeUs) wake(state, state.wakeUs);
  if (timeUs > state.timeUs) state.timeUs = timeUs;
}

/** Finds out when something is due next. */
export function reschedule(state: VenueState): void {
  state.wakeUs = Number.POSITIVE_INFINITY;
  for (const market of state.markets) {
    for (const order of market.open) {
      if (isWaiting(order)) state.schedule(order.activeAtUs);
      if (order.expiresAtUs !== null) state.schedule(order.expiresAtUs);
    }
  }
}

function wake(state: VenueState, nowUs: number): void {
  if (nowUs > state.timeUs) state.timeUs = nowUs;
  for (const order of state.openOrders()) {
    const due = order.expiresAtUs !== null && order.expiresAtUs <= nowUs;
    if (due && !isFinal(order.status)) end(state, order);
  }
  for (const order of state.openOrders()) {
    if (isWaiting(order) && order.activeAtUs <= nowUs) arrive(state, order);
  }
  reschedule(state);
}

function end(state: VenueState, order: WorkingOrder): void {
  if (order.timeInForce === "opg" || order.timeInForce === "cls") auctionMissed(state, order);
  else close(state, order, order.timeInForce === "gtc" ? "canceled" : "expired");
}

function arrive(state: VenueState, order: WorkingOrder): void {
  if (inTransit(order)) completeReplace(state, order);
  else activate(state, order, order.status === "pending_new");
}

function isWaiting(order: WorkingOrder): boolean {
  return order.status === "accepted" || order.status === "pending_new";
}
