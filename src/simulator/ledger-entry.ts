/**
 * The lines of the ledger. An order's line carries all of it, so that the last line of an order is the order; amounts are
 * decimal strings. Pure.
 */
import { CodedError } from "../core/errors.ts";
import { formatFixed, parseFixed } from "../core/fixed.ts";
import type { VenueActivity, VenueEvent, VenueExecution, VenueOrder } from "../venue/order.ts";
import type { AccountPreferences } from "./account-preferences.ts";
import type { DayEntry } from "./day-close.ts";
import type { SnapshotLine } from "./ledger-snapshot.ts";
import type { WatchlistChange } from "./watchlists.ts";

export const LEDGER_FORMAT = 2;

/** First line: whose ledger it is and what must not change under it. */
export interface HeadEntry {
  readonly kind: "head";
  readonly format: number;
  readonly accountId: string;
  readonly startingCash: string;
  readonly market: string;
  /** Venue time at the first start, epoch microseconds. */
  readonly startUs: number;
}

/** An order as it was accepted, before its first event. */
export interface OrderEntry {
  readonly kind: "order";
  readonly position: number;
  readonly order: WireRecord;
}

export interface EventRecord {
  readonly event: VenueEvent["kind"];
  readonly timeUs: number;
  readonly order: WireRecord;
  readonly execution: WireRecord | null;
  readonly reason: VenueEvent["reason"];
}

export interface EventEntry extends EventRecord {
  readonly kind: "event";
  readonly position: number;
}

/** How far the market has been played. */
export interface CursorEntry {
  readonly kind: "cursor";
  readonly position: number;
  readonly timeUs: number;
}

export interface SettingsEntry {
  readonly kind: "settings";
  readonly settings: Record<string, unknown>;
}

/** Equity at the end of a minute in which it changed. */
export interface EquityEntry {
  readonly kind: "equity";
  readonly timeUs: number;
  readonly equity: string;
  /** The end of a day, in a ledger that began anew; a day's own line says it otherwise. */
  readonly dayEnd?: boolean;
}

/** Shares have become hard or easy to borrow. */
export interface BorrowEntry {
  readonly kind: "borrow";
  readonly symbol: string;
  readonly easy: boolean;
}

export interface PreferencesEntry {
  readonly kind: "preferences";
  readonly preferences: Partial<AccountPreferences>;
}

export interface WatchlistEntry extends WatchlistChange {
  readonly kind: "watchlist";
}

/** A corporate action, after the cancellations that it brought. */
export interface ActivityEntry {
  readonly kind: "activity";
  readonly position: number;
  readonly activity: WireRecord;
}

export type LedgerEntry =
  | HeadEntry
  | OrderEntry
  | EventEntry
  | ActivityEntry
  | BorrowEntry
  | SnapshotLine
  | CursorEntry
  | SettingsEntry
  | DayEntry
  | EquityEntry
  | PreferencesEntry
  | WatchlistEntry;

export type WireRecord = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

const ORDER_AMOUNTS = [
  "quantity",
  "notional",
  "limitPrice",
  "stopPrice",
  "trailPrice",
  "trailPercent",
  "expectedQuantity",
  "filledQuantity",
  "filledNotional",
  "highWaterMark",
];
const EXECUTION_AMOUNTS = ["quantity", "price", "fee", "feeQuantity", "positionQuantity", "cash"];

const ACTIVITY_AMOUNTS = [
  "netAmount",
  "quantity",
  "perShareAmount",
  "price",
  "positionQuantity",
  "cash",
  "positionCost",
];

export function orderRecord(order: VenueOrder): WireRecord {
  return toRecord(order as unknown as Record<string, unknown>, ORDER_AMOUNTS);
}

export function orderOfRecord(record: WireRecord): VenueOrder {
  return fromRecord(record, ORDER_AMOUNTS) as unknown as VenueOrder;
}

/** An event without its place in the market. */
export function eventRecord({ kind, timeUs, order, execution, reason }: VenueEvent): EventRecord {
  return { event: kind, timeUs, order: orderRecord(order), execution: executionRecord(execution), reason };
}

export function eventOfRecord(record: EventRecord): VenueEvent {
  const { event, timeUs, reason } = record;
  return {
    kind: event,
    timeUs,
    order: orderOfRecord(record.order),
    execution: executionOfRecord(record.execution),
    reason,
  };
}

function executionRecord(execution: VenueExecution | null): WireRecord | null {
  return execution === null ? null : toRecord(execution as unknown as Record<string, unknown>, EXECUTION_AMOUNTS);
}

function executionOfRecord(record: WireRecord | null): VenueExecution | null {
  return record === null ? null : (fromRecord(record, EXECUTION_AMOUNTS) as unknown as VenueExecution);
}

export function activityRecord(activity: VenueActivity): WireRecord {
  return toRecord(activity as unknown as Record<string, unknown>, ACTIVITY_AMOUNTS);
}

export function activityOfRecord(record: WireRecord): VenueActivity {
  return fromRecord(record, ACTIVITY_AMOUNTS) as unknown as VenueActivity;
}

function toRecord(value: Record<string, unknown>, amounts: readonly string[]): WireRecord {
  const record = { ...value } as Record<string, WireRecord[string]>;
  for (const name of amounts) if (value[name] !== null) record[name] = formatFixed(value[name] as bigint);
  return record;
}

function fromRecord(record: WireRecord, amounts: readonly string[]): Record<string, unknown> {
  const value: Record<string, unknown> = { ...record };
  for (const name of amounts) {
    const text = record[name];
    if (text === null) continue;
    if (typeof text !== "string") {
      throw new CodedError("LEDGER_FORMAT", `${name} of a ledger line must be a decimal string`, { field: name });
    }
    value[name] = parseFixed(text, name);
  }
  return value;
}
