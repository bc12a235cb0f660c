/**
 * Brings the journal and the broker to the same truth: at start, at takeover, after every gap of the trade-update stream,
 * and now and then for orders that have been silent. Main thread only. It reads the broker and hands facts to the order
 * manager; it never sends a new order except to settle an unknown one under its own id.
 */
import type { Broker, BrokerFill, BrokerOrder, BrokerPosition, ReadOutcome } from "../broker/broker.ts";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import { isTerminal, stateOfStatus } from "./broker-status.ts";
import type { JournalSnapshot, PositionRow } from "./journal.ts";
import { ORDER_ID_PREFIX } from "./order-id.ts";
import type { LiveOrder, OrderManager } from "./order-manager.ts";
import { isSettlingOrder, settlingOrder } from "./settling-order.ts";

export interface ReconcileReport {
  readonly ordersChecked: number;
  readonly fillsRecovered: number;
  readonly unresolved: number;
  /** Symbols whose books and broker disagree, with both figures. */
  readonly breaks: readonly { readonly symbol: string; readonly book: Fixed; readonly broker: Fixed }[];
  /** Open broker orders with our prefix that the journal does not know. */
  readonly strangers: readonly BrokerOrder[];
  readonly brokerCash: Fixed;
  readonly brokerSuspended: boolean;
}

/** Fills are asked for from this much before the newest one that the journal has: streams and lists may lag. */
const FILL_MARGIN_US = 60_000_000;
/** A difference of positions counts when this many looks in a row, with pauses between them, have shown it. */
const BREAK_LOOKS = 3;
const BREAK_PAUSE_MS = 500;
const SETTLE_DEADLINE_MS = 4000;
/** A silent order is looked up again after these pauses, ms. */
const CHECK_PAUSES_MS = [1000, 2000, 5000, 10_000, 30_000];

export interface ReconcilerOptions {
  readonly broker: Broker;
  readonly manager: OrderManager;
  /** Broker calls of a start are tried this often before the start fails. */
  readonly attempts: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  readonly onUnsettled: (live: LiveOrder, cause: string) => void;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /**
   * The whole reconciliation: every non-final order of the manager, every recent fill, positions, cash. Throws
   * `RECONCILE_FAILED` when the broker cannot be read.
   */
  async full(snapshot: JournalSnapshot, positionsNow: () => readonly PositionRow[]): Promise<ReconcileReport> {
    const { broker, manager } = this.#options;
    const live = [...manager.liveOrders()];
    for (const order of live) await this.resolve(order);
    const fillsRecovered = await this.#recoverFills(snapshot.lastExecutionTimeUs);
    const strangers = await this.#strangers();
    await manager.settle();
    const account = await this.#must(() => broker.account(), "account");
    const breaks = await this.#breaks(positionsNow);
    return {
      ordersChecked: live.length,
      fillsRecovered,
      unresolved: [...manager.liveOrders()].filter((o) => o.order.state === "unknown").length,
      breaks,
      strangers,
      brokerCash: account.cash,
      brokerSuspended: account.suspended,
    };
  }

