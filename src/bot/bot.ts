/**
 * The bot as a whole: opens store, broker and faces, keeps the lease, and trades while it holds it. Main thread only. It
 * starts in an order in which nothing is reachable before it works, and stops in the order that loses nothing.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "pino";
import { createFaces, type Faces, type FacesAddresses } from "../api/faces.ts";
import { Metrics } from "../api/metrics/metrics.ts";
import type { Stage } from "../api/metrics/stage-histograms.ts";
import type { Broker } from "../broker/broker.ts";
import { type Config, databaseDirectory } from "../config/config.ts";
import { isLoopback } from "../config/rules.ts";
import { CodedError } from "../core/errors.ts";
import { fixedToNumber, formatFixed } from "../core/fixed.ts";
import { IntentHash } from "../core/order/intent-list.ts";
import { REFUSAL_COUNT, refusalCode } from "../core/risk/refusal.ts";
import { reasonName } from "../core/strategy/reason.ts";
import { Books } from "../orders/books.ts";
import type { Journal, TradingScope, TradingState } from "../orders/journal.ts";
import { ApiKeys } from "../store/api-keys.ts";
import { HistoryReader } from "../store/history-reader.ts";
import { HistoryWriter } from "../store/history-writer.ts";
import { SqlJournal } from "../store/journal-sql.ts";
import { openStore, type Store } from "../store/store.ts";
import { cpuLimit, engineWorkers } from "../workers/container-limits.ts";
import { EngineThreads } from "../workers/engine-threads.ts";
import { heapSizes, memoryLimit, warnOfHeap } from "../workers/heap-sizes.ts";
import { place, type PlacedInstance, type Placement } from "../workers/placement.ts";
import { BarKeeper } from "./bar-keeper.ts";
import { bindBook } from "./book-binding.ts";
import { BotHealth } from "./bot-health.ts";
import { type BotStatus, BotView } from "./bot-view.ts";
import { EventHub } from "./event-hub.ts";
import { KeyGate } from "./key-gate.ts";
import type { AlpacaMarketFeed } from "./market-feed.ts";
import { Replicas } from "./replicas.ts";
import { Rounds } from "./rounds.ts";
import { RunRecordings } from "./run-recording.ts";
import { type RunSummary, summarise } from "./run-summary.ts";
import { Scorecard } from "./scorecard.ts";
import { Tenure, type TenureTerms } from "./tenure.ts";
import { Trader, type TraderObserver } from "./trader.ts";
import type { VenueClock } from "./venue-clock.ts";
import { WarmStandby } from "./warm-standby.ts";
import { orderView, quoteEvent } from "./views.ts";

export interface BotOptions {
  readonly config: Config;
  readonly broker: Broker;
  /** Made anew for every takeover: a closed feed does not open again. */
  readonly createFeed: () => AlpacaMarketFeed;
  readonly clock: VenueClock;
  readonly log: Logger;
  readonly lockstep: boolean;
  readonly version: string;
  /** Aborted when the process is told to stop: a start that waits for others then ends. */
  readonly signal: AbortSignal;
  /** Told how many market messages and trade updates have arrived, whenever one has. */
  readonly onReceived: (marketMessages: number, tradeUpdates: number) => void;
}

export interface StartedBot {
  readonly addresses: FacesAddresses;
  /** The text of the key made at the first start with the embedded database; null otherwise. */
  readonly firstKey: string | null;
}

const HISTORY_CAPACITY = 100_000;
const HISTORY_FLUSH_MS = 250;
const EVERY_SECOND_MS = 1000;
const QUOTES_MS = 250;
const KEYS_MS = 10_000;
/** How long requests are still answered after the process was told to stop, at an address that others reach. */
const SERVED_MS = 5000;
/** The stream's clients are sent away over so long, so that they do not all come to the next replica at once. */
const SPREAD_MS = 10_000;
const START_POLL_MS = 100;
const STORE_WAIT_MS = 120_000;
const STORE_RETRY_MS = 1000;
/** The directory lock lets one process at a time use the embedded database: its lease is always the same owner's. */
const EMBEDDED_OWNER = "embedded";

