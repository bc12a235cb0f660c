/**
 * Stops: every trade of the core session moves the trailing ones and reaches those that it is at or through. A stop that
 * is reached trades on the quote of that moment and on every later one, as a market order or within its limit.
 */
import { type Fixed, fixedFromNumber, fixedToNumber } from "../core/fixed.ts";
import type { VenueMarket } from "./market.ts";
import { awaitsTrigger, type WorkingOrder } from "./order.ts";
import { tryFill } from "./order-life.ts";
import { trailedStop } from "./order-price.ts";
import type { VenueState } from "./venue-state.ts";

/** A trade at a price, a double; called for markets that have open orders. */
export function triggerStops(state: VenueState, market: VenueMarket, price: number): void {
  if (market.halted || market.phaseAt(state.timeUs) !== "core") return;
  // A copy, because an order that is filled leaves the list.
  for (const order of market.open.slice()) {
    if ((order.status !== "new" && order.status !== "pending_replace") || !awaitsTrigger(order)) continue;
    if (order.type === "trailing_stop" && isBest(order, price)) {
      trail(order, fixedFromNumber(price, "trade"));
      state.emit("amended", order);
    }
    if (!isReached(order, price)) continue;
    order.triggeredAtUs = state.timeUs;
    state.emit("amended", order);
    tryFill(state, order, market, "activation");
  }
}

/** Moves a trailing stop to a new best price. */
export function trail(order: WorkingOrder, best: Fixed): void {
  order.highWaterMark = best;
  order.stopPrice = trailedStop(order, order.instrument, best);
}

function isBest(order: WorkingOrder, price: number): boolean {
  if (order.highWaterMark === null) return true;
  const best = fixedToNumber(order.highWaterMark);
  return order.side === "sell" ? price > best : price < best;
}

/** Doubles suffice: both sides are the nearest double of their decimal. */
function isReached(order: WorkingOrder, price: number): boolean {
  const stop = fixedToNumber(order.stopPrice as Fixed);
  return order.side === "sell" ? price <= stop : price >= stop;
}
