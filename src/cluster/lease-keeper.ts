/**
 * Keeps the lease of the order path: takes it when it is free, renews it, and says at any moment whether this process may
 * act. Main thread only. Time is monotonic and injected; a lease counts from before the call that got it, so that this
 * process always believes in it for a shorter time than the database does.
 */
import type { Fence, Journal, Lease } from "../orders/journal.ts";

/** How the right to trade came to this process. */
export interface Handover {
  /** `takeover` from an owner that never gave its lease back; `clean` from any other, and from nobody. */
  readonly kind: "clean" | "takeover";
  /** When anybody is last known to have traded, monotonic ms of this process; null where nobody ever has. */
  readonly untradedSinceMs: number | null;
}

export interface LeaseHandler {
  /** This process may act from now on: reconcile, then trade. */
  acquired(fence: Fence, handover: Handover): void;
  /** This process must not act any more. */
  lost(cause: string): void;
  /** Another process holds the lease; told once, before this one holds it for the first time. */
  standby(): void;
}

export interface LeaseKeeperOptions {
  readonly journal: Pick<Journal, "acquireLease" | "releaseLease">;
  /** Unique to this life of the process. */
  readonly owner: string;
  /** Full life of a lease, ms (design: 6,000). */
  readonly ttlMs: number;
  /** Pause between renewals, ms (design: 2,000). */
  readonly renewMs: number;
  /** Pause between a standby's attempts, up to a quarter more or less by chance, and after a failed renewal, ms. */
  readonly pollMs: number;
  /** How long to wait after a takeover from an owner that never released, ms (design: 5,000). */
  readonly lockDelayMs: number;
  /** The fence ends this long before the lease, ms: for what is under way. */
  readonly marginMs: number;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** From 0 to below 1: replicas must not ask all at once. */
  readonly random: () => number;
  /** Calls back once; returns what cancels it. */
  readonly schedule: (work: () => void, afterMs: number) => () => void;
  readonly handler: LeaseHandler;
}

/** Of the pause between a standby's attempts, from the shortest to the longest. */
const POLL_JITTER = 0.5;

export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #fence: Fence | null = null;
  /** When the fence ends if no renewal comes. */
  #deadlineMs = 0;
  /** When the lock delay is over; only then `acquired` is told and the fence given out. */
  #actsAtMs = 0;
  #acting = false;
  #handover: Handover = { kind: "clean", untradedSinceMs: null };
  /** It was told of standing by, or need not be any more. */
  #stoodBy = false;
  /** A lease was said to be free while an answer that may be older was under way. */
  #hurried = false;
  #running: Promise<void> | null = null;
  #stopped = true;
  #cancelTick = (): void => undefined;
  #cancelWatch = (): void => undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Proof for a write at this moment, or null when this process may not act. */
  fence(): Fence | null {
    return this.#acting && this.#options.nowMs() < this.#deadlineMs ? this.#fence : null;
  }

  /** How long the fence will last without another renewal, ms; 0 when there is none. */
  remainingMs(): number {
    return this.fence() === null ? 0 : this.#deadlineMs - this.#options.nowMs();
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#tick();
  }

  /** The lease is said to be free: a standby looks now instead of at its next turn. */
  hurry(): void {
    if (this.#stopped || this.#fence !== null) return;
    if (this.#running !== null) {
      this.#hurried = true;
      return;
    }
    this.#cancelTick();
    this.#tick();
  }

  /** Gives the lease back. Call it once nothing of ours is under way; `untradedMs` ago this process stopped trading. */
  async stop(untradedMs: number): Promise<void> {
    this.#stopped = true;
    this.#cancelTick();
    await this.#running;
    const held = this.#fence;
    this.#drop("the process gives its lease back");
    if (held !== null) await this.#options.journal.releaseLease(held, untradedMs).catch(() => undefined);
  }

  #tick(): void {
    this.#running = this.#attempt().then((afterMs) => {
      this.#running = null;
      if (!this.#stopped) this.#cancelTick = this.#options.schedule(() => this.#tick(), afterMs);
    });
  }

  /** One call to the journal; returns the pause until the next, ms. */
  async #attempt(): Promise<number> {
    const { journal, owner, ttlMs, renewMs, pollMs } = this.#options;
    const calledAtMs = this.#options.nowMs();
    let lease: Lease | null;
    try {
      lease = await journal.acquireLease(owner, ttlMs);
    } catch {
      // Whether it was renewed is not known: only what was known before counts.
      return pollMs;
    }
    if (lease === null) {
      this.#drop("another process holds the lease");
      if (!this.#stoodBy) this.#options.handler.standby();
      this.#stoodBy = true;
      const pauseMs = this.#hurried ? 0 : pollMs * (1 + (this.#options.random() - 0.5) * POLL_JITTER);
      this.#hurried = false;
      return pauseMs;
    }
    this.#hold(lease, calledAtMs);
    return renewMs;
  }

  #hold(lease: Lease, calledAtMs: number): void {
    const { lockDelayMs, marginMs, nowMs } = this.#options;
    if (this.#fence !== null && this.#fence.generation !== lease.generation) this.#drop("the lease had expired");
    // A process that was held up may hear of its renewal before its own watch: others have seen no fence meanwhile.
    if (this.#fence !== null && nowMs() >= this.#deadlineMs) this.#drop("the lease was not renewed in time");
    this.#stoodBy = true;
    if (this.#fence === null) {
      this.#fence = { owner: lease.owner, generation: lease.generation };
      const untradedSinceMs = lease.untradedMs === null ? null : calledAtMs - lease.untradedMs;
      this.#handover = { kind: lease.clean ? "clean" : "takeover", untradedSinceMs };
      // A lock delay under way goes on, also when this process lost sight of its lease in the middle of it.
      this.#actsAtMs = Math.max(this.#actsAtMs, nowMs() + (lease.clean ? 0 : lockDelayMs));
    }
    this.#deadlineMs = calledAtMs + lease.ttlMs - marginMs;
    this.#watch();
  }

  /** Looks again when the lock delay or the lease itself ends, whichever is first. */
  #watch(): void {
    this.#cancelWatch();
    const now = this.#options.nowMs();
    if (now >= this.#deadlineMs) return this.#drop("the lease was not renewed in time");
    if (!this.#acting && now >= this.#actsAtMs && this.#fence !== null && !this.#stopped) {
      this.#acting = true;
      this.#options.handler.acquired(this.#fence, this.#handover);
    }
    const next = this.#acting ? this.#deadlineMs : Math.min(this.#actsAtMs, this.#deadlineMs);
    this.#cancelWatch = this.#options.schedule(() => this.#watch(), Math.max(1, next - now));
  }

  #drop(cause: string): void {
    this.#cancelWatch();
    const told = this.#acting;
    this.#fence = null;
    this.#acting = false;
    if (told) this.#options.handler.lost(cause);
  }
}
