/**
 * Brings the journal and the broker to the same truth: at start, at takeover, after every gap of the trade-update stream,
 * and now and then for orders that have been silent. Main thread only. It reads the broker and hands facts to the order
 * manager; it never sends a new order except to settle an unknown one under its own id.
 */
import type { Broker, BrokerFill, BrokerOrder, BrokerPosition, ReadOutcome, SubmitOutcome } from "../broker/broker.ts";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import { isFinal } from "../core/order/order-state.ts";
import { stateOfStatus } from "./broker-status.ts";
import type { JournalOrder, JournalSnapshot, PositionRow } from "./journal.ts";
import { isSameType } from "./journal-rules.ts";
import { isExit } from "./live-orders.ts";
import { ORDER_ID_PREFIX } from "./order-id.ts";
import type { LiveOrder, OrderManager } from "./order-manager.ts";
import { isSettlingOrder, settlingOrders } from "./settling-order.ts";

export interface ReconcileReport {
  readonly ordersChecked: number;
  readonly fillsRecovered: number;
  readonly unresolved: number;
  /** Symbols whose books and broker disagree, with both figures. */
  readonly breaks: readonly { readonly symbol: string; readonly book: Fixed; readonly broker: Fixed }[];
  /** Open broker orders with our prefix that the journal does not know. */
  readonly strangers: readonly BrokerOrder[];
  readonly brokerCash: Fixed;
  /** Book less broker, where it is more than the broker's rounding explains; else 0. */
  readonly cashDifference: Fixed;
  readonly brokerSuspended: boolean;
}

/** Fills are asked for from this much before the newest one that the journal has: streams and lists may lag. */
const FILL_MARGIN_US = 60_000_000;
/** A difference of positions counts when this many looks in a row, with pauses between them, have shown it. */
const BREAK_LOOKS = 3;
const BREAK_PAUSE_MS = 500;
/** The broker books each fill to the cent. */
const HALF_CENT: Fixed = 5_000_000n;
/** Age from which a person may end an order of unknown outcome: far beyond any deadline of a request. */
export const HAND_SETTLEMENT_MS = 60_000;
const SETTLE_DEADLINE_MS = 4000;
/** How often a replacement without an answer is looked for before the old order is cancelled. */
const REPLACEMENT_LOOKS = 3;
/** A silent order is looked up again after these pauses, ms. */
const CHECK_PAUSES_MS = [1000, 2000, 5000, 10_000, 30_000];

export type HandSettlement =
  | { readonly kind: "settled" }
  /** The broker knows it: it was taken in, and goes its way. */
  | { readonly kind: "found" }
  | { readonly kind: "not_unknown" }
  | { readonly kind: "too_soon" }
  | { readonly kind: "failed"; readonly cause: string };

/** The books as they are at the moment of asking. */
export interface BooksNow {
  readonly cash: Fixed;
  positions(): readonly PositionRow[];
}

export interface ReconcilerOptions {
  readonly broker: Broker;
  readonly manager: OrderManager;
  /** Broker calls of a start are tried this often before the start fails. */
  readonly attempts: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  /** Takes in what moved the account without a trade, once every known fill is in the journal. */
  readonly takeActivities: () => Promise<void>;
  /** Fees in kind that are known and wait for their fills: so much more in the books is no break. */
  readonly pendingFee: (symbol: string) => Fixed;
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
  async full(snapshot: JournalSnapshot, books: BooksNow): Promise<ReconcileReport> {
    const { broker, manager } = this.#options;
    const live = [...manager.liveOrders()];
    await this.#lookThrough(live);
    const fillsRecovered = await this.#recoverFills(snapshot.lastExecutionTimeUs);
    const strangers = await this.#strangers();
    await manager.settle();
    await this.#options.takeActivities();
    const account = await this.#must(() => broker.account(), "account");
    let breaks = await this.#breaks(books);
    if (breaks.length > 0 && (await this.#bookLateFills(snapshot.lastExecutionTimeUs, breaks))) {
      breaks = await this.#breaks(books);
    }
    return {
      ordersChecked: live.length,
      fillsRecovered,
      unresolved: [...manager.liveOrders()].filter((o) => o.order.state === "unknown").length,
      breaks,
      strangers,
      brokerCash: account.cash,
      cashDifference: breaks.length > 0 ? 0n : await this.#cashDifference(books, snapshot.executions),
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
      if (manager.find(now.clientOrderId) !== undefined || (state !== null && isFinal(state))) continue;
      strangers.push(now);
      manager.takeLate(now, []);
    }
    return strangers;
  }

  #isPendingFee({ symbol, book, broker }: ReconcileReport["breaks"][number]): boolean {
    return book > broker && book - broker <= this.#options.pendingFee(symbol);
  }

