/**
 * The engine: one record in, intents out. Bars → indicators and strategies → planner → pre-trade checks. It does no I/O
 * and reads no clock: time is the greatest venue time seen, so the same records give the same intents, byte for byte, in a
 * backtest, a simulation or live. One thread owns an engine; nothing is allocated per tick.
 *
 * The order of things within a tick: the market table takes it, bars that it ends are closed and decided on, then it enters
 * its own bar, then strategies that read ticks see it.
 */
import type { EngineSpec } from "./engine-spec.ts";
import { EngineStats, type InstanceStatus, type RefusalSink } from "./engine-stats.ts";
import { CodedError } from "./errors.ts";
import type { Bar } from "./market/bar.ts";
import { MarketTable } from "./market/market-table.ts";
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  ACCOUNT_POSITION,
  ACCOUNT_REFUSED,
  BAR_INTERVAL_SHIFT,
  CONTROL_ACCOUNT_STATE,
  CONTROL_FEED_STALE,
  CONTROL_INSTANCE_STATE,
  CONTROL_RESUME,
  FLAG_WARM_UP,
  KIND_ACCOUNT,
  KIND_BAR,
  KIND_BAR_UPDATE,
  KIND_CONTROL,
  KIND_CORRECTION,
  KIND_GAP,
  KIND_PRICE_BAND,
  KIND_QUOTE,
  KIND_STATUS,
  KIND_TIMER,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_D,
  LANE_E,
  LANE_RECEIVED_TIME_US,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RECORD_BYTES,
  RECORD_LANES,
  RecordBuffer,
  TRADING_ACTIVE,
  TRADING_HALTED,
} from "./market/record.ts";
import { OrdinalCounter } from "./market/ordinal-counter.ts";
import { QuoteView, TradeView } from "./market/tick-view.ts";
import type { Holding } from "./order/holding.ts";
import type { IntentSink } from "./order/intent-sink.ts";
import { IntentWriter } from "./order/intent-writer.ts";
import { Planner } from "./order/planner.ts";
import { Trigger } from "./order/trigger.ts";
import { TradingConditions } from "./risk/pre-trade.ts";
import { REFUSAL_COUNT, REFUSAL_OTHER, REFUSAL_STRATEGY_FAULT } from "./risk/refusal.ts";
import { type BarSeries, type Listener, Routes } from "./routes.ts";
import { Instance, type RefusalHandler } from "./strategy/instance.ts";
import { validateInstance } from "./strategy/instance-spec.ts";
import { STRATEGIES, type StrategyRegistry } from "./strategy/registry.ts";

export type { EngineSpec } from "./engine-spec.ts";
export type { EngineStats, InstanceStatus, RefusalSink } from "./engine-stats.ts";
export type { IntentSink } from "./order/intent-sink.ts";
export type { InstanceSpec } from "./strategy/instance-spec.ts";

export interface EngineOptions {
  readonly refusals?: RefusalSink;
  /** The built-in strategies by default. */
  readonly strategies?: StrategyRegistry;
}

const KIND_MAX = KIND_CONTROL;

export class Engine {
  readonly stats: EngineStats;
  readonly #instances: readonly Instance[];
  readonly #market: MarketTable;
  readonly #conditions = new TradingConditions();
  readonly #planner: Planner;
  readonly #refusals: RefusalSink | undefined;
  readonly #current = new Trigger();
  readonly #ordinals: OrdinalCounter;
  readonly #instrumentCount: number;
  readonly #barGraceUs: number;
  readonly #routes: Routes;
  readonly #trade = new TradeView();
  readonly #quote = new QuoteView();
  /** The record being processed. */
  #records: RecordBuffer;
  #slot = 0;
  #ordinal = 0;
  #inboundNumber = 0;
  #warmUpRecord = false;

