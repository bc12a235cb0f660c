/**
 * What open orders keep of the account: quantity of a position that they are closing, and value that they may open. The
 * exits of one group count once, a replacement on its way only with what it adds to the order that it replaces. Pure.
 */
import { divideRounded, type Fixed } from "../core/fixed.ts";
import { type Holdings, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import { groupOf, inTransit, remainingOf, type VenueOrder, type WorkingOrder } from "./order.ts";
import { executionLimit } from "./order-price.ts";

/** A short sale is checked against 3 % above the ask, as Alpaca does. */
const SHORT_COLLAR_PERCENT = 103n;

/** Quantity of a position that no open order is already closing. */
export function availableQuantity(market: VenueMarket, holdings: Holdings): Fixed {
  const held = holdings.quantityOf(market.instrument.symbol);
  const closing = held > 0n ? "sell" : "buy";
  let free = held < 0n ? -held : held;
  for (const order of market.open) if (order.side === closing) free -= heldQuantity(order, market);
  return positive(free);
}

/** What an order that reduces a position keeps of it. */
export function heldQuantity(order: WorkingOrder, market: VenueMarket): Fixed {
  if (order.role !== "entry") return heldByExit(order, market);
  const left = remainingOf(order);
  if (!inTransit(order)) return left;
  const replaced = replacedBy(order, market);
  return replaced === undefined ? 0n : positive(left - remainingOf(replaced));
}

/** The first of a group's exits keeps the most that one of them may trade; while they are held, what the entry has filled. */
function heldByExit(order: WorkingOrder, market: VenueMarket): Fixed {
  const group = groupOf(order);
  const members = market.open.filter((each) => groupOf(each) === group);
  const exits = members.filter((each) => each.role !== "entry" && !isTooLate(each, market));
  if (exits[0] !== order) return 0n;
  const most = exits.reduce((size, each) => (remainingOf(each) > size ? remainingOf(each) : size), 0n);
  const entry = members.find((each) => each.role === "entry");
  return entry === undefined || entry.filledQuantity > most ? most : entry.filledQuantity;
}

/** What of an order its cost depends on. */
export type CostBasis = Pick<
  VenueOrder,
  | "side"
  | "type"
  | "role"
  | "limitPrice"
  | "stopPrice"
  | "notional"
  | "expectedQuantity"
  | "filledQuantity"
  | "filledNotional"
>;

/** Worst-case value of what an order may open; 0 for one that reduces a position. */
export function openingCost(order: CostBasis, market: VenueMarket, holdings: Holdings, timeUs: number): Fixed {
  if (order.role !== "entry") return 0n;
  const held = holdings.quantityOf(market.instrument.symbol);
  if (order.side === "buy" ? held < 0n : held > 0n) return 0n;
  if (order.notional !== null) return positive(order.notional - order.filledNotional);
  const price = worstPrice(order, market, timeUs);
  return price === null ? 0n : notionalOf(market.instrument, remainingOf(order), price);
}

/** The value that an open order keeps of the buying power. */
export function heldValue(order: WorkingOrder, market: VenueMarket, holdings: Holdings, timeUs: number): Fixed {
  const cost = openingCost(order, market, holdings, timeUs);
  if (!inTransit(order)) return cost;
  const replaced = replacedBy(order, market);
  return replaced === undefined ? 0n : positive(cost - openingCost(replaced, market, holdings, timeUs));
}

function worstPrice(order: CostBasis, market: VenueMarket, timeUs: number): Fixed | null {
  if (order.side === "buy") return executionLimit(order, market.instrument) ?? market.reference("buy", timeUs);
  const ask = market.reference("buy", timeUs);
  if (ask === null) return order.limitPrice;
  const collared = divideRounded(ask * SHORT_COLLAR_PERCENT, 100n, "half_even");
  return order.limitPrice !== null && order.limitPrice > collared ? order.limitPrice : collared;
}

/** A replacement that will be rejected when it arrives keeps nothing. */
function isTooLate(order: WorkingOrder, market: VenueMarket): boolean {
  return inTransit(order) && replacedBy(order, market) === undefined;
}

/** The order that a replacement replaces, while that is open. */
function replacedBy(order: WorkingOrder, market: VenueMarket): WorkingOrder | undefined {
  return market.open.find((each) => each.id === order.replaces);
}

function positive(value: Fixed): Fixed {
  return value > 0n ? value : 0n;
}
