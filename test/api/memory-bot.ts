/**
 * A small bot in memory for the faces' tests: it keeps what the port promises (paging, filters, idempotency, events) and
 * nothing of the order path. Its rows are fixed, so that tests can state what they expect.
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
  ReplaceOrderRequest,
  Refusal,
  ResumeScope,
  RiskView,
  SignalView,
  StrategyView,
  StreamChannel,
  StreamEvent,
  TradeView,
} from "../../src/api/bot-port.ts";

export const START = Date.UTC(2024, 0, 9, 14, 30);

export const HEALTHY: HealthReport = {
  ok: true,
  state: "ok",
  parts: [
    { name: "event_loop", ok: true, state: "ok", detail: "turning" },
    { name: "database", ok: true, state: "ok", detail: "embedded, 3 ms" },
    { name: "feed", ok: true, state: "ok", detail: "2 symbols, last tick 40 ms ago" },
  ],
};

export function order(number: number, changes: Partial<OrderView> = {}): OrderView {
  return {
    client_order_id: `order-${number}`,
    broker_order_id: `broker-${number}`,
    instance: "ema-cross-aapl",
    symbol: "AAPL",
    side: "buy",
    type: "limit",
    time_in_force: "day",
    quantity: "10",
    limit_price: "185.25",
    stop_price: null,
    trail_price: null,
    trail_percent: null,
    extended_hours: false,
    order_class: "simple",
    parent_id: null,
    replaces: null,
    state: "accepted",
    cancel_requested: false,
    filled_quantity: "0",
    filled_average_price: null,
    reason: "fast average crossed above slow",
    reject_code: null,
    reject_message: null,
    created_at: START + number * 60_000,
    updated_at: START + number * 60_000 + 250,
    ...changes,
  };
}

export function trade(number: number, changes: Partial<TradeView> = {}): TradeView {
  return {
    execution_id: `broker-${number}@10`,
    client_order_id: `order-${number}`,
    instance: "ema-cross-aapl",
    symbol: "AAPL",
    side: number % 2 === 0 ? "buy" : "sell",
    quantity: "10",
    price: "185.3",
    fee: "0",
    realised: number % 2 === 0 ? "0" : "12.5",
    slippage_bps: 0.4,
    venue_time: START + number * 60_000,
    ...changes,
  };
}

export function signal(id: number, changes: Partial<SignalView> = {}): SignalView {
  return {
    id,
    instance: "ema-cross-aapl",
    symbol: "AAPL",
    target: "10",
    reason: "fast average crossed above slow",
    value: 0.42,
    venue_time: START + id * 60_000,
    outcome: id % 3 === 0 ? "MAX_ORDER_NOTIONAL" : "committed",
    ...changes,
  };
}

function pnl(): PnlView {
  const equity = Array.from({ length: 120 }, (_, i) => ({
    time: START + i * 60_000,
    equity: (100_000 + 220 * Math.sin(i / 11) + 6 * i + 70 * Math.sin(i / 2.7)).toFixed(2),
  }));
  return {
    realised: "512.4",
    unrealised: "88.15",
    fees: "3.2",
    total: "597.35",
    win_rate: 58.3,
    round_trips: 24,
    drawdown: "341.2",
    average_slippage_bps: 0.7,
    equity,
  };
}

function strategy(
  id: string,
  name: string,
  instruments: readonly string[],
  changes: Partial<StrategyView> = {},
): StrategyView {
  return {
    id,
    strategy: name,
    version: 1,
    instruments,
    parameters: { fast: 12, slow: 26, sizing: "fixed", shorts: false },
    capital: "25000",
    worker: 0,
    state: "running",
    trading_state: "active",
    realised: "210.5",
    unrealised: "44.1",
    intents: 31,
    refusals: 2,
    ...changes,
  };
}

function position(symbol: string, changes: Partial<PositionView> = {}): PositionView {
  return {
    instance: "ema-cross-aapl",
    symbol,
    quantity: "10",
    average_entry_price: "184.1",
    mark_price: "185.3",
    market_value: "1853",
    unrealised: "12",
    realised: "210.5",
    fees: "1.2",
    ...changes,
  };
}

const page = <T>(rows: readonly T[], positionOf: (row: T) => number, { limit, before }: Page): T[] =>
  rows.filter((row) => before === null || positionOf(row) < before).slice(0, limit);

export class MemoryBot implements BotPort {
  report: HealthReport = HEALTHY;
  rows: OrderView[] = [
    order(5, { state: "partially_filled", filled_quantity: "4", filled_average_price: "185.2" }),
    order(4),
    order(3, { state: "filled", filled_quantity: "10", filled_average_price: "185.3", symbol: "BTC/USD" }),
    order(2, { state: "rejected", reject_code: "BUYING_POWER", reject_message: "not enough buying power" }),
    order(1, { state: "canceled", cancel_requested: true }),
  ];
  tradeRows: TradeView[] = [trade(5), trade(3, { symbol: "BTC/USD" }), trade(2), trade(1, { slippage_bps: null })];
  signalRows: SignalView[] = [6, 5, 4, 3, 2, 1].map((id) => signal(id));
  readonly created = new Map<string, OrderView>();
  /** What changes of state were asked for, as `name actor detail`. */
  readonly calls: string[] = [];
  /** Thrown by the next read of the account. */
  failure: Error | null = null;
  #tradingState: "active" | "halted" = "active";
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  readonly #restarts = new Set<() => void>();
  readonly #strategies = new Map(
    [
      strategy("ema-cross-aapl", "ema-cross", ["AAPL"]),
      strategy("zscore-btc", "zscore-reversion", ["BTC/USD"], {
        realised: "-40.25",
        unrealised: null,
        state: "warming_up",
      }),
    ].map((one) => [one.id, one]),
  );

  health(): HealthReport {
    return this.report;
  }

  ready(): HealthReport {
    return this.report;
  }

  async createOrder(request: NewOrderRequest): Promise<Answer<OrderView>> {
    this.calls.push(`createOrder ${request.keyId} ${JSON.stringify(request)}`);
    const key = `${request.keyId} ${request.idempotencyKey}`;
    const known = this.created.get(key);
    if (known !== undefined) return { ok: true, value: known };
    if (request.symbol === "NOPE") return refused(422, "SYMBOL_UNKNOWN", "NOPE is not traded here", "symbol");
    const created = order(10 + this.created.size, {
      instance: "manual",
      symbol: request.symbol,
      side: request.side,
      type: request.type,
      time_in_force: request.timeInForce,
      quantity: request.quantity,
      limit_price: request.limitPrice,
      stop_price: request.stopPrice,
      trail_price: request.trailPrice,
      trail_percent: request.trailPercent,
      extended_hours: request.extendedHours,
      order_class: request.orderClass,
      broker_order_id: null,
      state: "journalled",
    });
    this.created.set(key, created);
    this.rows.unshift(created);
    this.emit({ channel: "orders", key: created.client_order_id, data: created });
    return { ok: true, value: created };
  }

  async order(id: string): Promise<OrderView | null> {
    return this.rows.find((row) => row.client_order_id === id) ?? null;
  }

  async orders(filter: { state: "open" | "closed" | "all"; symbol: string | null }, where: Page): Promise<OrderView[]> {
    const rows = this.rows.filter((row) => {
      if (filter.symbol !== null && row.symbol !== filter.symbol) return false;
      return filter.state === "all" || (filter.state === "open") === isOpen(row);
    });
    return page(
      rows.map((row, i) => ({ ...row, position: rows.length - i })),
      (row) => row.position,
      where,
    );
  }

  async replaceOrder(id: string, request: ReplaceOrderRequest): Promise<Answer<OrderView>> {
    this.calls.push(`replaceOrder ${id} ${request.keyId} ${JSON.stringify(request)}`);
    const old = this.rows.find((row) => row.client_order_id === id);
    if (old === undefined) return refused(404, "NOT_FOUND", `there is no order ${id}`);
    const limit_price = request.limitPrice ?? old.limit_price;
    return { ok: true, value: { ...order(20), ...old, client_order_id: "order-20", replaces: id, limit_price } };
  }

  async settleOrder(id: string, actor: string, reason: string): Promise<Answer<OrderView>> {
    this.calls.push(`settleOrder ${id} ${actor} ${reason}`);
    const row = this.rows.find((one) => one.client_order_id === id);
    if (row === undefined) return refused(404, "NOT_FOUND", `there is no order ${id}`);
    return { ok: true, value: { ...row, state: "rejected", reject_code: "SETTLED_BY_HAND" } };
  }

  async cancelOrder(id: string): Promise<Answer<OrderView>> {
    this.calls.push(`cancelOrder ${id}`);
    const at = this.rows.findIndex((row) => row.client_order_id === id);
    const row = this.rows[at];
    if (row === undefined) return refused(404, "ORDER_NOT_FOUND", "no order has this id", "id");
    if (!isOpen(row)) return refused(409, "ORDER_CLOSED", `the order is ${row.state}`);
    const changed = { ...row, cancel_requested: true };
    this.rows[at] = changed;
    this.emit({ channel: "orders", key: id, data: changed });
    return { ok: true, value: changed };
  }

  async cancelAllOrders(): Promise<Answer<{ cancel_requested: number }>> {
    this.calls.push("cancelAllOrders");
    return { ok: true, value: { cancel_requested: this.rows.filter(isOpen).length } };
  }

  async positions(): Promise<PositionView[]> {
    return [
      position("AAPL"),
      position("BTC/USD", {
        instance: "zscore-btc",
        quantity: "-0.125",
        mark_price: null,
        market_value: null,
        unrealised: null,
      }),
    ];
  }

  async account(): Promise<AccountView> {
    if (this.failure !== null) throw this.failure;
    return {
      book_id: "book-1",
      broker_account_id: "simulated-1",
      mode: "simulated",
      cash: "98747.35",
      equity: "100597.35",
      broker_cash: "98747.35",
      broker_equity: "100597.35",
      buying_power: "197494.7",
      venue_time: START + 120 * 60_000,
    };
  }

  async strategies(): Promise<StrategyView[]> {
    return [...this.#strategies.values()];
  }

  async startStrategy(id: string, actor: string): Promise<Answer<StrategyView>> {
    return this.#switch("startStrategy", id, actor, "running");
  }

  async stopStrategy(id: string, actor: string): Promise<Answer<StrategyView>> {
    return this.#switch("stopStrategy", id, actor, "stopped");
  }

  async trades(filter: { symbol: string | null }, where: Page): Promise<TradeView[]> {
    const rows = this.tradeRows.filter((row) => filter.symbol === null || row.symbol === filter.symbol);
    return page(
      rows.map((row, i) => ({ ...row, position: rows.length - i })),
      (row) => row.position,
      where,
    );
  }

  async signals(where: Page): Promise<SignalView[]> {
    return page(this.signalRows, (row) => row.id, where);
  }

  async bars(symbol: string, where: Page): Promise<BarView[]> {
    const rows = [3, 2, 1].map((minute) => ({
      symbol,
      start: START + minute * 60_000,
      interval_seconds: 60,
      open: 185.1,
      high: 185.4,
      low: 185,
      close: 185.3,
      volume: 1_200,
    }));
    return page(rows, (row) => row.start, where);
  }

  async pnl(): Promise<PnlView> {
    return pnl();
  }

  async risk(): Promise<RiskView> {
    return {
      states: [{ scope: "account", state: this.#tradingState }],
      limits: { max_order_notional: "10000", max_open_orders: 50 },
      refusals: { MAX_ORDER_NOTIONAL: 2 },
      owner: true,
      lease_owner: "bot-0",
    };
  }

  async kill(actor: string, reason: string): Promise<KillReport> {
    this.calls.push(`kill ${actor} ${reason}`);
    this.#tradingState = "halted";
    return { state: "halted", cancel_requested: 2, journalled: true, broker_suspended: true, broker_cancelled: true };
  }

  async resume(_scope: ResumeScope, actor: string, reason: string): Promise<Answer<RiskView>> {
    this.calls.push(`resume ${actor} ${reason}`);
    if (this.#tradingState === "active") return refused(409, "NOT_HALTED", "trading is active already");
    this.#tradingState = "active";
    return { ok: true, value: await this.risk() };
  }

  snapshot(channel: StreamChannel): readonly StreamEvent[] {
    if (channel === "orders") return this.rows.map((row) => ({ channel, key: row.client_order_id, data: row }));
    if (channel === "fills") return this.tradeRows.map((row) => ({ channel, key: null, data: row }));
    if (channel === "signals") return this.signalRows.map((row) => ({ channel, key: null, data: row }));
    if (channel === "quotes") return [quote("AAPL", 185.2, 185.3)];
    const { equity, ...figures } = pnl();
    const last = equity.at(-1);
    return [{ channel, key: "pnl", data: { ...figures, time: last?.time ?? START, equity: last?.equity ?? null } }];
  }

  subscribe(listener: (event: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onRestart(listener: () => void): () => void {
    this.#restarts.add(listener);
    return () => this.#restarts.delete(listener);
  }

  /** What was built up from events is void. */
  restart(): void {
    for (const listener of this.#restarts) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  emit(event: StreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #switch(name: string, id: string, actor: string, state: "running" | "stopped"): Answer<StrategyView> {
    this.calls.push(`${name} ${actor} ${id}`);
    const known = this.#strategies.get(id);
    if (known === undefined) return refused(404, "STRATEGY_NOT_FOUND", "no strategy instance has this id", "id");
    const changed = { ...known, state };
    this.#strategies.set(id, changed);
    return { ok: true, value: changed };
  }
}

export function quote(symbol: string, bid: number, ask: number): StreamEvent {
  return { channel: "quotes", key: symbol, data: { symbol, bid, ask, time: START } };
}

function isOpen(row: OrderView): boolean {
  return ["journalled", "sending", "unknown", "accepted", "partially_filled"].includes(row.state);
}

function refused(status: number, code: string, message: string, field?: string): { ok: false; refusal: Refusal } {
  return { ok: false, refusal: { status, code, message, ...(field === undefined ? {} : { field }) } };
}
