/**
 * Fills on bars, where nothing finer is known. A bar of [start, end) is seen twice: its open at its start, the whole of it
 * at its end. The timings:
 *
 *   next_open    an order that is in the market when a bar opens trades at that open.
 *   next_close   an order that came before a bar's end trades at that bar's close.
 *   same_close   an order trades as it comes in, at the last close that is known: the close of the bar that made the
 *                strategy decide. It assumes that the decision takes no time; an order that rests is tried at every close.
 *   path         a bar is walked along open → nearer extreme → other extreme → close (`barCorners`), through every price
 *                that an order waits at. An order trades at the first point that is within its limit: at the open where
 *                the market has jumped over it, else at the limit. Orders that came during the bar wait for the next.
 *
 * The whole order trades at once; `volumeShareFill` limits it. Limits hold in every timing. Pure.
 */
import { fixedFromNumber } from "../../core/fixed.ts";
import { remainingAt, type WorkingOrder } from "../order.ts";
import type { FillModel, MarketCause, MarketView, VenueBar } from "./contract.ts";
import { isWithinLimit, liquidityOf } from "./limit.ts";

export type BarTiming = "next_open" | "next_close" | "same_close" | "path";

const CAUSES: Readonly<Record<BarTiming, ReadonlySet<MarketCause>>> = {
  next_open: new Set(["bar_open"]),
  next_close: new Set(["bar_close"]),
  same_close: new Set(["activation", "bar_close"]),
  path: new Set(["bar_open", "bar_path", "bar_close"]),
};

export function barFill(timing: BarTiming): FillModel {
  return {
    causes: CAUSES[timing],
    decide(order, market, cause) {
      if (!(market.last > 0) || !isInTime(order, market, cause, timing)) return null;
      const halfSpread = market.bar?.halfSpread ?? 0;
      const at = nearestDecimal(order.side === "buy" ? market.last + halfSpread : market.last - halfSpread);
      if (!(at > 0) || !isWithinLimit(order, at)) return null;
      const price = fixedFromNumber(at, "bar price");
      return { price, quantity: remainingAt(order, price), liquidity: liquidityOf(order, market, cause) };
    },
  };
}

/** Of a sum of two decimals, so that it equals a limit of the same price. */
function nearestDecimal(price: number): number {
  return Math.round(price * 1e9) / 1e9;
}

/** The corners of a bar's path: the extreme that is nearer to the open comes first; the high where both are as near. */
export function barCorners(bar: VenueBar): readonly [number, number, number, number] {
  const { open, high, low, close } = bar;
  return high - open <= open - low ? [open, high, low, close] : [open, low, high, close];
}

/** Whether the order was there in time for what the bar shows. A leg came with its parent. */
function isInTime(order: WorkingOrder, market: MarketView, cause: MarketCause, timing: BarTiming): boolean {
  if (cause === "activation" || cause === "bar_open" || market.bar === null) return true;
  const cameUs = order.parentId === null ? order.activeAtUs : order.submittedAtUs;
  return timing === "path" ? cameUs <= market.bar.startUs : cameUs < market.bar.endUs;
}
