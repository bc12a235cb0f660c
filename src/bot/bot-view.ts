/**
 * The running bot as its faces see it: answers questions from books, journal and history, takes manual orders, cancels and
 * the kill switch. Main thread only. In a process that stands by, what only the one that trades knows comes from its mirror
 * (`standby.ts`), and is null where there is none.
 */
import type {
  AccountView,
  Answer,
  BarView,
  BotPort,
  HealthReport,
  KillReport,
  NewOrderRequest,
  OrderView,
  Page,
  PnlView,
  PositionView,
  Refusal,
  ReplaceOrderRequest,
  ResumeScope,
  RiskView,
  SignalView,
  StrategyView,
  StreamChannel,
  StreamEvent,
  TradeView,
} from "../api/bot-port.ts";
import type { Broker, BrokerAccount } from "../broker/broker.ts";
import type { InstanceState, MirrorState, OwnerState } from "../cache/cache.ts";
import { type Config, journalLimits } from "../config/config.ts";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import { Books } from "../orders/books.ts";
import {
  type Journal,
  type JournalSnapshot,
  MANUAL_INSTANCE,
  type OrderIntent,
  type TradingScope,
  type TradingState,
} from "../orders/journal.ts";
import { HAND_SETTLEMENT_MS } from "../orders/reconciler.ts";
import type { HistoryReader, TradeStatistics } from "../store/history-reader.ts";
import type { PlacedInstance, Placement } from "../workers/placement.ts";
import type { EventHub } from "./event-hub.ts";
import { KillSwitch } from "./kill-switch.ts";
import { isRefusal, type ManualOrderContext, manualIntent, replacementIntent } from "./manual-order.ts";
import type { Scorecard } from "./scorecard.ts";
import { mirroredPnl, mirroredSnapshot, standbyBooks } from "./standby.ts";
import type { Trader } from "./trader.ts";
import type { VenueClock } from "./venue-clock.ts";
import { brokerOrderView, orderView, positionView, quoteEvent } from "./views.ts";

/** What changes while the bot lives, kept by the composition. */
export interface BotStatus {
  trader: Trader | null;
  bookId: string;
  brokerAccountId: string;
  health(): HealthReport;
  ready(): HealthReport;
  /** The trading states as the journal last had them, for when it cannot be read. */
  states: ReadonlyMap<TradingScope, TradingState>;
  /** What the process that trades says, while this one stands by and hears of it. */
  mirror(): MirrorState | null;
}

export interface BotViewOptions {
  readonly config: Config;
  readonly status: BotStatus;
  readonly journal: Journal;
  readonly history: HistoryReader;
  readonly broker: Broker;
  readonly books: Books;
  readonly scorecard: Scorecard;
  readonly placement: Placement;
  readonly clock: VenueClock;
  readonly events: EventHub;
  /** True once the process is ending. */
  readonly isEnding: () => boolean;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const EQUITY_POINTS = 500;
const CACHE_MS = 2000;
const CHART_INTERVAL_SECONDS = 60;

export class BotView implements BotPort {
  readonly #options: BotViewOptions;
  readonly #killSwitch: KillSwitch;
  #account: { readonly value: BrokerAccount; readonly atMs: number } | null = null;
  #statistics: { readonly value: TradeStatistics; readonly atMs: number } | null = null;

  constructor(options: BotViewOptions) {
    this.#options = options;
    const setHere = (state: TradingState) => options.status.trader?.setAccountState(state);
    this.#killSwitch = new KillSwitch({ ...options, setHere });
  }

  health(): HealthReport {
    return this.#options.status.health();
  }

  ready(): HealthReport {
    return this.#options.status.ready();
  }

  async createOrder(request: NewOrderRequest): Promise<Answer<OrderView>> {
    const snapshot = await this.#options.journal.load();
    return this.#commit(manualIntent(request, await this.#manualContext(request.symbol, snapshot)));
  }

  async replaceOrder(id: string, request: ReplaceOrderRequest): Promise<Answer<OrderView>> {
    const { journal, history } = this.#options;
    const [snapshot, old] = [await journal.load(), await history.order(id)];
    if (old === null) return notFound("order", id);
    return this.#commit(replacementIntent(old, request, await this.#manualContext(old.symbol, snapshot)));
  }

