/**
 * The real order path against the real simulator over real sockets, with a clock that runs faster than the wall's: order
 * manager, reconciler, memory journal and Alpaca adapter on one side, venue and fsynced ledger on the other. What the bot's
 * trader does around them (reconcile whenever the stream has come up, send nothing before, sweep) is done here as well.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AlpacaBroker } from "../../../src/broker/alpaca/alpaca-broker.ts";
import type { Timers } from "../../../src/broker/alpaca/timers.ts";
import { parseFixed } from "../../../src/core/fixed.ts";
import { nextOrderState, type OrderEvent, type OrderState } from "../../../src/core/order/order-state.ts";
import { MemoryJournal } from "../../../src/orders/journal-memory.ts";
import type { DecodedOrder } from "../../../src/orders/intent-decoder.ts";
import {
  type JournalLimits,
  type JournalOrder,
  type OrderIntent,
  type PositionRow,
  SIMPLE_TERMS,
} from "../../../src/orders/journal.ts";
import { strategyOrderId } from "../../../src/orders/order-id.ts";
import { OrderManager } from "../../../src/orders/order-manager.ts";
import { AccountKeeper } from "../../../src/orders/account-keeper.ts";
import { Reconciler, type ReconcileReport } from "../../../src/orders/reconciler.ts";
import type { FaultInput } from "../../../src/simulator/faults/fault.ts";
import { createSimulator, type Simulator } from "../../../src/simulator/simulator.ts";
import { call, dataStream, KEYS } from "../../simulator/client.ts";
import { LedgerJudge } from "./ledger-judge.ts";

/** Real time runs this much slower than the sockets' and the order manager's clock. */
const HASTE = 20;
const POST_DEADLINE_MS = 250;
/** Generous: it is real time, and the machine may be busy. */
const HEALED_WITHIN_MS = 20_000;
export const SYMBOLS = ["AAA", "BBB", "CCC/USD"] as const;
export type WorldSymbol = (typeof SYMBOLS)[number];

const LIMITS: JournalLimits = {
  maxOrderNotional: parseFixed("1000000", "limit"),
  maxSymbolNotional: parseFixed("100000000", "limit"),
  maxGrossNotional: parseFixed("1000000000", "limit"),
  maxOpenOrders: 1000,
};

export interface Decision {
  readonly symbol: WorldSymbol;
  readonly side: "buy" | "sell";
  /** A decimal. */
  readonly quantity: string;
  /** A decimal; null for a market order. */
  readonly limit: string | null;
}

interface Life {
  readonly manager: OrderManager;
  readonly reconciler: Reconciler;
}

export class FaultWorld {
  readonly simulator: Simulator;
  readonly port: number;
  readonly judge: LedgerJudge;
  readonly journal: MemoryJournal;
  readonly #directory: string;
  #broker: AlpacaBroker;
  #life: Life;
  readonly #owner = "life";
  #lease: { owner: string; generation: bigint };
  #offsetMs = 0;
  #intents = 0;
  #isSplit = false;
  #streamUp = false;
  #reconciling: Promise<void> | null = null;
  /** Connections of the stream so far, and the one since which the books are reconciled. */
  #connections = 0;
  #reconciled = -1;
  /** Newest state of every order that the journal has told of. */
  readonly orders = new Map<string, JournalOrder>();
  readonly positions = new Map<string, PositionRow>();
  /** Codes that intents were refused with, by the journal or by the broker. */
  readonly refusals = new Map<string, number>();
  readonly alerts = new Map<string, number>();
  readonly illegal: string[] = [];
  report: ReconcileReport | null = null;
  /** Orders that were unknown at some moment. */
  readonly unknown = new Set<string>();
  struck = new Map<string, number>();

  private constructor(
    simulator: Simulator,
    port: number,
    directory: string,
    judge: LedgerJudge,
    journal: MemoryJournal,
  ) {
    this.simulator = simulator;
    this.port = port;
    this.judge = judge;
    this.journal = journal;
    this.#directory = directory;
    this.#lease = { owner: this.#owner, generation: 0n };
    this.#broker = this.#connect();
    this.#life = this.#begin();
  }

