/**
 * Ledgers that version 0.1.0 began: their lines lack what orders, events and days have had since. A line that has it
 * already, because it was appended later, stays as it is. Pure.
 */
import type { LedgerEntry, WireRecord } from "./ledger-entry.ts";

/** Of an order that knew only market and limit, day, gtc and ioc. */
const ORDER_SINCE: WireRecord = {
  notional: null,
  stopPrice: null,
  trailPrice: null,
  trailPercent: null,
  extendedHours: false,
  orderClass: "simple",
  role: "entry",
  parentId: null,
  legIds: [],
  replaces: null,
  replacedBy: null,
  highWaterMark: null,
  triggeredAtUs: null,
  replacedAtUs: null,
  failedAtUs: null,
};

const EVENT_SINCE = { reason: null };
const DAY_SINCE = { maintenanceMargin: "0", prices: {}, quantities: {} };

export function ofFormat1(entry: LedgerEntry): LedgerEntry {
  switch (entry.kind) {
    case "order":
      return { ...entry, order: upgraded(entry.order) };
    case "event": {
      const { execution } = entry;
      const since = execution === null ? null : { previousId: null, ...execution };
      return { ...EVENT_SINCE, ...entry, order: upgraded(entry.order), execution: since };
    }
    case "day":
      return { ...DAY_SINCE, ...entry };
    default:
      return entry;
  }
}

function upgraded({ opens, ...order }: WireRecord): WireRecord {
  const positionIntent = `${String(order["side"])}_to_${opens === false ? "close" : "open"}`;
  return { ...ORDER_SINCE, positionIntent, expectedQuantity: order["quantity"] ?? null, ...order };
}
