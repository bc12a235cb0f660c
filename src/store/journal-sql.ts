/**
 * The journal on the database: each operation of the port is one call of one SQL function, and so one transaction. Main
 * thread only. Decimals travel as text both ways. Whatever leaves open whether it was written throws
 * `STORE_UNAVAILABLE`; every operation may then be called again with the same arguments.
 */
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import {
  type AccountActivity,
  type AccountBinding,
  type AppliedExecution,
  type Execution,
  type Fence,
  type IntentOutcome,
  type Journal,
  type JournalLimits,
  type JournalOrder,
  type JournalSnapshot,
  type Lease,
  MANUAL_INSTANCE,
  type OrderChange,
  type OrderIntent,
  type TradingScope,
  type TradingState,
} from "../orders/journal.ts";
import { accountMismatch, executionFault, fenced, orderNotFound, REFUSALS } from "../orders/journal-errors.ts";
import { executionFaultField, intentFault } from "../orders/journal-rules.ts";
import { appliedRow, changedRow, commitRow, leaseRow, orderRow, snapshotRow } from "./journal-rows.ts";
import type { Store } from "./store.ts";
import { sqlFailure } from "./store-errors.ts";

export interface SqlJournalOptions {
  readonly store: Store;
  /** Told of each change that was dropped because the order may not go there. */
  readonly onIllegalChange?: (change: OrderChange, order: JournalOrder) => void;
}

type Fragment = ReturnType<typeof sql.fragment>;

export class SqlJournal implements Journal {
  readonly #store: Store;
  readonly #onIllegalChange: NonNullable<SqlJournalOptions["onIllegalChange"]>;

  constructor(options: SqlJournalOptions) {
    this.#store = options.store;
    this.#onIllegalChange = options.onIllegalChange ?? (() => undefined);
  }

  async bind(binding: AccountBinding): Promise<string> {
    const { brokerAccountId, mode, openingCash, openedAtUs } = binding;
    const row = z.object({ bookId: z.string(), brokerAccountId: z.string(), mode: z.string() });
    const opening = sql.fragment`${formatFixed(openingCash)}::numeric, ${Math.floor(openedAtUs)}::bigint`;
    const call = sql.fragment`journal_bind(${brokerAccountId}, ${mode}, ${opening})`;
    const bound = await this.#call(call, row);
    if (bound.brokerAccountId !== brokerAccountId || bound.mode !== mode) {
      throw accountMismatch(bound.brokerAccountId, bound.mode);
    }
    return bound.bookId;
  }

  async load(): Promise<JournalSnapshot> {
    return this.#call(sql.fragment`journal_load()`, snapshotRow);
  }

  async commit(fence: Fence | null, intents: readonly OrderIntent[], limits: JournalLimits): Promise<IntentOutcome[]> {
    if (fence === null && intents.some((intent) => intent.instanceId !== MANUAL_INSTANCE)) throw fenced();
    const faults = intents.map(intentFault);
    const sound = intents.filter((_, index) => faults[index] === null);
    const owner = sql.fragment`${fence?.owner ?? null}::text, ${fence?.generation ?? null}::bigint`;
    const documents = sound.map(intentDocument);
    const call = sql.fragment`journal_commit(${owner}, ${json(documents)}, ${json(limitsDocument(limits))})`;
    const decided = (await this.#call(call, z.array(commitRow))).values();
    return intents.map(({ clientOrderId }, index) => {
      const fault = faults[index] ?? null;
      if (fault !== null) return { kind: "refused", clientOrderId, code: "INTENT_INVALID", message: fault };
      return outcome(clientOrderId, decided.next().value as z.output<typeof commitRow>);
    });
  }

  async transition(fence: Fence, changes: readonly OrderChange[]): Promise<JournalOrder[]> {
    const call = sql.fragment`journal_transition(${fenceArguments(fence)}, ${json(changes.map(changeDocument))})`;
    const results = await this.#call(call, z.array(changedRow));
    return results.map(({ order, legal }, index) => {
      if (!legal) this.#onIllegalChange(changes[index] as OrderChange, order);
      return order;
    });
  }

  async requestCancel(clientOrderId: string): Promise<JournalOrder | null> {
    return this.#call(sql.fragment`journal_request_cancel(${clientOrderId})`, orderRow.nullable());
  }

  async applyExecutions(fence: Fence, executions: readonly Execution[]): Promise<AppliedExecution[]> {
    for (const execution of executions) {
      const field = executionFaultField(execution);
      if (field !== null) throw executionFault("EXECUTION_INVALID", execution.executionId, field);
    }
    const documents = executions.map(executionDocument);
    const call = sql.fragment`journal_apply_executions(${fenceArguments(fence)}, ${json(documents)})`;
    return this.#call(call, z.array(appliedRow));
  }

  async applyActivities(fence: Fence, activities: readonly AccountActivity[]): Promise<boolean[]> {
    const documents = activities.map(activityDocument);
    const call = sql.fragment`journal_apply_activities(${fenceArguments(fence)}, ${json(documents)})`;
    return this.#call(call, z.array(z.boolean()));
  }

  async setTradingState(scope: TradingScope, state: TradingState, actor: string, reason: string): Promise<void> {
    const words = sql.fragment`${plain(actor)}, ${plain(reason)}`;
    await this.#call(
      sql.fragment`to_jsonb(journal_set_trading_state(${scope}, ${state}, ${words})::text)`,
      z.unknown(),
    );
  }

