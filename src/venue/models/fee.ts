/** Fees that depend on one order alone: none, by the share with a minimum, by value. Pure. */
import { divideRounded, type Fixed, FIXED_ONE, multiplyFixed } from "../../core/fixed.ts";
import type { FeeModel } from "./contract.ts";

function forgetful(feeOf: FeeModel["feeOf"]): FeeModel {
  return { feeOf, booked() {} };
}

export const NO_FEE: FeeModel = forgetful(() => ({ fee: 0n, feeQuantity: 0n }));

/**
 * A fixed amount for each share or coin, half-even, and at least `minimum` for an order that trades at all: its first fill
 * pays the minimum, later ones what the order's sum has come to exceed it by (zipline's PerShare).
 */
export function feePerShare(amount: Fixed, minimum: Fixed = 0n): FeeModel {
  const total = (quantity: Fixed) => {
    const sum = multiplyFixed(quantity, amount, "half_even", "fee");
    return sum > minimum ? sum : minimum;
  };
  return forgetful(({ quantity, filledBefore }) => {
    const paid = filledBefore > 0n ? total(filledBefore) : 0n;
    return { fee: total(filledBefore + quantity) - paid, feeQuantity: 0n };
  });
}

/**
 * A share of the value in basis points; `inKind` takes it from what is received, as Alpaca does for crypto: coins of a
 * buy, cash of a sell.
 */
export function feeBps(bps: Fixed, inKind = false): FeeModel {
  return forgetful(({ side, quantity, price }) => shareOf(bps, side === "buy" && inKind, quantity, price));
}

/** Half-even in the ninth decimal. */
export function shareOf(
  bps: Fixed,
  inKind: boolean,
  quantity: Fixed,
  price: Fixed,
): { fee: Fixed; feeQuantity: Fixed } {
  const share = (amount: Fixed) => divideRounded(amount * bps, 10_000n * FIXED_ONE, "half_even");
  if (inKind) return { fee: 0n, feeQuantity: share(quantity) };
  return { fee: share(multiplyFixed(quantity, price, "half_even", "notional")), feeQuantity: 0n };
}

/** The sum of several fees. */
export function allFees(models: readonly FeeModel[]): FeeModel {
  return {
    feeOf(fill, liquidity) {
      let [fee, feeQuantity] = [0n, 0n];
      for (const model of models) {
        const part = model.feeOf(fill, liquidity);
        fee += part.fee;
        feeQuantity += part.feeQuantity;
      }
      return { fee, feeQuantity };
    },
    booked(fill) {
      for (const model of models) model.booked(fill);
    },
  };
}
