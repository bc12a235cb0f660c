/**
 * Joins this process with the others on its book: what it knows while it trades goes to those that stand by, and what the
 * one that trades knows comes here meanwhile. Main thread only. It shows; nothing is decided by it.
 */
import type { Logger } from "pino";
import type { Cache, OwnerState } from "../cache/cache.ts";
import { createCache } from "../cache/create-cache.ts";
import { describeFault } from "../cache/redis-fault.ts";
import type { RedisConfig } from "../config/config.ts";
import type { EventHub } from "./event-hub.ts";

export interface ReplicasOptions {
  readonly config: RedisConfig | null;
  readonly bookId: string;
  readonly events: EventHub;
  /** What this process knows while it trades; null while it does not. */
  readonly ownState: () => OwnerState | null;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** Redis has another fault than before. */
  readonly onFault: (fault: string) => void;
  readonly log: Logger;
}

export class Replicas {
  readonly cache: Cache;
  readonly #options: ReplicasOptions;
  readonly #ends: readonly (() => void)[];

  constructor(options: ReplicasOptions) {
    this.#options = options;
    const { config, bookId, events, nowMs, onFault, log } = options;
    this.cache = createCache({
      config,
      bookId,
      nowMs,
      onListenerFault: (error) => log.error({ error: String(error) }, "a listener of the cache failed"),
      onFault: (fault) => {
        if (fault === null) return log.info("Redis is connected");
        log.warn({ fault }, describeFault(fault));
        onFault(fault);
      },
    });
    this.#ends = [
      events.subscribe((event) => this.cache.publish(event)),
      // Its own events go to the cache as well, which takes none while this process stands by.
      this.cache.onEvent((event) => events.emit(event)),
      this.cache.onRestart(() => events.restart()),
    ];
  }

  /** This process trades from now on, under the lease of this generation. */
  lead(generation: bigint): void {
    this.cache.lead(generation);
    this.share();
    this.#options.events.restart();
  }

  /** This process stands by from now on. */
  follow(): void {
    this.cache.follow();
    this.#options.events.restart();
  }

  /** Tells the others the whole state; to be called once a second. */
  share(): void {
    const state = this.#options.ownState();
    if (state !== null) this.cache.setState(state);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) end();
    await this.cache.close();
  }
}
