/**
 * What `/health` and `/ready` answer, and why. Main thread only. Health is progress of this process: its event loop (which
 * answers at all) and its engine workers. Readiness before the first time means configured and database reached; after it,
 * only faults of the process itself count, and a lost database or broker is `degraded`, so that cancels and the kill
 * switch stay reachable.
 */
import type { HealthReport, PartHealth } from "../api/bot-port.ts";
import type { Trader } from "./trader.ts";

/** Looks at a worker's progress not more often than this, ms: a parked worker turns four times a second. */
const PROGRESS_EVERY_MS = 2000;
const ALERTS_MAX = 5;
const ORDERS_SHOWN = 3;

interface Reach {
  readonly up: boolean;
  readonly cause: string;
}

const REACHED: Reach = { up: true, cause: "" };

export class BotHealth {
  #listening = false;
  #databaseSeen = false;
  #store: Reach = REACHED;
  #journal: Reach = REACHED;
  #draining = false;
  #everReady = false;
  #fault = "";
  #breaks = 0;
  #cashDiffers = false;
  readonly #alerts: string[] = [];
  readonly #workers = new Map<number, { atMs: number; ok: boolean }>();

  listening(): void {
    this.#listening = true;
  }

  databaseReached(): void {
    this.#databaseSeen = true;
  }

  /** Whether the database answers the question for the lease, asked all the time. */
  store(up: boolean, cause: string): void {
    this.#store = { up, cause };
  }

  /** Whether what is traded can be written. On a full disk the lease can be renewed all the same. */
  journal(up: boolean, cause: string): void {
    this.#journal = { up, cause };
  }

  draining(): void {
    this.#draining = true;
  }

  trading(): void {
    this.#fault = "";
  }

  fault(_part: string, message: string): void {
    this.#fault = message;
  }

  reconciled(breaks: number, cashDiffers: boolean): void {
    this.#breaks = breaks;
    this.#cashDiffers = cashDiffers;
  }

  alert(code: string, message: string): void {
    this.#alerts.push(`${code}: ${message}`);
    if (this.#alerts.length > ALERTS_MAX) this.#alerts.shift();
  }

  /** False only when an engine worker does not turn. */
  health(trader: Trader | null): HealthReport {
    const parts = [ok("event loop", "answers"), ...this.#workerParts(trader)];
    const healthy = parts.every((part) => part.ok);
    return { ok: healthy, state: healthy ? "ok" : "failed", parts };
  }

  /** `redis` is null where there is none. */
  ready(trader: Trader | null, redis: PartHealth | null): HealthReport {
    const parts = [this.#database(trader), ...this.#workerParts(trader), this.#trading(trader)];
    if (redis !== null) parts.push(redis);
    if (this.#draining) return { ok: false, state: "draining", parts };
    if (!this.#everReady && !(this.#listening && this.#databaseSeen)) return { ok: false, state: "starting", parts };
    this.#everReady = true;
    const failed = parts.some((part) => part.state === "failed");
    const impaired = parts.some((part) => part.state === "degraded");
    return { ok: !failed, state: failed ? "failed" : impaired ? "degraded" : "ok", parts };
  }

  #database(trader: Trader | null): PartHealth {
    if (!this.#databaseSeen) return degraded("database", "not reached yet");
    // A trader that is ended with its last writes refused says nothing any more.
    const lost = [this.#store, ...(trader === null ? [] : [this.#journal])].find(({ up }) => !up);
    return lost === undefined ? ok("database", "reached") : degraded("database", `lost: ${lost.cause}`);
  }

  #workerParts(trader: Trader | null): PartHealth[] {
    if (trader === null) return [];
    const nowMs = performance.now();
    return Array.from({ length: trader.pool.size }, (_, index) => {
      let seen = this.#workers.get(index);
      if (seen === undefined || nowMs - seen.atMs > PROGRESS_EVERY_MS) {
        const turns = trader.pool.hasProgressed(index) || !trader.pool.isReady(index);
        seen = { atMs: nowMs, ok: turns && !trader.pool.hasFailedClosed(index) };
        this.#workers.set(index, seen);
      }
      const name = `engine worker ${index}`;
      return seen.ok
        ? ok(name, "makes progress")
        : { name, ok: false, state: "failed", detail: "does not make progress" };
    });
  }

  #trading(trader: Trader | null): PartHealth {
    if (trader === null) {
      return this.#fault === ""
        ? ok("trading", "standing by or starting")
        : degraded("trading", `not started: ${this.#fault}`);
    }
    if (!trader.isStreamUp) return degraded("trading", "trade updates lost: no new orders");
    if (!trader.isMarketUp) return degraded("trading", "market data lost or stale: no new orders");
    const { orders, symbols } = trader.unsettled();
    if (orders.length > 0) {
      const which = `${orders.slice(0, ORDERS_SHOWN).join(", ")}${orders.length > ORDERS_SHOWN ? ", …" : ""}`;
      return degraded(
        "trading",
        `unknown outcome of ${which}: no new risk on ${symbols.join(", ")} until it is settled`,
      );
    }
    if (this.#breaks > 0) return degraded("trading", `${this.#breaks} symbols halted: books and broker differ`);
    if (this.#cashDiffers) return degraded("trading", "cash of books and broker differ");
    if (trader.accountState !== "active") return degraded("trading", `the account is ${trader.accountState}`);
    return ok("trading", this.#alerts.length === 0 ? "trading" : `trading; last alert ${this.#alerts.at(-1)}`);
  }
}

function ok(name: string, detail: string): PartHealth {
  return { name, ok: true, state: "ok", detail };
}

function degraded(name: string, detail: string): PartHealth {
  return { name, ok: true, state: "degraded", detail };
}
