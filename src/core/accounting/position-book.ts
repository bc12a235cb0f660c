/**
 * What a fill does to a position: exact quantity, cost, realised profit and fees at average cost. Pure; all amounts are
 * Fixed. Kept by construction, whatever the fills and their rounding: Σ cash flows = realised − cost − fees, hence
 * Σ cash flows + market value = realised + unrealised − fees.
 */
import { checkFixed, divideRounded, type Fixed, multiplyFixed } from "../fixed.ts";
import { CodedError } from "../errors.ts";

export interface Position {
  /** Signed. */
  readonly quantity: Fixed;
  /** Signed cost of the open quantity: quantity × average entry price. */
  readonly cost: Fixed;
  /** Profit of what was closed, before fees. */
  readonly realised: Fixed;
  readonly fees: Fixed;
}

export interface Fill {
  readonly side: "buy" | "sell";
  /** Positive. */
  readonly quantity: Fixed;
  /** Positive. */
  readonly price: Fixed;
  /** In the quote currency. */
  readonly fee: Fixed;
  /** Taken in kind: leaves the position at the fill's price and counts as a fee; below `quantity`. */
  readonly feeQuantity: Fixed;
}

export interface PositionChange {
  readonly position: Position;
  /** Profit that this fill realised, before fees. */
  readonly realised: Fixed;
  /** What cash gains or loses. */
  readonly cashFlow: Fixed;
}

export const FLAT: Position = { quantity: 0n, cost: 0n, realised: 0n, fees: 0n };

/** Throws `FILL_INVALID` naming the field, and `FIXED_RANGE` when an amount leaves int64. */
export function applyFill(before: Position, fill: Fill): PositionChange {
  checkFill(fill);
  const sign = fill.side === "buy" ? 1n : -1n;
  const change = sign * fill.quantity - fill.feeQuantity;
  const traded = multiplyFixed(fill.price, fill.quantity, "half_even", "notional");
  const moved = multiplyFixed(fill.price, magnitude(change), "half_even", "notional");
  const { cost, realised } = moveAtAverageCost(before, change, sign * moved);
  const position = {
    quantity: checkFixed(before.quantity + change, "quantity"),
    cost: checkFixed(cost, "cost"),
    realised: checkFixed(before.realised + realised, "realised"),
    fees: checkFixed(before.fees + fill.fee + magnitude(traded - moved), "fees"),
  };
  return { position, realised, cashFlow: -sign * traded - fill.fee };
}

/**
 * A quantity that leaves the position at a price without a trade and counts as a fee: a fee in kind that is told of later.
 * Signed as the position; cash does not move.
 */
export function applyFeeInKind(before: Position, quantity: Fixed, price: Fixed): Position {
  const size = multiplyFixed(price, magnitude(quantity), "half_even", "notional");
  const value = quantity < 0n ? -size : size;
  const { cost, realised } = moveAtAverageCost(before, -quantity, -value);
  return {
    quantity: checkFixed(before.quantity - quantity, "quantity"),
    cost: checkFixed(cost, "cost"),
    realised: checkFixed(before.realised + realised, "realised"),
    fees: checkFixed(before.fees + value, "fees"),
  };
}

/** The quantity after a split at the same cost, which is lost where nothing is left. */
export function applySplit(before: Position, quantity: Fixed): Position {
  if (quantity !== 0n) return { ...before, quantity };
  return { quantity, cost: 0n, realised: checkFixed(before.realised - before.cost, "realised"), fees: before.fees };
}

/** An amount in proportion to signed quantities, half-even; the last takes the rest. Their sum must not be 0. */
export function sharesOf(amount: Fixed, quantities: readonly Fixed[]): Fixed[] {
  const total = quantities.reduce((sum, quantity) => sum + quantity, 0n);
  let left = amount;
  return quantities.map((quantity, index) => {
    const sign = quantity > 0n === total > 0n ? 1n : -1n;
    const part = sign * roundedPart(amount, magnitude(quantity), magnitude(total));
    const share = index === quantities.length - 1 ? left : part;
    left -= share;
    return share;
  });
}

/** amount × part / whole; rounds the size, so that both signs are rounded alike. */
function roundedPart(amount: Fixed, part: Fixed, whole: Fixed): Fixed {
  const size = divideRounded(magnitude(amount) * part, whole, "half_even");
  return amount < 0n ? -size : size;
}

/** Profit of the open quantity at a mark, before fees. */
export function unrealisedAt(position: Position, mark: Fixed): Fixed {
  return multiplyFixed(position.quantity, mark, "half_even", "market value") - position.cost;
}

/** `notional` is signed as `change` is. What is released is in proportion to what is closed, so that cost never drifts. */
function moveAtAverageCost(before: Position, change: Fixed, notional: Fixed): { cost: Fixed; realised: Fixed } {
  const opens = before.quantity === 0n || before.quantity > 0n === change > 0n;
  if (opens) return { cost: before.cost + notional, realised: 0n };
  const held = magnitude(before.quantity);
  const moved = magnitude(change);
  const closed = held < moved ? held : moved;
  const released = divideRounded(before.cost * closed, held, "half_even");
  const closedNotional = divideRounded(notional * closed, moved, "half_even");
  return { cost: before.cost - released + (notional - closedNotional), realised: -closedNotional - released };
}

function checkFill(fill: Fill): void {
  if (fill.quantity <= 0n) throw fillError("quantity", "must be positive");
  if (fill.price <= 0n) throw fillError("price", "must be positive");
  if (fill.feeQuantity < 0n || fill.feeQuantity >= fill.quantity) {
    throw fillError("feeQuantity", "must be at least 0 and below the quantity");
  }
}

function fillError(field: string, message: string): CodedError {
  return new CodedError("FILL_INVALID", `${field} of a fill ${message}`, { field });
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
