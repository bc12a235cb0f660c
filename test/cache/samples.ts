/** Events and states as an owner would hand them out, for the tests of the cache. */
import type { OrderView, StreamEvent } from "../../src/api/bot-port.ts";
import type { OwnerState } from "../../src/cache/cache.ts";
import { RedisCache, type RedisCacheOptions } from "../../src/cache/redis-cache.ts";

export function openRedisCache(url: string, bookId: string, options: Partial<RedisCacheOptions> = {}): RedisCache {
  return new RedisCache({
    config: { url, sentinels: [], masterName: "mymaster", password: null },
    bookId,
    nowMs: () => performance.now(),
    onListenerFault: (error) => {
      throw error;
    },
    onFault: () => undefined,
    ...options,
  });
}

export function ownerState(events: readonly StreamEvent[], owner = "bot-0"): OwnerState {
  return {
    owner,
    instances: [{ id: "demo-1", state: "running", worker: 0, intents: 12, refusals: 3 }],
    refusals: { PRICE_COLLAR: 3 },
    events,
  };
}

export function quote(symbol: string, bid: number): StreamEvent {
  return { channel: "quotes", key: symbol, data: { symbol, bid, ask: bid + 0.01, time: 1_790_000_000_000 } };
}

export function pnl(total: string): StreamEvent {
  return {
    channel: "pnl",
    key: "pnl",
    data: {
      realised: "1.5",
      unrealised: "0.25",
      fees: "0.1",
      total,
      win_rate: 55.5,
      round_trips: 9,
      drawdown: "0.75",
      average_slippage_bps: null,
      time: 1_790_000_000_000,
      equity: "100001.65",
    },
  };
}

export function signal(id: number): StreamEvent {
  return {
    channel: "signals",
    key: null,
    data: {
      id,
      instance: "demo-1",
      symbol: "DEMO",
      target: "10",
      reason: "cross_up",
      value: -0.5,
      venue_time: 1_790_000_000_000,
      outcome: "committed",
    },
  };
}

export function fill(id: string): StreamEvent {
  return {
    channel: "fills",
    key: null,
    data: {
      execution_id: id,
      client_order_id: "a",
      instance: "demo-1",
      symbol: "DEMO",
      side: "buy",
      quantity: "10",
      price: "10.01",
      fee: "0",
      realised: "0",
      slippage_bps: 1.25,
      venue_time: 1_790_000_000_000,
    },
  };
}

export function order(id: string, state: string): Extract<StreamEvent, { readonly channel: "orders" }> {
  const data: OrderView = {
    client_order_id: id,
    broker_order_id: null,
    instance: "demo-1",
    symbol: "DEMO",
    side: "buy",
    type: "limit",
    time_in_force: "day",
    quantity: "10",
    limit_price: "10.01",
    stop_price: null,
    trail_price: null,
    trail_percent: null,
    extended_hours: false,
    order_class: "simple",
    parent_id: null,
    replaces: null,
    state,
    cancel_requested: false,
    filled_quantity: "0",
    filled_average_price: null,
    reason: "cross_up",
    reject_code: null,
    reject_message: null,
    created_at: 1_790_000_000_000,
    updated_at: 1_790_000_000_123,
  };
  return { channel: "orders", key: id, data };
}
