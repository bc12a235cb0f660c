/** Objects as Alpaca's documentation shows them, for scripted answers. */

export function orderBody(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: "61e69015-8549-4bfd-b9c3-01e75843f47d",
    client_order_id: "abt-1",
    created_at: "2026-11-23T14:30:00.123456789Z",
    updated_at: "2026-11-23T14:30:00.223456789Z",
    submitted_at: "2026-11-23T14:30:00.123456789Z",
    filled_at: null,
    asset_id: "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    symbol: "AAPL",
    asset_class: "us_equity",
    notional: null,
    qty: "10",
    filled_qty: "0",
    filled_avg_price: null,
    order_class: "",
    order_type: "limit",
    type: "limit",
    side: "buy",
    time_in_force: "day",
    limit_price: "189.12",
    stop_price: null,
    status: "pending_new",
    extended_hours: false,
    legs: null,
    some_new_field: { nested: [1, 2] },
    ...overrides,
  };
}

export function fillActivity(overrides: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    activity_type: "FILL",
    id: "20261123093000123::a5d2d2ba-0001",
    type: "fill",
    transaction_time: "2026-11-23T14:30:01.5Z",
    order_id: "61e69015-8549-4bfd-b9c3-01e75843f47d",
    order_status: "filled",
    symbol: "AAPL",
    side: "buy",
    qty: "10",
    price: "189.11",
    cum_qty: "10",
    leaves_qty: "0",
    ...overrides,
  };
}
