/** Prices that follow from an order's terms: its limit once it trades, where a trailing stop stands. Pure. */
import { divideRounded, type Fixed, FIXED_ONE, fixedToNumber, parseFixed } from "../core/fixed.ts";
import { type Instrument, roundPrice } from "../core/market/instrument.ts";
import type { VenueOrder, VenueOrderTerms } from "./order.ts";

const FIFTY = parseFixed("50", "fifty dollars");
/** Alpaca turns buy stops into stop-limits so far above the stop, in thousandths: for stops below $50 and from it on. */
const COLLAR_BELOW_FIFTY = 1040n;
const COLLAR_FROM_FIFTY = 1025n;

type LimitTerms = Pick<VenueOrderTerms, "type" | "side" | "limitPrice" | "stopPrice">;

/** The worst price that an order takes: its limit, of a buy stop the collar, null where it takes any. */
export function executionLimit(order: LimitTerms, instrument: Instrument): Fixed | null {
  if (order.limitPrice !== null) return order.limitPrice;
  if (order.type !== "stop" || order.side !== "buy" || order.stopPrice === null) return null;
  const collar = order.stopPrice < FIFTY ? COLLAR_BELOW_FIFTY : COLLAR_FROM_FIFTY;
  return roundPrice(instrument, divideRounded(order.stopPrice * collar, 1000n, "floor"), "floor");
}

/** The execution limit as a double; infinite for a buy and 0 for a sell at any price. */
export function limitNumberOf(order: LimitTerms, instrument: Instrument): number {
  const limit = executionLimit(order, instrument);
  if (limit !== null) return fixedToNumber(limit);
  return order.side === "buy" ? Number.POSITIVE_INFINITY : 0;
}

/** Where a trailing stop stands below (for a buy above) its best price, on the instrument's price grid. */
export function trailedStop(
  order: Pick<VenueOrder, "side" | "trailPrice" | "trailPercent">,
  instrument: Instrument,
  best: Fixed,
): Fixed {
  const distance = order.trailPrice ?? divideRounded(best * (order.trailPercent ?? 0n), 100n * FIXED_ONE, "half_even");
  return roundPrice(instrument, order.side === "sell" ? best - distance : best + distance, "half_even");
}
