/**
 * The order manager: takes intents from the engines and from people, journals them, sends what was committed, and turns
 * the broker's answers into journal changes and account records. Main thread only; it owns no socket and no clock.
 *
 * An order's life here: intent → committed (or refused) → POST → accepted | rejected | unknown → fills → terminal. An order
 * is sent only by the process that committed it, under a fence that is valid at that moment, and at most once: after an
 * answer that proves nothing it is `unknown` and belongs to the resolver.
 */
import type { Broker, BrokerOrder, TradeUpdate } from "../broker/broker.ts";
import type { Fixed } from "../core/fixed.ts";
import { isTerminal, stateOfStatus } from "./broker-status.ts";
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
import { SIMPLE_TERMS } from "./journal.ts";
import { JournalLane } from "./journal-lane.ts";

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

/** A non-final order that this process answers for. */
export interface LiveOrder {
  order: JournalOrder;
  readonly owner: IntentOwner | null;
  readonly bornMs: number;
  /** Waits for its POST, or the POST is under way: no one else may touch its outcome. */
  sending: boolean;
  /** A manual order that is sent once the journal holds it as `sending`. */
  awaitingSend: boolean;
  /** The broker reported the end; the journal waits until it has this much filled. */
  pendingEnd: { readonly change: OrderChange; readonly filledQuantity: Fixed } | null;
  checkedAtMs: number;
  checks: number;
}

