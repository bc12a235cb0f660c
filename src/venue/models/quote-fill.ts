/**
 * Alpaca's paper rule: an order trades when it is marketable against the current quote, at the far touch, whatever the
 * quote's size. With `partialRate` (0..1) that share of the fills is partial, by a seeded draw over whole increments; the
 * rest is tried on the next quote. Pure.
 */
import { type Fixed, FIXED_ONE, fixedFromNumber } from "../../core/fixed.ts";
import { remainingAt, type WorkingOrder } from "../order.ts";
import { hashUnit } from "../seeded-hash.ts";
import type { FillModel, MarketCause } from "./contract.ts";
import { isWithinLimit, liquidityOf } from "./limit.ts";

const CAUSES: ReadonlySet<MarketCause> = new Set(["activation", "quote"]);

export function quoteFill(options: { readonly partialRate?: number; readonly seed?: number } = {}): FillModel {
  const partialRate = options.partialRate ?? 0;
  const seed = options.seed ?? 0;
  return {
    causes: CAUSES,
    decide(order, market, cause) {
      const touch = order.side === "buy" ? market.ask : market.bid;
      if (!(touch > 0) || !isWithinLimit(order, touch)) return null;
      const price = fixedFromNumber(touch, "touch");
      const remaining = remainingAt(order, price);
      const quantity =
        partialRate > 0 ? partialQuantity(order, remaining, partialRate, seed, market.timeUs) : remaining;
      return { price, quantity, liquidity: liquidityOf(order, market, cause) };
    },
  };
}

function partialQuantity(order: WorkingOrder, remaining: Fixed, rate: number, seed: number, timeUs: number): Fixed {
  const increment = order.instrument.quantityIncrement;
  const increments = remaining / increment;
  if (increments < 2n || hashUnit(seed, order.number, order.fillCount, timeUs) >= rate) return remaining;
  const share = BigInt(Math.floor(hashUnit(seed + 1, order.number, order.fillCount, timeUs) * 1e9));
  return (1n + ((increments - 1n) * share) / FIXED_ONE) * increment;
}
