/**
 * What an order must be by itself: the fields that its type, time in force and class ask for, which of them go together,
 * and its increments. Pure; reads no account.
 */
import { type Fixed, FIXED_ONE, formatFixed } from "../core/fixed.ts";
import { type Instrument, priceIncrementAt } from "../core/market/instrument.ts";
import type { VenueMarket } from "./market.ts";
import type { NewVenueOrder, VenueRefusal } from "./order.ts";
import { forbidden, malformedOrder, refuse, CODE_UNPROCESSABLE, unprocessable } from "./refusal.ts";
import { auctionOrderAccepted } from "./sessions.ts";

/** An order with what it is expected to trade. */
export type SizedOrder = NewVenueOrder & { readonly expectedQuantity: Fixed };

/** Alpaca's limit on the length of a client order id. */
const CLIENT_ORDER_ID_LENGTH = 128;
const HUNDRED: Fixed = 100n * FIXED_ONE;

export function isFractional(order: Pick<SizedOrder, "notional" | "quantity">): boolean {
  return order.notional !== null || (order.quantity !== null && order.quantity % FIXED_ONE !== 0n);
}

/** The fields that there are and must be. */
export function shapeRefusal(order: SizedOrder): VenueRefusal | null {
  if (order.clientOrderId.length > CLIENT_ORDER_ID_LENGTH) {
    return malformedOrder(`client_order_id must be no more than ${CLIENT_ORDER_ID_LENGTH} characters`);
  }
  if (order.quantity !== null && order.notional !== null) {
    return malformedOrder("only one of qty or notional is accepted");
  }
  if (order.quantity === null && order.notional === null) return malformedOrder("qty or notional is required");
  if (order.quantity !== null && order.quantity <= 0n) return malformedOrder("qty must be > 0");
  if (order.notional !== null && order.notional <= 0n) return malformedOrder("notional must be > 0");
  return priceFieldRefusal(order) ?? trailRefusal(order) ?? legFieldRefusal(order);
}

function priceFieldRefusal(order: SizedOrder): VenueRefusal | null {
  const { type, limitPrice, stopPrice } = order;
  if (type === "market" && (limitPrice !== null || stopPrice !== null)) {
    return malformedOrder("market orders require no stop or limit price");
  }
  const limits = type === "limit" || type === "stop_limit";
  const stops = type === "stop" || type === "stop_limit";
  if (limits && limitPrice === null) return malformedOrder(`${words(type)} orders require a limit price`);
  if (stops && stopPrice === null) return malformedOrder(`${words(type)} orders require a stop price`);
  if (!limits && limitPrice !== null) return malformedOrder(`${words(type)} orders require no limit price`);
  if (!stops && stopPrice !== null) return malformedOrder(`${words(type)} orders require no stop price`);
  if (limitPrice !== null && limitPrice <= 0n) return malformedOrder("limit price must be > 0");
  if (stopPrice !== null && stopPrice <= 0n) return malformedOrder("stop price must be > 0");
  return null;
}

function trailRefusal(order: SizedOrder): VenueRefusal | null {
  const { trailPrice, trailPercent } = order;
  const given = (trailPrice === null ? 0 : 1) + (trailPercent === null ? 0 : 1);
  if (order.type !== "trailing_stop") {
    return given === 0 ? null : malformedOrder(`${words(order.type)} orders require no trail_price or trail_percent`);
  }
  if (given !== 1) {
    return malformedOrder("trailing stop orders must specify one of trail_price or trail_percent");
  }
  if (trailPrice !== null && trailPrice <= 0n) return malformedOrder("trail_price must be > 0");
  if (trailPercent !== null && (trailPercent <= 0n || trailPercent >= HUNDRED)) {
    return malformedOrder("trail_percent must be > 0 and < 100");
  }
  return null;
}

function legFieldRefusal(order: SizedOrder): VenueRefusal | null {
  const { orderClass, takeProfit, stopLoss } = order;
  if (takeProfit !== null && takeProfit.limitPrice <= 0n) return malformedOrder("take_profit.limit_price must be > 0");
  if (stopLoss !== null && stopLoss.stopPrice <= 0n) return malformedOrder("stop_loss.stop_price must be > 0");
  if (stopLoss !== null && stopLoss.limitPrice !== null && stopLoss.limitPrice <= 0n) {
    return malformedOrder("stop_loss.limit_price must be > 0");
  }
  const given = (takeProfit === null ? 0 : 1) + (stopLoss === null ? 0 : 1);
  if (orderClass === "simple" && given > 0) {
    return malformedOrder("take_profit and stop_loss are for bracket, oco and oto orders");
  }
  if (orderClass === "oto" && given !== 1) {
    return malformedOrder("oto orders require exactly one of take_profit and stop_loss");
  }
  if ((orderClass === "bracket" || orderClass === "oco") && given !== 2) {
    return malformedOrder(`${orderClass} orders require take_profit.limit_price and stop_loss.stop_price`);
  }
  return null;
}

/** Which types, times in force and classes go together. */
export function combinationRefusal(order: SizedOrder, market: VenueMarket, timeUs: number): VenueRefusal | null {
  return (
    (market.instrument.assetClass === "crypto" ? cryptoRefusal(order) : equityTimeRefusal(order)) ??
    fractionRefusal(order, market.instrument) ??
    extendedRefusal(order) ??
    classRefusal(order) ??
    windowRefusal(order, market, timeUs)
  );
}