  static async open(config: object = {}): Promise<FaultWorld> {
    const directory = await mkdtemp(join(tmpdir(), "faults-"));
    const ledgerFile = join(directory, "ledger.jsonl");
    const simulator = await createSimulator({
      ...KEYS,
      port: 0,
      seed: 3,
      haltRate: 0,
      startTime: "2026-03-02T15:00:00Z",
      speed: 60,
      startingCash: "1000000000",
      fee: { model: "alpaca" },
      partialFillRate: 0.4,
      ledgerFile,
      instruments: [
        { symbol: "AAA", calendar: "always", basePrice: 100 },
        { symbol: "BBB", calendar: "always", basePrice: 40 },
        { symbol: "CCC/USD", basePrice: 2000 },
      ],
      ...config,
    });
    const port = await simulator.listen();
    await quoted(port, "/v2/iex", "AAA");
    await quoted(port, "/v2/iex", "BBB");
    await quoted(port, "/v1beta3/crypto/us", "CCC/USD");
    const journal = new MemoryJournal({ nowMs: () => 0, bookId: "book" });
    const world = new FaultWorld(simulator, port, directory, await LedgerJudge.open(ledgerFile), journal);
    let clock = await world.#broker.clock();
    while (clock.kind !== "ok") clock = await world.#broker.clock();
    let account = await world.#broker.account();
    // The deadline is short, and several worlds may begin at once.
    while (account.kind !== "ok") account = await world.#broker.account();
    const { id, cash } = account.value;
    const openedAtUs = clock.value.venueTimeUs;
    await journal.bind({ brokerAccountId: id, mode: "simulated", openingCash: cash, openedAtUs });
    await world.#takeLease();
    await world.#listen();
    return world;
  }