  /** An order that has ended since the list was made is none. */
  async #strangers(): Promise<BrokerOrder[]> {
    const { broker, manager } = this.#options;
    const open = await this.#must(() => broker.openOrders(), "open orders");
    const strangers: BrokerOrder[] = [];
    for (const listed of open) {
      if (!listed.clientOrderId.startsWith(ORDER_ID_PREFIX) || manager.find(listed.clientOrderId) !== undefined)
        continue;
      const now = await this.#must(() => broker.order(listed.id), "order");
      const state = stateOfStatus(now.status);
      if (manager.find(now.clientOrderId) === undefined && (state === null || !isTerminal(state))) strangers.push(now);
    }
    return strangers;
  }

  /** Orders may trade between the two readings: only a difference that stays is a break. */
  async #breaks(positionsNow: () => readonly PositionRow[]): Promise<ReconcileReport["breaks"]> {
    const { broker, manager, sleep } = this.#options;
    let breaks: ReconcileReport["breaks"] = [];
    for (let look = 0; look < BREAK_LOOKS; look++) {
      if (look > 0) await sleep(BREAK_PAUSE_MS);
      const positions = await this.#must(() => broker.positions(), "positions");
      await manager.settle();
      const found = comparePositions(positionsNow(), positions);
      breaks = look === 0 ? found : breaks.filter((row) => found.some((again) => isSameBreak(row, again)));
      if (breaks.length === 0) return breaks;
    }
    return breaks;
  }

  /** Looks one order up and takes in what the broker says of it; settles it where the broker does not know it. */
  async resolve(live: LiveOrder): Promise<void> {
    if (live.sending || live.awaitingSend) return;
    live.checkedAtMs = this.#options.nowMs();
    live.checks += 1;
    const { order } = live;
    const found =
      order.brokerOrderId === null
        ? await this.#options.broker.orderByClientId(order.clientOrderId)
        : await this.#options.broker.order(order.brokerOrderId);
    if (found.kind === "ok") return this.#adopt(live, found.value);
    if (found.kind === "not_found") return this.#settle(live);
    this.#options.onUnsettled(live, found.cause);
  }

  /** One round over the orders that have been silent for too long; call it once a second or so. */
  async sweep(): Promise<void> {
    const now = this.#options.nowMs();
    const orders = Array.from(this.#options.manager.liveOrders());
    for (const live of orders) {
      if (!this.#options.manager.mayAct) return;
      const urgent = live.order.state === "unknown" || live.pendingEnd !== null;
      const pause = CHECK_PAUSES_MS[Math.min(live.checks + (urgent ? 0 : 2), CHECK_PAUSES_MS.length - 1)] as number;
      if (!live.sending && now - live.checkedAtMs >= pause) await this.resolve(live);
    }
  }

  async #adopt(live: LiveOrder, found: BrokerOrder): Promise<void> {
    const { order } = live;
    const settling = isSettlingOrder(found, order);
    const same =
      found.symbol === order.symbol &&
      found.side === order.side &&
      (found.quantity === null || found.quantity === order.quantity) &&
      found.type === order.type;
    if (!settling && !same) {
      this.#options.onUnsettled(live, `the broker's order ${found.id} has our id but another content`);
      return;
    }
    if (found.filledQuantity > order.filledQuantity) await this.#recoverFillsOf(live, found);
    this.#options.manager.applyBrokerOrder(live, found);
    if (live.order.cancelRequested || settling) this.#options.manager.cancel(order.clientOrderId);
  }

  /**
   * The broker does not know the id. That proves nothing while a POST may still arrive, so the id is used up by an order
   * that the broker takes and that never trades. Accepted: ours, and cancelled; duplicate: the first one arrived after
   * all and is adopted at the next look.
   */
  async #settle(live: LiveOrder): Promise<void> {
    const { order } = live;
    // The lookup took time: the order may have been sent or ended meanwhile, or the lease may be gone.
    if (live.sending || !this.#options.manager.mayAct || this.#options.manager.find(order.clientOrderId) !== live)
      return;
    if (live.order.state !== "unknown") this.#options.manager.settleAs(live, { state: "unknown" });
    const outcome = await this.#options.broker.submit(settlingOrder(order), SETTLE_DEADLINE_MS);
    if (outcome.kind === "accepted") {
      this.#options.manager.applyBrokerOrder(live, outcome.order);
      this.#options.manager.cancel(order.clientOrderId);
      return;
    }
    live.checks = Math.min(live.checks, CHECK_PAUSES_MS.length - 1);
    this.#options.onUnsettled(live, outcome.kind === "rejected" ? outcome.message : outcome.kind);
  }

  async #recoverFillsOf(live: LiveOrder, found: BrokerOrder): Promise<void> {
    const fills = await this.#options.broker.fillsSince(found.submittedAtUs - 1_000_000);
    if (fills.kind !== "ok") return;
    for (const fill of fills.value) if (fill.brokerOrderId === found.id) this.#hand(live, fill);
  }

  async #recoverFills(sinceUs: number): Promise<number> {
    const fills = await this.#must(
      () => this.#options.broker.fillsSince(Math.max(0, sinceUs - FILL_MARGIN_US)),
      "fills",
    );
    const byBrokerId = new Map<string, LiveOrder>();
    for (const live of this.#options.manager.liveOrders()) {
      if (live.order.brokerOrderId !== null) byBrokerId.set(live.order.brokerOrderId, live);
    }
    let handed = 0;
    for (const fill of fills) {
      const live = byBrokerId.get(fill.brokerOrderId);
      if (live === undefined) continue;
      this.#hand(live, fill);
      handed += 1;
    }
    return handed;
  }

  #hand(live: LiveOrder, fill: BrokerFill): void {
    this.#options.manager.onRecoveredFill(live, fill.executionId, fill.quantity, fill.price, fill.venueTimeUs);
  }

  async #must<T>(read: () => Promise<ReadOutcome<T>>, what: string): Promise<T> {
    let cause = "not found";
    for (let attempt = 0; attempt < this.#options.attempts; attempt++) {
      if (attempt > 0) await this.#options.sleep(Math.min(250 * 2 ** attempt, 5000));
      const outcome = await read();
      if (outcome.kind === "ok") return outcome.value;
      cause = outcome.kind === "failed" ? outcome.cause : "not found";
    }
    throw new CodedError("RECONCILE_FAILED", `the broker's ${what} could not be read: ${cause}`);
  }
}

/** Σ of the books per symbol against the broker; only differences come back. */
export function comparePositions(
  rows: readonly PositionRow[],
  broker: readonly BrokerPosition[],
): ReconcileReport["breaks"] {
  const book = new Map<string, Fixed>();
  for (const row of rows) book.set(row.symbol, (book.get(row.symbol) ?? 0n) + row.quantity);
  const theirs = new Map(broker.map((p) => [p.symbol, p.quantity]));
  const symbols = new Set([...book.keys(), ...theirs.keys()]);
  return [...symbols]
    .map((symbol) => ({ symbol, book: book.get(symbol) ?? 0n, broker: theirs.get(symbol) ?? 0n }))
    .filter((row) => row.book !== row.broker);
}

function isSameBreak(a: ReconcileReport["breaks"][number], b: ReconcileReport["breaks"][number]): boolean {
  return a.symbol === b.symbol && a.book - a.broker === b.book - b.broker;
}

export function describeBreak(row: ReconcileReport["breaks"][number]): string {
  return `${row.symbol}: ${formatFixed(row.book)} in the books, ${formatFixed(row.broker)} at the broker`;
}