export class Bot {
  readonly #options: BotOptions;
  readonly #books = new Books();
  readonly #scorecard = new Scorecard();
  readonly #events: EventHub;
  readonly #metrics: Metrics;
  readonly #placement: Placement;
  readonly #threads: EngineThreads;
  readonly #keeper: BarKeeper;
  readonly #intentHash = new IntentHash();
  readonly #runId = new Date().toISOString().replaceAll(/[-:.]/g, "");
  readonly #startedAtMs = Date.now();
  readonly #rounds: Rounds;
  readonly #states = new Map<TradingScope, TradingState>();
  readonly #health: BotHealth;
  readonly #status: BotStatus;
  readonly #shownRefusals = new Map<string, Float64Array>();
  readonly #changedQuotes = new Set<string>();
  #store: Store | null = null;
  #journal: Journal | null = null;
  #history: HistoryWriter | null = null;
  #view: BotView | null = null;
  #faces: Faces | null = null;
  #replicas: Replicas | null = null;
  #tenure: Tenure | null = null;
  #feed: AlpacaMarketFeed | null = null;
  #recordings: RunRecordings | null = null;
  #stopping = false;
  #ended: Promise<void> | null = null;
  #removeSources: (() => void)[] = [];

  constructor(options: BotOptions) {
    this.#options = options;
    const { config } = options;
    const cores = cpuLimit(config.resources.cpu === null ? null : String(config.resources.cpu));
    const count = config.engine.workers;
    const workers = count === "auto" ? engineWorkers(cores, config.strategies.length) : count;
    this.#metrics = new Metrics(cores);
    this.#rounds = new Rounds((error) => options.log.warn({ error: String(error) }, "a periodic task failed"));
    this.#events = new EventHub((error) => options.log.error({ error: String(error) }, "a stream listener failed"));
    this.#placement = place(config, workers);
    const heap = heapSizes(memoryLimit(config.resources.memory), workers);
    warnOfHeap(heap, options.log);
    this.#threads = new EngineThreads({ count: workers, heap: heap?.worker ?? null });
    this.#keeper = this.#createKeeper();
    this.#health = new BotHealth();
    this.#status = {
      trader: null,
      bookId: "",
      brokerAccountId: "",
      states: this.#states,
      mirror: () => this.#replicas?.cache.latest() ?? null,
      health: () => this.#health.health(this.#status.trader),
      ready: () => this.#health.ready(this.#status.trader, this.#replicas?.cache.health() ?? null),
    };
    options.signal.addEventListener("abort", () => this.#retire(), { once: true });
  }

