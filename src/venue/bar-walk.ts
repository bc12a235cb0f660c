/** The way of a price through a bar: it moves without jumps from corner to corner and is looked at where an order waits. Pure. */
import { fixedToNumber } from "../core/fixed.ts";
import type { WorkingOrder } from "./order.ts";

/**
 * The next point from `from` on the way to `to` (not the same): the nearest price between them at which one of the orders
 * has its limit or its stop, else `to`. `halfSpread` lies between the price that moves and what buys pay and sells get.
 */
export function nextPoint(from: number, to: number, orders: readonly WorkingOrder[], halfSpread: number): number {
  let nearest = to;
  const look = (price: number) => {
    if (to > from ? price > from && price < nearest : price < from && price > nearest) nearest = price;
  };
  for (const order of orders) {
    if (Number.isFinite(order.limitNumber)) {
      look(order.side === "buy" ? order.limitNumber - halfSpread : order.limitNumber + halfSpread);
    }
    if (order.stopPrice !== null) look(fixedToNumber(order.stopPrice));
  }
  return nearest;
}