function cryptoRefusal(order: SizedOrder): VenueRefusal | null {
  const { type, timeInForce } = order;
  if (timeInForce !== "gtc" && timeInForce !== "ioc") return unprocessable("invalid crypto time_in_force");
  if (type !== "market" && type !== "limit" && type !== "stop_limit") {
    return unprocessable("invalid order type for crypto order");
  }
  if (timeInForce === "ioc" && type === "stop_limit") return unprocessable("invalid crypto time_in_force");
  if (order.orderClass !== "simple") return unprocessable("crypto orders must be simple orders");
  if (order.extendedHours) return unprocessable("crypto orders have no extended hours");
  return null;
}

function equityTimeRefusal(order: SizedOrder): VenueRefusal | null {
  const { type, timeInForce } = order;
  if (timeInForce === "day" || timeInForce === "gtc") return null;
  if (type === "market" || type === "limit") return null;
  return unprocessable(`${words(type)} orders must be DAY or GTC orders`);
}

function fractionRefusal(order: SizedOrder, instrument: Instrument): VenueRefusal | null {
  if (order.notional !== null && order.type !== "market") return unprocessable("notional orders must be market orders");
  if (instrument.assetClass === "crypto" || !isFractional(order)) return null;
  if (!instrument.fractionable) return forbidden(`asset "${order.symbol}" is not fractionable`);
  if (order.orderClass !== "simple") return unprocessable("fractional orders must be simple orders");
  if (order.timeInForce !== "day") return unprocessable("fractional orders must be DAY orders");
  if (order.type === "trailing_stop") return unprocessable("trailing stop orders must be whole shares");
  if (order.extendedHours) return unprocessable("fractional orders are not accepted for extended hours");
  return null;
}

function extendedRefusal(order: SizedOrder): VenueRefusal | null {
  if (!order.extendedHours) return null;
  const times = order.timeInForce === "day" || order.timeInForce === "gtc";
  if (order.type !== "limit" || !times) return unprocessable("extended hours order must be DAY limit orders");
  return order.orderClass === "simple" ? null : unprocessable("extended hours orders must be simple orders");
}

function classRefusal(order: SizedOrder): VenueRefusal | null {
  const { orderClass, type } = order;
  if (orderClass === "simple") return null;
  if (order.timeInForce !== "day" && order.timeInForce !== "gtc") {
    return unprocessable(`${orderClass} orders must be DAY or GTC orders`);
  }
  if (orderClass === "oco" && type !== "limit") return unprocessable("oco orders must be limit orders");
  if (type !== "market" && type !== "limit") return unprocessable(`${orderClass} entry orders must be market or limit`);
  return null;
}

function windowRefusal(order: SizedOrder, market: VenueMarket, timeUs: number): VenueRefusal | null {
  const { timeInForce } = order;
  if ((timeInForce === "ioc" || timeInForce === "fok") && market.phaseAt(timeUs) !== "core") {
    return unprocessable(`${timeInForce} orders are only accepted during market hours`);
  }
  if (timeInForce !== "opg" && timeInForce !== "cls") return null;
  if (order.orderClass !== "simple") return unprocessable(`${timeInForce} orders must be simple orders`);
  if (market.calendar.name === "always") return unprocessable(`asset "${order.symbol}" has no auctions`);
  if (auctionOrderAccepted(timeInForce, market.calendar, timeUs)) return null;
  return unprocessable(
    timeInForce === "opg"
      ? "opg orders are not accepted between 9:28am and 7:00pm ET"
      : "cls orders are not accepted between 3:50pm and 7:00pm ET",
  );
}

/** Sub-penny prices and quantities that the asset does not have. */
export function incrementRefusal(order: SizedOrder, instrument: Instrument): VenueRefusal | null {
  const prices: readonly [string, Fixed | null | undefined][] = [
    ["limit_price", order.limitPrice],
    ["stop_price", order.stopPrice],
    ["take_profit.limit_price", order.takeProfit?.limitPrice],
    ["stop_loss.stop_price", order.stopLoss?.stopPrice],
    ["stop_loss.limit_price", order.stopLoss?.limitPrice],
  ];
  for (const [field, price] of prices) {
    if (price === null || price === undefined) continue;
    if (price % priceIncrementAt(instrument, price) !== 0n) return subPenny(field, price);
  }
  return order.quantity === null ? null : quantityRefusal(order.quantity, instrument);
}

function subPenny(field: string, price: Fixed): VenueRefusal {
  return refuse(
    422,
    CODE_UNPROCESSABLE,
    `invalid ${field} ${formatFixed(price)}. sub-penny increment does not fulfill minimum pricing criteria`,
  );
}

function quantityRefusal(quantity: Fixed, instrument: Instrument): VenueRefusal | null {
  const whole = quantity % FIXED_ONE === 0n;
  const fraction = instrument.assetClass === "us_equity" && !whole;
  if (!fraction && quantity % instrument.quantityIncrement !== 0n) {
    return unprocessable(`qty must be a multiple of ${formatFixed(instrument.quantityIncrement)}`);
  }
  if (!fraction && quantity < instrument.minQuantity) {
    return unprocessable(`qty must be >= ${formatFixed(instrument.minQuantity)}`);
  }
  return null;
}

function words(type: string): string {
  return type.replace("_", " ");
}