  /**
   * Opens everything; trading begins in the background once the lease is held and the books are reconciled. What it has
   * opened when it throws, `stop` closes.
   */
  async start(): Promise<StartedBot> {
    const { config, log } = this.#options;
    const store = await this.#openStore();
    this.#store = store;
    const journal = new SqlJournal({ store });
    this.#journal = journal;
    const keys = new KeyGate({
      keys: new ApiKeys({ store, nowMs: Date.now }),
      config,
      makesFirst: store.kind === "embedded",
      log,
    });
    const firstKey = await keys.open();
    this.#history = new HistoryWriter({
      store,
      capacity: HISTORY_CAPACITY,
      flushMs: HISTORY_FLUSH_MS,
      onRefused: (error, rows) => log.error({ error: String(error), rows }, "history rows refused by the database"),
    });
    this.#view = this.#createView(journal, store);
    this.#faces = await this.#createFaces(keys);
    const addresses = await this.#faces.listen();
    this.#health.listening();
    this.#health.databaseReached();
    this.#rounds.every(KEYS_MS, () => keys.refresh());
    await this.#bind(journal);
    if (!this.#isStopping) {
      this.#joinReplicas();
      this.#tenure = this.#createTenure(
        journal,
        store.kind === "embedded" ? EMBEDDED_OWNER : `${config.replicaName}/${randomUUID()}`,
      );
      this.#replicas?.cache.onReleased(() => this.#tenure?.hurry());
      this.#tenure.start();
      this.#startTimers();
    }
    return { addresses, firstKey };
  }

  get #isStopping(): boolean {
    return this.#stopping || this.#options.signal.aborted;
  }

  get status(): Readonly<BotStatus> {
    return this.#status;
  }

  /** Resolves when everything received so far is processed, down to journal and broker. */
  async quiesce(): Promise<void> {
    await this.#status.trader?.quiesce();
  }

  /** What the run amounts to so far, against the broker's own account. Throws `SUMMARY` when the broker cannot be read. */
  async summary(): Promise<RunSummary> {
    // A day may have ended while this process was away: its last fills are known once it trades again.
    while (this.#status.trader === null && !this.#stopping) await sleep(START_POLL_MS);
    await this.quiesce();
    await this.#status.trader?.takeActivities();
    const { broker } = this.#options;
    const [account, positions] = await Promise.all([broker.account(), broker.positions()]);
    if (account.kind !== "ok" || positions.kind !== "ok") {
      throw new CodedError("SUMMARY", "the broker's account could not be read for the summary");
    }
    const valuation = this.#books.valuation();
    const summary = summarise(
      {
        intents: this.#scorecard.intentsTotal,
        intentHash: this.#intentHash.hex(),
        orders: this.#scorecard.orders,
        refused: this.#scorecard.refusedTotal,
        fills: this.#scorecard.fills,
        seconds: (Date.now() - this.#startedAtMs) / 1000,
      },
      this.#books.positions(),
      valuation.cash,
      valuation,
      account.value,
      positions.value,
    );
    this.#history?.add({
      kind: "run",
      runId: this.#runId,
      runKind: "replay",
      startedAtMs: this.#startedAtMs,
      summary,
    });
    await this.#history?.flush();
    return summary;
  }

  /** Drains and ends everything, in the order that loses nothing; a second call waits for the first. */
  stop(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#stopping = true;
    this.#retire();
    // Others reach this process for a moment longer: they hear of its end only now.
    const isReachable = !isLoopback(this.#options.config.bindAddress);
    const served = sleep(isReachable ? SERVED_MS : 0);
    const hasTraded = this.#status.trader !== null;
    await this.#tenure?.leave();
    if (hasTraded) await this.#replicas?.cache.hintReleased();
    await Promise.all([served, this.#faces?.drain(isReachable ? SPREAD_MS : 0), this.#tenure?.close()]);
    await this.#rounds.stop();
    await this.#replicas?.close();
    await this.#recordings?.close();
    await this.#history?.close();
    await this.#options.broker.close();
    await this.#threads.close();
    await this.#faces?.close();
    this.#metrics.close();
    await this.#store?.close();
  }

  /** At once when the process is told to stop: no more requests are sent here, and those that come end their connection. */
  #retire(): void {
    this.#health.draining();
    this.#faces?.retire();
  }

  /** Waits for a PostgreSQL that is not there yet: it may be failing over. Everything else is an error at once. */
  async #openStore(): Promise<Store> {
    const { config, log } = this.#options;
    const endMs = monotonicMs() + STORE_WAIT_MS;
    for (;;) {
      try {
        return await openStore({ url: config.database.url, dataDir: databaseDirectory(config) });
      } catch (error) {
        const lost = error instanceof CodedError && error.code === "STORE_UNAVAILABLE" && config.database.url !== null;
        if (!lost || this.#isStopping || monotonicMs() > endMs) throw error;
        log.warn({ error: error.message }, "the database does not answer yet");
        await sleep(STORE_RETRY_MS);
      }
    }
  }

  #createKeeper(): BarKeeper {
    const { config } = this.#options;
    const wanted = this.#placement.instances.flatMap((i) =>
      i.instruments.map((index) => [index, i.barSeconds] as const),
    );
    const charts = config.instruments.map((instrument) => [instrument.index, 60] as const);
    return new BarKeeper(config.instruments.length, [...charts, ...wanted], ({ instrument, ...bar }) => {
      const symbol = config.instruments[instrument]?.symbol;
      if (symbol !== undefined) this.#history?.add({ kind: "bar", symbol, ...bar });
    });
  }

  #createView(journal: Journal, store: Store): BotView {
    const { config, broker, clock } = this.#options;
    return new BotView({
      config,
      status: this.#status,
      journal,
      history: new HistoryReader(store),
      broker,
      books: this.#books,
      scorecard: this.#scorecard,
      placement: this.#placement,
      clock,
      events: this.#events,
      isEnding: () => this.#isStopping,
      nowMs: monotonicMs,
      sleep,
    });
  }

  #createFaces(keys: KeyGate): Promise<Faces> {
    const { config, log, version } = this.#options;
    return createFaces({
      bot: this.#view as BotView,
      metrics: this.#metrics,
      log,
      keys,
      config: {
        bindAddress: config.bindAddress,
        apiPort: config.ports.api,
        wsPort: config.ports.ws,
        metricsPort: config.ports.metrics,
        allowedHosts: config.allowedHosts,
        allowedOrigins: config.allowedOrigins,
        requireKeyForReads: !isLoopback(config.bindAddress),
        changesPerMinute: config.changesPerMinute,
        version,
      },
    });
  }

  async #bind(journal: Journal): Promise<void> {
    const { broker, config, clock, log } = this.#options;
    const bound = await bindBook({
      broker,
      journal,
      mode: config.tradingMode,
      isStopping: () => this.#isStopping,
      onWaiting: (what, cause) => log.warn({ cause }, what),
      sleep,
    });
    if (bound === null) return;
    this.#status.bookId = bound.bookId;
    this.#status.brokerAccountId = bound.brokerAccountId;
    clock.set(bound.venueTimeUs);
  }

  #joinReplicas(): void {
    const { config, log } = this.#options;
    const view = this.#view as BotView;
    this.#replicas = new Replicas({
      config: config.redis,
      bookId: this.#status.bookId,
      events: this.#events,
      ownState: () => view.ownState(),
      nowMs: monotonicMs,
      onFault: (fault) => this.#metrics.cacheFailed(fault),
      log,
    });
    this.#metrics.setCache(() => this.#replicas?.cache.reading() ?? null);
  }

  #createTenure(journal: Journal, owner: string): Tenure {
    const { config, broker, log } = this.#options;
    const warmth = new WarmStandby({ threads: this.#threads, placement: this.#placement, journal, broker, log });
    this.#options.signal.addEventListener("abort", () => warmth.end(), { once: true });
    return new Tenure({
      journal: {
        acquireLease: (who, ttlMs) => this.#probe(journal.acquireLease(who, ttlMs)),
        releaseLease: (fence, untradedMs) => journal.releaseLease(fence, untradedMs),
      },
      owner,
      lease: config.lease,
      createTrader: (terms) => this.#createTrader(journal, terms),
      onBegan: (trader, generation) => {
        this.#status.trader = trader;
        this.#addSources(trader);
        this.#health.trading();
        this.#replicas?.lead(generation);
      },
      onEnded: () => {
        this.#status.trader = null;
        for (const remove of this.#removeSources.splice(0)) remove();
        this.#metrics.notKeeper();
        this.#replicas?.follow();
      },
      onHandover: (kind, untradedMs) => this.#metrics.handover(kind, untradedMs),
      onStandby: () => void warmth.start(),
      onAcquired: () => warmth.end(),
      onFault: (message) => this.#health.fault("trading", message),
      log,
      nowMs: monotonicMs,
      sleep,
    });
  }

  /** The lease is asked for all the time: its answers show whether the database is there. */
  async #probe<T>(asked: Promise<T>): Promise<T> {
    try {
      const answer = await asked;
      this.#health.store(true, "");
      return answer;
    } catch (error) {
      this.#health.store(false, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #createTrader(journal: Journal, terms: TenureTerms): Trader {
    const { config, broker, clock, log, lockstep, createFeed } = this.#options;
    this.#feed = createFeed();
    this.#health.journal(true, "");
    // One for the life of the process: a trader that comes later goes on with the numbers of its files.
    if (config.recordRun) {
      this.#recordings ??= new RunRecordings(join(config.dataDir, "recordings"), this.#runId, (error) =>
        log.error({ error: error.message }, "recording of the run stopped"),
      );
    }
    return new Trader({
      config,
      placement: this.#placement,
      threads: this.#threads,
      journal,
      broker,
      feed: this.#feed,
      books: this.#books,
      keeper: this.#keeper,
      clock,
      bookId: this.#status.bookId,
      ...terms,
      onSplit: (symbols) => {
        log.info({ symbols }, "split: trading begins anew with adjusted prices");
        this.#tenure?.beginAnew();
      },
      onFenced: () => log.warn("a write was refused by the fence: another process holds the lease"),
      observer: this.#observer(),
      log: {
        info: (message, detail) => log.info(detail ?? {}, message),
        warn: (message, detail) => log.warn(detail ?? {}, message),
        error: (message, detail) => log.error(detail ?? {}, message),
      },
      recordings: this.#recordings,
      lockstep,
      onReceived: this.#options.onReceived,
      nowMs: monotonicMs,
      wallUs,
      sleep,
    });
  }

  #observer(): TraderObserver {
    const { log } = this.#options;
    return {
      intent: (intent, instance) => {
        if (intent.kind === "order") this.#scorecard.intent(instance.id);
      },
      intentRecord: (_worker, intents, slot) => this.#intentHash.add(intents, slot),
      marketRecord: (records, slot) => {
        const symbol = this.#options.config.instruments[records.instrument(slot)]?.symbol;
        if (symbol !== undefined) this.#changedQuotes.add(symbol);
      },
      order: (order) => this.#events.emit({ channel: "orders", key: order.clientOrderId, data: orderView(order) }),
      fill: (applied, execution) => {
        this.#books.setPosition(applied.position);
        this.#books.applyCash(execution);
        this.#scorecard.fills += 1;
        this.#metrics.fillApplied();
        const mid = applied.order.midAtDecision;
        this.#events.emit({
          channel: "fills",
          key: null,
          data: {
            execution_id: applied.executionId,
            client_order_id: applied.order.clientOrderId,
            instance: applied.order.instanceId,
            symbol: execution.symbol,
            side: execution.side,
            quantity: formatFixed(execution.quantity),
            price: formatFixed(execution.price),
            fee: formatFixed(execution.fee),
            realised: formatFixed(applied.realised),
            slippage_bps: mid === null ? null : slippageBps(execution.side, execution.price, mid),
            venue_time: Math.floor(execution.venueTimeUs / 1000),
          },
        });
      },
      outcome: (intent, decoded, outcome) => {
        const result = outcome.kind === "refused" ? outcome.code : outcome.kind;
        if (outcome.kind === "committed") this.#scorecard.orders += 1;
        else {
          this.#scorecard.refused(result, intent.instanceId);
          this.#metrics.refused(result);
        }
        if (decoded === null) return;
        const signal = {
          instanceId: intent.instanceId,
          symbol: intent.symbol,
          target: decoded.target,
          reason: reasonName(decoded.reason),
          value: decoded.signal,
          venueTimeUs: Math.floor(decoded.engineTimeUs),
          outcome: result,
        };
        this.#history?.add({ kind: "signal", ...signal });
        this.#events.emit({
          channel: "signals",
          key: null,
          data: {
            id: ++this.#scorecard.signals,
            instance: signal.instanceId,
            symbol: signal.symbol,
            target: formatFixed(signal.target),
            reason: signal.reason,
            value: signal.value,
            venue_time: Math.floor(signal.venueTimeUs / 1000),
            outcome: result,
          },
        });
      },
      storeDown: (down, cause) => {
        this.#health.journal(!down, cause);
        if (down) this.#metrics.journalFailed("STORE_UNAVAILABLE");
        log[down ? "error" : "info"]({ cause }, down ? "the database is lost: no new orders" : "the database is back");
      },
      alert: (code, message, symbol) => {
        log.error({ code, symbol }, message);
        this.#health.alert(code, message);
        this.#metrics.brokerFailed(code);
      },
      latency: (stage, us) => this.#metrics.stage(stage satisfies Stage).observe(us),
      feedDelayUs: (us) => this.#metrics.stage("feed_delay").observe(us),
      workerDied: () => this.#metrics.workerRestarted(),
      reconciled: (report) => {
        this.#health.reconciled(report.breaks.length, report.cashDifference !== 0n);
        log.info(
          {
            orders: report.ordersChecked,
            fills: report.fillsRecovered,
            unresolved: report.unresolved,
            breaks: report.breaks.length,
            brokerCash: formatFixed(report.brokerCash),
          },
          "reconciled with the broker",
        );
      },
    };
  }

  #addSources(trader: Trader): void {
    const { pool } = trader;
    for (let worker = 0; worker < pool.size; worker++) {
      for (const stage of ["decode_to_engine", "engine"] as const) {
        this.#removeSources.push(
          this.#metrics.addStageSource(stage, {
            buckets: (bounds) => {
              const snapshot = pool.histogram(worker, stage);
              return {
                counts: snapshot?.cumulative(bounds) ?? bounds.map(() => 0),
                sum: snapshot?.sumUs ?? 0,
                count: snapshot?.count ?? 0,
              };
            },
          }),
        );
      }
      this.#removeSources.push(
        this.#metrics.addRing(`inbound-${worker}`, () => {
          const counters = pool.counters(worker);
          return {
            used: counters === undefined ? 0 : counters.published - counters.released,
            capacity: pool.inboundCapacity,
          };
        }),
      );
    }
    this.#metrics.setUnsettledOrders(() => trader.unsettled().orders.length);
    this.#removeSources.push(() => this.#metrics.setUnsettledOrders(null));
    this.#metrics.setFeed(() => ({
      conflatedQuotes: trader.hub.conflated,
      gaps: trader.hub.gaps,
      malformedFrames: this.#feed?.counters().malformedFrames ?? 0,
    }));
  }

  #startTimers(): void {
    this.#rounds.every(EVERY_SECOND_MS, () => this.#second());
    this.#rounds.every(QUOTES_MS, () => this.#showQuotes());
    this.#rounds.every(EVERY_SECOND_MS, () => this.#replicas?.share());
  }

  /** Once a second: equity, gauges, refusals of the engines, states that other processes have set. */
  async #second(): Promise<void> {
    const { trader } = this.#status;
    if (trader === null) return;
    await this.#takeStates(trader);
    this.#countEngineRefusals(trader);
    const view = this.#view as BotView;
    const statistics = await view.statistics();
    const { equity } = this.#books.valuation();
    const drawdown = this.#books.observeEquity(equity);
    const figures = view.figures(statistics);
    const nowUs = this.#options.clock.nowUs();
    if (nowUs > 0) this.#history?.add({ kind: "equity", atUs: Math.floor(nowUs), equity });
    this.#metrics.accountGauges({
      pnl: Number(figures.total),
      winRate: figures.win_rate,
      averageSlippageBps: figures.average_slippage_bps,
      drawdown: fixedToNumber(drawdown),
    });
    this.#events.emit(view.pnlEvent(statistics));
  }

  async #takeStates(trader: Trader): Promise<void> {
    const journal = this.#journal as Journal;
    const before = this.#states.get("account") ?? "active";
    const { tradingStates, openOrders } = await journal.load();
    trader.takeUp(openOrders);
    this.#states.clear();
    for (const [scope, state] of tradingStates) this.#states.set(scope, state);
    const account = this.#states.get("account") ?? "active";
    const isLifted = account === "active" && before !== "active";
    if (account === "active" && trader.accountState === "halted" && !isLifted) {
      // It was thrown here while the database was away; it holds until a person lifts it.
      await journal.setTradingState("account", "halted", "kill switch", "thrown while the database was away");
      this.#states.set("account", "halted");
    } else if (account !== trader.accountState) trader.setAccountState(account);
    for (const instance of this.#placement.instances) this.#takeInstanceState(trader, instance);
  }

  #takeInstanceState(trader: Trader, instance: PlacedInstance): void {
    const state = this.#states.get(`instance:${instance.id}`) ?? "active";
    if (state !== trader.instanceState(instance.id)) trader.setInstanceState(instance, state);
  }

  #countEngineRefusals(trader: Trader): void {
    for (const instance of this.#placement.instances) {
      const counts = trader.pool.refusals(instance.worker, instance.index);
      const shown = this.#shownRefusals.get(instance.id) ?? new Float64Array(REFUSAL_COUNT);
      this.#shownRefusals.set(instance.id, shown);
      for (let refusal = 1; refusal < REFUSAL_COUNT; refusal++) {
        const count = counts[refusal] as number;
        // A worker that was started again counts from zero.
        const before = count < (shown[refusal] as number) ? 0 : (shown[refusal] as number);
        for (let i = before; i < count; i++) {
          this.#scorecard.refused(refusalCode(refusal), instance.id);
          this.#metrics.refused(refusalCode(refusal));
        }
        shown[refusal] = count;
      }
    }
  }

  #showQuotes(): void {
    for (const symbol of this.#changedQuotes) {
      const quote = this.#books.lastQuote(symbol);
      if (quote !== undefined) this.#events.emit(quoteEvent(symbol, quote));
    }
    this.#changedQuotes.clear();
  }
}

function slippageBps(side: "buy" | "sell", price: bigint, mid: bigint): number {
  const worse = side === "buy" ? price - mid : mid - price;
  return (fixedToNumber(worse) / fixedToNumber(mid)) * 10_000;
}

export function monotonicMs(): number {
  return performance.now();
}

/** Epoch microseconds on a clock that does not step back. */
export function wallUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
