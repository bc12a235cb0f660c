/**
 * The trading part of the bot: everything that lives only while this process holds the lease. It reconciles, warms the
 * engines up, connects the feed, and joins feed, engines, order manager and broker. Main thread only.
 *
 * Start: load the journal → connect market data, listen to trade updates → reconcile (cancel what rests, settle what is
 * unknown) → start workers with their snapshots → warm up → tell positions and states → resume. Nothing decides before the
 * last step.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Broker, TradeUpdate, TradeUpdateHandler } from "../broker/broker.ts";
import type { Config } from "../config/config.ts";
import { journalLimits } from "../config/config.ts";
import { CodedError } from "../core/errors.ts";
import { formatFixed } from "../core/fixed.ts";
import { newYorkEpochDay } from "../core/market/calendar.ts";
import type { RecordBuffer } from "../core/market/record.ts";
import type { IntentBuffer } from "../core/order/intent.ts";
import { AccountKeeper } from "../orders/account-keeper.ts";
import type { Books } from "../orders/books.ts";
import type { DecodedIntent } from "../orders/intent-decoder.ts";
import {
  type AppliedExecution,
  type Fence,
  type Journal,
  type JournalOrder,
  type JournalSnapshot,
  MANUAL_INSTANCE,
  type TradingState,
} from "../orders/journal.ts";
import { orderIntent } from "../orders/order-intent.ts";
import { OrderManager, type OrderObserver } from "../orders/order-manager.ts";
import { describeBreak, type HandSettlement, Reconciler, type ReconcileReport } from "../orders/reconciler.ts";
import type { EnginePool } from "../workers/engine-pool.ts";
import type { EngineThreads } from "../workers/engine-threads.ts";
import type { PlacedInstance, Placement } from "../workers/placement.ts";
import type { BarKeeper } from "./bar-keeper.ts";
import { EngineCrew, type InstancePhase } from "./engine-crew.ts";
import type { InboundHub } from "./inbound-hub.ts";
import { type MarketFeed, MarketSide } from "./market-side.ts";
import { Rounds } from "./rounds.ts";
import type { RunRecordings } from "./run-recording.ts";
import type { TraderLog } from "./trader-log.ts";
import type { VenueClock } from "./venue-clock.ts";

/** How often the account's activities are read, ms. */
const ACTIVITIES_EVERY_MS = 60_000;
/** The same while fees wait for their fills, ms. */
const PENDING_FEES_EVERY_MS = 3000;
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
  readonly threads: EngineThreads;
  readonly journal: Journal;
  readonly broker: Broker;
  readonly feed: MarketFeed;
  readonly books: Books;
  readonly keeper: BarKeeper;
  readonly clock: VenueClock;
  readonly bookId: string;
  readonly fence: () => Fence | null;
  readonly onFenced: () => void;
  /** Market data has become fit to be traded on, with all else in place: at the first call the engines begin to decide. */
  readonly onDeciding: () => void;
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

export class Trader {
  readonly #options: TraderOptions;
  readonly #crew: EngineCrew;
  readonly #market: MarketSide;
  readonly manager: OrderManager;
  readonly #reconciler: Reconciler;
  readonly #keeper: AccountKeeper;
  /** When activities were read last: the venue's day, and the monotonic time. */
  #activitiesDay = Number.NaN;
  #activitiesAtMs = Number.NEGATIVE_INFINITY;
  readonly #states = new Map<string, TradingState>();
  readonly #rounds: Rounds;
  #accountState: TradingState = "active";
  #streamUp = false;
  #streamEverUp: (() => void) | null = null;
  /** Connections of the trade-update stream so far, and the one since which the books are reconciled. */
  #streamLife = 0;
  #reconciledLife = NOT_RECONCILED;
  #draining = false;
  #tradeUpdates = 0;
  #marketMessages = 0;
  #reconciling: Promise<void> | null = null;
  #started = false;
  #stopped = false;
  #left: Promise<void> | null = null;
  readonly #stopSignal = Promise.withResolvers<never>();

