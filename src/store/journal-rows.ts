/**
 * What the journal's SQL functions answer, checked and made into the port's values. Decimals arrive as text.
 */
import { z } from "zod";
import { parseFixed } from "../core/fixed.ts";
import type { AppliedExecution, JournalOrder, JournalSnapshot, TradingScope, TradingState } from "../orders/journal.ts";

export const decimalColumn = z.string().transform((text) => parseFixed(text, "a decimal of the database"));

const STATES = [
  "journalled",
  "sending",
  "unknown",
  "accepted",
  "partially_filled",
  "filled",
  "canceled",
  "expired",
  "rejected",
  "replaced",
] as const;

export const orderRow = z.object({
  clientOrderId: z.string(),
  brokerOrderId: z.string().nullable(),
  instanceId: z.string(),
  parentId: z.string().nullable(),
  replaces: z.string().nullable(),
  symbol: z.string(),
  side: z.enum(["buy", "sell"]),
  type: z.enum(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
  timeInForce: z.enum(["day", "gtc", "ioc", "fok", "opg", "cls"]),
  quantity: decimalColumn,
  limitPrice: decimalColumn.nullable(),
  stopPrice: decimalColumn.nullable(),
  trailPrice: decimalColumn.nullable(),
  trailPercent: decimalColumn.nullable(),
  extendedHours: z.boolean(),
  orderClass: z.enum(["simple", "bracket", "oco", "oto"]),
  takeProfitPrice: decimalColumn.nullable(),
  stopLossPrice: decimalColumn.nullable(),
  stopLossLimitPrice: decimalColumn.nullable(),
  worstPrice: decimalColumn,
  state: z.enum(STATES),
  cancelRequested: z.boolean(),
  filledQuantity: decimalColumn,
  filledNotional: decimalColumn,
  trigger: z.string(),
  reason: z.string(),
  midAtDecision: decimalColumn.nullable(),
  decidedAtUs: z.number(),
  createdAtMs: z.number(),
  updatedAtMs: z.number(),
  rejectCode: z.string().nullable(),
  rejectMessage: z.string().nullable(),
}) satisfies z.ZodType<JournalOrder>;

const positionRow = z.object({
  instanceId: z.string(),
  symbol: z.string(),
  quantity: decimalColumn,
  cost: decimalColumn,
  realised: decimalColumn,
  fees: decimalColumn,
});

const instanceRow = z.object({
  instanceId: z.string(),
  fingerprint: z.string(),
  snapshot: z.string().transform((text) => new Uint8Array(Buffer.from(text, "base64"))),
  snapshotTimeUs: z.number(),
  lastTrigger: z.string(),
});

const tradingStates = z
  .record(z.string(), z.enum(["active", "reducing", "halted"]))
  .transform((states) => new Map(Object.entries(states) as [TradingScope, TradingState][]));

export const snapshotRow = z.object({
  bookId: z.string(),
  cash: decimalColumn,
  openingCash: decimalColumn,
  openOrders: z.array(orderRow),
  positions: z.array(positionRow),
  instances: z.array(instanceRow),
  tradingStates,
  lastExecutionTimeUs: z.number(),
  executions: z.number(),
  openedAtUs: z.number(),
  lastActivityTimeUs: z.number(),
  splits: z.array(z.object({ symbol: z.string(), ratio: decimalColumn, atUs: z.number() })),
}) satisfies z.ZodType<JournalSnapshot>;

export const commitRow = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("committed") }),
  z.object({ kind: z.literal("duplicate"), state: z.enum(STATES) }),
  z.object({ kind: z.literal("refused"), code: z.string() }),
]);

/** The generation as text: with the timeline in its upper bits it may one day not fit a JSON number. */
export const leaseRow = z.object({
  generation: z.string().transform(BigInt),
  clean: z.boolean(),
  untradedMs: z.number().nullable(),
});

export const changedRow = z.object({ order: orderRow, legal: z.boolean() });

export const appliedRow = z.object({
  executionId: z.string(),
  first: z.boolean(),
  order: orderRow,
  position: positionRow,
  realised: decimalColumn,
}) satisfies z.ZodType<AppliedExecution>;
