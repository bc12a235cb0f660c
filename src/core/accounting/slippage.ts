/**
 * Slippage: how much worse than the mid at the decision fills were, in basis points of the mid, weighted by notional at
 * the mid. Positive is worse. A figure for people: the ratio is a double, the sums are exact.
 */
import { type Fixed, multiplyFixed } from "../fixed.ts";

export class Slippage {
  #cost: Fixed = 0n;
  #notional: Fixed = 0n;

  /** Takes a fill; `mid` positive. Returns its own slippage, basis points. */
  fill(side: "buy" | "sell", quantity: Fixed, price: Fixed, mid: Fixed): number {
    const worse = side === "buy" ? price - mid : mid - price;
    this.#cost += multiplyFixed(worse, quantity, "half_even", "slippage");
    this.#notional += multiplyFixed(mid, quantity, "half_even", "notional");
    return basisPoints(worse, mid);
  }

  /** The average over all fills, basis points; null before the first. */
  get averageBps(): number | null {
    return this.#notional === 0n ? null : basisPoints(this.#cost, this.#notional);
  }
}

function basisPoints(part: Fixed, whole: Fixed): number {
  return (Number(part) / Number(whole)) * 10_000;
}
