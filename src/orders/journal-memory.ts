/**
 * The journal as a model in memory: what the SQL functions must do, said in the plainest way. Used by backtests and tests,
 * and as the other half of the proof that the SQL does the same. It keeps nothing beyond the process.
 */
import { randomUUID } from "node:crypto";
import { applyFill } from "../core/accounting/position-book.ts";
import { checkFixed, type Fixed, multiplyFixed } from "../core/fixed.ts";
import { activityEffect } from "./activity-book.ts";
import type {
  AccountActivity,
  AccountBinding,
  AppliedExecution,
  Execution,
  Fence,
  InstanceState,
  IntentOutcome,
  Journal,
  JournalLimits,
  JournalOrder,
  JournalSnapshot,
  Lease,
  OrderChange,
  OrderIntent,
  PositionRow,
  Split,
  TradingScope,
  TradingState,
} from "./journal.ts";
import { MANUAL_INSTANCE } from "./journal.ts";
import { accountMismatch, executionFault, fenced, orderNotFound, REFUSALS } from "./journal-errors.ts";
import {
  checkExecution,
  executionFaultField,
  exitOrders,
  intentFault,
  isLegalChange,
  isOpen,
  isReplaceable,
  journalledOrder,
  sameContent,
  selfTrades,
  worstNotional,
} from "./journal-rules.ts";

export interface MemoryJournalOptions {
  /** The journal's own clock, epoch ms: leases expire by it. */
  readonly nowMs: () => number;
  /** Random when absent. */
  readonly bookId?: string;
  /** Told of each change that was dropped because the order may not go there. */
  readonly onIllegalChange?: (change: OrderChange, order: JournalOrder) => void;
}

interface Stored {
  order: JournalOrder;
  readonly reducing: boolean;
}

interface LeaseRow {
  owner: string | null;
  generation: bigint;
  expiresAtMs: number;
  /** When its last owner is known to have traded. */
  tradedAtMs: number | null;
}

export class MemoryJournal implements Journal {
  readonly #options: MemoryJournalOptions;
  readonly #bookId: string;
  readonly #orders = new Map<string, Stored>();
  /** Those of `#orders` that are not over, oldest first. */
  readonly #open = new Map<string, Stored>();
  readonly #executions = new Set<string>();
  readonly #positions = new Map<string, PositionRow>();
  readonly #instances = new Map<string, InstanceState>();
  readonly #states = new Map<TradingScope, TradingState>([["account", "active"]]);
  readonly #lease: LeaseRow = { owner: null, generation: 0n, expiresAtMs: 0, tradedAtMs: null };
  #account: AccountBinding | null = null;
  #cash: Fixed = 0n;
  #lastExecutionTimeUs = 0;
  #lastActivityTimeUs = 0;
  /** Ids of applied activities. */
  readonly #activities = new Set<string>();
  readonly #splits: Split[] = [];
  /** Per symbol: booked with their fills, not reported as activities yet. */
  readonly #feesInKind = new Map<string, Fixed>();
  #transferred: Fixed = 0n;

  constructor(options: MemoryJournalOptions) {
    this.#options = options;
    this.#bookId = options.bookId ?? randomUUID();
  }

  async bind(binding: AccountBinding): Promise<string> {
    const bound = this.#account;
    if (bound === null) {
      this.#account = binding;
      this.#cash = binding.openingCash;
    } else if (bound.brokerAccountId !== binding.brokerAccountId || bound.mode !== binding.mode) {
      throw accountMismatch(bound.brokerAccountId, bound.mode);
    }
    return this.#bookId;
  }