  /** Orders may trade between the two readings: only a difference that stays is a break. */
  async #breaks(books: BooksNow): Promise<ReconcileReport["breaks"]> {
    const { broker, manager, sleep } = this.#options;
    let breaks: ReconcileReport["breaks"] = [];
    for (let look = 0; look < BREAK_LOOKS; look++) {
      if (look > 0) await sleep(BREAK_PAUSE_MS);
      const positions = await this.#must(() => broker.positions(), "positions");
      await manager.settle();
      const found = comparePositions(books.positions(), positions).filter((row) => !this.#isPendingFee(row));
      breaks = look === 0 ? found : breaks.filter((row) => found.some((again) => isSameBreak(row, again)));
      if (breaks.length === 0) {
        manager.feesInKind.note(positions);
        return breaks;
      }
    }
    return breaks;
  }

  /** As positions, cash is compared several times: fills may come between the readings. */
  async #cashDifference(books: BooksNow, executions: number): Promise<Fixed> {
    const { broker, manager, sleep } = this.#options;
    let difference = 0n;
    for (let look = 0; look < BREAK_LOOKS; look++) {
      if (look > 0) await sleep(BREAK_PAUSE_MS);
      const { cash } = await this.#must(() => broker.account(), "account");
      await manager.settle();
      difference = books.cash - cash;
      const allowed = HALF_CENT * BigInt(executions + manager.executionsApplied + 2);
      if (difference <= allowed && -difference <= allowed) return 0n;
    }
    return difference;
  }

  /** Orders that are open in the broker's list need no look-up of their own; a list that lags only costs some. */
  async #lookThrough(orders: readonly LiveOrder[]): Promise<void> {
    const due = orders.filter((live) => !live.sending && !live.awaitingSend);
    const open = due.length > 1 ? await this.#options.broker.openOrders() : null;
    const listed = new Map(open?.kind === "ok" ? open.value.map((order) => [order.id, order]) : []);
    for (const live of due) {
      if (!this.#options.manager.mayAct) return;
      const found = live.order.brokerOrderId === null ? undefined : listed.get(live.order.brokerOrderId);
      if (found === undefined) await this.resolve(live);
      else {
        this.#looked(live);
        await this.#adopt(live, found);
      }
    }
  }

  #looked(live: LiveOrder): void {
    live.checkedAtMs = this.#options.nowMs();
    live.checks += 1;
  }

  /** Looks one order up and takes in what the broker says of it; settles it where the broker does not know it. */
  async resolve(live: LiveOrder): Promise<void> {
    if (live.sending || live.awaitingSend) return;
    this.#looked(live);
    const { order } = live;
    if (isExit(order) && order.brokerOrderId === null) return this.#placeExit(live, order);
    const found =
      order.brokerOrderId === null
        ? await this.#options.broker.orderByClientId(order.clientOrderId)
        : await this.#options.broker.order(order.brokerOrderId);
    if (found.kind === "ok") return this.#adopt(live, found.value);
    if (found.kind === "failed") return this.#options.onUnsettled(live, found.cause);
    if (isExit(order)) return this.#options.onUnsettled(live, "the broker does not know this exit any more");
    return order.replaces === null ? this.#settle(live) : this.#settleReplacement(live, order.replaces);
  }

  /** An exit whose broker id is not known: its parent tells, once that is known itself. */
  async #placeExit(live: LiveOrder, exit: JournalOrder): Promise<void> {
    const { broker, manager, onUnsettled } = this.#options;
    const parentId = exit.parentId as string;
    const parent = manager.find(parentId);
    if (parent !== undefined && parent.order.brokerOrderId === null) return;
    const known = parent?.order.brokerOrderId ?? null;
    const first = known === null ? await broker.orderByClientId(parentId) : await broker.order(known);
    // Only the look-up by the broker's id tells the legs.
    const found = first.kind === "ok" && known === null ? await broker.order(first.value.id) : first;
    if (found.kind === "failed") return onUnsettled(live, found.cause);
    if (found.kind === "not_found") {
      // The parent has ended here (else it would be alive), and the broker never had it.
      if (parent === undefined) manager.settleAs(live, { state: "rejected", rejectCode: "PARENT_REJECTED" });
      return;
    }
    manager.placeExits(parentId, found.value);
    if (manager.find(exit.clientOrderId)?.order.brokerOrderId !== null) return;
    const state = stateOfStatus(found.value.status);
    if (state === null || !isFinal(state)) return;
    if (found.value.filledQuantity === 0n) manager.settleAs(live, { state: "canceled" });
    else onUnsettled(live, `the broker does not tell the exits of ${parentId}`);
  }

  /**
   * A person ends an order of unknown outcome, to free its symbol. Only one that the broker does not know when asked again,
   * and not before every request of ours has long run out; what is there is taken in instead. Should it arrive after all, it
   * is cancelled, and what it filled is booked.
   */
  async settleByHand(clientOrderId: string, words: string): Promise<HandSettlement> {
    const { broker, manager, nowMs } = this.#options;
    const live = manager.find(clientOrderId);
    if (live === undefined || live.order.state !== "unknown" || live.sending) return { kind: "not_unknown" };
    if (nowMs() - live.bornMs < HAND_SETTLEMENT_MS) return { kind: "too_soon" };
    const { order } = live;
    const found =
      order.brokerOrderId === null
        ? await broker.orderByClientId(clientOrderId)
        : await broker.order(order.brokerOrderId);
    if (found.kind === "failed") return { kind: "failed", cause: found.cause };
    if (found.kind === "ok") await this.#adopt(live, found.value);
    else manager.settleAs(live, { state: "rejected", rejectCode: "SETTLED_BY_HAND", rejectMessage: words });
    await manager.settle();
    return { kind: found.kind === "ok" ? "found" : "settled" };
  }

  /** One round over the orders that have been silent for too long; call it once a second or so. */
  async sweep(): Promise<void> {
    const now = this.#options.nowMs();
    const silent: LiveOrder[] = [];
    for (const live of Array.from(this.#options.manager.liveOrders())) {
      if (!this.#options.manager.mayAct) return;
      const urgent = live.order.state === "unknown" || live.pendingEnd !== null;
      const pause = CHECK_PAUSES_MS[Math.min(live.checks + (urgent ? 0 : 2), CHECK_PAUSES_MS.length - 1)] as number;
      if (live.sending || now - live.checkedAtMs < pause) continue;
      if (urgent) await this.resolve(live);
      else silent.push(live);
    }
    await this.#lookThrough(silent);
  }

  async #adopt(live: LiveOrder, found: BrokerOrder): Promise<void> {
    const { order } = live;
    const settling = isSettlingOrder(found, order);
    const mayBeLess = order.parentId !== null || order.replaces !== null;
    const same =
      found.symbol === order.symbol &&
      found.side === order.side &&
      (found.quantity === null ||
        found.quantity === order.quantity ||
        (mayBeLess && found.quantity < order.quantity)) &&
      isSameType(found.type, order.type);
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
    let outcome: SubmitOutcome = { kind: "unknown", cause: "not sent" };
    for (const settling of settlingOrders(order)) {
      outcome = await this.#options.broker.submit(settling, SETTLE_DEADLINE_MS);
      if (outcome.kind !== "rejected") break;
    }
    if (outcome.kind === "accepted") {
      this.#options.manager.applyBrokerOrder(live, outcome.order);
      this.#options.manager.cancel(order.clientOrderId);
      return;
    }
    live.checks = Math.min(live.checks, CHECK_PAUSES_MS.length - 1);
    this.#options.onUnsettled(live, outcome.kind === "rejected" ? outcome.message : outcome.kind);
  }

  /**
   * The broker does not know the id of an order that was to take another's place. The request may still arrive, but only
   * while the old order is open: once that is over, its fate is known. One that stays open is cancelled.
   */
  async #settleReplacement(live: LiveOrder, replaces: string): Promise<void> {
    const { broker, manager, onUnsettled } = this.#options;
    if (live.sending || !manager.mayAct || manager.find(live.order.clientOrderId) !== live) return;
    if (live.order.state !== "unknown") manager.settleAs(live, { state: "unknown" });
    const old = manager.find(replaces);
    const id = old?.order.brokerOrderId ?? null;
    const found = id === null ? await broker.orderByClientId(replaces) : await broker.order(id);
    if (found.kind !== "ok") return onUnsettled(live, "the order that it replaces cannot be read");
    const { replacedBy, status } = found.value;
    if (replacedBy !== null) {
      const next = await broker.order(replacedBy);
      if (next.kind !== "ok") return onUnsettled(live, "the order that took the place cannot be read");
      if (next.value.clientOrderId === live.order.clientOrderId) return this.#adopt(live, next.value);
    }
    const state = stateOfStatus(status);
    if (state !== null && isFinal(state)) {
      const rejectMessage = `the order was ${status} before it could be replaced`;
      manager.settleAs(live, { state: "rejected", rejectCode: "BROKER_NOT_REPLACEABLE", rejectMessage });
    } else if (live.checks >= REPLACEMENT_LOOKS) {
      onUnsettled(live, `${replaces} is cancelled, so that nothing can take its place any more`);
      manager.cancel(replaces);
    }
  }

  async #recoverFillsOf(live: LiveOrder, found: BrokerOrder): Promise<void> {
    const fills = await this.#options.broker.fillsSince(found.submittedAtUs - 1_000_000);
    if (fills.kind !== "ok") return;
    for (const fill of fills.value) if (fill.brokerOrderId === found.id) this.#hand(live.order, fill);
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
      this.#hand(live.order, fill);
      handed += 1;
    }
    return handed;
  }

  /** Fills of orders that are over here may be what a break is made of. True when there were some. */
  async #bookLateFills(sinceUs: number, breaks: ReconcileReport["breaks"]): Promise<boolean> {
    const { broker, manager } = this.#options;
    const symbols = new Set(breaks.map((row) => row.symbol));
    const fills = await this.#must(() => broker.fillsSince(Math.max(0, sinceUs - FILL_MARGIN_US)), "fills");
    const byOrder = Map.groupBy(
      fills.filter((fill) => symbols.has(fill.symbol)),
      (fill) => fill.brokerOrderId,
    );
    for (const [brokerOrderId, ofOrder] of byOrder) {
      const order = await this.#must(() => broker.order(brokerOrderId), "order");
      if (manager.find(order.clientOrderId) === undefined) manager.takeLate(order, ofOrder);
    }
    await manager.settle();
    return byOrder.size > 0;
  }

  #hand(order: JournalOrder, fill: BrokerFill): void {
    this.#options.manager.onRecoveredFill(order, fill.executionId, fill.quantity, fill.price, fill.venueTimeUs);
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
