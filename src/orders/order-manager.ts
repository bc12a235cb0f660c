/**
 * The order manager: takes intents from the engines and from people, journals them, has sent what was committed, and turns
 * the broker's answers into journal changes and account records. Main thread only; it owns no socket and no clock.
 *
 * An order's life here: intent → committed (or refused) → POST → accepted | rejected | unknown → fills → terminal. An order
 * is sent only by the process that committed it. Exits are made by the broker with their parent; an order that takes the
 * place of another is journalled under an id of its own before the request for it leaves.
 */
import type { Broker, BrokerOrder, TradeUpdate } from "../broker/broker.ts";
import type { Fixed } from "../core/fixed.ts";
import { isFinal } from "../core/order/order-state.ts";
import { stateOfStatus } from "./broker-status.ts";
import { FeesInKind } from "./fees-in-kind.ts";
import type { DecodedCancel, DecodedOrder, IntentOwner } from "./intent-decoder.ts";
import type {
  AppliedExecution,
  Execution,
  Fence,
  IntentOutcome,
  Journal,
  JournalLimits,
  JournalOrder,
  OrderChange,
  OrderIntent,
} from "./journal.ts";
import { JournalLane } from "./journal-lane.ts";
import { exitOrders, isSameType, journalledOrder } from "./journal-rules.ts";
import { isExit, type LiveOrder, LiveOrders } from "./live-orders.ts";
import { type LateFill, LateOrders } from "./late-orders.ts";
import { NEVER_SENT, OrderSender, type PendingIntent } from "./order-sender.ts";

export type { LiveOrder };

/** The way back to the engines. Called after the journal has the fact. */
export interface EngineFeedback {
  fill(owner: IntentOwner, signedQuantity: Fixed, price: Fixed, positionAfter: Fixed, venueTimeUs: number): void;
  done(owner: IntentOwner, venueTimeUs: number): void;
  refused(owner: IntentOwner, code: string, venueTimeUs: number): void;
}

/** What others watch: the faces, history, metrics. Never throws back into the order path. */
export interface OrderObserver {
  order(order: JournalOrder): void;
  fill(applied: AppliedExecution, execution: Execution): void;
  outcome(intent: OrderIntent, decoded: DecodedOrder | null, outcome: IntentOutcome): void;
  storeDown(down: boolean, cause: string): void;
  fenced(): void;
  /** A fact that a person must look at: an adoption that does not match, an order that nobody knows. */
  alert(code: string, message: string, symbol: string | null): void;
  latency(stage: "intent_to_journal" | "journal" | "send_to_acknowledgement" | "tick_to_order", us: number): void;
}

