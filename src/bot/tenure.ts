/**
 * The times in which this process may trade: keeps the lease, makes a trader when it comes, and gives everything up in the
 * order that loses nothing. Main thread only.
 *
 * Giving up: decide nothing more → orders under way answered or journalled as unknown → the broker's streams closed, for it
 * allows one of each → lease given back → engines ended, while another process trades already.
 */
import type { Logger } from "pino";
import { type Handover, LeaseKeeper, type LeaseKeeperOptions } from "../cluster/lease-keeper.ts";
import type { Config } from "../config/config.ts";
import type { Fence, Journal } from "../orders/journal.ts";
import type { Trader } from "./trader.ts";

/** What a trader asks of the tenure that it belongs to. */
export interface TenureTerms {
  /** Proof for a write at this moment, or null when this process may not act. */
  readonly fence: () => Fence | null;
  /** Its engines can decide from now on. */
  readonly onDeciding: () => void;
}

export interface TenureOptions {
  readonly journal: Pick<Journal, "acquireLease" | "releaseLease">;
  /** Unique to this life of the process. */
  readonly owner: string;
  readonly lease: Config["lease"];
  /** Made anew for every takeover. */
  readonly createTrader: (terms: TenureTerms) => Trader;
  /** This process trades with `trader`, under the lease of this generation. */
  readonly onBegan: (trader: Trader, generation: bigint) => void;
  /** It does not trade any more. */
  readonly onEnded: () => void;
  /** The first decision may come now; `untradedMs` is how long nobody has traded, null where nobody ever has. */
  readonly onHandover: (kind: Handover["kind"], untradedMs: number | null) => void;
  /** Another process trades; told once, if it is so at the first look. */
  readonly onStandby: () => void;
  /** The lease is this process's own: a trader is about to begin. */
  readonly onAcquired: () => void;
  readonly onFault: (message: string) => void;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A standby that hears of no release (it may have no Redis) looks this often, ms. */
const POLL_MS = 500;
const RETRY_MS = 1000;
/** How long orders under way may take to be answered when trading ends, ms. */
const SETTLE_MS = 10_000;
/** How long a trader that is only starting may take to give up, ms. */
const GIVE_UP_MS = 2000;
/** Of the lease's life, what the fence leaves for what is under way. */
const MARGIN_SHARE = 6;

export class Tenure {
  readonly #options: TenureOptions;
  readonly #lease: LeaseKeeper;
  /** The one that is starting or trading. */
  #trader: Trader | null = null;
  #began = false;
  #generation = 0n;
  /** Until it is told; then null until the lease comes again. */
  #handover: Handover | null = null;
  /** Changes of trader, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #stopping = false;

  constructor(options: TenureOptions) {
    this.#options = options;
    const { journal, owner, lease, nowMs } = options;
    const keeper: LeaseKeeperOptions = {
      journal,
      owner,
      ...lease,
      pollMs: POLL_MS,
      marginMs: Math.floor(lease.ttlMs / MARGIN_SHARE),
      nowMs,
      random: Math.random,
      schedule: (work, afterMs) => {
        const timer = setTimeout(work, afterMs);
        return () => clearTimeout(timer);
      },
      handler: {
        acquired: (fence, handover) => this.#onAcquired(fence, handover),
        lost: (cause) => this.#onLost(cause),
        standby: () => options.onStandby(),
      },
    };
    this.#lease = new LeaseKeeper(keeper);
  }

  start(): void {
    this.#lease.start();
  }

  /** Another process says that it gave the lease back. */
  hurry(): void {
    this.#lease.hurry();
  }

  /** Trading begins anew, as after a takeover: reconciled, resting orders cancelled, strategies warmed up again. */
  beginAnew(): void {
    this.#change(async () => {
      const trader = this.#trader;
      if (trader === null || this.#stopping) return;
      this.#end();
      await trader.drain(SETTLE_MS);
      await this.#takeOver();
    });
  }

  /** Gives the lease back, with nothing of this process under way; the engines still have to be ended with `close`. */
  async leave(): Promise<void> {
    this.#stopping = true;
    const { nowMs, sleep } = this.#options;
    const trader = this.#trader;
    const hasTraded = this.#began;
    this.#sayStopped();
    trader?.halt();
    const stoppedAtMs = nowMs();
    if (hasTraded) await trader?.settle(SETTLE_MS);
    this.#end();
    await trader?.leave();
    if (!hasTraded) await Promise.race([this.#changes, sleep(GIVE_UP_MS)]);
    await this.#lease.stop(nowMs() - stoppedAtMs);
    this.#change(async () => trader?.close());
  }

  /** After `leave`: resolves when the engines have ended. */
  async close(): Promise<void> {
    await this.#changes;
  }

  #onAcquired(fence: Fence, handover: Handover): void {
    this.#options.log.info({ generation: String(fence.generation) }, "this process holds the lease");
    this.#generation = fence.generation;
    this.#handover = handover;
    this.#options.onAcquired();
    this.#change(() => this.#takeOver());
  }

  #onLost(cause: string): void {
    if (this.#stopping) return;
    this.#options.log.warn({ cause }, "the lease is gone: standing by");
    this.#sayStopped();
    const trader = this.#trader;
    this.#end();
    void trader?.leave();
    this.#change(async () => trader?.close());
  }

  async #takeOver(): Promise<void> {
    const { createTrader, onBegan, onFault, log, sleep } = this.#options;
    while (this.#lease.fence() !== null && !this.#stopping) {
      const trader = createTrader({ fence: () => this.#lease.fence(), onDeciding: () => this.#onDeciding(trader) });
      this.#trader = trader;
      try {
        await trader.start();
        if (this.#trader !== trader || this.#stopping) return;
        this.#began = true;
        onBegan(trader, this.#generation);
        return;
      } catch (error) {
        if (this.#trader !== trader || this.#stopping) return;
        this.#trader = null;
        const message = error instanceof Error ? error.message : String(error);
        log.error({ error: message }, "trading could not start; trying again");
        onFault(message);
        await sleep(RETRY_MS);
      }
    }
  }

  #onDeciding(trader: Trader): void {
    const handover = this.#handover;
    if (handover === null || this.#trader !== trader) return;
    this.#handover = null;
    const { log, nowMs, onHandover } = this.#options;
    const { kind, untradedSinceMs } = handover;
    const untradedMs = untradedSinceMs === null ? null : Math.round(nowMs() - untradedSinceMs);
    log.info({ generation: String(this.#generation), handover: kind, untradedMs }, "trading");
    onHandover(kind, untradedMs);
  }

  #sayStopped(): void {
    if (this.#began) this.#options.log.info({ generation: String(this.#generation) }, "trading stopped");
  }

  /** From here on nobody takes the trader for one that trades. */
  #end(): void {
    this.#trader = null;
    if (!this.#began) return;
    this.#began = false;
    this.#options.onEnded();
  }

  #change(work: () => Promise<void>): void {
    this.#changes = this.#changes.then(work).catch((error: unknown) => {
      this.#options.log.error({ error: String(error) }, "a change of trader failed");
    });
  }
}