  async load(): Promise<JournalSnapshot> {
    return {
      bookId: this.#bookId,
      cash: this.#cash,
      openingCash: (this.#account?.openingCash ?? 0n) + this.#transferred,
      openOrders: [...this.#open.values()].map((stored) => stored.order),
      positions: sortedBy([...this.#positions.values()], (row) => `${row.instanceId}\n${row.symbol}`),
      instances: sortedBy([...this.#instances.values()], (row) => row.instanceId),
      tradingStates: new Map(this.#states),
      lastExecutionTimeUs: this.#lastExecutionTimeUs,
      executions: this.#executions.size,
      openedAtUs: this.#account?.openedAtUs ?? 0,
      lastActivityTimeUs: this.#lastActivityTimeUs,
      splits: [...this.#splits],
    };
  }

  async commit(fence: Fence | null, intents: readonly OrderIntent[], limits: JournalLimits): Promise<IntentOutcome[]> {
    if (fence !== null) this.#checkFence(fence);
    else if (intents.some((intent) => intent.instanceId !== MANUAL_INSTANCE)) throw fenced();
    return intents.map((intent) => this.#commitOne(intent, limits));
  }

  async transition(fence: Fence, changes: readonly OrderChange[]): Promise<JournalOrder[]> {
    this.#checkFence(fence);
    for (const change of changes) this.#stored(change.clientOrderId);
    return changes.map((change) => this.#change(change));
  }

  async requestCancel(clientOrderId: string): Promise<JournalOrder | null> {
    const stored = this.#orders.get(clientOrderId);
    if (stored === undefined) return null;
    if (isOpen(stored.order)) this.#update(stored, { cancelRequested: true });
    return stored.order;
  }

  async applyExecutions(fence: Fence, executions: readonly Execution[]): Promise<AppliedExecution[]> {
    this.#checkFence(fence);
    this.#checkExecutions(executions);
    return executions.map((execution) => this.#apply(execution));
  }

  async applyActivities(fence: Fence, activities: readonly AccountActivity[]): Promise<boolean[]> {
    this.#checkFence(fence);
    return activities.map((activity) => this.#applyActivity(activity));
  }

  async setTradingState(scope: TradingScope, state: TradingState, _actor: string, _reason: string): Promise<void> {
    this.#states.set(scope, state);
  }

  async acquireLease(owner: string, ttlMs: number): Promise<Lease | null> {
    const now = this.#options.nowMs();
    const lease = this.#lease;
    const free = lease.owner === null || lease.expiresAtMs <= now;
    if (!free && lease.owner !== owner) return null;
    const clean = lease.owner === null || lease.owner === owner;
    const untradedMs = free && lease.tradedAtMs !== null ? Math.max(0, now - lease.tradedAtMs) : null;
    if (free) lease.generation += 1n;
    else lease.tradedAtMs = now;
    lease.owner = owner;
    lease.expiresAtMs = now + ttlMs;
    return { owner, generation: lease.generation, ttlMs, clean, untradedMs };
  }

  async releaseLease(fence: Fence, untradedMs: number): Promise<void> {
    const lease = this.#lease;
    if (lease.owner !== fence.owner || lease.generation !== fence.generation) return;
    lease.owner = null;
    lease.tradedAtMs = this.#options.nowMs() - untradedMs;
  }

  #checkFence(fence: Fence): void {
    const { owner, generation, expiresAtMs } = this.#lease;
    const held = owner === fence.owner && generation === fence.generation && expiresAtMs > this.#options.nowMs();
    if (!held) throw fenced();
  }

  #commitOne(intent: OrderIntent, limits: JournalLimits): IntentOutcome {
    const { clientOrderId } = intent;
    const refused = (code: string, message: string): IntentOutcome => ({
      kind: "refused",
      clientOrderId,
      code,
      message,
    });
    const fault = intentFault(intent);
    if (fault !== null) return refused("INTENT_INVALID", fault);
    const existing = this.#orders.get(clientOrderId);
    if (existing !== undefined) {
      if (sameContent(existing.order, intent)) return { kind: "duplicate", clientOrderId, state: existing.order.state };
      return refused("ID_CONTENT_MISMATCH", REFUSALS["ID_CONTENT_MISMATCH"] as string);
    }
    const code = this.#refusal(intent, limits);
    if (code !== null) return refused(code, REFUSALS[code] as string);
    this.#insert(intent);
    return { kind: "committed", clientOrderId };
  }

  /** The first check that the intent fails, in the contract's order, or null. */
  #refusal(intent: OrderIntent, limits: JournalLimits): string | null {
    const { replaces } = intent;
    const all = [...this.#open.values()];
    if (replaces !== null) {
      const old = this.#orders.get(replaces)?.order;
      const orders = all.map((stored) => stored.order);
      if (!isReplaceable(old, intent, orders)) return "NOT_REPLACEABLE";
    }
    const scopes: TradingScope[] = ["account", `instance:${intent.instanceId}`, `symbol:${intent.symbol}`];
    const states = scopes.map((scope) => this.#states.get(scope));
    if (states.includes("halted")) return "TRADING_HALTED";
    if (states.includes("reducing") && !intent.reducing) return "TRADING_REDUCING";
    const open = all.filter(({ order }) => order.clientOrderId !== replaces);
    const unknown = open.some(({ order }) => order.symbol === intent.symbol && order.state === "unknown");
    if (unknown && !intent.reducing) return "UNKNOWN_ORDER";
    if (open.some(({ order }) => selfTrades(intent, order))) return "SELF_TRADE";
    return intent.reducing ? null : this.#limitExceeded(intent, open, limits);
  }

  #limitExceeded(intent: OrderIntent, open: readonly Stored[], limits: JournalLimits): string | null {
    const notional = worstNotional(intent.worstPrice, intent.quantity);
    if (notional > limits.maxOrderNotional) return "MAX_ORDER_NOTIONAL";
    if (this.#symbolNotional(intent, open) > limits.maxSymbolNotional) return "MAX_SYMBOL_NOTIONAL";
    const positions = [...this.#positions.values()];
    const held = sum(positions.map((row) => (row.cost < 0n ? -row.cost : row.cost)));
    const reserved = sum(open.filter((stored) => !stored.reducing).map(reservation));
    if (held + reserved + notional > limits.maxGrossNotional) return "MAX_GROSS_NOTIONAL";
    const exits = [intent.takeProfitPrice, intent.stopLossPrice].filter((price) => price !== null).length;
    if (open.length + exits >= limits.maxOpenOrders) return "MAX_OPEN_ORDERS";
    const shorts = sum(positions.map((row) => (row.cost < 0n ? -row.cost : 0n)));
    return reserved + notional > this.#cash - 2n * shorts ? "BUYING_POWER" : null;
  }

  #symbolNotional(intent: OrderIntent, open: readonly Stored[]): bigint {
    const position = sum(
      [...this.#positions.values()].filter((row) => row.symbol === intent.symbol).map((row) => row.quantity),
    );
    const sameSide = open.filter(({ order }) => order.symbol === intent.symbol && order.side === intent.side);
    const pending = sum(sameSide.map(({ order }) => order.quantity - order.filledQuantity)) + intent.quantity;
    const after = intent.side === "buy" ? position + pending : position - pending;
    return worstNotional(intent.worstPrice, after < 0n ? -after : after);
  }

  #insert(intent: OrderIntent): void {
    const { reducing, snapshot, snapshotTimeUs, fingerprint, replaces } = intent;
    const old = replaces === null ? undefined : this.#orders.get(replaces)?.order;
    const order = journalledOrder(intent, old, this.#options.nowMs());
    this.#store({ order, reducing });
    for (const exit of exitOrders(order)) this.#store({ order: exit, reducing: true });
    if (snapshot === null || snapshotTimeUs === null || fingerprint === null) return;
    const state = { instanceId: intent.instanceId, fingerprint, snapshot, snapshotTimeUs, lastTrigger: intent.trigger };
    this.#instances.set(intent.instanceId, state);
  }

  #store(stored: Stored): void {
    this.#orders.set(stored.order.clientOrderId, stored);
    this.#open.set(stored.order.clientOrderId, stored);
  }

  #change(change: OrderChange): JournalOrder {
    const stored = this.#stored(change.clientOrderId);
    const open = isOpen(stored.order);
    if (open && change.quantity !== undefined) {
      this.#update(stored, { quantity: shrunk(stored.order, change.quantity) });
    }
    const { order } = stored;
    const legal = change.state === undefined || isLegalChange(order, change.state);
    if (!legal) this.#options.onIllegalChange?.(change, order);
    this.#update(stored, {
      // The broker's id is taken whatever became of the order: it names a fact.
      brokerOrderId: order.brokerOrderId ?? change.brokerOrderId ?? null,
      cancelRequested: order.cancelRequested || (open && change.cancelRequested === true),
      ...(legal && open
        ? {
            state: change.state ?? order.state,
            rejectCode: change.rejectCode ?? order.rejectCode,
            rejectMessage: change.rejectMessage ?? order.rejectMessage,
          }
        : {}),
    });
    return stored.order;
  }

  /** Every fault is found before anything is written. */
  #checkExecutions(executions: readonly Execution[]): void {
    for (const execution of executions) {
      const field = executionFaultField(execution);
      if (field !== null) throw executionFault("EXECUTION_INVALID", execution.executionId, field);
    }
    const seen = new Set<string>();
    const filled = new Map<string, Fixed>();
    for (const execution of executions) {
      const { order } = this.#stored(execution.clientOrderId);
      checkExecution(execution, order);
      if (this.#executions.has(execution.executionId) || seen.has(execution.executionId)) continue;
      seen.add(execution.executionId);
      const after = (filled.get(order.clientOrderId) ?? order.filledQuantity) + execution.quantity;
      if (after > order.quantity) throw executionFault("OVERFILL", execution.executionId);
      filled.set(order.clientOrderId, after);
    }
  }

  #apply(execution: Execution): AppliedExecution {
    const stored = this.#stored(execution.clientOrderId);
    const { executionId, symbol } = execution;
    const { instanceId } = stored.order;
    const key = `${instanceId}\n${symbol}`;
    const before = this.#positions.get(key) ?? emptyPosition(instanceId, symbol);
    if (this.#executions.has(executionId)) {
      return { executionId, first: false, order: stored.order, position: before, realised: 0n };
    }
    const { position: after, realised, cashFlow } = applyFill(before, execution);
    const position = { instanceId, symbol, ...after };
    this.#executions.add(executionId);
    const inKind = this.#feesInKind.get(symbol) ?? 0n;
    if (execution.feeQuantity > 0n) this.#feesInKind.set(symbol, inKind + execution.feeQuantity);
    this.#positions.set(key, position);
    this.#cash = checkFixed(this.#cash + cashFlow, "cash");
    this.#lastExecutionTimeUs = Math.max(this.#lastExecutionTimeUs, execution.venueTimeUs);
    this.#fill(stored, execution);
    return { executionId, first: true, order: stored.order, position, realised };
  }

  #applyActivity(activity: AccountActivity): boolean {
    const { activityIds, kind, symbol, cash, ratio, venueTimeUs } = activity;
    if (activityIds.some((id) => this.#activities.has(id))) return false;
    const pending = this.#feesInKind.get(symbol ?? "") ?? 0n;
    const effect = activityEffect(activity, [...this.#positions.values()], pending);
    if (effect === null) return false;
    for (const row of effect.rows) this.#positions.set(`${row.instanceId}\n${row.symbol}`, row);
    if (symbol !== null) this.#feesInKind.set(symbol, pending - effect.confirmedFee);
    if (kind === "split" && symbol !== null) this.#splits.push({ symbol, ratio, atUs: venueTimeUs });
    if (kind === "transfer") this.#transferred += cash;
    for (const id of activityIds) this.#activities.add(id);
    this.#cash = checkFixed(this.#cash + cash, "cash");
    this.#lastActivityTimeUs = Math.max(this.#lastActivityTimeUs, venueTimeUs);
    return true;
  }

  #fill(stored: Stored, execution: Execution): void {
    const { order } = stored;
    const filledQuantity = order.filledQuantity + execution.quantity;
    const traded = multiplyFixed(execution.price, execution.quantity, "half_even", "notional");
    const working = filledQuantity === order.quantity ? "filled" : "partially_filled";
    const state = isOpen(order) ? working : order.state;
    this.#update(stored, { filledQuantity, filledNotional: order.filledNotional + traded, state });
  }

  #update(stored: Stored, change: Partial<JournalOrder>): void {
    stored.order = { ...stored.order, ...change, updatedAtMs: this.#options.nowMs() };
    if (!isOpen(stored.order)) this.#open.delete(stored.order.clientOrderId);
  }

  #stored(clientOrderId: string): Stored {
    const stored = this.#orders.get(clientOrderId);
    if (stored === undefined) throw orderNotFound(clientOrderId);
    return stored;
  }
}

/** Not above what it was, nor below what is filled or nothing. */
function shrunk(order: JournalOrder, quantity: Fixed): Fixed {
  const least = order.filledQuantity > 0n ? order.filledQuantity : 1n;
  return quantity < least ? least : quantity < order.quantity ? quantity : order.quantity;
}

function emptyPosition(instanceId: string, symbol: string): PositionRow {
  return { instanceId, symbol, quantity: 0n, cost: 0n, realised: 0n, fees: 0n };
}

function reservation({ order }: Stored): bigint {
  return worstNotional(order.worstPrice, order.quantity - order.filledQuantity);
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

/** By code unit, as the database's "C" collation does for plain text. */
function sortedBy<T>(rows: readonly T[], key: (row: T) => string): T[] {
  return rows.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}
