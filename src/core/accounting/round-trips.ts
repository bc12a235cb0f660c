/**
 * Closed round trips: from flat to flat again, or to the other side. One object per position (instance and instrument).
 * A trip's profit is what its fills realised less the fees they paid; a fill that turns the position shares its fee between
 * the trip it ends and the one it begins, by quantity.
 */
import { divideRounded, type Fixed } from "../fixed.ts";

export interface RoundTripCounts {
  readonly closed: number;
  /** Trips with a profit above 0, after fees. */
  readonly won: number;
  /** Σ profit of closed trips, after fees. */
  readonly profit: Fixed;
}

export class RoundTrips {
  #closed = 0;
  #won = 0;
  #profit: Fixed = 0n;
  #open: Fixed = 0n;

  /**
   * Takes a fill in order. `before` and `after`: the position's signed quantity around it; `realised`: what it realised
   * before fees; `fee`: all it cost, fees in kind included at their value. Returns the profit of the trip that it closed,
   * or null.
   */
  fill(before: Fixed, after: Fixed, realised: Fixed, fee: Fixed): Fixed | null {
    const ends = before !== 0n && (after === 0n || before > 0n !== after > 0n);
    const closingFee = ends ? divideRounded(fee * magnitude(before), magnitude(after - before), "half_even") : fee;
    this.#open += realised - closingFee;
    if (!ends) return null;
    const profit = this.#open;
    this.#open = closingFee - fee;
    this.#closed++;
    if (profit > 0n) this.#won++;
    this.#profit += profit;
    return profit;
  }

  get counts(): RoundTripCounts {
    return { closed: this.#closed, won: this.#won, profit: this.#profit };
  }
}

/** Percent of closed trips that were won, 0 to 100, over many positions; null before the first. */
export function winRate(counts: Iterable<RoundTripCounts>): number | null {
  let closed = 0;
  let won = 0;
  for (const count of counts) {
    closed += count.closed;
    won += count.won;
  }
  return closed === 0 ? null : (100 * won) / closed;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
