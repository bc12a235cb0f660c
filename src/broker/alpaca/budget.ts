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
/** What the venue's own count must still have for cancels, as a part of its limit, where that is less than our share. */
const CANCEL_PART = 0.2;

/** The venue's own count, from its answers: messages left until a reset that is `resetInMs` away. */
export interface VenueCount {
  readonly limit: number;
  readonly remaining: number;
  readonly resetInMs: number;
}

/**
 * Two counts that must both allow a message: our own, and the venue's as its last answer told it, less what was taken since.
 * Others on the same account use up the venue's only.
 *
 * Our own is a token bucket per share whose tokens come back one by one, a minute after each was taken: exact in every window.
 */
export class MessageBudget {
  readonly #timers: Timers;
  readonly #buckets: Readonly<Record<BudgetShare, Bucket>>;
  readonly #cancels: number;
  readonly #venue = { trading: new VenueWindow(), data: new VenueWindow() };

  constructor(limits: BudgetLimits, timers: Timers) {
    this.#timers = timers;
    this.#cancels = limits.cancels;
    this.#buckets = {
      orders: new Bucket(limits.orders, "orders"),
      cancels: new Bucket(limits.cancels, "cancels"),
      queries: new Bucket(limits.queries, "queries"),
      data: new Bucket(limits.data, "data"),
    };
  }

  /** Takes a token and returns 0, or takes none and returns the milliseconds until there is one. */
  take(share: BudgetShare): number {
    const nowMs = this.#timers.nowMs();
    const venue = this.#venueOf(share);
    const closedForMs = venue.closedForMs(nowMs, share === "data" ? 0 : this.#cancels);
    if (closedForMs > 0) return closedForMs;
    const waitMs = this.#buckets[share].take(nowMs);
    if (waitMs === 0) venue.remaining -= 1;
    return waitMs;
  }

  /** The venue's answer to a message of this share told its count. */
  observe(share: BudgetShare, count: VenueCount): void {
    const venue = this.#venueOf(share);
    venue.limit = count.limit;
    venue.remaining = count.remaining;
    venue.resetAtMs = this.#timers.nowMs() + count.resetInMs;
  }

  /** The venue refused a message of this share: nothing but cancels goes out for `forMs`. */
  exhausted(share: BudgetShare, forMs: number): void {
    this.observe(share, { limit: 0, remaining: 0, resetInMs: forMs });
  }

  #venueOf(share: BudgetShare): VenueWindow {
    return share === "data" ? this.#venue.data : this.#venue.trading;
  }

  /** Takes a token whether there is one or not: cancels and the kill switch wait for nothing. */
  force(share: BudgetShare): void {
    this.#buckets[share].force(this.#timers.nowMs());
    this.#venueOf(share).remaining -= 1;
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

/** What the venue last said is left, until its reset; it says nothing at first. */
class VenueWindow {
  limit = 0;
  remaining = 0;
  resetAtMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds until a message may go that must leave `reserve` to others; 0 for now. */
  closedForMs(nowMs: number, reserve: number): number {
    if (nowMs >= this.resetAtMs) return 0;
    const kept = Math.min(reserve, Math.floor(this.limit * CANCEL_PART));
    return this.remaining > kept ? 0 : this.resetAtMs - nowMs;
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
