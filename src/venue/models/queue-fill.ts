/**
 * Fills of limit orders by their place in the queue, from trades and depth, after hftbacktest (its queue models and its
 * exchange with partial fills, hftbacktest.readthedocs.io). What it assumes, because level-2 data do not show it:
 *
 *   - A new order joins behind everything that rests at its price. Where that is not known (a price behind the best one of a
 *     source without depth) it waits behind whatever is there when its price first becomes the best one.
 *   - A trade at its price takes from the front of the queue, if the other side was the aggressor or the source does not
 *     tell. Once the size ahead is used up, the rest of the trade fills the order, partially where it is smaller.
 *   - A trade through its price, or a quote that meets it from the other side, fills it whole at its limit.
 *   - A level that shrinks by more than was traded there has seen cancellations. With `cancels: "behind"` they are all
 *     behind the order (the cautious model); with `"proportional"` they are spread evenly over the queue. What is ahead is
 *     never more than what rests there.
 *   - Its own orders do not change the market, and do not queue behind each other.
 *
 * An order that takes (market orders, and limits that are within the touch when they come) trades at the far touch, at
 * most its displayed size for each quote or depth seen; the rest is tried at the next. Where the source gives no sizes, all.
 *
 * The place in the queue is kept as long as the order lives and is not in any ledger: after a restart every order joins
 * its queue anew, at the end.
 */
import { type Fixed, fixedFromNumber } from "../../core/fixed.ts";
import { remainingAt, type VenueSide, type WorkingOrder } from "../order.ts";
import type { FillDecision, FillModel, MarketCause, MarketView } from "./contract.ts";
import { hasLimit, isWithinLimit, liquidityOf, wholeIncrements } from "./limit.ts";

export interface QueueOptions {
  readonly cancels: "behind" | "proportional";
}

/** An order's place. */
interface Place {
  /** Of this limit: a changed one loses its place. */
  readonly limit: number;
  /** Size in front; infinite while it is not known. */
  ahead: number;
  /** What rested at the price when it was last looked at; null while that is not known. */
  resting: number | null;
  /** Traded at the price since then. */
  traded: number;
}

const CAUSES: ReadonlySet<MarketCause> = new Set(["activation", "quote", "trade", "depth"]);

export function queueFill(options: QueueOptions): FillModel {
  const places = new WeakMap<WorkingOrder, Place>();
  const taken = new Map<number, { observation: number; size: number }>();
  return {
    causes: CAUSES,
    decide(order, market, cause) {
      const touch = order.side === "buy" ? market.ask : market.bid;
      const meets = touch > 0 && isWithinLimit(order, touch);
      if (!hasLimit(order) || (meets && liquidityOf(order, market, cause) === "taker")) {
        return cause === "trade" || !meets ? null : take(order, market, cause, touch, taken);
      }
      if (meets && cause !== "trade") return wait(order, Number.POSITIVE_INFINITY);
      const place = placeOf(places, order, market);
      if (cause === "trade") return traded(order, market, place);
      look(place, restingAt(order, market), options);
      return null;
    },
  };
}

/** At most what is displayed, once for each observation. */
function take(
  order: WorkingOrder,
  market: MarketView,
  cause: MarketCause,
  touch: number,
  taken: Map<number, { observation: number; size: number }>,
): FillDecision | null {
  const price = fixedFromNumber(touch, "touch");
  const remaining = remainingAt(order, price);
  const displayed = order.side === "buy" ? market.askSize : market.bidSize;
  const liquidity = liquidityOf(order, market, cause);
  if (!(displayed > 0)) return { price, quantity: remaining, liquidity };
  const key = order.instrument.index * 2 + (order.side === "buy" ? 0 : 1);
  const before = taken.get(key);
  const used = before?.observation === market.observation ? before.size : 0;
  const quantity = wholeIncrements(order, sizeOf(displayed - used), remaining);
  if (quantity <= 0n || (order.timeInForce === "fok" && quantity < remaining)) return null;
  taken.set(key, { observation: market.observation, size: used + Number(quantity) / 1e9 });
  return { price, quantity, liquidity };
}

/** Fills a waiting order at its limit with at most `size`. */
function wait(order: WorkingOrder, size: number): FillDecision | null {
  const price = order.limitPrice as Fixed;
  const remaining = remainingAt(order, price);
  const quantity = size === Number.POSITIVE_INFINITY ? remaining : wholeIncrements(order, sizeOf(size), remaining);
  return quantity > 0n ? { price, quantity, liquidity: "maker" } : null;
}

function traded(order: WorkingOrder, market: MarketView, place: Place): FillDecision | null {
  const { last, lastSize, lastAggressor } = market;
  if (lastAggressor === (order.side === "buy" ? 1 : 2)) return null;
  const through = order.side === "buy" ? last < order.limitNumber : last > order.limitNumber;
  if (through) return wait(order, Number.POSITIVE_INFINITY);
  if (last !== order.limitNumber) return null;
  place.traded += lastSize;
  place.ahead -= lastSize;
  if (place.ahead >= 0) return null;
  const beyond = -place.ahead;
  place.ahead = 0;
  return wait(order, beyond);
}

/** What rests at the price has changed: what was not traded has been cancelled. */
function look(place: Place, resting: number | null, options: QueueOptions): void {
  if (resting === null) return;
  const before = place.resting;
  if (before !== null && options.cancels === "proportional") {
    const cancelled = before - place.traded - resting;
    const left = before - place.traded;
    if (cancelled > 0 && left > 0) place.ahead *= 1 - cancelled / left;
  }
  if (place.ahead > resting) place.ahead = resting;
  place.resting = resting;
  place.traded = 0;
}

function placeOf(places: WeakMap<WorkingOrder, Place>, order: WorkingOrder, market: MarketView): Place {
  const known = places.get(order);
  if (known?.limit === order.limitNumber) return known;
  const resting = restingAt(order, market);
  const place = { limit: order.limitNumber, ahead: resting ?? Number.POSITIVE_INFINITY, resting, traded: 0 };
  places.set(order, place);
  return place;
}

function restingAt(order: WorkingOrder, market: MarketView): number | null {
  return market.restingSize(order.side as VenueSide, order.limitNumber);
}

function sizeOf(size: number): Fixed {
  return size > 0 ? fixedFromNumber(size, "size") : 0n;
}
