/**
 * Brackets, OCO and OTO: how their legs are made and who belongs to whom. An entry's legs are held until it has filled;
 * the two exits of an OCO are in the market at once, the take-profit being the parent. Pure; `order-life.ts` says what
 * happens to one of them when something happens to another.
 */
import type { VenueMarket } from "./market.ts";
import {
  groupOf,
  inTransit,
  type VenueOrder,
  type VenueOrderRole,
  type VenuePositionIntent,
  type WorkingOrder,
} from "./order.ts";
import type { SizedOrder } from "./order-rules.ts";

/** What tells a leg from its parent. */
export interface LegTerms extends Pick<VenueOrder, "side" | "type" | "limitPrice" | "stopPrice" | "positionIntent"> {
  readonly role: VenueOrderRole;
  /** Not in the market before the entry has filled. */
  readonly held: boolean;
}

/** The legs that come with an order, the take-profit first. */
export function legTermsOf(order: SizedOrder): LegTerms[] {
  const { orderClass, takeProfit, stopLoss } = order;
  if (orderClass === "simple") return [];
  const held = orderClass !== "oco";
  const side = held ? (order.side === "buy" ? "sell" : "buy") : order.side;
  const positionIntent: VenuePositionIntent = side === "sell" ? "sell_to_close" : "buy_to_close";
  const legs: LegTerms[] = [];
  if (takeProfit !== null && held) {
    const { limitPrice } = takeProfit;
    legs.push({ side, type: "limit", limitPrice, stopPrice: null, positionIntent, role: "take_profit", held });
  }
  if (stopLoss !== null) {
    const { stopPrice, limitPrice } = stopLoss;
    const type = limitPrice === null ? "stop" : "stop_limit";
    legs.push({ side, type, limitPrice, stopPrice, positionIntent, role: "stop_loss", held });
  }
  return legs;
}

/** The open legs of an entry. */
export function legsOf(entry: WorkingOrder, market: VenueMarket): WorkingOrder[] {
  return entry.orderClass === "simple" ? [] : market.open.filter((order) => order.parentId === entry.id);
}

/** The open exits of the group that an exit belongs to; a replacement belongs to it once it has arrived. */
export function exitsOf(exit: WorkingOrder, market: VenueMarket): WorkingOrder[] {
  const group = groupOf(exit);
  return market.open.filter((order) => order.role !== "entry" && groupOf(order) === group && !inTransit(order));
}

export function otherExit(exit: WorkingOrder, market: VenueMarket): WorkingOrder | undefined {
  return exitsOf(exit, market).find((order) => order !== exit);
}