  /** Throws a CodedError that names the instance and field when the spec is not valid (see `validateInstance`). */
  constructor(spec: EngineSpec, sink: IntentSink, options: EngineOptions = {}) {
    checkTables(spec);
    const strategies = options.strategies ?? STRATEGIES;
    const valid = spec.instances.map((instance) =>
      validateInstance(instance, spec.instruments, spec.limits, strategies),
    );
    const handler: RefusalHandler = {
      refuse: (instance, holding, refusal) => this.#refuse(instance, holding, refusal),
    };
    this.#instrumentCount = spec.instruments.length;
    this.#barGraceUs = spec.barGraceUs ?? 0;
    this.#refusals = options.refusals;
    this.#routes = new Routes(this.#instrumentCount);
    this.#market = new MarketTable(this.#instrumentCount);
    this.#ordinals = new OrdinalCounter(KIND_MAX + 1, this.#instrumentCount);
    this.#instances = valid.map(
      (item) => new Instance(item, spec.instruments, this.#current, this.#conditions, handler),
    );
    const stateDoublesMax = Math.max(1, ...this.#instances.map((instance) => instance.stateSize));
    const writer = new IntentWriter(sink, this.#conditions);
    this.#planner = new Planner(this.#market, this.#conditions, writer, handler, this.#current, stateDoublesMax);
    this.stats = new EngineStats(this.#conditions, this.#planner, this.#routes.allSeries);
    this.#records = RecordBuffer.allocate(1);
    for (const instance of this.#instances) this.#routes.add(instance);
  }

  /** Takes one record. `inboundNumber`: its number in the inbound sequence, for the audit. Never throws on bad input. */
  process(records: RecordBuffer, slot: number, inboundNumber: number): void {
    this.stats.records++;
    const timeUs = records.f64[slot * RECORD_LANES + LANE_VENUE_TIME_US] as number;
    const kind = records.u8[slot * RECORD_BYTES] as number;
    const instrument = records.u16[slot * 32 + 1] as number;
    const known = instrument < this.#instrumentCount || instrument === NO_INSTRUMENT;
    if (!known || kind === 0 || kind > KIND_MAX || !(timeUs >= 0 && timeUs <= Number.MAX_SAFE_INTEGER)) {
      this.stats.badRecords++;
      return;
    }
    this.#records = records;
    this.#slot = slot;
    this.#inboundNumber = inboundNumber;
    this.#warmUpRecord = ((records.u32[slot * 16 + 1] as number) & FLAG_WARM_UP) !== 0;
    if (timeUs > this.#conditions.nowUs) this.#conditions.nowUs = timeUs;
    this.#ordinal = this.#ordinals.next(kind, instrument, records, slot);
    if (instrument < this.#instrumentCount) this.#dispatchInstrument(kind, instrument);
    else this.#dispatchGeneral(kind);
    if (this.#conditions.nowUs >= this.#planner.nextExpiryUs) {
      this.#nameRecord(kind);
      this.#planner.expire(this.#instances);
    }
  }

  /** An instance as it is now. For reports and tests: it allocates. */
  instanceStatus(instanceIndex: number): InstanceStatus {
    const instance = this.#instance(instanceIndex);
    return {
      id: instance.spec.id,
      tradingState: instance.tradingState,
      warmingUp: instance.warmingUp,
      fault: instance.fault,
      intents: instance.intents,
      refusals: instance.refusals,
      lastRefusal: instance.lastRefusal,
      positions: instance.holdings.map((holding) => holding.position),
      barsSeen: instance.holdings.map((holding) => holding.barsSeen),
    };
  }

  /**
   * Continues an instance from its snapshot; before any record. What the snapshot has seen already is not shown to the
   * strategy again. Positions follow as account records. Throws `SNAPSHOT_LAYOUT`.
   */
  restore(instanceIndex: number, snapshot: Float64Array): void {
    this.#instance(instanceIndex).restore(snapshot);
  }

  /** The instance's snapshot as an intent would carry it now. */
  snapshotOf(instanceIndex: number): Float64Array {
    const instance = this.#instance(instanceIndex);
    const out = new Float64Array(instance.stateSize);
    instance.snapshot(out);
    return out;
  }

  #instance(index: number): Instance {
    const instance = this.#instances[index];
    if (instance === undefined) {
      throw new CodedError("INSTANCE_UNKNOWN", `there is no instance ${index}`, { field: "instanceIndex" });
    }
    return instance;
  }

  #dispatchInstrument(kind: number, instrument: number): void {
    switch (kind) {
      case KIND_QUOTE:
        return this.#onQuote(instrument);
      case KIND_TRADE:
        return this.#onTrade(instrument);
      case KIND_BAR:
      case KIND_BAR_UPDATE:
        return this.#onBar(kind, instrument);
      case KIND_STATUS:
        return this.#market.status(instrument, this.#records.code(this.#slot));
      case KIND_PRICE_BAND:
        return this.#market.band(this.#records, this.#slot, instrument);
      case KIND_GAP:
        return this.#onGap(this.#routes.seriesOf[instrument] as BarSeries[]);
      case KIND_ACCOUNT:
        return this.#onAccount(instrument);
      default:
        return this.#dispatchGeneral(kind);
    }
  }

  #dispatchGeneral(kind: number): void {
    if (kind === KIND_TIMER) this.#onTimer();
    else if (kind === KIND_CONTROL) this.#onControl();
    else if (kind === KIND_GAP) this.#onGap(this.#routes.allSeries);
    else if (kind < KIND_CORRECTION || kind === KIND_ACCOUNT) this.stats.badRecords++;
  }

  #onQuote(instrument: number): void {
    const records = this.#records;
    const slot = this.#slot;
    this.#market.quote(records, slot, instrument);
    const list = this.#routes.seriesOf[instrument] as BarSeries[];
    for (let i = 0; i < list.length; i++) {
      const series = list[i] as BarSeries;
      this.#closeIfEnded(series);
      if (series.builder.source !== "trades") series.builder.addQuote(records, slot);
    }
    const listeners = this.#routes.quotes[instrument] as Listener<QuoteView>[];
    if (listeners.length === 0) return;
    this.#nameRecord(KIND_QUOTE);
    this.#quote.read(records, slot);
    for (let i = 0; i < listeners.length; i++) this.#showQuote(listeners[i] as Listener<QuoteView>);
  }

  #onTrade(instrument: number): void {
    const records = this.#records;
    const slot = this.#slot;
    this.#market.trade(records, slot, instrument);
    const list = this.#routes.seriesOf[instrument] as BarSeries[];
    for (let i = 0; i < list.length; i++) {
      const series = list[i] as BarSeries;
      this.#closeIfEnded(series);
      if (series.builder.source === "trades") series.builder.addTrade(records, slot);
    }
    const listeners = this.#routes.trades[instrument] as Listener<TradeView>[];
    if (listeners.length === 0) return;
    this.#nameRecord(KIND_TRADE);
    this.#trade.read(records, slot);
    for (let i = 0; i < listeners.length; i++) this.#showTrade(listeners[i] as Listener<TradeView>);
  }

  /** A bar is known at its end, whatever its start: that is the engine's time. */
  #onBar(kind: number, instrument: number): void {
    const records = this.#records;
    const slot = this.#slot;
    const startUs = records.lane(slot, LANE_VENUE_TIME_US);
    const endUs = startUs + (records.flags(slot) >>> BAR_INTERVAL_SHIFT) * 1e6;
    if (endUs > this.#conditions.nowUs) this.#conditions.nowUs = endUs;
    if (kind === KIND_BAR && !this.#warmUpRecord) {
      const close = records.lane(slot, LANE_D);
      if (close > 0 && close < Number.POSITIVE_INFINITY) this.#market.reference[instrument] = close;
    }
    for (const series of this.#routes.seriesOf[instrument] as BarSeries[]) {
      if (startUs >= series.builder.endUs && series.builder.close()) this.#deliver(series);
      if (series.builder.addBar(records, slot)) this.#deliver(series);
    }
  }

  #onGap(list: readonly BarSeries[]): void {
    const timeUs = this.#records.lane(this.#slot, LANE_VENUE_TIME_US);
    for (const series of list) {
      if (timeUs >= series.builder.endUs) {
        series.builder.gap(series.builder.endUs - 1);
        series.builder.close();
      }
      series.builder.gap(timeUs);
    }
  }

