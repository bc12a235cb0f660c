/**
 * Everything that can be made to go wrong, as the simulator holds it: the plan, the gates of its two streams, the memory
 * of lagging lists, and what an event of the account looks like by a clock that is off. Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { parseTimeUs, rfc3339 } from "../wire-time.ts";
import type { Fault } from "./fault.ts";
import { FaultPlan, type FaultPlanOptions } from "./fault-plan.ts";
import { faultRoutes } from "./fault-routes.ts";
import { type CurrentLists, LaggingLists } from "./lagging-lists.ts";
import { requestFaults } from "./request-faults.ts";
import { StreamGate } from "./stream-gate.ts";

type Json = Record<string, unknown>;

export interface FaultsOptions extends FaultPlanOptions {
  readonly current: CurrentLists;
  /** After how long the venue holds a silent connection for dead, ms. */
  readonly deadConnectionMs: number;
}

export class Faults {
  readonly tradeGate: StreamGate;
  readonly dataGate: StreamGate;
  readonly #plan: FaultPlan;
  readonly #lists: LaggingLists;

  constructor(options: FaultsOptions) {
    this.#plan = new FaultPlan(options);
    this.#lists = new LaggingLists(options.current, () => performance.now());
    this.tradeGate = new StreamGate(this.#plan, "trade_updates", options.deadConnectionMs);
    this.dataGate = new StreamGate(this.#plan, "market_data", options.deadConnectionMs);
    this.#plan.onSet((fault) => {
      if (fault.fault === "lag") this.#lists.remember(fault.lagMs);
    });
    this.#plan.onCleared(() => {
      if (!this.#plan.has(isLag)) this.#lists.forget();
    });
  }

  /** The administrative routes, and the hooks of the others. */
  routes(app: FastifyInstance): void {
    requestFaults(app, this.#plan, this.#lists);
    faultRoutes(app, this.#plan);
  }

  /** An event of the account, the `data` of a `trade_updates` message, as it is to be told. */
  tell(update: Json): Json {
    if (!this.#plan.isArmed) return update;
    this.#lists.note(update);
    const skewMs = this.#plan.skewMs();
    if (skewMs === 0) return update;
    return { ...shifted(update, skewMs), order: shifted(update["order"] as Json, skewMs) };
  }
}

function isLag(fault: Fault): boolean {
  return fault.fault === "lag";
}

const TIME_FIELD = /^(timestamp|at|\w+_at)$/;

function shifted(fields: Json, skewMs: number): Json {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const timeUs = TIME_FIELD.test(name) && typeof value === "string" ? parseTimeUs(value) : null;
      return [name, timeUs === null ? value : rfc3339(timeUs + skewMs * 1000)];
    }),
  );
}
