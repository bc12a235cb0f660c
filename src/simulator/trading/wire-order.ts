/** The venue's orders and events as Alpaca's JSON. Pure. */
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../../core/fixed.ts";
import type { VenueEvent, VenueOrder } from "../../venue/order.ts";
import { rfc3339 } from "../wire-time.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";

type Json = Record<string, unknown>;

/** `legs` null where the answer does not nest. */
export function wireOrder(
  order: VenueOrder,
  directory: InstrumentDirectory,
  legs: readonly VenueOrder[] | null = null,
): Json {
  return {
    id: order.id,
    client_order_id: order.clientOrderId,
    created_at: rfc3339(order.submittedAtUs),
    updated_at: rfc3339(order.updatedAtUs),
    submitted_at: rfc3339(order.submittedAtUs),
    filled_at: timeOrNull(order.filledAtUs),
    expired_at: timeOrNull(order.expiredAtUs),
    expires_at: timeOrNull(order.expiresAtUs),
    canceled_at: timeOrNull(order.canceledAtUs),
    failed_at: timeOrNull(order.failedAtUs),
    replaced_at: timeOrNull(order.replacedAtUs),
    replaced_by: order.replacedBy,
    replaces: order.replaces,
    asset_id: directory.idOf(order.symbol),
    symbol: order.symbol,
    asset_class: directory.named(order.symbol)?.assetClass,
    notional: amountOrNull(order.notional),
    qty: amountOrNull(order.quantity),
    filled_qty: formatFixed(order.filledQuantity),
    filled_avg_price: order.filledQuantity === 0n ? null : formatFixed(filledAverage(order)),
    order_class: order.orderClass === "simple" ? "" : order.orderClass,
    order_type: order.type,
    type: order.type,
    side: order.side,
    position_intent: order.positionIntent,
    time_in_force: order.timeInForce,
    limit_price: amountOrNull(order.limitPrice),
    stop_price: amountOrNull(order.stopPrice),
    status: order.status,
    extended_hours: order.extendedHours,
    legs: legs === null || legs.length === 0 ? null : legs.map((leg) => wireOrder(leg, directory)),
    trail_percent: amountOrNull(order.trailPercent),
    trail_price: amountOrNull(order.trailPrice),
    hwm: amountOrNull(order.highWaterMark),
    subtag: null,
    source: null,
  };
}

function filledAverage(order: VenueOrder): Fixed {
  return divideRounded(order.filledNotional * FIXED_ONE, order.filledQuantity, "half_even");
}

function timeOrNull(timeUs: number | null): string | null {
  return timeUs === null ? null : rfc3339(timeUs);
}

function amountOrNull(value: Fixed | null): string | null {
  return value === null ? null : formatFixed(value);
}

/** The `data` of a `trade_updates` message; `id` is the event's ULID. */
export function wireTradeUpdate(event: VenueEvent, directory: InstrumentDirectory, id: string): Json {
  const { execution, reason } = event;
  return {
    event: event.kind,
    event_id: id,
    timestamp: rfc3339(event.timeUs),
    at: rfc3339(event.timeUs),
    order: wireOrder(event.order, directory),
    ...(reason === null ? {} : { reason }),
    ...(execution === null
      ? {}
      : {
          execution_id: execution.id,
          ...(execution.previousId === null ? {} : { previous_execution_id: execution.previousId }),
          price: formatFixed(execution.price),
          qty: formatFixed(execution.quantity),
          position_qty: formatFixed(execution.positionQuantity),
        }),
  };
}
