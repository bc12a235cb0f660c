/**
 * The running bot's values as the faces show them: exact decimals as strings, times as epoch milliseconds. Pure.
 */
import type { OrderView, PositionView, StreamEvent } from "../api/bot-port.ts";
import type { BrokerOrder } from "../broker/broker.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import type { JournalOrder, PositionRow } from "../orders/journal.ts";
import { averagePrice, type Books } from "../orders/books.ts";
import { stateOfStatus } from "../orders/broker-status.ts";

export function orderView(order: JournalOrder): OrderView {
  const average = averagePrice(order.filledNotional, order.filledQuantity);
  return {
    client_order_id: order.clientOrderId,
    broker_order_id: order.brokerOrderId,
    instance: order.instanceId,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    time_in_force: order.timeInForce,
    quantity: formatFixed(order.quantity),
    limit_price: decimal(order.limitPrice),
    stop_price: decimal(order.stopPrice),
    trail_price: decimal(order.trailPrice),
    trail_percent: decimal(order.trailPercent),
    extended_hours: order.extendedHours,
    order_class: order.orderClass,
    parent_id: order.parentId,
    replaces: order.replaces,
    state: order.state,
    cancel_requested: order.cancelRequested,
    filled_quantity: formatFixed(order.filledQuantity),
    filled_average_price: average === null ? null : formatFixed(average),
    reason: order.reason,
    reject_code: order.rejectCode,
    reject_message: order.rejectMessage,
    created_at: order.createdAtMs,
    updated_at: order.updatedAtMs,
  };
}

/** An order that is being cancelled while the journal cannot be read: what the broker knows of it. */
export function brokerOrderView(order: BrokerOrder): OrderView {
  return {
    client_order_id: order.clientOrderId,
    broker_order_id: order.id,
    instance: "",
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    time_in_force: order.timeInForce,
    quantity: formatFixed(order.quantity ?? order.filledQuantity),
    limit_price: decimal(order.limitPrice),
    stop_price: decimal(order.stopPrice),
    trail_price: decimal(order.trailPrice),
    trail_percent: decimal(order.trailPercent),
    extended_hours: false,
    order_class: order.orderClass === "" ? "simple" : order.orderClass,
    parent_id: null,
    replaces: null,
    state: stateOfStatus(order.status) ?? "unknown",
    cancel_requested: true,
    filled_quantity: formatFixed(order.filledQuantity),
    filled_average_price: order.filledAveragePrice === null ? null : formatFixed(order.filledAveragePrice),
    reason: "",
    reject_code: null,
    reject_message: null,
    created_at: Math.floor(order.submittedAtUs / 1000),
    updated_at: Math.floor(order.updatedAtUs / 1000),
  };
}

export function positionView(row: PositionRow, books: Books): PositionView {
  const mark = books.mark(row.symbol);
  const average = averagePrice(row.cost, row.quantity);
  return {
    instance: row.instanceId,
    symbol: row.symbol,
    quantity: formatFixed(row.quantity),
    average_entry_price: average === null ? null : formatFixed(average),
    mark_price: mark === null ? null : formatFixed(mark),
    market_value: mark === null ? null : formatFixed(books.marketValue(row)),
    unrealised: mark === null ? null : formatFixed(books.unrealised(row)),
    realised: formatFixed(row.realised),
    fees: formatFixed(row.fees),
  };
}

export function quoteEvent(symbol: string, quote: { bid: number; ask: number; timeUs: number }): StreamEvent {
  return {
    channel: "quotes",
    key: symbol,
    data: { symbol, bid: quote.bid, ask: quote.ask, time: Math.floor(quote.timeUs / 1000) },
  };
}

function decimal(value: Fixed | null): string | null {
  return value === null ? null : formatFixed(value);
}
