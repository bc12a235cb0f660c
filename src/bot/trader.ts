/**
 * The trading part of the bot: everything that lives only while this process holds the lease. It reconciles, warms the
 * engines up, connects the feed, and joins feed, engines, order manager and broker. Main thread only.
 *
 * Start: load the journal → listen to trade updates → reconcile (cancel what rests, settle what is unknown) → start workers
 * with their snapshots → warm up → tell positions and states → resume. Nothing decides before the last step.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Broker, HistoricalBar, TradeUpdate, TradeUpdateHandler } from "../broker/broker.ts";
import type { Config } from "../config/config.ts";
import { journalLimits } from "../config/config.ts";
import { CodedError } from "../core/errors.ts";
import type { EngineSpec } from "../core/engine.ts";
import { newYorkEpochDay } from "../core/market/calendar.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import {
  CONTROL_ACCOUNT_STATE,
  CONTROL_FEED_STALE,
  CONTROL_INSTANCE_STATE,
  CONTROL_RESUME,
  KIND_GAP,
  KIND_QUOTE,
  KIND_TIMER,
  LANE_A,
  LANE_C,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RecordBuffer,
  TRADING_ACTIVE,
  TRADING_HALTED,
  TRADING_REDUCING,
} from "../core/market/record.ts";
import type { IntentBuffer } from "../core/order/intent.ts";
import { InboundSequencer } from "../feed/inbound-sequencer.ts";
import type { DecodedIntent } from "../orders/intent-decoder.ts";
import {
  type AppliedExecution,
  type Fence,
  type Journal,
  type JournalOrder,
  type JournalSnapshot,
  MANUAL_INSTANCE,
  type Split,
  type TradingState,
} from "../orders/journal.ts";
import { AccountKeeper } from "../orders/account-keeper.ts";
import { OrderManager, type OrderObserver } from "../orders/order-manager.ts";
import { describeBreak, type HandSettlement, Reconciler, type ReconcileReport } from "../orders/reconciler.ts";
import { EnginePool, type EngineWorker } from "../workers/engine-pool.ts";
import type { BarKeeper } from "./bar-keeper.ts";
import { BarRepair, BROKER_INTERVAL_SECONDS, type RepairedSeries } from "./bar-repair.ts";
import type { Books } from "../orders/books.ts";
import { FeedLag } from "./feed-lag.ts";
import { InboundHub } from "./inbound-hub.ts";
import { IntentPump } from "./intent-pump.ts";
import { orderIntent } from "../orders/order-intent.ts";
import type { PlacedInstance, Placement } from "../workers/placement.ts";
import { Rounds } from "./rounds.ts";
import type { RunRecordings } from "./run-recording.ts";
import type { VenueClock } from "./venue-clock.ts";
import { warmUpBars, writeBar } from "./warm-up.ts";

/** A quiet market's timers lag by this much venue time, so that ticks on their way come before them. */
const CLOCK_LAG_US = 250_000;
/** How often the account's activities are read, ms. */
const ACTIVITIES_EVERY_MS = 60_000;
/** How often the venue's clock is read, ms. */
const CLOCK_EVERY_MS = 60_000;
/** An outcome that is unknown for longer is shown to people, ms. */
const UNSETTLED_MS = 10_000;
const AMENDMENTS: ReadonlySet<string> = new Set(["trade_bust", "trade_correct"]);
const NOT_RECONCILED = -1;
/** How long the start waits for the trade-update stream, ms. */
const STREAM_START_MS = 15_000;
/** How long resting orders of an earlier life may take to be cancelled, ms. */
const CANCEL_RESTING_MS = 10_000;
/** Pause before a worker that has died more than once is started again, doubling, ms. */
const REPLACE_PAUSE_MS = 1000;
const REPLACE_PAUSE_MAX_MS = 60_000;

export interface TraderLog {
  info(message: string, detail?: Record<string, unknown>): void;
  warn(message: string, detail?: Record<string, unknown>): void;
  error(message: string, detail?: Record<string, unknown>): void;
}

/** The market-data side, as the trader needs it: the stream client over its socket. */
export interface MarketFeed {
  start(handler: MarketFeedHandler): void;
  close(): Promise<void>;
}

export interface MarketFeedHandler {
  frame(records: RecordBuffer, count: number): void;
  connected(): void;
  disconnected(cause: string): void;
  stale(isStale: boolean): void;
  /** Trades may have been lost although the connection is up. */
  gap(): void;
}

