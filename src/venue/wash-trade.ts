/**
 * Alpaca's guard against trading with oneself: a new order against every open one of the other side on its symbol. Refused
 * when either of the two is a market or a stop order, and when both have limits that meet (buy limit ≥ sell limit). Groups
 * and trailing stops are exempt on both sides. Pure.
 */
import type { Fixed } from "../core/fixed.ts";
import type { VenueOrderTerms, VenueRefusal, WorkingOrder } from "./order.ts";
import { forbidden } from "./refusal.ts";

type Terms = Pick<VenueOrderTerms, "side" | "type" | "orderClass" | "limitPrice">;

export function washTradeRefusal(order: Terms, open: readonly WorkingOrder[]): VenueRefusal | null {
  if (isExempt(order)) return null;
  for (const existing of open) {
    if (existing.side === order.side || isExempt(existing)) continue;
    if (takesAnyPrice(existing)) return washTrade(existing, "opposite side market/stop order exists");
    if (takesAnyPrice(order) || crosses(order, existing)) {
      return washTrade(existing, "opposite side limit order exists");
    }
  }
  return null;
}

function isExempt(order: Terms): boolean {
  return order.orderClass !== "simple" || order.type === "trailing_stop";
}

function takesAnyPrice(order: Terms): boolean {
  return order.type === "market" || order.type === "stop";
}

function crosses(a: Terms, b: Terms): boolean {
  const [buy, sell] = a.side === "buy" ? [a, b] : [b, a];
  return (buy.limitPrice as Fixed) >= (sell.limitPrice as Fixed);
}

function washTrade(existing: WorkingOrder, reason: string): VenueRefusal {
  return forbidden("potential wash trade detected. use complex orders", {
    existing_order_id: existing.id,
    reject_reason: reason,
  });
}