  #onTimer(): void {
    const timeUs = this.#records.lane(this.#slot, LANE_VENUE_TIME_US);
    for (const series of this.#routes.allSeries) {
      if (timeUs >= series.builder.endUs + this.#barGraceUs && series.builder.close()) this.#deliver(series);
    }
    if (this.#routes.timers.length === 0) return;
    this.#nameRecord(KIND_TIMER);
    for (const instance of this.#routes.timers) this.#showTimer(instance, timeUs);
  }

  #closeIfEnded(series: BarSeries): void {
    const timeUs = this.#records.f64[this.#slot * RECORD_LANES + LANE_VENUE_TIME_US] as number;
    if (timeUs >= series.builder.endUs && series.builder.close()) this.#deliver(series);
  }

  /** Shows a finished bar to those who wait for it. */
  #deliver(series: BarSeries): void {
    const { bar } = series.builder;
    this.stats.barsDelivered++;
    this.#nameBar(bar);
    for (const { instance, holding } of series.subscriptions) {
      if (instance.fault !== null || bar.startUs <= holding.lastBarStartUs) continue;
      holding.lastBarStartUs = bar.startUs;
      holding.barsSeen++;
      holding.blocked = false;
      const decides = instance.mayDecide(this.#warmUpRecord);
      instance.open(decides);
      try {
        instance.strategy.onBar?.(holding.local, bar);
      } catch (cause) {
        this.#fail(instance, holding, cause);
        continue;
      }
      instance.close();
      if (decides) this.#planAll(instance);
    }
  }

  #showTrade(listener: Listener<TradeView>): void {
    const { instance } = listener;
    if (!instance.maySee()) return;
    instance.open(instance.mayDecide(this.#warmUpRecord));
    try {
      listener.show(listener.local, this.#trade);
    } catch (cause) {
      return this.#fail(instance, listener.holding, cause);
    }
    if (instance.close()) this.#planAll(instance);
  }

  #showQuote(listener: Listener<QuoteView>): void {
    const { instance } = listener;
    if (!instance.maySee()) return;
    instance.open(instance.mayDecide(this.#warmUpRecord));
    try {
      listener.show(listener.local, this.#quote);
    } catch (cause) {
      return this.#fail(instance, listener.holding, cause);
    }
    if (instance.close()) this.#planAll(instance);
  }

  #showTimer(instance: Instance, timeUs: number): void {
    if (!instance.maySee()) return;
    instance.open(instance.mayDecide(this.#warmUpRecord));
    try {
      instance.strategy.onTimer?.(timeUs);
    } catch (cause) {
      return this.#fail(instance, instance.holdings[0] as Holding, cause);
    }
    if (instance.close()) this.#planAll(instance);
  }

  #planAll(instance: Instance): void {
    const { holdings } = instance;
    for (let i = 0; i < holdings.length; i++) this.#planner.plan(instance, holdings[i] as Holding, false);
  }

  #onAccount(instrument: number): void {
    const records = this.#records;
    const slot = this.#slot;
    const instance = this.#instances[records.integer(slot, LANE_E)];
    const holding = instance?.holdingOf(instrument);
    if (instance === undefined || holding === undefined) {
      this.stats.badRecords++;
      return;
    }
    this.#nameRecord(KIND_ACCOUNT);
    const isPending = holding.pendingNumber !== 0 && holding.pendingNumber === records.integer(slot, LANE_A);
    const code = records.code(slot);
    if (code === ACCOUNT_POSITION) holding.position = records.integer(slot, LANE_D);
    else if (code === ACCOUNT_FILL) this.#onFill(holding, isPending);
    else if (code !== ACCOUNT_DONE && code !== ACCOUNT_REFUSED) this.stats.badRecords++;
    else if (!isPending) this.stats.strayAnswers++;
    else if (code === ACCOUNT_DONE) this.#onDone(instance, holding);
    else this.#onRefused(instance, holding);
  }

  #onFill(holding: Holding, isPending: boolean): void {
    holding.position = this.#records.integer(this.#slot, LANE_D);
    if (isPending) holding.pendingFilled += Math.abs(this.#records.integer(this.#slot, LANE_B));
  }

  #onDone(instance: Instance, holding: Holding): void {
    const progressed = holding.pendingFilled > 0 || holding.cancelSent;
    holding.clearPending();
    if (!progressed) {
      holding.blocked = true;
      holding.sized = false;
    }
    if (instance.mayDecide(this.#warmUpRecord)) this.#planner.plan(instance, holding, true);
  }

  #onRefused(instance: Instance, holding: Holding): void {
    holding.clearPending();
    holding.blocked = true;
    holding.sized = false;
    const number = this.#records.integer(this.#slot, LANE_B);
    this.#refuse(instance, holding, number > 0 && number < REFUSAL_COUNT ? number : REFUSAL_OTHER);
  }

  #onControl(): void {
    const records = this.#records;
    const slot = this.#slot;
    const code = records.code(slot);
    const argument = records.integer(slot, LANE_A);
    if (code === CONTROL_ACCOUNT_STATE && isTradingState(argument)) {
      this.#conditions.accountState = argument;
      if (argument === TRADING_ACTIVE) this.#conditions.failedClosed = false;
      return;
    }
    if (code === CONTROL_FEED_STALE) {
      this.#conditions.feedStale = argument !== 0;
      return;
    }
    const instance = this.#instances[records.integer(slot, LANE_E)];
    if (instance !== undefined && code === CONTROL_RESUME) {
      instance.resume(argument);
    } else if (instance !== undefined && code === CONTROL_INSTANCE_STATE && isTradingState(argument)) {
      instance.setTradingState(argument);
    } else this.stats.badRecords++;
  }

  #fail(instance: Instance, holding: Holding, cause: unknown): void {
    instance.fail(cause);
    this.#refuse(instance, holding, REFUSAL_STRATEGY_FAULT);
  }

  #refuse(instance: Instance, holding: Holding, refusal: number): void {
    if (refusal === REFUSAL_STRATEGY_FAULT) this.stats.strategyFaults++;
    const counts = this.stats.refusals;
    counts[refusal] = (counts[refusal] as number) + 1;
    instance.refusals++;
    instance.lastRefusal = refusal;
    this.#refusals?.refused(instance.spec.index, holding.instrument.index, refusal, this.#conditions.nowUs);
  }

  /** Names the record being processed as the cause of what follows. */
  #nameRecord(kind: number): void {
    const at = this.#slot * RECORD_LANES;
    const current = this.#current;
    current.kind = kind;
    current.ordinal = this.#ordinal;
    current.venueTimeUs = this.#records.f64[at + LANE_VENUE_TIME_US] as number;
    current.receivedTimeUs = this.#records.f64[at + LANE_RECEIVED_TIME_US] as number;
    current.inboundNumber = this.#inboundNumber;
  }

  /** Names a bar as the cause: by its start, as an instance has one interval only. */
  #nameBar(bar: Bar): void {
    this.#nameRecord(KIND_BAR);
    this.#current.ordinal = 0;
    this.#current.venueTimeUs = bar.startUs;
  }
}

function isTradingState(value: number): boolean {
  return Number.isInteger(value) && value >= TRADING_ACTIVE && value <= TRADING_HALTED;
}

function checkTables(spec: EngineSpec): void {
  if (spec.instruments.some((instrument, i) => instrument.index !== i) || spec.instruments.length > NO_INSTRUMENT) {
    throw new CodedError("ENGINE_SPEC", `instruments must be listed by their index, at most ${NO_INSTRUMENT}`, {
      field: "instruments",
    });
  }
  if (spec.instances.some((instance, i) => instance.index !== i)) {
    throw new CodedError("ENGINE_SPEC", "instances must be listed by their index", { field: "instances" });
  }
}
