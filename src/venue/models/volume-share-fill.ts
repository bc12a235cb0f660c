/**
 * Zipline's VolumeShareSlippage: of each bar the account's orders together trade at most a share of its volume, the rest
 * is carried to the next bar, and the price is moved against them by
 *
 *   close × (1 ± impact × (traded / volume)²)
 *
 * where `traded` counts everything that the account has traded of the bar, this fill included
 * (zipline/finance/slippage.py). An order whose limit the moved price breaks trades nothing. Timing is `next_close`. A bar
 * without volume trades nothing. It remembers the running bar of each instrument, nothing else.
 */
import { divideRounded, type Fixed, FIXED_ONE, fixedFromNumber } from "../../core/fixed.ts";
import type { WorkingOrder } from "../order.ts";
import { barFill } from "./bar-fill.ts";
import type { FillModel, VenueBar } from "./contract.ts";
import { wholeIncrements } from "./limit.ts";

export interface VolumeShareOptions {
  /** Largest share of a bar's volume, above 0 and at most 1; zipline's default is 0.025. */
  readonly share: Fixed;
  /** The factor of the price impact, at least 0; zipline's default is 0.1. */
  readonly impact: Fixed;
}

export function volumeShareFill(options: VolumeShareOptions): FillModel {
  const atClose = barFill("next_close");
  const traded = new Map<number, { readonly bar: VenueBar; quantity: Fixed }>();
  return {
    causes: atClose.causes,
    decide(order, market, cause) {
      const plain = atClose.decide(order, market, cause);
      const { bar } = market;
      if (plain === null || bar === null || !(bar.volume > 0)) return null;
      const volume = fixedFromNumber(bar.volume, "volume");
      const before = tradedOf(traded, order, bar);
      const allowed = divideRounded(volume * options.share, FIXED_ONE, "floor") - before.quantity;
      const quantity = wholeIncrements(order, allowed, plain.quantity);
      if (quantity <= 0n || (order.timeInForce === "fok" && quantity < plain.quantity)) return null;
      const price = moved(plain.price, options.impact, before.quantity + quantity, volume, order);
      if (order.limitPrice !== null && isWorse(order, price, order.limitPrice)) return null;
      before.quantity += quantity;
      return { ...plain, price, quantity };
    },
  };
}

function tradedOf(
  traded: Map<number, { readonly bar: VenueBar; quantity: Fixed }>,
  order: WorkingOrder,
  bar: VenueBar,
): { quantity: Fixed } {
  const { index } = order.instrument;
  let entry = traded.get(index);
  if (entry?.bar !== bar) {
    entry = { bar, quantity: 0n };
    traded.set(index, entry);
  }
  return entry;
}

/** Rounded to nine decimals, half-even: zipline does not round to the price grid either. */
function moved(price: Fixed, impact: Fixed, traded: Fixed, volume: Fixed, order: WorkingOrder): Fixed {
  const shift = divideRounded(price * impact * traded * traded, FIXED_ONE * volume * volume, "half_even");
  return order.side === "buy" ? price + shift : price - shift;
}

function isWorse(order: WorkingOrder, price: Fixed, limit: Fixed): boolean {
  return order.side === "buy" ? price > limit : price < limit;
}