  constructor(options: TraderOptions) {
    this.#options = options;
    this.#stopSignal.promise.catch(() => undefined);
    this.#rounds = new Rounds((error) => options.log.warn("a periodic task failed", { error: String(error) }));
    this.#crew = this.#createCrew();
    this.#market = this.#createMarketSide();
    this.manager = this.#createManager();
    this.#keeper = new AccountKeeper({
      broker: options.broker,
      journal: options.journal,
      fence: options.fence,
      alert: (code, message, symbol) => options.observer.alert(code, message, symbol),
      awaitsFills: (symbol) => this.manager.hasOrderOf(symbol),
      nowMs: options.nowMs,
    });
    this.#reconciler = new Reconciler({
      broker: options.broker,
      manager: this.manager,
      attempts: 5,
      sleep: options.sleep,
      nowMs: options.nowMs,
      takeActivities: () => this.takeActivities(),
      pendingFee: (symbol) => this.#keeper.pendingFee(symbol),
      onUnsettled: (live, cause) =>
        options.observer.alert("ORDER_UNSETTLED", `${live.order.clientOrderId}: ${cause}`, live.order.symbol),
    });
  }

  get pool(): EnginePool {
    return this.#crew.pool;
  }

  get hub(): InboundHub {
    return this.#crew.hub;
  }

  get isStarted(): boolean {
    return this.#started;
  }

  get isStreamUp(): boolean {
    return this.#streamUp;
  }

  get isMarketUp(): boolean {
    return this.#market.isUp;
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
    return this.#crew.phase(instanceId);
  }

  instanceState(instanceId: string): TradingState {
    return this.#states.get(`instance:${instanceId}`) ?? "active";
  }

  /** Throws when the broker cannot be reached or reconciled; nothing is left running then. */
  async start(): Promise<void> {
    const { journal, books, keeper, clock, lockstep, log } = this.#options;
    const snapshot = await journal.load();
    if (this.#stopped) throw new CodedError("TRADER_STOPPED", "trading was ended before it began");
    books.load(snapshot.cash, snapshot.positions);
    for (const [scope, state] of snapshot.tradingStates) this.#states.set(scope, state);
    this.#accountState = this.#states.get("account") ?? "active";
    this.#crew.load(snapshot);
    try {
      // Data may come before the engines run: they begin with a gap, and charts have more. A lockstep run begins with it.
      if (!lockstep) {
        keeper.begin(clock.nowUs());
        this.#market.connect();
      }
      await Promise.all([this.#go(this.#listen()), this.#go(this.#readClock())]);
      await this.#go(this.#reconcileAtStart(snapshot));
      await this.#go(this.#crew.start());
      if (lockstep) this.#market.connect();
      this.#startTimers();
      this.#started = true;
      if (this.#streamUp && !this.#isReconciled) void this.#reconcileAgain();
      log.info("ready to trade", { instances: this.#options.placement.instances.length, workers: this.pool.size });
      this.#sayDeciding();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** From here on nothing is decided. Orders under way go their way. */
  halt(): void {
    this.#draining = true;
    this.#crew.tellAccountState("halted");
    this.#updateHalt();
  }

  /** Resolves when what is under way was answered and journalled, or after `ms`. */
  async settle(ms: number): Promise<void> {
    await within(ms, this.manager.settle());
  }

  /** Nothing leaves any more, and the account's streams are free for the next owner. A start under way fails. */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  /** Leaves, and ends the engines. */
  async close(): Promise<void> {
    await this.leave();
    await Promise.all([this.#rounds.stop(), this.#crew.stop()]);
  }

  /** All of it, in order. */
  async drain(ms: number): Promise<void> {
    this.halt();
    await this.settle(ms);
    await this.close();
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
      this.#crew.setSplits(snapshot.splits);
      break;
    }
    if (!this.#started) return;
    if (splits.length > 0) onSplit(splits);
    else for (const instance of this.#options.placement.instances) this.#crew.tellPositions(instance);
  }

  /** Resolves when everything received so far has gone all the way through engines, journal and broker. */
  async quiesce(): Promise<void> {
    for (;;) {
      await this.#crew.drained();
      if (this.manager.isIdle && this.pool.isDrained) return;
      await this.manager.settle();
    }
  }

  setAccountState(state: TradingState): void {
    this.#accountState = state;
    this.#states.set("account", state);
    this.#updateHalt();
    this.#crew.tellAccountState(state);
  }

  setInstanceState(instance: PlacedInstance, state: TradingState): void {
    this.#states.set(`instance:${instance.id}`, state);
    this.#crew.tellInstanceState(instance, state);
  }

  #createCrew(): EngineCrew {
    const { placement, threads, config, broker, books, keeper, clock, recordings, lockstep, observer } = this.#options;
    const { log, wallUs, sleep } = this.#options;
    return new EngineCrew({
      placement,
      threads,
      spin: config.engine.spin,
      broker,
      books,
      keeper,
      clock,
      recordings,
      lockstep,
      orders: {
        accountState: () => this.#accountState,
        instanceState: (instanceId) => this.instanceState(instanceId),
        isMarketStale: () => this.#market.isStale,
      },
      onIntent: (intent, instance) => {
        observer.intent(intent, instance);
        if (intent.kind === "order") this.manager.onOrder(intent);
        else this.manager.onCancel(intent);
      },
      onRecord: (worker, intents, slot) => observer.intentRecord(worker, intents, slot),
      onDied: (worker, error) => observer.workerDied(worker, error),
      settleWorker: (worker) => this.#settleWorker(worker),
      log,
      wallUs,
      sleep,
    });
  }

  #createMarketSide(): MarketSide {
    const { feed, placement, config, broker, books, keeper, clock, lockstep, observer } = this.#options;
    const { log, nowMs, wallUs, onReceived } = this.#options;
    return new MarketSide({
      feed,
      hub: this.#crew.hub,
      placement,
      broker,
      books,
      keeper,
      clock,
      simulated: config.tradingMode === "simulated",
      lockstep,
      readClock: () => this.#readClock(),
      onRecord: (records, slot) => observer.marketRecord(records, slot),
      onFrame: (count) => {
        this.#marketMessages += count;
        this.manager.setVenueTimeUs(clock.nowUs());
        onReceived(this.#marketMessages, this.#tradeUpdates);
      },
      onFeedDelayUs: (us) => observer.feedDelayUs(us),
      onUp: () => this.#sayDeciding(),
      log,
      nowMs,
      wallUs,
    });
  }

  #createManager(): OrderManager {
    const { config, journal, broker, fence, observer, placement, bookId } = this.#options;
    return new OrderManager({
      journal,
      broker,
      fence,
      limits: journalLimits(config.risk),
      feedback: this.hub,
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
        const instance = this.#crew.instanceOf(decoded.owner.worker, decoded.owner.instanceIndex);
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
    if (this.manager.find(order.clientOrderId)?.owner === null) this.#crew.tellPosition(position);
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
    const pauseMs = this.#keeper.hasPendingFees ? PENDING_FEES_EVERY_MS : ACTIVITIES_EVERY_MS;
    const isDue = day !== this.#activitiesDay || nowMs() - this.#activitiesAtMs >= pauseMs;
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

  async #settleWorker(index: number): Promise<void> {
    const { sleep } = this.#options;
    await this.manager.settle();
    while (!this.#stopped) {
      const mine = [...this.manager.liveOrders()].filter((live) => live.owner?.worker === index);
      if (mine.length === 0) break;
      for (const live of mine) if (!live.order.cancelRequested) this.manager.cancel(live.order.clientOrderId);
      await this.manager.settle();
      await this.#reconciler.sweep();
      await sleep(100);
    }
    await this.manager.settle();
  }

  #startTimers(): void {
    this.#rounds.every(1000, () => this.#reconciler.sweep());
    if (this.#options.lockstep) return;
    this.#rounds.every(250, () => this.#market.tick());
    this.#rounds.every(250, () => this.#market.repair());
    // The venue's time and ours drift apart, and the lag of market data is judged by it.
    this.#rounds.every(CLOCK_EVERY_MS, () => this.#readClock());
    this.#rounds.every(1000, () => this.#takeActivitiesWhenDue());
  }

  async #leave(): Promise<void> {
    this.#stopped = true;
    this.#stopSignal.reject(new CodedError("TRADER_STOPPED", "trading was ended while it began"));
    this.manager.stop();
    void this.#rounds.stop();
    await Promise.all([this.#options.broker.unwatch(), this.#market.close()]);
  }

  /** One step of the start; fails as soon as the trader is told to leave. */
  async #go(step: Promise<void>): Promise<void> {
    await Promise.race([step, this.#stopSignal.promise]);
  }

  #sayDeciding(): void {
    if (this.#started && !this.#stopped && this.#market.isUp) this.#options.onDeciding();
  }
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
