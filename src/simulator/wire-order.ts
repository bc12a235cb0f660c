/** The venue's orders, executions, positions and assets as Alpaca's JSON. Pure. */
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { averageEntryPrice, type Holding, notionalOf } from "../venue/holdings.ts";
import type { VenueMarket } from "../venue/market.ts";
import { remainingOf, type VenueEvent, type VenueOrder } from "../venue/order.ts";
import { seededUuid, seedOf } from "../venue/seeded-hash.ts";
import { activityStamp, rfc3339 } from "./wire-time.ts";

type Json = Record<string, unknown>;

export function assetId(symbol: string): string {
  return seededUuid(seedOf(symbol), 0x61737365);
}

export function wireOrder(order: VenueOrder, instrument: Instrument): Json {
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
    failed_at: null,
    replaced_at: null,
    replaced_by: null,
    replaces: null,
    asset_id: assetId(order.symbol),
    symbol: order.symbol,
    asset_class: instrument.assetClass,
    notional: null,
    qty: order.quantity === null ? null : formatFixed(order.quantity),
    filled_qty: formatFixed(order.filledQuantity),
    filled_avg_price: order.filledQuantity === 0n ? null : formatFixed(filledAverage(order)),
    order_class: "",
    order_type: order.type,
    type: order.type,
    side: order.side,
    position_intent: order.positionIntent,
    time_in_force: order.timeInForce,
    limit_price: order.limitPrice === null ? null : formatFixed(order.limitPrice),
    stop_price: null,
    status: order.status,
    extended_hours: false,
    legs: null,
    trail_percent: null,
    trail_price: null,
    hwm: null,
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

/** The `data` of a `trade_updates` message. */
export function wireTradeUpdate(event: VenueEvent, instrument: Instrument): Json {
  const { execution } = event;
  return {
    event: event.kind,
    timestamp: rfc3339(event.timeUs),
    at: rfc3339(event.timeUs),
    order: wireOrder(event.order, instrument),
    ...(execution === null
      ? {}
      : {
          execution_id: execution.id,
          price: formatFixed(execution.price),
          qty: formatFixed(execution.quantity),
          position_qty: formatFixed(execution.positionQuantity),
        }),
  };
}

/** A fill as an account activity; null for other events. */
export function wireFillActivity(event: VenueEvent): (Json & { readonly id: string }) | null {
  const { execution, order } = event;
  if (execution === null) return null;
  return {
    activity_type: "FILL",
    id: `${activityStamp(event.timeUs)}::${execution.id}`,
    type: event.kind,
    transaction_time: rfc3339(event.timeUs),
    order_id: order.id,
    order_status: order.status,
    symbol: order.symbol,
    side: order.side,
    qty: formatFixed(execution.quantity),
    price: formatFixed(execution.price),
    cum_qty: formatFixed(order.filledQuantity),
    leaves_qty: formatFixed(remainingOf(order)),
  };
}

export function wirePosition(holding: Holding, available: Fixed, market: VenueMarket): Json {
  const { instrument } = market;
  const entry = averageEntryPrice(instrument, holding);
  const price = market.mark() ?? entry;
  const size = holding.quantity < 0n ? -holding.quantity : holding.quantity;
  const sign = holding.quantity < 0n ? -1n : 1n;
  const value = sign * notionalOf(instrument, size, price);
  const profit = value - holding.cost;
  const cost = holding.cost < 0n ? -holding.cost : holding.cost;
  const share = cost === 0n ? 0n : divideRounded(profit * FIXED_ONE, cost, "half_even");
  return {
    asset_id: assetId(instrument.symbol),
    symbol: instrument.symbol.replace("/", ""),
    exchange: exchangeOf(instrument),
    asset_class: instrument.assetClass,
    asset_marginable: instrument.assetClass !== "crypto",
    avg_entry_price: formatFixed(entry),
    qty: formatFixed(holding.quantity),
    qty_available: formatFixed(sign * available),
    side: holding.quantity < 0n ? "short" : "long",
    market_value: formatFixed(value),
    cost_basis: formatFixed(holding.cost),
    unrealized_pl: formatFixed(profit),
    unrealized_plpc: formatFixed(share),
    unrealized_intraday_pl: formatFixed(profit),
    unrealized_intraday_plpc: formatFixed(share),
    current_price: formatFixed(price),
    lastday_price: formatFixed(price),
    change_today: "0",
  };
}

export function wireAsset(instrument: Instrument): Json {
  const crypto = instrument.assetClass === "crypto";
  return {
    id: assetId(instrument.symbol),
    class: instrument.assetClass,
    exchange: exchangeOf(instrument),
    symbol: instrument.symbol,
    name: `${instrument.symbol} (simulated)`,
    status: "active",
    tradable: instrument.tradable,
    marginable: !crypto,
    shortable: instrument.shortable,
    easy_to_borrow: instrument.shortable,
    ...(crypto ? {} : { borrow_status: instrument.shortable ? "easy_to_borrow" : "hard_to_borrow" }),
    fractionable: instrument.fractionable,
    margin_requirement_long: crypto ? "100" : "30",
    margin_requirement_short: crypto ? "100" : "30",
    maintenance_margin_requirement: crypto ? 100 : 30,
    attributes: [],
    ...(crypto
      ? {
          min_order_size: formatFixed(instrument.minQuantity),
          min_trade_increment: formatFixed(instrument.quantityIncrement),
          price_increment: formatFixed(instrument.priceIncrement ?? FIXED_ONE / 100n),
        }
      : {}),
  };
}

function exchangeOf(instrument: Instrument): string {
  return instrument.assetClass === "crypto" ? "CRYPTO" : "NASDAQ";
}
