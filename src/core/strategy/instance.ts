/**
 * A running strategy instance inside an engine: the strategy, its holdings, its state, and the host that takes its
 * targets. Owned by one engine. It records what is wanted; the planner decides what is sent.
 */
import { CodedError } from "../errors.ts";
import { fixedToNumber } from "../fixed.ts";
import type { Instrument } from "../market/instrument.ts";
import { TRADING_ACTIVE, TRADING_HALTED } from "../market/record.ts";
import { Holding } from "../order/holding.ts";
import type { Trigger } from "../order/trigger.ts";
import { CheckLimits, type TradingConditions } from "../risk/pre-trade.ts";
import { REFUSAL_INSUFFICIENT_DATA, REFUSAL_NONE, REFUSAL_TARGET_INVALID } from "../risk/refusal.ts";
import type { Strategy, StrategyHost } from "./contract.ts";
import type { Execution, InstanceSpec, ValidInstance } from "./instance-spec.ts";

/** Hears of every refusal: instance, instrument, REFUSAL_* number. */
export interface RefusalHandler {
  refuse(instance: Instance, holding: Holding, refusal: number): void;
}

/**
 * Snapshot, in doubles: layout number, engine time (us), then for each holding has target, exposure, sized, target quantity,
 * reason, signal, start of the last bar seen (us), bars seen; then the strategy's own state.
 */
const SNAPSHOT_LAYOUT = 1;
const SNAPSHOT_HEADER = 2;
const SNAPSHOT_PER_HOLDING = 8;

export class Instance implements StrategyHost {
  // First, because they are looked at per tick and so share a cache line with the object's head.
  /** Nothing holds it back any more: one word to look at per tick instead of four. Engine time never goes back. */
  #isLive = false;
  /** True while the strategy is called for a record that may decide. */
  #accepting = false;
  #hasNewTarget = false;

  readonly spec: InstanceSpec;
  readonly holdings: readonly Holding[];
  readonly strategy: Strategy;
  readonly limits: CheckLimits;
  readonly execution: Execution;
  /** Quote currency, as a double. */
  readonly capital: number;
  readonly barSeconds: number;
  readonly warmUpBars: number;
  readonly stateSize: number;

  /** TRADING_*; set by control records, by the repeated-execution throttle and by a fault. */
  tradingState = TRADING_ACTIVE;
  /** Until the control record that ends it. */
  warmingUp = true;
  /** Decisions at engine times up to this are suppressed, us. */
  suppressUntilUs = -1;
  /** Ticks up to this time are in the restored state already, us. */
  restoredTimeUs = -1;
  /** What the strategy threw; null while it is well. For the rest of the worker's life. */
  fault: string | null = null;
  intents = 0;
  refusals = 0;
  lastRefusal = REFUSAL_NONE;

  readonly #trigger: Trigger;
  readonly #conditions: TradingConditions;
  readonly #handler: RefusalHandler;

  /** `trigger`: the record being processed, kept up to date by the engine. */
  constructor(
    valid: ValidInstance,
    instruments: readonly Instrument[],
    trigger: Trigger,
    conditions: TradingConditions,
    handler: RefusalHandler,
  ) {
    const { spec, definition, parameters, limits } = valid;
    this.spec = spec;
    this.limits = new CheckLimits(limits);
    this.execution = spec.execution;
    this.capital = fixedToNumber(spec.capital);
    this.barSeconds = definition.barSeconds(parameters);
    this.warmUpBars = definition.warmUpBars(parameters);
    this.#trigger = trigger;
    this.#conditions = conditions;
    this.#handler = handler;
    this.holdings = spec.instruments.map((index, local) => {
      const instrument = instruments[index];
      if (instrument === undefined) throw new RangeError(`no instrument ${index}`);
      return new Holding(spec.index, local, instrument, limits.repeatedExecutionsPerMinute);
    });
    this.strategy = definition.create(parameters, this, spec.instruments.length);
    this.stateSize = SNAPSHOT_HEADER + SNAPSHOT_PER_HOLDING * this.holdings.length + this.strategy.stateSize;
  }