  async settleOrder(id: string, actor: string, reason: string): Promise<Answer<OrderView>> {
    const { status, history } = this.#options;
    const order = await history.order(id);
    if (order === null) return notFound("order", id);
    if (status.trader === null) return refused(409, "NOT_OWNER", "another process trades: ask that one");
    const settlement = await status.trader.settleByHand(order.clientOrderId, `${actor}: ${reason}`);
    if (settlement.kind === "not_unknown") return refused(409, "NOT_UNKNOWN", `the order is ${order.state}`);
    if (settlement.kind === "too_soon") {
      const message = `an order may be settled by hand ${HAND_SETTLEMENT_MS / 1000} s after it was sent: wait`;
      return refused(409, "TOO_SOON", message);
    }
    if (settlement.kind === "failed") return refused(502, "BROKER_UNAVAILABLE", settlement.cause);
    return { ok: true, value: orderView((await history.order(order.clientOrderId)) ?? order) };
  }

  async #manualContext(symbol: string, { positions }: JournalSnapshot): Promise<ManualOrderContext> {
    const { config, clock, status } = this.#options;
    const instrument = config.instruments.find((i) => i.symbol === symbol);
    const row = positions.find((p) => p.instanceId === MANUAL_INSTANCE && p.symbol === symbol);
    return {
      bookId: status.bookId,
      instrument,
      mark: instrument === undefined ? null : await this.#orderMark(symbol),
      position: row?.quantity ?? 0n,
      collarBps: config.risk.collarBps,
      venueTimeUs: clock.nowUs(),
    };
  }