  async close(): Promise<void> {
    this.#life.manager.stop();
    await this.#broker.close();
    await this.simulator.close();
    await this.judge.close();
    await rm(this.#directory, { recursive: true });
  }

  get manager(): OrderManager {
    return this.#life.manager;
  }

  nowMs(): number {
    return performance.now() * HASTE + this.#offsetMs;
  }

  /** Faults in force from now on. */
  async commit(faults: readonly FaultInput[]): Promise<void> {
    if (faults.length === 0) return;
    const { status, body } = await call(this.port, "POST", "/simulator/faults", faults);
    assert.equal(status, 200, JSON.stringify(body));
  }

  /** An engine decides; returns the order's id. */
  decide(decision: Decision): string {
    const number = ++this.#intents;
    const decoded = decodedOf(decision, number);
    this.manager.onOrder(decoded);
    return idOf(decision.symbol, number);
  }

  /** A dividend, or a split of one share into seven: once, for a symbol is not split twice on one day. */
  async corporateAction(kind: "split" | "dividend"): Promise<void> {
    await this.judge.look();
    const isHeld = (this.judge.positions.get("AAA") ?? 0n) !== 0n;
    if (kind === "split" && (this.#isSplit || !isHeld)) return;
    this.#isSplit ||= kind === "split";
    const what = kind === "split" ? { split: { from: 1, to: 7 } } : { dividend: "0.24" };
    const { status } = await call(this.port, "POST", "/simulator/corporate-actions", { symbol: "AAA", ...what });
    assert.equal(status, 200);
  }

  cancel(clientOrderId: string): void {
    this.manager.cancel(clientOrderId);
  }

  /** Waits until orders may be sent again, at most a moment: a fault may hold that up for as long as it lasts. */
  async ready(): Promise<void> {
    for (let turn = 0; turn < 40 && !this.isTrading; turn++) await delay(2);
  }

  get isTrading(): boolean {
    return this.#streamUp && this.#reconciled === this.#connections;
  }

  /** What is under way is journalled and answered, and every silent order is looked up once. */
  async round(): Promise<void> {
    await this.manager.settle();
    this.#offsetMs += 60_000;
    await this.#life.reconciler.sweep();
    await this.manager.settle();
  }

  /** The process dies and another one takes over what the journal has. */
  async restart(): Promise<void> {
    this.#life.manager.stop();
    this.#streamUp = false;
    await this.#reconciling;
    await this.#broker.close();
    await this.#takeLease();
    this.#broker = this.#connect();
    this.#life = this.#begin();
    const snapshot = await this.journal.load();
    for (const order of snapshot.openOrders) this.manager.resume(order, null);
    await this.#listen();
  }

  /** Waits until every fault in force has struck as often as it was told to, or at least once; at most a moment. */
  async untilStruck(): Promise<void> {
    for (let turn = 0; turn < 1000; turn++) {
      const { faults } = (await call(this.port, "GET", "/simulator/faults")).body;
      if (faults.every(({ struck, times }: { struck: number; times: number | null }) => struck >= (times ?? 1))) return;
      await this.round();
      await delay(2);
    }
    assert.fail("a fault has not struck");
  }

  /** No more faults: ends them and lets everything settle. What still rests then is cancelled. */
  async heal(cancels = true): Promise<void> {
    const { faults } = (await call(this.port, "GET", "/simulator/faults")).body;
    for (const { fault, struck } of faults) this.struck.set(fault, (this.struck.get(fault) ?? 0) + struck);
    await call(this.port, "DELETE", "/simulator/faults");
    const streamDeadlineMs = performance.now() + HEALED_WITHIN_MS;
    while (!this.isTrading && performance.now() < streamDeadlineMs) await delay(2);
    assert.ok(this.isTrading, "the stream comes back and the books are reconciled");
    const deadlineMs = performance.now() + HEALED_WITHIN_MS;
    while (live(this.manager).length > 0 && performance.now() < deadlineMs) {
      if (cancels) for (const each of this.manager.liveOrders()) this.manager.cancel(each.order.clientOrderId);
      await this.round();
      await delay(2);
    }
    await this.manager.settle();
    const books = await this.journal.load();
    const positions = () => [...this.positions.values()];
    this.report = await this.#life.reconciler.full(books, { cash: books.cash, positions });
  }

  /** Everything that must hold once all is quiet. */
  async check(): Promise<void> {
    assert.deepEqual(live(this.manager), [], "every order has ended");
    await this.judge.look();
    assert.deepEqual(this.illegal, []);
    const byClient = new Map<string, number>();
    for (const { clientOrderId } of this.judge.orders.values()) {
      byClient.set(clientOrderId, (byClient.get(clientOrderId) ?? 0) + 1);
    }
    for (const [id, copies] of byClient) {
      assert.equal(copies, 1, `${id} is at the broker once`);
      assert.ok(this.orders.has(id), `${id} is in the journal`);
    }
    for (const order of this.judge.orders.values()) {
      const booked = this.orders.get(order.clientOrderId) as JournalOrder;
      assert.equal(booked.filledQuantity, order.filledQuantity, `filled of ${order.clientOrderId}`);
      assert.equal(booked.state, order.status, `end of ${order.clientOrderId}`);
    }
    for (const order of this.orders.values()) {
      if (byClient.has(order.clientOrderId)) continue;
      assert.equal(order.state, "rejected", `${order.clientOrderId} never reached the broker`);
      assert.equal(order.filledQuantity, 0n);
    }
    await this.#checkBooks();
    assert.deepEqual(this.report?.breaks, [], "reconciliation finds no break");
    assert.deepEqual(this.report?.strangers, []);
    assert.equal(this.refusals.get("BROKER_WASH_TRADE"), undefined, "the journal refuses a wash trade first");
  }

  async #checkBooks(): Promise<void> {
    const { cash, positions } = await this.journal.load();
    const held = new Map<string, bigint>();
    for (const row of positions) held.set(row.symbol, (held.get(row.symbol) ?? 0n) + row.quantity);
    for (const symbol of SYMBOLS) {
      assert.equal(held.get(symbol) ?? 0n, this.judge.positions.get(symbol) ?? 0n, `position in ${symbol}`);
    }
    assert.equal(cash, this.judge.cash, "cash");
  }

  #connect(): AlpacaBroker {
    return new AlpacaBroker({
      baseUrl: `http://127.0.0.1:${this.port}`,
      dataUrl: `http://127.0.0.1:${this.port}`,
      streamUrl: `ws://127.0.0.1:${this.port}/stream`,
      keyId: KEYS.keyId,
      secretKey: KEYS.secret,
      cryptoPairs: ["CCC/USD"],
      readDeadlineMs: POST_DEADLINE_MS,
      cancelDeadlineMs: POST_DEADLINE_MS,
      budget: { orders: 50_000, cancels: 50_000, queries: 50_000, data: 50_000 },
      timers: hastyTimers,
      random: () => 0.5,
    });
  }

  #begin(): Life {
    const manager = new OrderManager({
      journal: this.journal,
      broker: this.#broker,
      fence: () => this.#lease,
      limits: LIMITS,
      feedback: { fill() {}, done() {}, refused: (_owner, code) => count(this.refusals, code) },
      observer: {
        order: (order) => this.#note(order),
        fill: ({ position }) => void this.positions.set(`${position.instanceId} ${position.symbol}`, position),
        outcome() {},
        storeDown() {},
        fenced() {},
        alert: (code) => count(this.alerts, code),
        latency() {},
      },
      toIntent,
      postDeadlineMs: POST_DEADLINE_MS,
      intentAgeMaxMs: 1_000_000,
      sequential: false,
      nowMs: () => this.nowMs(),
      wallUs: () => this.nowMs() * 1000,
      sleep: hastySleep,
    });
    const keeper = new AccountKeeper({
      broker: this.#broker,
      journal: this.journal,
      fence: () => this.#lease,
      alert: (code) => count(this.alerts, code),
      awaitsFills: (symbol) => manager.hasOrderOf(symbol),
      nowMs: () => performance.now(),
    });
    const reconciler = new Reconciler({
      broker: this.#broker,
      manager,
      attempts: 3,
      sleep: hastySleep,
      nowMs: () => this.nowMs(),
      takeActivities: () => this.#takeActivities(keeper),
      pendingFee: (symbol) => keeper.pendingFee(symbol),
      onUnsettled: () => count(this.alerts, "ORDER_UNSETTLED"),
    });
    return { manager, reconciler };
  }

