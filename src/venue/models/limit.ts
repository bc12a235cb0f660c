/** What the fill models share: an order's limit against a price, and what of a quantity can trade. Pure. */
import type { Fixed } from "../../core/fixed.ts";
import type { VenueOrder, WorkingOrder } from "../order.ts";
import type { Liquidity, MarketCause, MarketView } from "./contract.ts";

/** Doubles suffice: both sides are the nearest double of their decimal, so equal decimals compare equal. */
export function isWithinLimit(order: WorkingOrder, price: number): boolean {
  return order.side === "buy" ? price <= order.limitNumber : price >= order.limitNumber;
}

export function hasLimit(order: VenueOrder): boolean {
  return order.limitPrice !== null;
}

/** An order with a limit that did not trade as it came in has waited; all others take. */
export function liquidityOf(order: VenueOrder, market: MarketView, cause: MarketCause): Liquidity {
  const justCame = cause === "activation" || order.triggeredAtUs === market.timeUs;
  return hasLimit(order) && !justCame ? "maker" : "taker";
}

/** `quantity` down to whole increments; what is less than one is all or nothing of the order's last rest. */
export function wholeIncrements(order: WorkingOrder, quantity: Fixed, remaining: Fixed): Fixed {
  if (quantity >= remaining) return remaining;
  const increment = order.instrument.quantityIncrement;
  return (quantity / increment) * increment;
}