export interface TraderObserver extends Omit<OrderObserver, "fenced"> {
  intent(intent: DecodedIntent, instance: PlacedInstance): void;
  intentRecord(worker: number, intents: IntentBuffer, slot: number): void;
  marketRecord(records: RecordBuffer, slot: number): void;
  workerDied(worker: number, error: unknown): void;
  reconciled(report: ReconcileReport): void;
  feedDelayUs(us: number): void;
}

export interface TraderOptions {
  readonly config: Config;
  readonly placement: Placement;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly feed: MarketFeed;
  readonly books: Books;
  readonly keeper: BarKeeper;
  readonly clock: VenueClock;
  readonly bookId: string;
  readonly fence: () => Fence | null;
  readonly onFenced: () => void;
  /** Symbols were split while this trader was trading: it is to be drained, and another one to begin. */
  readonly onSplit: (symbols: readonly string[]) => void;
  readonly observer: TraderObserver;
  readonly log: TraderLog;
  /** Keeps what reaches each engine; null when runs are not recorded. */
  readonly recordings: RunRecordings | null;
  /** True in lockstep: nothing may depend on the real clock. */
  readonly lockstep: boolean;
  /** Told how many market messages and trade updates have arrived, whenever one has. */
  readonly onReceived: (marketMessages: number, tradeUpdates: number) => void;
  readonly nowMs: () => number;
  readonly wallUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export type InstancePhase = "warming_up" | "running" | "stopped";

export class Trader {
  readonly #options: TraderOptions;
  readonly #pool: EnginePool;
  readonly #hub: InboundHub;
  readonly #pump: IntentPump;
  readonly #sequencer: InboundSequencer;
  readonly manager: OrderManager;
  readonly #reconciler: Reconciler;
  readonly #keeper: AccountKeeper;
  #splits: readonly Split[] = [];
  /** When activities were read last: the venue's day, and the monotonic time. */
  #activitiesDay = Number.NaN;
  #activitiesAtMs = Number.NEGATIVE_INFINITY;
  readonly #snapshots = new Map<string, { snapshot: Uint8Array; timeUs: number; fingerprint: string }>();
  readonly #states = new Map<string, TradingState>();
  readonly #deaths = new Map<number, number>();
  readonly #phases = new Map<string, InstancePhase>();
  readonly #scratch = RecordBuffer.allocate(1);
  readonly #rounds: Rounds;
  #accountState: TradingState = "active";
  #streamUp = false;
  #streamEverUp: (() => void) | null = null;
  /** Connections of the trade-update stream so far, and the one since which the books are reconciled. */
  #streamLife = 0;
  #reconciledLife = NOT_RECONCILED;
  #draining = false;
  #marketUp = false;
  /** The venue's clock was read since market data came: only then does time pass without data. */
  #clockInStep = false;
  /** Nothing comes, or nothing is connected. */
  #marketSilent = true;
  /** What the engines were told last: that market data is not to be traded on. */
  #marketStale = true;
  readonly #lag: FeedLag;
  readonly #repair: BarRepair;
  #tradeUpdates = 0;
  #marketMessages = 0;
  #reconciling: Promise<void> | null = null;
  #started = false;
  #stopped = false;

