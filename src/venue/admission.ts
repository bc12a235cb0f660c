/**
 * Whether an order may enter: Alpaca's checks with its statuses, codes and words. Pure: it reads the account and decides.
 * The checks run from the cheapest to the dearest; the first that fails is the answer.
 */
import { type Fixed, FIXED_ONE, formatFixed } from "../core/fixed.ts";
import { priceIncrementAt } from "../core/market/instrument.ts";
import { type AccountFigures, openingCost } from "./buying-power.ts";
import { type Holdings, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import {
  type NewVenueOrder,
  remainingOf,
  type VenueOrderTerms,
  type VenueRefusal,
  type WorkingOrder,
} from "./order.ts";

/** An order with what it is expected to trade. */
export type SizedOrder = NewVenueOrder & { readonly expectedQuantity: Fixed };

/** What the account's owner may change. */
export interface VenueSettings {
  /** New orders are refused; open ones and cancels are not touched. */
  readonly suspendTrade: boolean;
  readonly noShorting: boolean;
  readonly maxMarginMultiplier: 1 | 2 | 4;
}

export interface AdmissionContext {
  readonly settings: VenueSettings;
  readonly holdings: Holdings;
  readonly timeUs: number;
  figures(): AccountFigures;
}

export const CODE_MALFORMED = 40010001;
export const CODE_FORBIDDEN = 40310000;
export const CODE_NOT_FOUND = 40410000;
export const CODE_UNPROCESSABLE = 42210000;

/** Alpaca's limit on the length of a client order id. */
const CLIENT_ORDER_ID_LENGTH = 128;

export function refuse(
  status: VenueRefusal["status"],
  code: number,
  message: string,
  extra: VenueRefusal["extra"] = {},
): VenueRefusal {
  return { status, code, message, extra };
}

/** Null when the order may enter. */
export function refusalOf(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  return (
    unservedRefusal(order) ??
    shapeRefusal(order) ??
    permissionRefusal(order, market, context) ??
    incrementRefusal(order, market) ??
    washTradeRefusal(order, market.open) ??
    positionRefusal(order, market, context) ??
    costRefusal(order, market, context)
  );
}

/** What this venue does not trade yet is refused in words, never taken for something else. */
function unservedRefusal(order: SizedOrder): VenueRefusal | null {
  const unserved =
    order.type !== "market" && order.type !== "limit"
      ? `type ${order.type}`
      : order.timeInForce !== "day" && order.timeInForce !== "gtc" && order.timeInForce !== "ioc"
        ? `time in force ${order.timeInForce}`
        : order.orderClass !== "simple"
          ? `class ${order.orderClass}`
          : order.notional !== null
            ? "notional"
            : order.extendedHours
              ? "extended hours"
              : null;
  return unserved === null ? null : refuse(422, CODE_UNPROCESSABLE, `${unserved} orders are not traded by this venue`);
}

function shapeRefusal(order: SizedOrder): VenueRefusal | null {
  if (order.clientOrderId.length > CLIENT_ORDER_ID_LENGTH) {
    return refuse(422, CODE_MALFORMED, `client_order_id must be no more than ${CLIENT_ORDER_ID_LENGTH} characters`);
  }
  if (order.expectedQuantity <= 0n) return refuse(422, CODE_MALFORMED, "qty must be > 0");
  if (order.type === "market" && order.limitPrice !== null) {
    return refuse(422, CODE_MALFORMED, "market orders require no stop or limit price");
  }
  if (order.type === "limit" && order.limitPrice === null) {
    return refuse(422, CODE_MALFORMED, "limit orders require a limit price");
  }
  if (order.limitPrice !== null && order.limitPrice <= 0n)
    return refuse(422, CODE_MALFORMED, "limit price must be > 0");
  return null;
}

function permissionRefusal(order: NewVenueOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const { instrument } = market;
  if (context.settings.suspendTrade) return refuse(403, CODE_FORBIDDEN, "new orders are rejected by user request");
  if (!instrument.tradable) return refuse(422, CODE_UNPROCESSABLE, `asset "${order.symbol}" is not tradable`);
  if (instrument.assetClass === "crypto" && order.timeInForce === "day") {
    return refuse(422, CODE_UNPROCESSABLE, "invalid crypto time_in_force");
  }
  if (order.timeInForce === "ioc" && !market.calendar.isOpen(context.timeUs)) {
    return refuse(422, CODE_UNPROCESSABLE, "ioc orders are only accepted during market hours");
  }
  return null;
}

function incrementRefusal(order: SizedOrder, market: VenueMarket): VenueRefusal | null {
  const { instrument } = market;
  if (order.limitPrice !== null && order.limitPrice % priceIncrementAt(instrument, order.limitPrice) !== 0n) {
    return refuse(
      422,
      CODE_UNPROCESSABLE,
      `invalid limit_price ${formatFixed(order.limitPrice)}. sub-penny increment does not fulfill minimum pricing criteria`,
    );
  }
  if (instrument.assetClass === "us_equity" && order.expectedQuantity % FIXED_ONE !== 0n) {
    if (!instrument.fractionable) {
      return refuse(403, CODE_FORBIDDEN, `asset "${order.symbol}" is not fractionable`);
    }
    if (order.timeInForce !== "day") return refuse(422, CODE_UNPROCESSABLE, "fractional orders must be DAY orders");
  } else if (order.expectedQuantity % instrument.quantityIncrement !== 0n) {
    return refuse(422, CODE_UNPROCESSABLE, `qty must be a multiple of ${formatFixed(instrument.quantityIncrement)}`);
  }
  if (order.expectedQuantity < instrument.minQuantity && order.expectedQuantity % FIXED_ONE === 0n) {
    return refuse(422, CODE_UNPROCESSABLE, `qty must be >= ${formatFixed(instrument.minQuantity)}`);
  }
  return null;
}

/**
 * Against every open order of the other side on the symbol: refused when either of the two is a market order, and when
 * both are limits that cross (buy limit ≥ sell limit).
 */
export function washTradeRefusal(order: NewVenueOrder, open: readonly WorkingOrder[]): VenueRefusal | null {
  for (const existing of open) {
    if (existing.side === order.side) continue;
    if (existing.type === "market") return washTrade(existing, "opposite side market/stop order exists");
    if (order.type === "market" || crosses(order, existing)) {
      return washTrade(existing, "opposite side limit order exists");
    }
  }
  return null;
}

function crosses(a: VenueOrderTerms, b: VenueOrderTerms): boolean {
  const [buy, sell] = a.side === "buy" ? [a, b] : [b, a];
  return (buy.limitPrice as Fixed) >= (sell.limitPrice as Fixed);
}

function washTrade(existing: WorkingOrder, reason: string): VenueRefusal {
  return refuse(403, CODE_FORBIDDEN, "potential wash trade detected. use complex orders", {
    existing_order_id: existing.id,
    reject_reason: reason,
  });
}

/** Quantity of a position that no open order is already closing. */
export function availableQuantity(market: VenueMarket, holdings: Holdings): Fixed {
  const held = holdings.quantityOf(market.instrument.symbol);
  const closing = held > 0n ? "sell" : "buy";
  let free = held < 0n ? -held : held;
  for (const order of market.open) if (order.side === closing) free -= remainingOf(order);
  return free > 0n ? free : 0n;
}

/** A position is closed at most; turning it round takes a second order from flat, and from flat there is one way only. */
function positionRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const held = context.holdings.quantityOf(order.symbol);
  if (order.side === "buy" ? held < 0n : held > 0n) {
    const available = availableQuantity(market, context.holdings);
    return order.expectedQuantity > available ? insufficientQuantity(order, market, held, available) : null;
  }
  if (held === 0n && market.open.some((existing) => existing.side !== order.side)) {
    const words = order.side === "sell" ? ["short sell", "long buy"] : ["long buy", "short sell"];
    return refuse(403, CODE_FORBIDDEN, `cannot open a ${words[0]} while a ${words[1]} order is open`);
  }
  return order.side === "sell" ? shortRefusal(order, market, context) : null;
}

