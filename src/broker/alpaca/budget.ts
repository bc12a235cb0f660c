/**
 * The broker's message budget, in shares, so that polling can never use up what orders need and nothing what cancels
 * need. Counts by the monotonic clock; main thread.
 */
import { CodedError } from "../../core/errors.ts";
import type { Timers } from "./timers.ts";

export type BudgetShare = "orders" | "cancels" | "queries" | "data";

/** Messages in any 60 seconds. Orders, cancels and queries share the account's limit, `data` has its own. */
export type BudgetLimits = Readonly<Record<BudgetShare, number>>;

/** Alpaca's 200 a minute for trading, and for market data on its free plan with some in reserve. */
export const DEFAULT_BUDGET: BudgetLimits = { orders: 130, cancels: 40, queries: 30, data: 180 };

const WINDOW_MS = 60_000;

/** A token bucket per share whose tokens come back one by one, a minute after each was taken: exact in every window. */
export class MessageBudget {
  readonly #timers: Timers;
  readonly #buckets: Readonly<Record<BudgetShare, Bucket>>;

  constructor(limits: BudgetLimits, timers: Timers) {
    this.#timers = timers;
    this.#buckets = {
      orders: new Bucket(limits.orders, "orders"),
      cancels: new Bucket(limits.cancels, "cancels"),
      queries: new Bucket(limits.queries, "queries"),
      data: new Bucket(limits.data, "data"),
    };
  }

  /** Takes a token and returns 0, or takes none and returns the milliseconds until there is one. */
  take(share: BudgetShare): number {
    return this.#buckets[share].take(this.#timers.nowMs());
  }

  /** Takes a token whether there is one or not: cancels and the kill switch wait for nothing. */
  force(share: BudgetShare): void {
    this.#buckets[share].force(this.#timers.nowMs());
  }

  /** Tokens left now. */
  left(share: BudgetShare): number {
    return this.#buckets[share].left(this.#timers.nowMs());
  }

  /** Resolves true once a token is taken, false when none comes within `patienceMs`. */
  async wait(share: BudgetShare, patienceMs: number): Promise<boolean> {
    const deadlineMs = this.#timers.nowMs() + patienceMs;
    for (;;) {
      const waitMs = this.take(share);
      if (waitMs === 0) return true;
      if (this.#timers.nowMs() + waitMs > deadlineMs) return false;
      await new Promise<void>((resolve) => void this.#timers.after(waitMs, resolve));
    }
  }
}

/** The moments at which the last `limit` tokens were taken, as a ring. */
class Bucket {
  readonly #takenMs: Float64Array;
  #next = 0;

  constructor(limit: number, name: string) {
    if (!Number.isInteger(limit) || limit < 1 || limit > 1_000_000) {
      throw new CodedError("BUDGET_LIMIT", `budget.${name} must be a whole number from 1 to 1000000, got ${limit}`, {
        field: `budget.${name}`,
      });
    }
    this.#takenMs = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
  }

  take(nowMs: number): number {
    const freeInMs = (this.#takenMs[this.#next] as number) + WINDOW_MS - nowMs;
    if (freeInMs > 0) return freeInMs;
    this.force(nowMs);
    return 0;
  }

  force(nowMs: number): void {
    this.#takenMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#takenMs.length;
  }

  left(nowMs: number): number {
    let free = 0;
    for (const takenMs of this.#takenMs) if (takenMs + WINDOW_MS <= nowMs) free++;
    return free;
  }
}