  async acquireLease(owner: string, ttlMs: number): Promise<Lease | null> {
    const call = sql.fragment`journal_acquire_lease(${owner}, ${ttlMs}::float8)`;
    const lease = await this.#call(call, leaseRow.nullable());
    return lease === null ? null : { owner, ttlMs, ...lease };
  }

  async releaseLease(fence: Fence, untradedMs: number): Promise<void> {
    const owner = sql.fragment`${fenceArguments(fence)}, ${untradedMs}::float8`;
    await this.#call(sql.fragment`to_jsonb(journal_release_lease(${owner})::text)`, z.unknown());
  }

  async #call<S extends z.ZodType>(call: Fragment, schema: S): Promise<z.output<S>> {
    try {
      const rows = await this.#store.rows(sql.type(z.object({ result: schema }))`SELECT ${call} AS result`);
      return (rows[0] as { result: z.output<S> }).result;
    } catch (error) {
      throw journalError(error);
    }
  }
}

/** The SQLSTATE under which the SQL functions fail by one of the journal's own codes. */
const JOURNAL_SQLSTATE = "ATB01";

function journalError(error: unknown): unknown {
  const failure = error instanceof CodedError ? null : sqlFailure(error);
  if (failure?.code !== JOURNAL_SQLSTATE) return error;
  if (failure.message === "FENCED") return fenced();
  if (failure.message === "ORDER_NOT_FOUND") return orderNotFound(failure.detail);
  if (failure.message === "OVERFILL") return executionFault("OVERFILL", failure.detail);
  const [executionId = "", field = ""] = failure.detail.split("\n");
  return executionFault("EXECUTION_MISMATCH", executionId, field);
}

function outcome(clientOrderId: string, row: z.output<typeof commitRow>): IntentOutcome {
  if (row.kind !== "refused") return { ...row, clientOrderId };
  return { ...row, clientOrderId, message: REFUSALS[row.code] ?? row.code };
}

function fenceArguments(fence: Fence): Fragment {
  return sql.fragment`${fence.owner}, ${fence.generation}::bigint`;
}

function json(value: object): ReturnType<typeof sql.jsonb> {
  return sql.jsonb(value as Parameters<typeof sql.jsonb>[0]);
}

/** Text from outside that PostgreSQL can hold: no NUL, no half of a surrogate pair. */
function plain(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}

function decimal(value: Fixed | null): string | null {
  return value === null ? null : formatFixed(value);
}

function intentDocument(intent: OrderIntent): object {
  return {
    ...intent,
    reason: plain(intent.reason),
    quantity: decimal(intent.quantity),
    limitPrice: decimal(intent.limitPrice),
    stopPrice: decimal(intent.stopPrice),
    trailPrice: decimal(intent.trailPrice),
    trailPercent: decimal(intent.trailPercent),
    takeProfitPrice: decimal(intent.takeProfitPrice),
    stopLossPrice: decimal(intent.stopLossPrice),
    stopLossLimitPrice: decimal(intent.stopLossLimitPrice),
    worstPrice: decimal(intent.worstPrice),
    midAtDecision: decimal(intent.midAtDecision),
    snapshot: intent.snapshot === null ? null : Buffer.from(intent.snapshot).toString("base64"),
  };
}

function limitsDocument(limits: JournalLimits): object {
  return {
    maxOrderNotional: decimal(limits.maxOrderNotional),
    maxSymbolNotional: decimal(limits.maxSymbolNotional),
    maxGrossNotional: decimal(limits.maxGrossNotional),
    maxOpenOrders: limits.maxOpenOrders,
  };
}

function changeDocument(change: OrderChange): object {
  const { rejectMessage, quantity } = change;
  return {
    ...change,
    ...(rejectMessage === undefined ? {} : { rejectMessage: plain(rejectMessage) }),
    ...(quantity === undefined ? {} : { quantity: decimal(quantity) }),
  };
}

function activityDocument(activity: AccountActivity): object {
  return {
    ...activity,
    quantity: decimal(activity.quantity),
    cash: decimal(activity.cash),
    price: decimal(activity.price),
    ratio: decimal(activity.ratio),
  };
}

function executionDocument(execution: Execution): object {
  return {
    ...execution,
    quantity: decimal(execution.quantity),
    price: decimal(execution.price),
    fee: decimal(execution.fee),
    feeQuantity: decimal(execution.feeQuantity),
  };
}