function insufficientQuantity(order: SizedOrder, market: VenueMarket, held: Fixed, available: Fixed): VenueRefusal {
  const size = held < 0n ? -held : held;
  const message = `insufficient qty available for order (requested: ${formatFixed(order.expectedQuantity)}, available: ${formatFixed(available)})`;
  const related = market.open.filter((existing) => existing.side === order.side).map((existing) => existing.id);
  return refuse(403, CODE_FORBIDDEN, message, {
    available: formatFixed(available),
    existing_qty: formatFixed(size),
    held_for_orders: formatFixed(size - available),
    ...(related.length === 0 ? {} : { related_orders: related }),
    symbol: order.symbol,
  });
}

function shortRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const { instrument } = market;
  if (instrument.assetClass === "crypto") {
    const coin = instrument.symbol.split("/")[0] ?? instrument.symbol;
    return refuse(
      403,
      CODE_FORBIDDEN,
      `insufficient balance for ${coin} (requested: ${formatFixed(order.expectedQuantity)}, available: 0)`,
    );
  }
  if (context.settings.noShorting || context.settings.maxMarginMultiplier === 1) {
    return refuse(403, CODE_FORBIDDEN, "account is not allowed to short");
  }
  if (!instrument.shortable) return refuse(422, CODE_UNPROCESSABLE, `asset "${order.symbol}" cannot be sold short`);
  if (order.expectedQuantity % FIXED_ONE !== 0n) {
    return refuse(422, CODE_UNPROCESSABLE, "fractional orders cannot be sold short");
  }
  return null;
}

function costRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const price = order.limitPrice ?? market.reference(order.side);
  if (price === null) {
    return refuse(422, CODE_UNPROCESSABLE, `asset "${order.symbol}" has no price to check a market order against`);
  }
  const cost = openingCost({ ...order, filledQuantity: 0n }, market, context.holdings);
  if (cost === 0n) return null;
  const minimum = market.instrument.minNotional;
  if (notionalOf(market.instrument, order.expectedQuantity, price) < minimum) {
    return refuse(403, CODE_FORBIDDEN, `cost basis must be >= minimal amount of order ${formatFixed(minimum)}`);
  }
  const figures = context.figures();
  const power = market.instrument.assetClass === "crypto" ? figures.nonMarginableBuyingPower : figures.buyingPower;
  if (cost <= power) return null;
  return refuse(403, CODE_FORBIDDEN, "insufficient buying power", {
    buying_power: formatFixed(power),
    cost_basis: formatFixed(cost),
  });
}