  target(local: number, exposure: number, reason: number, signal: number): void {
    if (!this.#accepting) return;
    const holding = this.holdings[local];
    if (holding === undefined) throw new RangeError(`no instrument ${local} in instance ${this.spec.id}`);
    if (!(exposure >= -1 && exposure <= 1) || !Number.isFinite(signal) || !Number.isSafeInteger(reason) || reason < 0) {
      this.#handler.refuse(this, holding, REFUSAL_TARGET_INVALID);
      return;
    }
    if (holding.barsSeen < this.warmUpBars) {
      this.#handler.refuse(this, holding, REFUSAL_INSUFFICIENT_DATA);
      return;
    }
    if (!holding.hasTarget || holding.exposure !== exposure) {
      holding.hasTarget = true;
      holding.exposure = exposure;
      holding.sized = false;
      holding.blocked = false;
    }
    holding.reason = reason;
    holding.signal = signal;
    holding.state(this.#trigger);
    this.#hasNewTarget = true;
  }

  /** Whether what is decided now, because of a record that is warm-up or not, counts. */
  mayDecide(warmUpRecord: boolean): boolean {
    if (warmUpRecord) return false;
    return this.#isLive || this.#becomesLive();
  }

  /** Whether the strategy may see a tick now: not after a fault, and not what its restored state has seen. */
  maySee(): boolean {
    if (this.#isLive) return true;
    return this.fault === null && this.#conditions.nowUs > this.restoredTimeUs;
  }

  /** Ends warm-up; decisions at engine times up to `suppressUntilUs` are still suppressed. */
  resume(suppressUntilUs: number): void {
    this.warmingUp = false;
    this.suppressUntilUs = suppressUntilUs;
    this.#isLive = false;
  }

  #becomesLive(): boolean {
    const { nowUs } = this.#conditions;
    this.#isLive =
      !this.warmingUp && this.fault === null && nowUs > this.suppressUntilUs && nowUs > this.restoredTimeUs;
    return this.#isLive;
  }

  /** Before the strategy is called. */
  open(accepting: boolean): void {
    this.#accepting = accepting;
    this.#hasNewTarget = false;
  }

  /** After it; true when it stated a target that counts. */
  close(): boolean {
    this.#accepting = false;
    return this.#hasNewTarget;
  }

  fail(cause: unknown): void {
    this.#accepting = false;
    this.#isLive = false;
    this.fault = cause instanceof Error ? cause.message : String(cause);
    this.tradingState = TRADING_HALTED;
  }

  holdingOf(instrumentIndex: number): Holding | undefined {
    const { holdings } = this;
    for (let i = 0; i < holdings.length; i++) {
      const holding = holdings[i] as Holding;
      if (holding.instrument.index === instrumentIndex) return holding;
    }
    return undefined;
  }

  /** Sets the state by a control record; an explicit act, so the throttle starts anew. A faulted instance stays halted. */
  setTradingState(state: number): void {
    if (this.fault !== null) return;
    this.tradingState = state;
    if (state !== TRADING_ACTIVE) return;
    for (const holding of this.holdings) {
      holding.buys.reset();
      holding.sells.reset();
    }
  }

  /** Writes `stateSize` doubles from the start of `out`. Positions are not in it: they come as account records. */
  snapshot(out: Float64Array): void {
    out[0] = SNAPSHOT_LAYOUT;
    out[1] = this.#conditions.nowUs;
    let at = SNAPSHOT_HEADER;
    for (let i = 0; i < this.holdings.length; i++) {
      const holding = this.holdings[i] as Holding;
      out[at] = holding.hasTarget ? 1 : 0;
      out[at + 1] = holding.exposure;
      out[at + 2] = holding.sized ? 1 : 0;
      out[at + 3] = holding.targetQuantity;
      out[at + 4] = holding.reason;
      out[at + 5] = holding.signal;
      out[at + 6] = holding.lastBarStartUs;
      out[at + 7] = holding.barsSeen;
      at += SNAPSHOT_PER_HOLDING;
    }
    this.strategy.snapshot(out, at);
  }

  /** Throws `SNAPSHOT_LAYOUT` when the snapshot is not of this instance's making. */
  restore(snapshot: Float64Array): void {
    const fits = snapshot.length === this.stateSize && snapshot[0] === SNAPSHOT_LAYOUT;
    if (!fits || !snapshot.every((value) => Number.isFinite(value))) {
      throw new CodedError(
        "SNAPSHOT_LAYOUT",
        `a snapshot of ${this.spec.id} is ${this.stateSize} finite doubles of layout ${SNAPSHOT_LAYOUT}, got ${snapshot.length} of layout ${snapshot[0]}`,
        { field: "snapshot" },
      );
    }
    this.restoredTimeUs = snapshot[1] as number;
    this.#isLive = false;
    let at = SNAPSHOT_HEADER;
    for (const holding of this.holdings) {
      holding.hasTarget = snapshot[at] === 1;
      holding.exposure = snapshot[at + 1] as number;
      holding.sized = snapshot[at + 2] === 1;
      holding.targetQuantity = snapshot[at + 3] as number;
      holding.reason = snapshot[at + 4] as number;
      holding.signal = snapshot[at + 5] as number;
      holding.lastBarStartUs = snapshot[at + 6] as number;
      holding.barsSeen = snapshot[at + 7] as number;
      at += SNAPSHOT_PER_HOLDING;
    }
    this.strategy.restore(snapshot, at);
  }
}