  async #takeActivities(keeper: AccountKeeper): Promise<void> {
    if ((await keeper.read()).applied === 0) return;
    for (const row of (await this.journal.load()).positions) this.positions.set(`${row.instanceId} ${row.symbol}`, row);
  }

  async #takeLease(): Promise<void> {
    const lease = await this.journal.acquireLease(this.#owner, Number.MAX_SAFE_INTEGER);
    assert.ok(lease);
    this.#lease = lease;
  }

  /** As the trader does: what passed while the stream was down is read again before anything is sent. */
  async #listen(): Promise<void> {
    const life = this.#life;
    this.#streamUp = false;
    this.#reconciled = -1;
    life.manager.setHalted(true);
    this.#broker.watch({
      connected: () => {
        this.#streamUp = true;
        this.#connections++;
        life.manager.feesInKind.forget();
        void this.#reconcile(life);
      },
      disconnected: () => {
        this.#streamUp = false;
        life.manager.setHalted(true);
      },
      update: (update) => life.manager.onTradeUpdate(update),
    });
    await this.ready();
  }

  async #reconcile(life: Life): Promise<void> {
    this.#reconciling ??= this.#reconcileUntilDone(life).finally(() => {
      this.#reconciling = null;
    });
    await this.#reconciling;
  }

  async #reconcileUntilDone(life: Life): Promise<void> {
    while (this.#streamUp && !this.isTrading && this.#life === life && life.manager.mayAct) {
      const connection = this.#connections;
      try {
        const snapshot = await this.journal.load();
        const books = { cash: snapshot.cash, positions: () => [...this.positions.values()] };
        this.report = await life.reconciler.full(snapshot, books);
        this.#reconciled = connection;
        life.manager.setHalted(!this.isTrading);
      } catch {
        await hastySleep(1000);
      }
    }
  }

  #note(order: JournalOrder): void {
    const before = this.orders.get(order.clientOrderId);
    if (before !== undefined && !isLegalStep(before.state, order.state)) {
      this.illegal.push(`${order.clientOrderId}: ${before.state} → ${order.state}`);
    }
    if (order.state === "unknown") this.unknown.add(order.clientOrderId);
    if (order.rejectCode !== null && before?.rejectCode === null) count(this.refusals, order.rejectCode);
    this.orders.set(order.clientOrderId, order);
  }
}