export interface OrderManagerOptions {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly fence: () => Fence | null;
  readonly limits: JournalLimits;
  readonly feedback: EngineFeedback;
  readonly observer: OrderObserver;
  /** Builds the journal's intent from an engine's; throws only on a bug. */
  readonly toIntent: (decoded: DecodedOrder) => OrderIntent;
  /** Length of the POST's deadline, ms (design: 4,000, below the lease's life). */
  readonly postDeadlineMs: number;
  /** A committed intent older than this by the monotonic clock is not sent any more, ms. */
  readonly intentAgeMaxMs: number;
  /**
   * True in lockstep and backtests: each intent is journalled and answered before the next one is looked at, so that the
   * same intents meet the same market in the same order.
   */
  readonly sequential: boolean;
  /** Monotonic real time, ms. */
  readonly nowMs: () => number;
  /** Wall time in µs on the clock of the records' received stamps. */
  readonly wallUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export class OrderManager {
  readonly feesInKind = new FeesInKind();
  /** Executions that the journal applied in this life. */
  executionsApplied = 0;
  readonly #options: OrderManagerOptions;
  readonly #lane: JournalLane;
  readonly #live = new LiveOrders();
  readonly #sender: OrderSender;
  readonly #late: LateOrders;
  readonly #pendingOwners = new Map<string, PendingIntent>();
  readonly #executions = new Map<string, Execution>();
  /** Orders whose status nobody here knows, so that each is told of once. */
  readonly #strangeStatuses = new Set<string>();
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;
  #stopped = false;
  #venueTimeUs = 0;

  constructor(options: OrderManagerOptions) {
    this.#options = options;
    this.#lane = new JournalLane({
      journal: options.journal,
      fence: options.fence,
      limits: options.limits,
      batchMax: 256,
      retryMs: 500,
      sleep: options.sleep,
      nowUs: () => options.nowMs() * 1000,
      onJournalUs: (us) => options.observer.latency("journal", us),
      handler: {
        applied: (results) => this.#onApplied(results),
        changed: (orders, changes) => this.#onChanged(orders, changes),
        committed: (intents, outcomes) => this.#onCommitted(intents, outcomes),
        fenced: () => this.#onFenced(),
        storeDown: (down, cause) => options.observer.storeDown(down, cause),
        failed: (item, error) => this.#onItemFailed(item, error),
      },
    });
    const { broker, fence, postDeadlineMs, intentAgeMaxMs, nowMs, wallUs, sleep, observer } = options;
    this.#sender = new OrderSender({
      broker,
      fence,
      postDeadlineMs,
      intentAgeMaxMs,
      nowMs,
      wallUs,
      sleep,
      live: this.#live,
      change: (change) => this.#lane.change(change),
      accepted: (live, order) => this.#onAccepted(live, order),
      alert: (code, message, symbol) => observer.alert(code, message, symbol),
      latency: (stage, us) => observer.latency(stage, us),
    });
    this.#late = new LateOrders({
      broker,
      live: this.#live,
      journal: options.journal,
      inTurn: (symbol, work) => this.#sender.inTurn(symbol, work),
      book: (order, fill) => this.#execute(order, fill.executionId, fill.quantity, fill.price, fill.venueTimeUs),
      alert: (code, message, symbol) => observer.alert(code, message, symbol),
    });
  }

  /** True when nothing is journalled, sent or waited for inside this process. */
  get isIdle(): boolean {
    return this.#lane.isIdle && this.#sender.isIdle && this.#queued === 0;
  }

  /** False once it was told to stop, or while the fence is not held: nothing may be sent then. */
  get mayAct(): boolean {
    return !this.#stopped && this.#options.fence() !== null;
  }

  get isStoreDown(): boolean {
    return this.#lane.isDown;
  }

  liveOrders(): IterableIterator<LiveOrder> {
    return this.#live.values();
  }

  /** True while an order of the symbol is alive here. */
  hasOrderOf(symbol: string): boolean {
    for (const { order } of this.#live.values()) if (order.symbol === symbol) return true;
    return false;
  }

  find(clientOrderId: string): LiveOrder | undefined {
    return this.#live.get(clientOrderId);
  }

  /** The newest venue time seen, for records made here. */
  setVenueTimeUs(venueTimeUs: number): void {
    if (venueTimeUs > this.#venueTimeUs) this.#venueTimeUs = venueTimeUs;
  }

  /** No new order leaves from now on, whatever was committed. */
  setHalted(halted: boolean): void {
    this.#sender.setHalted(halted);
  }

  /** An engine wants an order. */
  onOrder(decoded: DecodedOrder): void {
    if (this.#options.sequential) this.#enqueue(() => this.#take(decoded));
    else this.#take(decoded);
  }

  #take(decoded: DecodedOrder): void {
    if (this.#stopped) return;
    if (this.#lane.isDown) return this.#options.feedback.refused(decoded.owner, "STORE_UNAVAILABLE", this.#venueTimeUs);
    if (this.#sender.isHalted)
      return this.#options.feedback.refused(decoded.owner, "TRADING_HALTED", this.#venueTimeUs);
    const intent = this.#options.toIntent(decoded);
    this.#pendingOwners.set(intent.clientOrderId, { decoded, atMs: this.#options.nowMs() });
    this.#lane.intent(intent);
  }

  /** An engine wants one of its orders cancelled. */
  onCancel(cancel: DecodedCancel): void {
    if (this.#options.sequential) this.#enqueue(() => this.#takeCancel(cancel));
    else this.#takeCancel(cancel);
  }

  #takeCancel(cancel: DecodedCancel): void {
    const live = this.#live.byIntent({ ...cancel.owner, intentNumber: cancel.cancels });
    if (live !== undefined) this.cancel(live.order.clientOrderId);
  }

  /** Asks the broker to cancel, now or as soon as the order has a broker id. Waits for no limit and no database. */
  cancel(clientOrderId: string): void {
    const live = this.#live.get(clientOrderId);
    if (live === undefined || this.#stopped) return;
    if (!live.order.cancelRequested) {
      live.order = { ...live.order, cancelRequested: true };
      this.#lane.change({ clientOrderId, cancelRequested: true });
    }
    if (live.order.brokerOrderId !== null) this.#sender.cancel(live);
  }

  /**
   * Takes up a manual order that any process has committed. It is marked as `sending` first, so that after a crash a
   * `journalled` manual order is known never to have left. An exit waits for its parent.
   */
  takeUp(order: JournalOrder): void {
    if (this.#live.get(order.clientOrderId) !== undefined || this.#stopped) return;
    const live = this.#live.add(order, null, this.#options.nowMs());
    if (isExit(order)) return;
    live.awaitingSend = true;
    this.#lane.change({ clientOrderId: order.clientOrderId, state: "sending" });
  }

  /** Registers an order of an earlier life; it is never sent from here, only resolved. */
  resume(order: JournalOrder, owner: IntentOwner | null): LiveOrder {
    return this.#live.add(order, owner, this.#options.nowMs());
  }

  onTradeUpdate(update: TradeUpdate): void {
    this.setVenueTimeUs(update.venueTimeUs);
    const { order, executionId, quantity, price, venueTimeUs } = update;
    const live = this.#live.of(order);
    if (live === undefined) {
      if (!this.#stopped) this.#late.onTradeUpdate(update);
      return;
    }
    if (executionId !== null && quantity !== null && price !== null) {
      this.#execute(live.order, executionId, quantity, price, venueTimeUs, this.feesInKind.of(update));
    }
    if (update.event === "order_replace_rejected") this.#onReplaceRejected(live);
    this.applyBrokerOrder(live, order);
  }

  /** Alpaca may tell it of the old order or of the new one; the old one goes on either way. */
  #onReplaceRejected(live: LiveOrder): void {
    const next = live.order.replaces === null ? this.#live.successorOf(live.order.clientOrderId) : live;
    if (next === undefined) return;
    this.settleAs(next, {
      state: "rejected",
      rejectCode: "BROKER_NOT_REPLACEABLE",
      rejectMessage: "the order was over, or could not be replaced, before the broker came to it",
    });
  }

  /** A fill learnt by REST; applying it twice does nothing. */
  onRecoveredFill(order: JournalOrder, executionId: string, quantity: Fixed, price: Fixed, venueTimeUs: number): void {
    this.#execute(order, executionId, quantity, price, venueTimeUs);
  }

  /**
   * Takes in the broker's view of an order, and of its exits. An end whose fills the journal does not have yet waits for them.
   */
  applyBrokerOrder(live: LiveOrder, order: BrokerOrder): void {
    const known = live.order.brokerOrderId === order.id && live.order.state !== "unknown";
    this.#live.noteBrokerId(live, order.id);
    this.placeExits(live.order.clientOrderId, order);
    const state = stateOfStatus(order.status);
    if (state === null) return this.#onStrangeStatus(live, order);
    const { clientOrderId } = live.order;
    const smaller = isSmaller(order, live.order) ? { quantity: order.quantity as Fixed } : {};
    if (isFinal(state)) {
      const change = { clientOrderId, state, brokerOrderId: order.id, ...smaller };
      live.pendingEnd = { change, filledQuantity: order.filledQuantity };
      this.#endIfComplete(live);
    } else if (!known) {
      this.#lane.change({ clientOrderId, state: "accepted", brokerOrderId: order.id, ...smaller });
      if (isExit(live.order) && live.order.cancelRequested) this.#sender.cancel(live);
    } else if ("quantity" in smaller) this.#lane.change({ clientOrderId, ...smaller });
  }

  /** Exits are known through their parent: the broker's legs are told apart by their types. */
  placeExits(parentId: string, parent: BrokerOrder): void {
    for (const exit of parent.legs.length === 0 ? [] : this.#live.unplacedExits(parentId)) {
      const leg = parent.legs.find(({ type, side }) => isSameType(type, exit.order.type) && side === exit.order.side);
      if (leg !== undefined) this.applyBrokerOrder(exit, leg);
    }
  }

  /** The answer to a request proves that the order exists, and of what size; fills and ends come by the stream, in order. */
  #onAccepted(live: LiveOrder, order: BrokerOrder): void {
    this.#live.noteBrokerId(live, order.id);
    this.placeExits(live.order.clientOrderId, order);
    if (isFinal(live.order.state)) return;
    const { clientOrderId } = live.order;
    const smaller = isSmaller(order, live.order) ? { quantity: order.quantity as Fixed } : {};
    this.#lane.change({ clientOrderId, state: "accepted", brokerOrderId: order.id, ...smaller });
  }

  #onStrangeStatus(live: LiveOrder, order: BrokerOrder): void {
    const key = `${order.id} ${order.status}`;
    if (this.#strangeStatuses.has(key)) return;
    this.#strangeStatuses.add(key);
    const message = `${live.order.clientOrderId} has the status ${order.status}, which this release does not know`;
    this.#options.observer.alert("BROKER_STATUS_UNKNOWN", message, live.order.symbol);
  }

  /** What the broker has of an order that is not alive here; `fills` are booked whatever became of it. */
  takeLate(order: BrokerOrder, fills: readonly LateFill[]): void {
    if (!this.#stopped) this.#late.take(order, fills);
  }

  /** Resolves when everything in flight is journalled and answered. */
  async settle(): Promise<void> {
    while (!this.isIdle) {
      await this.#tail;
      await this.#settleInFlight();
    }
  }

  async #settleInFlight(): Promise<void> {
    while (!this.#lane.isIdle || !this.#sender.isIdle) {
      await this.#lane.settle();
      await this.#sender.settle();
    }
  }

  #enqueue(work: () => void): void {
    this.#queued += 1;
    this.#tail = this.#tail.then(async () => {
      work();
      await this.#settleInFlight();
      this.#queued -= 1;
    });
  }

  /** No new sends, and nothing is written any more after the transaction under way. */
  stop(): void {
    this.#stopped = true;
    this.#sender.stop();
    this.#lane.stop();
  }

  /** Records what the resolver has proven about an order. */
  settleAs(live: LiveOrder, change: Omit<OrderChange, "clientOrderId">): void {
    this.#lane.change({ ...change, clientOrderId: live.order.clientOrderId });
  }

  #execute(
    order: JournalOrder,
    executionId: string,
    quantity: Fixed,
    price: Fixed,
    venueTimeUs: number,
    feeQuantity: Fixed = 0n,
  ): void {
    const execution: Execution = {
      executionId,
      clientOrderId: order.clientOrderId,
      symbol: order.symbol,
      side: order.side,
      quantity,
      price,
      // Fees in cash come as activities.
      fee: 0n,
      feeQuantity,
      venueTimeUs,
    };
    this.#executions.set(executionId, execution);
    this.#lane.execution(execution);
  }

  /** The end counts once the journal has every fill that the broker reports. */
  #endIfComplete(live: LiveOrder): void {
    const end = live.pendingEnd;
    if (end === null || live.order.filledQuantity < end.filledQuantity) return;
    live.pendingEnd = null;
    this.#lane.change(end.change);
  }

  #onCommitted(intents: readonly OrderIntent[], outcomes: readonly IntentOutcome[]): void {
    for (let i = 0; i < intents.length; i++) {
      const intent = intents[i] as OrderIntent;
      const outcome = outcomes[i] as IntentOutcome;
      const pending = this.#pendingOwners.get(intent.clientOrderId);
      this.#pendingOwners.delete(intent.clientOrderId);
      this.#options.observer.outcome(intent, pending?.decoded ?? null, outcome);
      this.#afterCommit(intent, outcome, pending);
    }
  }

  #afterCommit(intent: OrderIntent, outcome: IntentOutcome, pending: PendingIntent | undefined): void {
    const owner = pending?.decoded.owner ?? null;
    if (outcome.kind === "refused") {
      if (owner !== null) this.#options.feedback.refused(owner, outcome.code, this.#venueTimeUs);
      return;
    }
    if (outcome.kind === "duplicate") return this.#onDuplicate(intent, owner);
    if (pending !== undefined) {
      this.#options.observer.latency("intent_to_journal", (this.#options.nowMs() - pending.atMs) * 1000);
    }
    this.#sender.send(this.#addCommitted(intent, owner), pending);
  }

  #addCommitted(intent: OrderIntent, owner: IntentOwner | null): LiveOrder {
    const order = journalledOrder(intent, undefined, 0);
    const live = this.#live.add(order, owner, this.#options.nowMs());
    this.#options.observer.order(order);
    for (const exit of exitOrders(order)) this.#live.add(exit, null, this.#options.nowMs());
    return live;
  }

  /**
   * The journal has the id already. Either somebody here answers for the order, and the same was decided twice; or its commit
   * went through and the answer was lost, so that nobody has sent it. Then it is not sent late but settled as unknown.
   */
  #onDuplicate(intent: OrderIntent, owner: IntentOwner | null): void {
    const { clientOrderId } = intent;
    if (this.#live.get(clientOrderId) !== undefined || this.#live.hasEnded(clientOrderId)) {
      if (owner !== null) this.#options.feedback.refused(owner, "DUPLICATE", this.#venueTimeUs);
      return;
    }
    this.#addCommitted(intent, owner);
    this.#lane.change({ clientOrderId, state: "unknown", rejectMessage: "the answer to its commit was lost" });
  }

  #onApplied(results: readonly AppliedExecution[]): void {
    for (const applied of results) {
      const execution = this.#executions.get(applied.executionId);
      this.#executions.delete(applied.executionId);
      const live = this.#live.get(applied.order.clientOrderId);
      if (live !== undefined) live.order = { ...applied.order, cancelRequested: live.order.cancelRequested };
      if (applied.first && execution !== undefined) {
        this.executionsApplied += 1;
        this.#options.observer.fill(applied, execution);
        this.#options.observer.order(applied.order);
        if (live?.owner) this.#feedFill(live.owner, applied, execution);
      }
      if (live === undefined) continue;
      if (isFinal(live.order.state)) this.#end(live, execution?.venueTimeUs ?? this.#venueTimeUs);
      else this.#endIfComplete(live);
    }
  }

  #feedFill(owner: IntentOwner, applied: AppliedExecution, execution: Execution): void {
    const signed = execution.side === "buy" ? execution.quantity : -execution.quantity;
    this.#options.feedback.fill(owner, signed, execution.price, applied.position.quantity, execution.venueTimeUs);
  }

  #onChanged(orders: readonly JournalOrder[], changes: readonly OrderChange[]): void {
    for (let i = 0; i < orders.length; i++) {
      const order = orders[i] as JournalOrder;
      const live = this.#live.get(order.clientOrderId);
      this.#options.observer.order(order);
      if (live === undefined) continue;
      live.order = { ...order, brokerOrderId: order.brokerOrderId ?? live.order.brokerOrderId };
      if (isFinal(order.state)) this.#end(live, this.#venueTimeUs, changes[i]);
      else if (live.awaitingSend && order.state === "sending") {
        live.awaitingSend = false;
        this.#sender.send(live);
      }
    }
  }

  #end(live: LiveOrder, venueTimeUs: number, change?: OrderChange): void {
    const { order, owner } = live;
    this.#live.remove(live);
    if (order.state === "rejected") this.#endExits(order);
    if (owner === null) return;
    const neverSent = order.brokerOrderId === null && change?.rejectMessage === NEVER_SENT;
    if (neverSent) this.#options.feedback.refused(owner, order.rejectCode ?? "REJECTED", venueTimeUs);
    else this.#options.feedback.done(owner, venueTimeUs);
  }

  /** The broker never made the exits of an order that it never took. */
  #endExits(parent: JournalOrder): void {
    for (const exit of this.#live.unplacedExits(parent.clientOrderId)) {
      this.settleAs(exit, { state: "rejected", rejectCode: "PARENT_REJECTED", rejectMessage: NEVER_SENT });
    }
  }

  /** A fact that the journal refuses leaves the books incomplete: nothing more is traded until a person has looked. */
  #onItemFailed(item: Execution | OrderChange | OrderIntent, error: unknown): void {
    const id = item.clientOrderId;
    const pending = this.#pendingOwners.get(id);
    this.#pendingOwners.delete(id);
    const message = error instanceof Error ? error.message : String(error);
    const symbol = "symbol" in item ? item.symbol : null;
    if ("trigger" in item) {
      if (pending !== undefined) this.#options.feedback.refused(pending.decoded.owner, "OTHER", this.#venueTimeUs);
      this.#options.observer.alert("INTENT_FAILED", `${id}: ${message}`, symbol);
      return;
    }
    this.setHalted(true);
    this.#options.observer.alert("JOURNAL_REFUSED", `${id}: ${message}`, symbol);
  }

  #onFenced(): void {
    this.#stopped = true;
    this.#sender.stop();
    this.#options.observer.fenced();
  }
}

/** An exit that its sibling has shrunk, or the rest of a replaced order. */
function isSmaller(order: BrokerOrder, known: JournalOrder): boolean {
  const mayShrink = known.parentId !== null || known.replaces !== null;
  return mayShrink && order.quantity !== null && order.quantity < known.quantity;
}
