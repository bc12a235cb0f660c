/**
 * Orders for the opening and the closing auction: all of the order trades at the auction's print, or nothing does. Where
 * no print comes in time, the first or the last trade of the core session stands for it.
 */
import { type Fixed, fixedFromNumber } from "../core/fixed.ts";
import type { VenueMarket } from "./market.ts";
import { remainingAt, type WorkingOrder } from "./order.ts";
import { close, execute } from "./order-life.ts";
import type { Auction } from "./sessions.ts";
import type { VenueState } from "./venue-state.ts";

/** The print of an auction, a double; an opening print counts in the core session, a closing one after it. */
export function auctionPrint(state: VenueState, market: VenueMarket, auction: Auction, price: number): void {
  const opening = auction === "open";
  if (opening !== (market.phaseAt(state.timeUs) === "core")) return;
  for (const order of market.open.slice()) {
    if (order.status !== "new" || order.timeInForce !== (opening ? "opg" : "cls")) continue;
    settle(state, order, market, fixedFromNumber(price, "auction print"));
  }
}

/** No print has come. */
export function auctionMissed(state: VenueState, order: WorkingOrder): void {
  const market = state.marketOf(order);
  const price = order.timeInForce === "opg" ? market.sessionFirst : market.sessionLast;
  if (price > 0) settle(state, order, market, fixedFromNumber(price, "session's trade"));
  else close(state, order, "canceled");
}

function settle(state: VenueState, order: WorkingOrder, market: VenueMarket, price: Fixed): void {
  const limit = order.limitPrice;
  if (limit === null || (order.side === "buy" ? price <= limit : price >= limit)) {
    execute(state, order, market, { price, quantity: remainingAt(order, price), liquidity: "taker" });
  } else close(state, order, "canceled");
}