const EVENTS: readonly OrderEvent[] = [
  "send",
  "lose",
  "accept",
  "fill_partly",
  "fill",
  "cancel",
  "expire",
  "reject",
  "replace",
];

function isLegalStep(before: OrderState, after: OrderState): boolean {
  return before === after || EVENTS.some((event) => nextOrderState(before, event) === after);
}

function live(manager: OrderManager): string[] {
  return [...manager.liveOrders()].map(({ order }) => `${order.clientOrderId} ${order.state}`);
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const hastyTimers: Timers = {
  nowMs: () => performance.now() * HASTE,
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs / HASTE);
    return () => clearTimeout(timer);
  },
};

async function hastySleep(ms: number): Promise<void> {
  await delay(ms / HASTE);
}

async function quoted(port: number, path: string, symbol: string): Promise<void> {
  const stream = await dataStream(port, path, { quotes: [symbol] });
  await stream.find((message) => message.T === "q" && message.S === symbol);
  await stream.close();
}

function decodedOf({ symbol, side, quantity, limit }: Decision, number: number): DecodedOrder {
  return {
    kind: "order",
    owner: { worker: 0, instanceIndex: 0, instrumentIndex: SYMBOLS.indexOf(symbol), intentNumber: number },
    side,
    type: limit === null ? "market" : "limit",
    timeInForce: symbol.includes("/") ? "gtc" : "day",
    reducing: false,
    leg: 0,
    reason: 1,
    triggerKind: 1,
    triggerOrdinal: 0,
    triggerVenueTimeUs: number,
    triggerReceivedTimeUs: 0,
    engineTimeUs: number,
    quantity: parseFixed(quantity, "quantity"),
    limitPrice: limit === null ? null : parseFixed(limit, "limit"),
    target: 0n,
    mid: 100,
    farTouch: 100,
    signal: 0,
    inboundNumber: number,
    publishedUs: 0,
    snapshot: new Uint8Array(8),
  };
}

function triggerOf(symbol: string, number: number): string {
  return `1:${symbol}:${number}:0`;
}

function idOf(symbol: string, number: number): string {
  return strategyOrderId("book", "s", 1, triggerOf(symbol, number), 0);
}

const WORST = { AAA: "150", BBB: "60", "CCC/USD": "3000" };

function toIntent(decoded: DecodedOrder): OrderIntent {
  const symbol = SYMBOLS[decoded.owner.instrumentIndex] as WorldSymbol;
  const trigger = triggerOf(symbol, decoded.triggerVenueTimeUs);
  return {
    ...SIMPLE_TERMS,
    clientOrderId: idOf(symbol, decoded.triggerVenueTimeUs),
    instanceId: "s",
    replaces: null,
    symbol,
    side: decoded.side,
    type: decoded.type,
    timeInForce: decoded.timeInForce,
    quantity: decoded.quantity,
    limitPrice: decoded.limitPrice,
    worstPrice: decoded.limitPrice ?? parseFixed(WORST[symbol], "price"),
    reducing: decoded.reducing,
    trigger,
    reason: "test",
    midAtDecision: parseFixed("100", "mid"),
    decidedAtUs: decoded.engineTimeUs,
    snapshot: decoded.snapshot,
    snapshotTimeUs: decoded.engineTimeUs,
    fingerprint: "f",
  };
}