  /** What a manual order is held against. A process that stands by has no quotes of its own and asks the broker. */
  async #orderMark(symbol: string): Promise<Fixed | null> {
    const { books, broker, status } = this.#options;
    if (status.trader !== null) return books.mark(symbol);
    const answer = await broker.latestQuote(symbol);
    if (answer.kind !== "ok" || answer.value === null) return null;
    const { bid, ask, timeUs } = answer.value;
    const asked = new Books();
    asked.quote(symbol, bid, ask, timeUs);
    return asked.mark(symbol);
  }

  async #commit(intent: OrderIntent | Refusal): Promise<Answer<OrderView>> {
    const { journal, config, status, history } = this.#options;
    if (isRefusal(intent)) return { ok: false, refusal: intent };
    const [outcome] = await journal.commit(null, [intent], journalLimits(config.risk));
    if (outcome === undefined || outcome.kind === "refused") {
      const code = outcome?.code ?? "REFUSED";
      const httpStatus = code === "ID_CONTENT_MISMATCH" ? 422 : 409;
      return refused(httpStatus, code, outcome?.message ?? "the order was refused");
    }
    const order = await history.order(intent.clientOrderId);
    if (order === null)
      throw new CodedError("STORE_UNAVAILABLE", "the order was journalled but could not be read back");
    void status.trader?.takeUpManual();
    return { ok: true, value: orderView(order) };
  }

  async order(id: string): Promise<OrderView | null> {
    const order = await this.#options.history.order(id);
    return order === null ? null : orderView(order);
  }

  async orders(
    filter: { readonly state: "open" | "closed" | "all"; readonly symbol: string | null },
    page: Page,
  ): Promise<OrderView[]> {
    const rows = await this.#options.history.orders(filter, page);
    return rows.map(({ order, position }) => ({ ...orderView(order), position }));
  }

  /** Tells the broker first: a cancel waits for no database, and works in a process that stands by. */
  async cancelOrder(id: string): Promise<Answer<OrderView>> {
    const { status, journal, broker } = this.#options;
    const live = status.trader?.manager.find(id);
    if (live !== undefined) status.trader?.manager.cancel(id);
    const atBroker = live === undefined ? await broker.orderByClientId(id) : null;
    const cancelled = atBroker?.kind === "ok" ? await broker.cancel(atBroker.value.id) : null;
    try {
      const order = await journal.requestCancel(id);
      return order === null ? notFound("order", id) : { ok: true, value: orderView(order) };
    } catch (error) {
      if (live !== undefined) return { ok: true, value: orderView({ ...live.order, cancelRequested: true }) };
      if (atBroker?.kind === "ok" && cancelled?.kind === "requested") {
        return { ok: true, value: brokerOrderView(atBroker.value) };
      }
      throw error;
    }
  }

  async cancelAllOrders(): Promise<Answer<{ readonly cancel_requested: number }>> {
    const outcome = await this.#options.broker.cancelAll();
    if (outcome.kind === "failed") {
      return { ok: false, refusal: { status: 502, code: "BROKER_UNAVAILABLE", message: outcome.cause } };
    }
    return { ok: true, value: { cancel_requested: outcome.orders } };
  }

  async positions(): Promise<PositionView[]> {
    const books = await this.#currentBooks();
    return books.positions().map((row) => positionView(row, books));
  }

  async account(): Promise<AccountView> {
    const { status, config, clock } = this.#options;
    const account = await this.#brokerAccount();
    const books = await this.#currentBooks();
    const isMarked = status.trader !== null || status.mirror() !== null;
    return {
      book_id: status.bookId,
      broker_account_id: status.brokerAccountId,
      mode: config.tradingMode,
      cash: formatFixed(books.cash),
      equity: isMarked ? formatFixed(books.valuation().equity) : null,
      broker_cash: account === null ? null : formatFixed(account.cash),
      broker_equity: account === null ? null : formatFixed(account.equity),
      buying_power: account === null ? null : formatFixed(account.buyingPower),
      venue_time: clock.nowUs() === 0 ? null : Math.floor(clock.nowUs() / 1000),
    };
  }

  async strategies(): Promise<StrategyView[]> {
    const snapshot = await this.#load();
    return this.#options.placement.instances.map((instance) => this.#strategyView(instance, snapshot));
  }

  startStrategy(id: string, actor: string): Promise<Answer<StrategyView>> {
    return this.#setStrategy(id, "active", actor, "started by a person");
  }

  stopStrategy(id: string, actor: string): Promise<Answer<StrategyView>> {
    return this.#setStrategy(id, "halted", actor, "stopped by a person");
  }

  async trades(filter: { readonly symbol: string | null }, page: Page): Promise<TradeView[]> {
    const rows = await this.#options.history.trades(filter, page);
    return rows.map((row) => ({
      position: row.position,
      execution_id: row.executionId,
      client_order_id: row.clientOrderId,
      instance: row.instanceId,
      symbol: row.symbol,
      side: row.side,
      quantity: formatFixed(row.quantity),
      price: formatFixed(row.price),
      fee: formatFixed(row.fee),
      realised: formatFixed(row.realised),
      slippage_bps: row.slippageBps,
      venue_time: Math.floor(row.venueTimeUs / 1000),
    }));
  }

  async signals(page: Page): Promise<SignalView[]> {
    const rows = await this.#options.history.signals(page);
    return rows.map((row) => ({
      id: row.position,
      instance: row.instanceId,
      symbol: row.symbol,
      target: formatFixed(row.target),
      reason: row.reason,
      value: row.value,
      venue_time: Math.floor(row.venueTimeUs / 1000),
      outcome: row.outcome,
    }));
  }

  async bars(symbol: string, page: Page): Promise<BarView[]> {
    const before = page.before === null ? null : page.before * 1000;
    const rows = await this.#options.history.bars(symbol, CHART_INTERVAL_SECONDS, { limit: page.limit, before });
    return rows.map((row) => ({
      symbol: row.symbol,
      start: Math.floor(row.position / 1000),
      interval_seconds: row.intervalSeconds,
      open: row.open,
      high: row.high,
      low: row.low,
      close: row.close,
      volume: row.volume,
    }));
  }

  async pnl(): Promise<PnlView> {
    const statistics = await this.statistics();
    const points = await this.#options.history.equity(0, EQUITY_POINTS);
    const { equity: _now, ...figures } = await this.#currentFigures(statistics);
    return {
      ...figures,
      equity: points.map((point) => ({ time: Math.floor(point.atUs / 1000), equity: formatFixed(point.equity) })),
    };
  }

  /** Those of the process that trades, wherever they are asked for. */
  async #currentFigures(statistics: TradeStatistics): Promise<Omit<PnlView, "equity"> & { equity: string | null }> {
    const { status } = this.#options;
    if (status.trader !== null) return this.figures(statistics);
    const mirrored = mirroredPnl(status.mirror());
    if (mirrored !== null) return mirrored;
    const { realised, fees } = (await this.#currentBooks()).valuation();
    return {
      ...this.figures(statistics),
      realised: formatFixed(realised),
      fees: formatFixed(fees),
      unrealised: null,
      total: null,
      drawdown: null,
      equity: null,
    };
  }

  /** The figures of the `pnl` channel and of the account gauges, in the process that trades. */
  figures(statistics: TradeStatistics): Omit<PnlView, "equity"> & { readonly total: string; readonly equity: string } {
    const { books } = this.#options;
    const { realised, unrealised, fees, equity } = books.valuation();
    return {
      realised: formatFixed(realised),
      unrealised: formatFixed(unrealised),
      fees: formatFixed(fees),
      total: formatFixed(realised + unrealised - fees),
      win_rate: statistics.roundTrips === 0 ? null : (100 * statistics.wins) / statistics.roundTrips,
      round_trips: statistics.roundTrips,
      drawdown: formatFixed(books.drawdown),
      average_slippage_bps: statistics.averageSlippageBps,
      equity: formatFixed(equity),
    };
  }

  /** At most two seconds old; the last known figures while the database is away. */
  async statistics(): Promise<TradeStatistics> {
    const { history, nowMs } = this.#options;
    if (this.#statistics === null || nowMs() - this.#statistics.atMs > CACHE_MS) {
      try {
        this.#statistics = { value: await history.statistics(), atMs: nowMs() };
      } catch (error) {
        if (this.#statistics === null) throw error;
      }
    }
    return this.#statistics.value;
  }

  async risk(): Promise<RiskView> {
    const { status, config, scorecard } = this.#options;
    const states = await this.#load().then(
      (snapshot) => snapshot.tradingStates,
      () => status.states,
    );
    const limits = Object.entries(config.risk).map(([name, value]) => [
      name,
      typeof value === "bigint" ? formatFixed(value) : value,
    ]);
    return {
      states: [...states].map(([scope, state]) => ({ scope, state })),
      limits: Object.fromEntries(limits) as RiskView["limits"],
      refusals: status.trader === null ? (status.mirror()?.refusals ?? null) : scorecard.refusals(),
      owner: status.trader !== null,
      lease_owner: status.trader === null ? (status.mirror()?.owner ?? null) : config.replicaName,
    };
  }

  kill(actor: string, reason: string): Promise<KillReport> {
    return this.#killSwitch.throw(actor, reason);
  }

  async resume(scope: ResumeScope, actor: string, reason: string): Promise<Answer<RiskView>> {
    if (scope !== "account") {
      await this.#options.journal.setTradingState(scope, "active", actor, reason);
      return { ok: true, value: await this.risk() };
    }
    const lifting = await this.#killSwitch.lift(actor, reason);
    if (lifting.kind === "thrown")
      return refused(409, "TRADING_HALTED", "the kill switch was thrown meanwhile: trading stays halted");
    if (lifting.kind === "suspended") {
      return refused(502, "BROKER_UNAVAILABLE", `the broker still suspends trading: ${lifting.cause}`);
    }
    return { ok: true, value: await this.risk() };
  }

  snapshot(channel: StreamChannel): readonly StreamEvent[] {
    const { books, status } = this.#options;
    if (status.trader === null) return mirroredSnapshot(status.mirror(), channel);
    if (channel === "quotes") return [...books.quotes()].map(([symbol, quote]) => quoteEvent(symbol, quote));
    if (channel === "orders") {
      return [...status.trader.manager.liveOrders()].map(({ order }) => {
        return { channel: "orders", key: order.clientOrderId, data: orderView(order) } as const;
      });
    }
    if (channel === "pnl" && this.#statistics !== null) return [this.pnlEvent(this.#statistics.value)];
    return [];
  }

  pnlEvent(statistics: TradeStatistics): StreamEvent {
    const time = Math.floor(this.#options.clock.nowUs() / 1000);
    return { channel: "pnl", key: "pnl", data: { ...this.figures(statistics), time } };
  }

  subscribe(listener: (event: StreamEvent) => void): () => void {
    return this.#options.events.subscribe(listener);
  }

  onRestart(listener: () => void): () => void {
    return this.#options.events.onRestart(listener);
  }

  /** What this process knows beside the journal; null while it does not trade. */
  ownState(): OwnerState | null {
    const { status, placement, scorecard, config } = this.#options;
    const { trader } = status;
    if (trader === null) return null;
    return {
      owner: config.replicaName,
      instances: placement.instances.map((instance) => this.#ownInstance(instance, trader)),
      refusals: scorecard.refusals(),
      events: (["quotes", "orders", "pnl"] as const).flatMap((channel) => this.snapshot(channel)),
    };
  }

  #ownInstance({ id, worker }: PlacedInstance, trader: Trader): InstanceState {
    const { scorecard } = this.#options;
    const [intents, refusals] = [scorecard.intentsOf(id), scorecard.refusalsOf(id)];
    return { id, state: trader.phase(id), worker, intents, refusals };
  }

  async #setStrategy(id: string, state: TradingState, actor: string, reason: string): Promise<Answer<StrategyView>> {
    const { placement, journal, status } = this.#options;
    const instance = placement.instances.find((i) => i.id === id);
    if (instance === undefined) return notFound("strategy", id);
    await journal.setTradingState(`instance:${id}`, state, actor, reason);
    status.trader?.setInstanceState(instance, state);
    return { ok: true, value: this.#strategyView(instance, await this.#load()) };
  }

  #strategyView(instance: PlacedInstance, snapshot: JournalSnapshot): StrategyView {
    const { status } = this.#options;
    const tradingState = snapshot.tradingStates.get(`instance:${instance.id}`) ?? "active";
    const books = this.#booksOf(snapshot);
    const rows = books.positions().filter((row) => row.instanceId === instance.id);
    const known =
      status.trader === null
        ? status.mirror()?.instances.find(({ id }) => id === instance.id)
        : this.#ownInstance(instance, status.trader);
    return {
      id: instance.id,
      strategy: instance.strategy,
      version: instance.version,
      instruments: instance.symbols,
      parameters: instance.parameters,
      capital: formatFixed(instance.capital),
      worker: known?.worker ?? null,
      state: known === undefined ? "standby" : tradingState === "halted" ? "stopped" : known.state,
      trading_state: tradingState,
      realised: formatFixed(rows.reduce((sum, row) => sum + row.realised, 0n)),
      unrealised: known === undefined ? null : formatFixed(rows.reduce((sum, row) => sum + books.unrealised(row), 0n)),
      intents: known?.intents ?? null,
      refusals: known?.refusals ?? null,
    };
  }

  async #currentBooks(): Promise<Books> {
    const { books, status } = this.#options;
    return status.trader === null ? this.#booksOf(await this.#load()) : books;
  }

  /** The books of the process that trades, or the journal's with the marks that are heard of. */
  #booksOf(snapshot: JournalSnapshot): Books {
    const { books, status } = this.#options;
    return status.trader === null ? standbyBooks(snapshot, status.mirror()) : books;
  }

  #load(): Promise<JournalSnapshot> {
    return this.#options.journal.load();
  }

  async #brokerAccount(): Promise<BrokerAccount | null> {
    const { broker, nowMs } = this.#options;
    if (this.#account !== null && nowMs() - this.#account.atMs < CACHE_MS) return this.#account.value;
    const answer = await broker.account();
    if (answer.kind !== "ok") return this.#account?.value ?? null;
    this.#account = { value: answer.value, atMs: nowMs() };
    return answer.value;
  }
}

function refused(
  status: number,
  code: string,
  message: string,
): { readonly ok: false; readonly refusal: { status: number; code: string; message: string } } {
  return { ok: false, refusal: { status, code, message } };
}

function notFound(
  what: string,
  id: string,
): { readonly ok: false; readonly refusal: { status: number; code: string; message: string } } {
  return refused(404, "NOT_FOUND", `there is no ${what} ${id}`);
}