export class OrderManager {
  readonly #options: OrderManagerOptions;
  readonly #lane: JournalLane;
  readonly #live = new Map<string, LiveOrder>();
  readonly #byBrokerId = new Map<string, string>();
  readonly #byIntent = new Map<string, string>();
  readonly #pendingOwners = new Map<string, { decoded: DecodedOrder; atMs: number }>();
  readonly #executions = new Map<string, Execution>();
  readonly #chains = new Map<string, Promise<void>>();
  #tail: Promise<void> = Promise.resolve();
  #queued = 0;
  #sends = 0;
  #halted = false;
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
  }

  /** True when nothing is journalled, sent or waited for inside this process. */
  get isIdle(): boolean {
    return this.#lane.isIdle && this.#sends === 0 && this.#queued === 0;
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

  find(clientOrderId: string): LiveOrder | undefined {
    return this.#live.get(clientOrderId);
  }

  /** The newest venue time seen, for records made here. */
  setVenueTimeUs(venueTimeUs: number): void {
    if (venueTimeUs > this.#venueTimeUs) this.#venueTimeUs = venueTimeUs;
  }

  /** No new order leaves from now on, whatever was committed. */
  setHalted(halted: boolean): void {
    this.#halted = halted;
  }

  /** An engine wants an order. */
  onOrder(decoded: DecodedOrder): void {
    if (this.#options.sequential) this.#enqueue(() => this.#take(decoded));
    else this.#take(decoded);
  }

  #take(decoded: DecodedOrder): void {
    if (this.#stopped) return;
    if (this.#lane.isDown) return this.#options.feedback.refused(decoded.owner, "STORE_UNAVAILABLE", this.#venueTimeUs);
    if (this.#halted) return this.#options.feedback.refused(decoded.owner, "TRADING_HALTED", this.#venueTimeUs);
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
    const id = this.#byIntent.get(intentKey({ ...cancel.owner, intentNumber: cancel.cancels }));
    const live = id === undefined ? undefined : this.#live.get(id);
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
    if (live.order.brokerOrderId !== null) this.#chain(live.order.symbol, () => this.#sendCancel(live));
  }

  /**
   * Takes up a manual order that any process has committed. It is marked as `sending` first, so that after a crash a
   * `journalled` manual order is known never to have left.
   */
  takeUp(order: JournalOrder): void {
    if (this.#live.has(order.clientOrderId) || this.#stopped) return;
    this.#adoptLive(order, null).awaitingSend = true;
    this.#lane.change({ clientOrderId: order.clientOrderId, state: "sending" });
  }

  /** Registers an order of an earlier life; it is never sent from here, only resolved. */
  resume(order: JournalOrder, owner: IntentOwner | null): LiveOrder {
    return this.#adoptLive(order, owner);
  }

  onTradeUpdate(update: TradeUpdate): void {
    this.setVenueTimeUs(update.venueTimeUs);
    const live = this.#live.get(update.order.clientOrderId);
    if (live === undefined) return;
    if (update.executionId !== null && update.quantity !== null && update.price !== null) {
      this.#execute(live, update.executionId, update.quantity, update.price, update.venueTimeUs);
    }
    this.applyBrokerOrder(live, update.order);
  }

  /** A fill learnt by REST; applying it twice does nothing. */
  onRecoveredFill(live: LiveOrder, executionId: string, quantity: Fixed, price: Fixed, venueTimeUs: number): void {
    this.#execute(live, executionId, quantity, price, venueTimeUs);
  }

  /**
   * Takes in the broker's view of an order. An end whose fills the journal does not have yet waits for them.
   */
  applyBrokerOrder(live: LiveOrder, order: BrokerOrder): void {
    const state = stateOfStatus(order.status);
    if (state === null) return;
    const known = live.order.brokerOrderId === order.id && live.order.state !== "unknown";
    this.#noteBrokerId(live, order.id);
    const { clientOrderId } = live.order;
    if (isTerminal(state)) {
      live.pendingEnd = {
        change: { clientOrderId, state, brokerOrderId: order.id },
        filledQuantity: order.filledQuantity,
      };
      this.#endIfComplete(live);
    } else if (!known) {
      this.#lane.change({ clientOrderId, state: "accepted", brokerOrderId: order.id });
    }
  }

  /** Resolves when everything in flight is journalled and answered. */
  async settle(): Promise<void> {
    while (!this.isIdle) {
      await this.#tail;
      await this.#settleInFlight();
    }
  }

  async #settleInFlight(): Promise<void> {
    while (!this.#lane.isIdle || this.#sends > 0) {
      await this.#lane.settle();
      await Promise.all(this.#chains.values());
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
    this.#lane.stop();
  }

  /** Records what the resolver has proven about an order. */
  settleAs(live: LiveOrder, change: Omit<OrderChange, "clientOrderId">): void {
    this.#lane.change({ ...change, clientOrderId: live.order.clientOrderId });
  }

  #execute(live: LiveOrder, executionId: string, quantity: Fixed, price: Fixed, venueTimeUs: number): void {
    const { order } = live;
    const execution: Execution = {
      executionId,
      clientOrderId: order.clientOrderId,
      symbol: order.symbol,
      side: order.side,
      quantity,
      price,
      fee: 0n,
      feeQuantity: 0n,
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

  #adoptLive(order: JournalOrder, owner: IntentOwner | null): LiveOrder {
    const live: LiveOrder = {
      order,
      owner,
      bornMs: this.#options.nowMs(),
      sending: false,
      awaitingSend: false,
      pendingEnd: null,
      checkedAtMs: this.#options.nowMs(),
      checks: 0,
    };
    this.#live.set(order.clientOrderId, live);
    if (order.brokerOrderId !== null) this.#byBrokerId.set(order.brokerOrderId, order.clientOrderId);
    if (owner !== null) this.#byIntent.set(intentKey(owner), order.clientOrderId);
    return live;
  }

  #noteBrokerId(live: LiveOrder, brokerOrderId: string): void {
    if (live.order.brokerOrderId === brokerOrderId) return;
    live.order = { ...live.order, brokerOrderId };
    this.#byBrokerId.set(brokerOrderId, live.order.clientOrderId);
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

  #afterCommit(
    intent: OrderIntent,
    outcome: IntentOutcome,
    pending: { decoded: DecodedOrder; atMs: number } | undefined,
  ): void {
    const owner = pending?.decoded.owner ?? null;
    if (outcome.kind === "refused") {
      if (owner !== null) this.#options.feedback.refused(owner, outcome.code, this.#venueTimeUs);
      return;
    }
    if (outcome.kind === "duplicate") {
      // An earlier life of ours decided the same from the same record; that order is resolved on its own.
      if (owner !== null) this.#options.feedback.refused(owner, "DUPLICATE", this.#venueTimeUs);
      return;
    }
    if (pending !== undefined) {
      this.#options.observer.latency("intent_to_journal", (this.#options.nowMs() - pending.atMs) * 1000);
    }
    const live = this.#adoptLive(journalled(intent), owner);
    this.#options.observer.order(live.order);
    this.#schedule(intent.clientOrderId, pending);
  }

  #schedule(clientOrderId: string, pending?: { decoded: DecodedOrder; atMs: number }): void {
    const live = this.#live.get(clientOrderId);
    if (live === undefined) return;
    live.sending = true;
    this.#chain(live.order.symbol, async () => {
      try {
        await this.#send(live, pending);
      } finally {
        live.sending = false;
      }
    });
  }

  #chain(symbol: string, work: () => Promise<void>): void {
    const before = this.#chains.get(symbol) ?? Promise.resolve();
    this.#sends += 1;
    const after = before.then(work).finally(() => {
      this.#sends -= 1;
      if (this.#chains.get(symbol) === after) this.#chains.delete(symbol);
    });
    this.#chains.set(symbol, after);
  }

  /** Why the order may not leave any more, or null. */
  #unsendable(live: LiveOrder, atMs: number): string | null {
    if (this.#halted) return "TRADING_HALTED";
    if (live.order.cancelRequested) return "CANCELED_BEFORE_SENT";
    if (this.#options.nowMs() - atMs > this.#options.intentAgeMaxMs) return "INTENT_TOO_OLD";
    return null;
  }

  async #send(live: LiveOrder, pending?: { decoded: DecodedOrder; atMs: number }): Promise<void> {
    const atMs = pending?.atMs ?? live.bornMs;
    const { clientOrderId } = live.order;
    for (;;) {
      if (this.#stopped || this.#options.fence() === null) return;
      const reason = this.#unsendable(live, atMs);
      if (reason !== null) {
        this.#lane.change({ clientOrderId, state: "rejected", rejectCode: reason, rejectMessage: "never sent" });
        return;
      }
      const startMs = this.#options.nowMs();
      if (pending !== undefined) {
        this.#options.observer.latency("tick_to_order", this.#options.wallUs() - pending.decoded.triggerReceivedTimeUs);
      }
      const outcome = await this.#options.broker.submit(
        { ...SIMPLE_TERMS, notional: null, ...live.order },
        this.#options.postDeadlineMs,
      );
      live.checkedAtMs = this.#options.nowMs();
      this.#options.observer.latency("send_to_acknowledgement", (this.#options.nowMs() - startMs) * 1000);
      if (outcome.kind !== "retry_later") return this.#afterSend(live, outcome);
      await this.#options.sleep(Math.min(outcome.afterMs, 1000));
    }
  }

  #afterSend(live: LiveOrder, outcome: Awaited<ReturnType<Broker["submit"]>>): void {
    const { clientOrderId } = live.order;
    if (outcome.kind === "accepted") {
      this.#noteBrokerId(live, outcome.order.id);
      // Fills and ends come by the stream, in order; the answer itself proves only that the order exists.
      if (!isTerminal(live.order.state)) {
        this.#lane.change({ clientOrderId, state: "accepted", brokerOrderId: outcome.order.id });
      }
      if (live.order.cancelRequested || this.#halted) this.cancel(clientOrderId);
    } else if (outcome.kind === "rejected") {
      this.#lane.change({
        clientOrderId,
        state: "rejected",
        rejectCode: outcome.code,
        rejectMessage: outcome.message,
      });
    } else {
      const cause =
        outcome.kind === "duplicate"
          ? "the broker knows the id already"
          : outcome.kind === "unknown"
            ? outcome.cause
            : "";
      this.#lane.change({ clientOrderId, state: "unknown", rejectMessage: cause });
      live.checkedAtMs = 0;
    }
  }

  async #sendCancel(live: LiveOrder): Promise<void> {
    const id = live.order.brokerOrderId;
    if (id === null || !this.#live.has(live.order.clientOrderId)) return;
    const outcome = await this.#options.broker.cancel(id);
    if (outcome.kind === "failed") this.#options.observer.alert("CANCEL_FAILED", outcome.cause, live.order.symbol);
  }

  #onApplied(results: readonly AppliedExecution[]): void {
    for (const applied of results) {
      const execution = this.#executions.get(applied.executionId);
      this.#executions.delete(applied.executionId);
      const live = this.#live.get(applied.order.clientOrderId);
      if (live !== undefined) live.order = { ...applied.order, cancelRequested: live.order.cancelRequested };
      if (applied.first && execution !== undefined) {
        this.#options.observer.fill(applied, execution);
        this.#options.observer.order(applied.order);
        if (live?.owner) this.#feedFill(live.owner, applied, execution);
      }
      if (live === undefined) continue;
      if (isTerminal(live.order.state)) this.#end(live, execution?.venueTimeUs ?? this.#venueTimeUs);
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
      if (isTerminal(order.state)) this.#end(live, this.#venueTimeUs, changes[i]);
      else if (live.awaitingSend && order.state === "sending") {
        live.awaitingSend = false;
        this.#schedule(order.clientOrderId);
      }
    }
  }

  #end(live: LiveOrder, venueTimeUs: number, change?: OrderChange): void {
    const { order, owner } = live;
    this.#live.delete(order.clientOrderId);
    if (order.brokerOrderId !== null) this.#byBrokerId.delete(order.brokerOrderId);
    if (owner === null) return;
    this.#byIntent.delete(intentKey(owner));
    const neverSent = order.brokerOrderId === null && change?.rejectMessage === "never sent";
    if (neverSent) this.#options.feedback.refused(owner, order.rejectCode ?? "REJECTED", venueTimeUs);
    else this.#options.feedback.done(owner, venueTimeUs);
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
    this.#options.observer.fenced();
  }
}

function intentKey(owner: IntentOwner): string {
  return `${owner.worker}:${owner.instanceIndex}:${owner.intentNumber}`;
}

function journalled(intent: OrderIntent): JournalOrder {
  return {
    clientOrderId: intent.clientOrderId,
    brokerOrderId: null,
    instanceId: intent.instanceId,
    symbol: intent.symbol,
    side: intent.side,
    type: intent.type,
    timeInForce: intent.timeInForce,
    quantity: intent.quantity,
    limitPrice: intent.limitPrice,
    stopPrice: intent.stopPrice,
    worstPrice: intent.worstPrice,
    state: "journalled",
    cancelRequested: false,
    filledQuantity: 0n,
    filledNotional: 0n,
    trigger: intent.trigger,
    reason: intent.reason,
    midAtDecision: intent.midAtDecision,
    decidedAtUs: intent.decidedAtUs,
    createdAtMs: 0,
    updatedAtMs: 0,
    rejectCode: null,
    rejectMessage: null,
  };
}