  constructor(options: TraderOptions) {
    this.#options = options;
    const { placement, config } = options;
    this.#hub = new InboundHub({
      routes: placement.routes,
      wallUs: options.wallUs,
      onUndeliverable: (worker) => this.#pool.halt(worker),
    });
    this.#pool = new EnginePool({
      specs: placement.specs,
      spin: config.engine.spin,
      onDeath: (worker, error) => this.#onWorkerDeath(worker, error),
    });
    this.#pump = new IntentPump({
      onIntent: (intent) => this.#onIntent(intent),
      onRecord: (worker, intents, slot) => options.observer.intentRecord(worker, intents, slot),
    });
    this.#sequencer = new InboundSequencer(
      { append: (records, slot) => this.#forward(records, slot) },
      RecordBuffer.allocate(1),
    );
    this.#rounds = new Rounds((error) => options.log.warn("a periodic task failed", { error: String(error) }));
    this.#lag = new FeedLag(options.clock, options.nowMs);
    this.#repair = this.#createRepair();
    this.manager = this.#createManager();
    this.#keeper = new AccountKeeper({
      broker: options.broker,
      journal: options.journal,
      fence: options.fence,
      alert: (code, message, symbol) => options.observer.alert(code, message, symbol),
    });
    this.#reconciler = new Reconciler({
      broker: options.broker,
      manager: this.manager,
      attempts: 5,
      sleep: options.sleep,
      nowMs: options.nowMs,
      takeActivities: () => this.takeActivities(),
      onUnsettled: (live, cause) =>
        options.observer.alert("ORDER_UNSETTLED", `${live.order.clientOrderId}: ${cause}`, live.order.symbol),
    });
  }

  get pool(): EnginePool {
    return this.#pool;
  }

  get hub(): InboundHub {
    return this.#hub;
  }

  get isStarted(): boolean {
    return this.#started;
  }

  get isStreamUp(): boolean {
    return this.#streamUp;
  }

  get isMarketUp(): boolean {
    return this.#marketUp && !this.#marketStale;
  }

  get accountState(): TradingState {
    return this.#accountState;
  }

  /** Orders whose outcome has not been known for longer than it takes to look them up, and their symbols. */
  unsettled(): { readonly orders: readonly string[]; readonly symbols: readonly string[] } {
    const { nowMs } = this.#options;
    const orders = [...this.manager.liveOrders()]
      .filter(({ order, bornMs }) => order.state === "unknown" && nowMs() - bornMs > UNSETTLED_MS)
      .map(({ order }) => order);
    return {
      orders: orders.map((order) => order.clientOrderId),
      symbols: [...new Set(orders.map((order) => order.symbol))],
    };
  }

  settleByHand(clientOrderId: string, words: string): Promise<HandSettlement> {
    return this.#reconciler.settleByHand(clientOrderId, words);
  }

  phase(instanceId: string): InstancePhase {
    return this.#phases.get(instanceId) ?? "stopped";
  }

  instanceState(instanceId: string): TradingState {
    return this.#states.get(`instance:${instanceId}`) ?? "active";
  }

  /** Throws when the broker cannot be reached or reconciled; nothing is left running then. */
  async start(): Promise<void> {
    const { journal, books, log } = this.#options;
    const snapshot = await journal.load();
    books.load(snapshot.cash, snapshot.positions);
    for (const [scope, state] of snapshot.tradingStates) this.#states.set(scope, state);
    this.#accountState = this.#states.get("account") ?? "active";
    this.#splits = snapshot.splits;
    for (const row of snapshot.instances) {
      this.#snapshots.set(row.instanceId, {
        snapshot: row.snapshot,
        timeUs: row.snapshotTimeUs,
        fingerprint: row.fingerprint,
      });
    }
    try {
      await this.#listen();
      await this.#reconcileAtStart(snapshot);
      for (let worker = 0; worker < this.#pool.size; worker++) await this.#startWorker(worker);
      this.#connectFeed();
      this.#startTimers();
      this.#started = true;
      if (this.#streamUp && !this.#isReconciled) void this.#reconcileAgain();
      log.info("trading", { instances: this.#options.placement.instances.length, workers: this.#pool.size });
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** No new intents from engines; waits for what is in flight, at most `ms`. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    this.#hub.controlAll(CONTROL_ACCOUNT_STATE, TRADING_HALTED, this.#options.clock.nowUs());
    this.#updateHalt();
    await within(ms, this.manager.settle());
    await this.#close();
  }

  /** The lease is gone: stop at once, write nothing. */
  async abandon(): Promise<void> {
    await this.#close();
  }

  /** Sends what people have ordered since the last look; while draining that is left to the next owner. */
  async takeUpManual(): Promise<void> {
    this.takeUp((await this.#options.journal.load()).openOrders);
  }

  takeUp(openOrders: readonly JournalOrder[]): void {
    if (this.#draining || !this.manager.mayAct) return;
    for (const order of openOrders) if (isUntaken(order)) this.manager.takeUp(order);
  }

  /**
   * Takes in what moved the account without a trade. After a split the engines' prices are those of before: the account's
   * trading begins anew.
   */
  async takeActivities(): Promise<void> {
    const { journal, books, onSplit, log, clock, nowMs } = this.#options;
    await this.manager.settle();
    this.#activitiesDay = newYorkEpochDay(clock.nowUs());
    this.#activitiesAtMs = nowMs();
    const { applied, splits } = await this.#keeper.read();
    if (applied === 0) return;
    log.info("account activities applied", { applied, splits });
    for (;;) {
      await this.manager.settle();
      const { executionsApplied } = this.manager;
      const snapshot = await journal.load();
      // A fill in between would be counted twice.
      if (!this.manager.isIdle || executionsApplied !== this.manager.executionsApplied) continue;
      books.load(snapshot.cash, snapshot.positions);
      this.#splits = snapshot.splits;
      break;
    }
    if (!this.#started) return;
    if (splits.length > 0) onSplit(splits);
    else for (const instance of this.#options.placement.instances) this.#tellPositions(instance);
  }

  /** Resolves when everything received so far has gone all the way through engines, journal and broker. */
  async quiesce(): Promise<void> {
    for (;;) {
      await this.#pool.drained();
      this.#pump.drain();
      if (this.manager.isIdle && this.#pool.isDrained) return;
      await this.manager.settle();
    }
  }

  setAccountState(state: TradingState): void {
    this.#accountState = state;
    this.#states.set("account", state);
    this.#updateHalt();
    this.#hub.controlAll(CONTROL_ACCOUNT_STATE, tradingNumber(state), this.#options.clock.nowUs());
  }

  setInstanceState(instance: PlacedInstance, state: TradingState): void {
    this.#states.set(`instance:${instance.id}`, state);
    this.#hub.control(
      instance.worker,
      CONTROL_INSTANCE_STATE,
      instance.index,
      tradingNumber(state),
      this.#options.clock.nowUs(),
    );
  }

  #createManager(): OrderManager {
    const { config, journal, broker, fence, observer, placement, bookId } = this.#options;
    return new OrderManager({
      journal,
      broker,
      fence,
      limits: journalLimits(config.risk),
      feedback: this.#hub,
      observer: {
        ...observer,
        fenced: () => this.#options.onFenced(),
        fill: (applied, execution) => {
          observer.fill(applied, execution);
          this.#tellPosition(applied);
        },
        alert: (code, message, symbol) => {
          observer.alert(code, message, symbol);
          if (code === "JOURNAL_REFUSED") this.#haltBooks(message);
        },
      },
      toIntent: (decoded) => {
        const instance = this.#instanceOf(decoded.owner.worker, decoded.owner.instanceIndex);
        const instrument = placement.specs[0]?.instruments[decoded.owner.instrumentIndex];
        if (instrument === undefined) throw new RangeError(`intent names instrument ${decoded.owner.instrumentIndex}`);
        return orderIntent(decoded, instance, instrument, bookId, config.risk.collarBps);
      },
      postDeadlineMs: config.orders.postDeadlineMs,
      intentAgeMaxMs: this.#options.lockstep ? Number.POSITIVE_INFINITY : config.orders.postDeadlineMs,
      sequential: this.#options.lockstep,
      nowMs: this.#options.nowMs,
      wallUs: this.#options.wallUs,
      sleep: this.#options.sleep,
    });
  }

  /** No order leaves unless the stream is up, the books are reconciled since it came up, and nothing is halted. */
  #updateHalt(): void {
    const { manager } = this;
    manager.setHalted(this.#draining || this.#accountState === "halted" || !this.#streamUp || !this.#isReconciled);
  }

  get #isReconciled(): boolean {
    return this.#reconciledLife === this.#streamLife;
  }

  /** The books may be incomplete: trading ends here and everywhere until a person resumes it. */
  #haltBooks(message: string): void {
    const { journal, log } = this.#options;
    this.setAccountState("halted");
    journal
      .setTradingState("account", "halted", "journal", message)
      .catch((error: unknown) => log.error("the halt could not be journalled", { error: String(error) }));
  }

  /** A fill of an order that no engine of this life has made: its instance learns the new position all the same. */
  #tellPosition({ order, position }: AppliedExecution): void {
    const { placement, clock } = this.#options;
    if (this.manager.find(order.clientOrderId)?.owner !== null) return;
    const instance = placement.instances.find((i) => i.id === position.instanceId);
    const instrument = instance?.instruments[instance.symbols.indexOf(position.symbol)];
    if (instance === undefined || instrument === undefined) return;
    this.#hub.position(instance.worker, instance.index, instrument, position.quantity, clock.nowUs());
  }

  #instanceOf(worker: number, index: number): PlacedInstance {
    const found = this.#options.placement.instances.find((i) => i.worker === worker && i.index === index);
    if (found === undefined) throw new RangeError(`worker ${worker} has no instance ${index}`);
    return found;
  }

  async #listen(): Promise<void> {
    const up = new Promise<void>((resolve) => {
      this.#streamEverUp = resolve;
    });
    const handler: TradeUpdateHandler = {
      connected: () => this.#onStreamUp(),
      disconnected: (cause) => this.#onStreamDown(cause),
      update: (update) => {
        this.#tradeUpdates += 1;
        this.#options.clock.observe(update.venueTimeUs);
        this.manager.onTradeUpdate(update);
        if (AMENDMENTS.has(update.event)) this.#onAmended(update);
        this.#options.onReceived(this.#marketMessages, this.#tradeUpdates);
      },
    };
    this.#options.broker.watch(handler);
    if (!(await within(STREAM_START_MS, up))) {
      throw new CodedError("TRADE_STREAM", "the broker's trade-update stream did not come up");
    }
  }

  /** A trade was undone or put right at the broker: the journal keeps what it has, and the difference goes to a person. */
  #onAmended({ event, order }: TradeUpdate): void {
    const message = `${event} of order ${order.clientOrderId}: the books are compared with the broker's`;
    this.#options.observer.alert("TRADE_AMENDED", message, order.symbol);
    this.#reconciledLife = NOT_RECONCILED;
    this.#updateHalt();
    if (this.#started) void this.#reconcileAgain();
  }

  #onStreamUp(): void {
    this.#streamUp = true;
    this.#streamLife += 1;
    this.#streamEverUp?.();
    // After a gap everything is read again before the stream is trusted.
    if (this.#started) void this.#reconcileAgain();
  }

  #onStreamDown(cause: string): void {
    this.#streamUp = false;
    this.manager.feesInKind.forget();
    this.#options.log.warn("trade updates lost: no new orders until they are back", { cause });
    this.#updateHalt();
  }

  async #reconcileAgain(): Promise<void> {
    this.#reconciling ??= this.#runReconcile().finally(() => {
      this.#reconciling = null;
    });
    await this.#reconciling;
  }

  async #runReconcile(): Promise<void> {
    const { journal, books, log, sleep } = this.#options;
    while (this.#streamUp && !this.#stopped && !this.#isReconciled) {
      const life = this.#streamLife;
      try {
        await this.#readClock();
        const report = await this.#reconciler.full(await journal.load(), books);
        await this.#take(report);
        this.#reconciledLife = life;
        this.#updateHalt();
      } catch (error) {
        if (this.#stopped) return;
        log.error("reconciliation failed; trying again", { error: String(error) });
        await sleep(1000);
      }
    }
  }

  /** Once a minute, and as soon as a day begins at the venue; not beside a reconciliation, which takes them as well. */
  async #takeActivitiesWhenDue(): Promise<void> {
    const { clock, nowMs } = this.#options;
    const day = newYorkEpochDay(clock.nowUs());
    const isDue = day !== this.#activitiesDay || nowMs() - this.#activitiesAtMs >= ACTIVITIES_EVERY_MS;
    if (!isDue || this.#reconciling !== null || !this.#isReconciled || !this.manager.mayAct) return;
    await this.takeActivities();
  }

  /** A simulator that was started again goes on from where it was: its time may have stood still meanwhile. */
  async #readClock(): Promise<void> {
    const { broker, clock } = this.#options;
    if (!clock.runs) return;
    const time = await broker.clock();
    if (time.kind === "ok") clock.set(time.value.venueTimeUs);
  }

  async #reconcileAtStart(snapshot: JournalSnapshot): Promise<void> {
    const untaken = new Set(
      snapshot.openOrders.filter((order) => isUntaken(order)).map((order) => order.clientOrderId),
    );
    for (const order of snapshot.openOrders) {
      if (!untaken.has(order.parentId ?? order.clientOrderId)) this.manager.resume(order, null);
    }
    // Orders that rest from an earlier life are cancelled: the strategies decide anew from their restored state.
    const life = this.#streamLife;
    const deadlineMs = this.#options.nowMs() + CANCEL_RESTING_MS;
    let report = await this.#reconciler.full(snapshot, this.#options.books);
    for (const live of this.manager.liveOrders()) {
      if (live.order.instanceId !== MANUAL_INSTANCE) this.manager.cancel(live.order.clientOrderId);
    }
    while (this.#hasStrategyOrders() && this.#options.nowMs() < deadlineMs) {
      await this.manager.settle();
      await this.#options.sleep(100);
      await this.#reconciler.sweep();
    }
    await this.manager.settle();
    if (report.breaks.length > 0) report = await this.#reconciler.full(snapshot, this.#options.books);
    await this.#take(report);
    this.#reconciledLife = life;
    this.#updateHalt();
  }

  #hasStrategyOrders(): boolean {
    for (const live of this.manager.liveOrders()) if (live.order.instanceId !== MANUAL_INSTANCE) return true;
    return false;
  }

  /** Acts on a report: a break or a stranger halts its symbol, a suspended account halts the book. */
  async #take(report: ReconcileReport): Promise<void> {
    const { journal, observer } = this.#options;
    // A process that has lost its lease has old books: what they differ from says nothing.
    if (this.#stopped || !this.manager.mayAct) throw new CodedError("FENCED", "the lease went during reconciliation");
    observer.reconciled(report);
    if (report.cashDifference !== 0n) {
      const message = `the book has ${formatFixed(report.cashDifference)} more in cash than the broker (below 0: less)`;
      observer.alert("CASH_BREAK", message, null);
    }
    for (const row of report.breaks) {
      observer.alert("POSITION_BREAK", describeBreak(row), row.symbol);
      await journal.setTradingState(`symbol:${row.symbol}`, "halted", "reconciliation", describeBreak(row));
    }
    for (const stranger of report.strangers) {
      const message = `order ${stranger.clientOrderId} at the broker has our prefix and is not in the journal`;
      observer.alert("UNKNOWN_BROKER_ORDER", message, stranger.symbol);
      await journal.setTradingState(`symbol:${stranger.symbol}`, "halted", "reconciliation", message);
    }
    if (report.brokerSuspended && this.#accountState !== "halted") {
      observer.alert("BROKER_SUSPENDED", "the account is suspended at the broker: trading stays halted", null);
      await journal.setTradingState("account", "halted", "reconciliation", "suspend_trade is set at the broker");
      this.setAccountState("halted");
    }
  }

  async #startWorker(index: number): Promise<void> {
    const instances = this.#options.placement.instances.filter((i) => i.worker === index);
    const restored = instances.flatMap((instance) => {
      const kept = this.#usableSnapshot(instance);
      if (kept === null) return [];
      return [{ instanceIndex: instance.index, snapshot: doublesOf(kept.snapshot) }];
    });
    const spec = this.#options.placement.specs[index] as EngineSpec;
    const tap = (await this.#options.recordings?.begin(index, spec, restored)) ?? null;
    const worker = this.#pool.start(index, restored, tap);
    this.#hub.attach(worker);
    this.#pump.attach(worker);
    for (const instance of instances) this.#phases.set(instance.id, "warming_up");
    for (const instance of instances) {
      await this.#warmUp(instance);
      // It died meanwhile: its successor begins again.
      if (this.#pool.worker(index) !== worker || this.#stopped) return;
    }
    this.#hub.control(index, CONTROL_FEED_STALE, 0, this.#marketStale ? 1 : 0, this.#options.clock.nowUs());
    this.#gap(worker);
    for (const instance of instances) this.#resume(instance);
  }

  /** Of another strategy, or with prices of before a split, a snapshot is of no use: the warm-up begins from nothing. */
  #usableSnapshot(instance: PlacedInstance): { readonly snapshot: Uint8Array; readonly timeUs: number } | null {
    const kept = this.#snapshots.get(instance.id);
    if (kept === undefined || kept.fingerprint !== instance.fingerprint) return null;
    return kept.timeUs < lastSplitUs(this.#splits, instance.symbols) ? null : kept;
  }

  async #warmUp(instance: PlacedInstance): Promise<void> {
    const { broker, keeper, clock, wallUs, log } = this.#options;
    const sinceUs = this.#usableSnapshot(instance)?.timeUs ?? null;
    const splitAtUs = (symbol: string) => lastSplitUs(this.#splits, [symbol]);
    const bars = await warmUpBars(instance, sinceUs, { broker, keeper, splitAtUs, nowUs: clock.nowUs() });
    for (const [local, list] of bars.entries()) {
      for (const bar of list) {
        writeBar(this.#scratch, instance.instruments[local] as number, instance.barSeconds, bar, false, wallUs());
        this.#hub.marketTo(instance.worker, this.#scratch, 0);
        this.#hub.flush();
      }
    }
    log.info("instance warmed up", { instance: instance.id, bars: bars.map((list) => list.length), since: sinceUs });
  }

  /** The first bar after a start misses its beginning. Not in lockstep: there the run begins with the data. */
  #gap(worker: EngineWorker): void {
    const nowUs = this.#options.clock.nowUs();
    if (this.#options.lockstep || nowUs === 0) return;
    this.#scratch.header(0, KIND_GAP, 0, NO_INSTRUMENT, 0, nowUs, this.#options.wallUs());
    this.#hub.marketTo(worker.index, this.#scratch, 0);
  }

  #resume(instance: PlacedInstance): void {
    const nowUs = this.#options.clock.nowUs();
    this.#tellPositions(instance);
    const state = this.instanceState(instance.id);
    this.#hub.control(instance.worker, CONTROL_INSTANCE_STATE, instance.index, tradingNumber(state), nowUs);
    this.#hub.control(instance.worker, CONTROL_ACCOUNT_STATE, 0, tradingNumber(this.#accountState), nowUs);
    const suppressUs = this.#snapshots.get(instance.id)?.timeUs ?? 0;
    this.#hub.control(instance.worker, CONTROL_RESUME, instance.index, suppressUs, nowUs);
    this.#phases.set(instance.id, "running");
  }

  #tellPositions(instance: PlacedInstance): void {
    for (const [local, instrument] of instance.instruments.entries()) {
      const symbol = instance.symbols[local] as string;
      const quantity: Fixed = this.#options.books.position(instance.id, symbol)?.quantity ?? 0n;
      this.#hub.position(instance.worker, instance.index, instrument, quantity, this.#options.clock.nowUs());
    }
  }

  #connectFeed(): void {
    const { feed, log, config } = this.#options;
    feed.start({
      frame: (records, count) => this.#onFrame(records, count),
      connected: () => {
        this.#marketUp = true;
        log.info("market data connected");
        void this.#readClock().then(() => this.#onMarketInStep());
      },
      disconnected: (cause) => {
        this.#marketUp = false;
        // A simulator's time stands still while it is away, and at its start until somebody listens.
        if (config.tradingMode === "simulated") this.#clockInStep = false;
        log.warn("market data lost", { cause });
        this.#onMarketGap();
        this.#repair.lost(this.#options.clock.nowUs());
      },
      stale: (isStale) => {
        // In lockstep silence means nothing: the market waits for this process.
        if (!isStale || !this.#options.lockstep) this.#marketSilent = isStale;
        this.#judgeMarket();
      },
      gap: () => {
        this.#onMarketGap();
        this.#repair.gap(this.#options.clock.nowUs());
      },
    });
  }

  /** Data comes, and the venue's clock was read since. Whatever bar is open now misses what came before the connection. */
  #onMarketInStep(): void {
    this.#clockInStep = true;
    this.#lag.reset();
    if (this.#options.lockstep || !this.#repair.isLost) return;
    this.#onMarketGap();
    this.#repair.back(this.#options.clock.nowUs());
  }

  #onMarketGap(): void {
    this.#options.keeper.gap(this.#options.clock.nowUs());
    this.#scratch.header(0, KIND_GAP, 0, NO_INSTRUMENT, 0, this.#options.clock.nowUs(), this.#options.wallUs());
    for (let i = 0; i < this.#pool.size; i++) this.#hub.marketTo(i, this.#scratch, 0);
    this.#hub.flush();
  }

  /** Tells the engines when market data has become, or is no longer, what must not be traded on. */
  #judgeMarket(): void {
    const { clock } = this.#options;
    const isStale = this.#marketSilent || this.#lag.isLagging || this.#repair.isOverdue(clock.nowUs());
    if (isStale === this.#marketStale) return;
    this.#marketStale = isStale;
    this.#hub.controlAll(CONTROL_FEED_STALE, isStale ? 1 : 0, clock.nowUs());
  }

  /** The intervals that instances use and the broker keeps. */
  #createRepair(): BarRepair {
    const { broker, placement, log } = this.#options;
    const series = new Map<string, RepairedSeries>();
    for (const { barSeconds, instruments, symbols } of placement.instances) {
      if (barSeconds === 0 || barSeconds % BROKER_INTERVAL_SECONDS !== 0) continue;
      for (const [local, instrument] of instruments.entries()) {
        const symbol = symbols[local] as string;
        series.set(`${symbol} ${barSeconds}`, { instrument, symbol, intervalSeconds: barSeconds });
      }
    }
    return new BarRepair({
      series: [...series.values()],
      broker,
      onBar: (one, bar, decides) => this.#onRepairedBar(one, bar, decides),
      onFailed: ({ symbol }, cause) => log.warn("missed bars could not be read; trying again", { symbol, cause }),
    });
  }

  #onRepairedBar({ instrument, intervalSeconds }: RepairedSeries, bar: HistoricalBar, decides: boolean): void {
    writeBar(this.#scratch, instrument, intervalSeconds, bar, decides, this.#options.wallUs());
    this.#sequencer.append(this.#scratch, 0);
    this.#hub.flush();
  }

  #onFrame(records: RecordBuffer, count: number): void {
    const { clock, observer, lockstep, wallUs } = this.#options;
    this.#marketMessages += count;
    for (let slot = 0; slot < count; slot++) this.#sequencer.append(records, slot);
    this.#hub.flush();
    if (count === 0) return;
    if (!lockstep && this.#clockInStep) this.#lag.frame(records, count);
    clock.observe(records.lane(count - 1, LANE_VENUE_TIME_US));
    this.manager.setVenueTimeUs(clock.nowUs());
    this.#options.onReceived(this.#marketMessages, this.#tradeUpdates);
    if (!lockstep) observer.feedDelayUs(wallUs() - records.lane(count - 1, LANE_VENUE_TIME_US));
  }

  #forward(records: RecordBuffer, slot: number): void {
    const { keeper, books, observer, placement } = this.#options;
    const kind = records.kind(slot);
    if (kind === KIND_TIMER) keeper.time(records.lane(slot, LANE_VENUE_TIME_US));
    else {
      keeper.record(records, slot);
      if (kind === KIND_QUOTE) {
        const symbol = placement.specs[0]?.instruments[records.instrument(slot)]?.symbol;
        if (symbol !== undefined) {
          books.quote(
            symbol,
            records.lane(slot, LANE_A),
            records.lane(slot, LANE_C),
            records.lane(slot, LANE_VENUE_TIME_US),
          );
        }
      }
      observer.marketRecord(records, slot);
    }
    this.#hub.market(records, slot);
  }

  #onIntent(intent: DecodedIntent): void {
    const instance = this.#instanceOf(intent.owner.worker, intent.owner.instanceIndex);
    if (intent.kind === "order") {
      this.#snapshots.set(instance.id, {
        snapshot: intent.snapshot,
        timeUs: intent.engineTimeUs,
        fingerprint: instance.fingerprint,
      });
      this.#options.observer.intent(intent, instance);
      this.manager.onOrder(intent);
    } else {
      this.#options.observer.intent(intent, instance);
      this.manager.onCancel(intent);
    }
  }

  #onWorkerDeath(index: number, error: unknown): void {
    const { observer, log, placement } = this.#options;
    if (this.#stopped) return;
    for (const instance of placement.instances)
      if (instance.worker === index) this.#phases.set(instance.id, "warming_up");
    log.error("engine worker died: its instances do not trade until it is rebuilt", {
      worker: index,
      error: String(error),
    });
    this.#pump.drain();
    this.#hub.detach(index);
    observer.workerDied(index, error);
    void this.#replace(index).catch((failure: unknown) => log.error("worker not rebuilt", { error: String(failure) }));
  }

  /** What the dead worker had in flight ends first: its positions are then known, and no order is decided twice. */
  async #replace(index: number): Promise<void> {
    const deaths = (this.#deaths.get(index) ?? 0) + 1;
    this.#deaths.set(index, deaths);
    // One that dies again and again must not take the processor from the others.
    if (deaths > 1) await this.#options.sleep(Math.min(REPLACE_PAUSE_MS * 2 ** (deaths - 2), REPLACE_PAUSE_MAX_MS));
    await this.manager.settle();
    while (!this.#stopped) {
      const mine = [...this.manager.liveOrders()].filter((live) => live.owner?.worker === index);
      if (mine.length === 0) break;
      for (const live of mine) if (!live.order.cancelRequested) this.manager.cancel(live.order.clientOrderId);
      await this.manager.settle();
      await this.#reconciler.sweep();
      await this.#options.sleep(100);
    }
    await this.manager.settle();
    if (!this.#stopped) await this.#startWorker(index);
  }

  #startTimers(): void {
    const { clock, lockstep } = this.#options;
    if (!lockstep) {
      this.#rounds.every(250, () => {
        if (this.#clockInStep && clock.nowUs() > 0)
          this.#sequencer.onClock(clock.nowUs() - CLOCK_LAG_US, this.#options.wallUs());
        this.#hub.flush();
        this.#judgeMarket();
      });
      this.#rounds.every(250, () => this.#repair.round(clock.nowUs()));
      // The venue's time and ours drift apart, and the lag of market data is judged by it.
      this.#rounds.every(CLOCK_EVERY_MS, () => this.#readClock());
    }
    this.#rounds.every(1000, () => this.#reconciler.sweep());
    if (!lockstep) this.#rounds.every(1000, () => this.#takeActivitiesWhenDue());
  }

  /** The account's connections are freed for the next owner. */
  async #close(): Promise<void> {
    const { broker, feed } = this.#options;
    this.#stopped = true;
    this.manager.stop();
    this.#hub.stop();
    await Promise.all([this.#rounds.stop(), broker.unwatch(), feed.close(), this.#pool.stop()]);
  }
}

/** Venue time of the last split of any of the symbols, us; minus infinity without one. */
function lastSplitUs(splits: readonly Split[], symbols: readonly string[]): number {
  return Math.max(...splits.filter(({ symbol }) => symbols.includes(symbol)).map(({ atUs }) => atUs));
}

/** An order by hand that no owner has sent yet; its exits go with it. */
function isUntaken(order: JournalOrder): boolean {
  return order.instanceId === MANUAL_INSTANCE && order.state === "journalled";
}

/** True when `work` has resolved within `ms`. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const done = new AbortController();
  const late = delay(ms, false, { signal: done.signal }).catch(() => false);
  const inTime = await Promise.race([work.then(() => true), late]);
  done.abort();
  return inTime;
}

function tradingNumber(state: TradingState): number {
  return state === "active" ? TRADING_ACTIVE : state === "reducing" ? TRADING_REDUCING : TRADING_HALTED;
}

function doublesOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}
