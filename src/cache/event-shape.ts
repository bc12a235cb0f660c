/**
 * Which fields the events of each channel have, and whether a value that came from another process is such an event. Fields
 * that a newer release may have added are left out. Pure.
 */
import type { OrderView, SignalView, StreamChannel, StreamEvent, TradeView } from "../api/bot-port.ts";

type Kind = "text" | "text?" | "number" | "number?" | "whole" | "flag";
type Shape = readonly (readonly [field: string, kind: Kind])[];
type DataOf<C extends StreamChannel> = Extract<StreamEvent, { readonly channel: C }>["data"];

/** Lists the fields of T; a field that is missing or does not exist is an error of the compiler. */
function shape<T>(fields: { readonly [F in keyof Required<T>]: Kind }): Shape {
  return Object.entries<Kind>(fields);
}

const SHAPES: Readonly<Record<StreamChannel, Shape>> = {
  quotes: shape<DataOf<"quotes">>({ symbol: "text", bid: "number", ask: "number", time: "whole" }),
  signals: shape<SignalView>({
    id: "whole",
    instance: "text",
    symbol: "text",
    target: "text",
    reason: "text",
    value: "number",
    venue_time: "whole",
    outcome: "text",
  }),
  orders: shape<OrderView>({
    client_order_id: "text",
    broker_order_id: "text?",
    instance: "text",
    symbol: "text",
    side: "text",
    type: "text",
    time_in_force: "text",
    quantity: "text",
    limit_price: "text?",
    stop_price: "text?",
    trail_price: "text?",
    trail_percent: "text?",
    extended_hours: "flag",
    order_class: "text",
    parent_id: "text?",
    replaces: "text?",
    state: "text",
    cancel_requested: "flag",
    filled_quantity: "text",
    filled_average_price: "text?",
    reason: "text",
    reject_code: "text?",
    reject_message: "text?",
    created_at: "number",
    updated_at: "number",
  }),
  fills: shape<TradeView>({
    execution_id: "text",
    client_order_id: "text",
    instance: "text",
    symbol: "text",
    side: "text",
    quantity: "text",
    price: "text",
    fee: "text",
    realised: "text",
    slippage_bps: "number?",
    venue_time: "whole",
  }),
  pnl: shape<DataOf<"pnl">>({
    realised: "text",
    unrealised: "text?",
    fees: "text",
    total: "text?",
    win_rate: "number?",
    round_trips: "whole",
    drawdown: "text?",
    average_slippage_bps: "number?",
    time: "whole",
    equity: "text?",
  }),
};

/** The event of a tuple [channel, key, data]; null when it is none. */
export function eventOf(tuple: unknown): StreamEvent | null {
  if (!Array.isArray(tuple)) return null;
  const [channel, key, value] = tuple as unknown[];
  if (!isText(channel) || !Object.hasOwn(SHAPES, channel)) return null;
  const data = dataOf(value, SHAPES[channel as StreamChannel]);
  if (data === null || key !== keyOf(channel as StreamChannel, data)) return null;
  return { channel, key, data } as unknown as StreamEvent;
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A whole number from 0 on. */
export function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function dataOf(value: unknown, fields: Shape): Record<string, unknown> | null {
  if (value === null || typeof value !== "object") return null;
  const data: Record<string, unknown> = {};
  for (const [field, kind] of fields) {
    const found = (value as Record<string, unknown>)[field];
    if (!fits(found, kind)) return null;
    data[field] = found;
  }
  return data;
}

function fits(value: unknown, kind: Kind): boolean {
  if (kind === "text") return typeof value === "string";
  if (kind === "text?") return value === null || typeof value === "string";
  if (kind === "number") return typeof value === "number";
  if (kind === "number?") return value === null || typeof value === "number";
  return kind === "whole" ? isWhole(value) : typeof value === "boolean";
}

function keyOf(channel: StreamChannel, data: Record<string, unknown>): unknown {
  if (channel === "quotes") return data["symbol"];
  if (channel === "orders") return data["client_order_id"];
  return channel === "pnl" ? "pnl" : null;
}
