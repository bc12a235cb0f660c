/**
 * Whether an order may enter: Alpaca's checks with its statuses, codes and words. Pure: it reads the account and decides.
 * The checks run from the cheapest to the dearest; the first that fails is the answer.
 */
import { divideFixed, type Fixed, formatFixed, parseFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { type AccountFigures, mayOnlyClose, mayShort } from "./buying-power.ts";
import { type Holdings, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import type { NewVenueOrder, VenueOrderRole, VenueRefusal, WorkingOrder } from "./order.ts";
import { combinationRefusal, incrementRefusal, isFractional, shapeRefusal, type SizedOrder } from "./order-rules.ts";
import { forbidden, unprocessable } from "./refusal.ts";
import { availableQuantity, openingCost } from "./reservations.ts";
import { washTradeRefusal } from "./wash-trade.ts";

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

/** Alpaca's least value of an order in fractions of a share. */
const FRACTION_MIN_NOTIONAL = parseFixed("1", "least value");
/** A stop-loss keeps this distance from the price that it is measured against. */
const STOP_DISTANCE = parseFixed("0.01", "stop distance");

/** With what the order is expected to trade; digits of a coin quantity beyond its increment are cut off, as Alpaca does. */
export function sizedOrder(order: NewVenueOrder, market: VenueMarket, timeUs: number): SizedOrder {
  const quantity = order.quantity === null ? null : cutToIncrement(order.quantity, market.instrument);
  if (order.notional === null) return { ...order, quantity, expectedQuantity: quantity ?? 0n };
  const price = market.reference(order.side, timeUs);
  const expectedQuantity = price === null ? 0n : divideFixed(order.notional, price, "floor", "quantity");
  return { ...order, quantity, expectedQuantity };
}

function cutToIncrement(quantity: Fixed, instrument: Instrument): Fixed {
  return instrument.assetClass === "crypto" ? quantity - (quantity % instrument.quantityIncrement) : quantity;
}

/** What the order itself will be in its group. */
export function roleOf(order: Pick<NewVenueOrder, "orderClass">): VenueOrderRole {
  return order.orderClass === "oco" ? "take_profit" : "entry";
}

/** Null when the order may enter. */
export function refusalOf(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  return (
    shapeRefusal(order) ??
    permissionRefusal(order, market, context) ??
    combinationRefusal(order, market, context.timeUs) ??
    incrementRefusal(order, market.instrument) ??
    groupRefusal(order, context.holdings.quantityOf(order.symbol)) ??
    stopSideRefusal(order, market.mark()) ??
    exitPriceRefusal(order, market.mark()) ??
    washTradeRefusal(order, market.open) ??
    positionRefusal(order, market, context) ??
    costRefusal(order, market, context)
  );
}

function permissionRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  if (context.settings.suspendTrade) return forbidden("new orders are rejected by user request");
  if (!market.instrument.tradable) return unprocessable(`asset "${order.symbol}" is not tradable`);
  const intent = order.positionIntent;
  if (intent !== null && !intent.startsWith(order.side)) {
    return unprocessable(`position_intent ${intent} does not match side ${order.side}`);
  }
  return null;
}

/** Entries open, exits close. */
function groupRefusal(order: SizedOrder, held: Fixed): VenueRefusal | null {
  if (order.orderClass === "simple") return null;
  const closes = order.side === "buy" ? held < 0n : held > 0n;
  if (order.orderClass === "oco") return closes ? null : unprocessable("oco orders must be exit orders");
  return closes ? unprocessable(`${order.orderClass} orders must be entry orders`) : null;
}

/** A stop on the side of the market where it would be reached at once. */
export function stopSideRefusal(
  order: Pick<SizedOrder, "side" | "type" | "stopPrice">,
  marketPrice: Fixed | null,
): VenueRefusal | null {
  const { stopPrice } = order;
  if (order.type === "trailing_stop" || stopPrice === null || marketPrice === null) return null;
  if (order.side === "sell" ? stopPrice < marketPrice : stopPrice > marketPrice) return null;
  return unprocessable(`stop price must be ${order.side === "sell" ? "less" : "greater"} than current price`, {
    stop_price: formatFixed(stopPrice),
    market_price: formatFixed(marketPrice),
  });
}

/**
 * Of the exits of a long position (mirrored for a short one): the take-profit above the stop, and the stop at least a cent
 * below the market and below the base price: the take-profit of an OCO, the limit of a limit entry.
 */
function exitPriceRefusal(order: SizedOrder, marketPrice: Fixed | null): VenueRefusal | null {
  const { stopLoss, takeProfit } = order;
  if (stopLoss === null) return null;
  const exitSide = order.orderClass === "oco" ? order.side : order.side === "buy" ? "sell" : "buy";
  const sign = exitSide === "sell" ? 1n : -1n;
  const take = takeProfit?.limitPrice ?? null;
  if (take !== null && (take - stopLoss.stopPrice) * sign <= 0n) {
    return unprocessable(`take_profit.limit_price must be ${sign > 0n ? "greater" : "less"} than stop_loss.stop_price`);
  }
  const base = order.orderClass === "oco" ? take : order.limitPrice;
  for (const price of [base, marketPrice]) {
    if (price === null || (price - stopLoss.stopPrice) * sign >= STOP_DISTANCE) continue;
    const words = sign > 0n ? "<= base_price - 0.01" : ">= base_price + 0.01";
    return unprocessable(`stop_loss.stop_price must be ${words}`, { base_price: formatFixed(price) });
  }
  return null;
}

/** A position is closed at most; turning it round takes a second order from flat, and from flat there is one way only. */
function positionRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const held = context.holdings.quantityOf(order.symbol);
  if (order.side === "buy" ? held < 0n : held > 0n) {
    return closingRefusal(order, market, held, availableQuantity(market, context.holdings));
  }
  const opposite = market.open.filter((existing) => existing.side !== order.side);
  if (held === 0n && opposite.some((existing) => existing.role === "entry")) {
    const words = order.side === "sell" ? ["short sell", "long buy"] : ["long buy", "short sell"];
    return forbidden(`cannot open a ${words[0]} while a ${words[1]} order is open`);
  }
  if (held !== 0n && order.notional !== null && opposite.length > 0) {
    return unprocessable("unable to open new notional orders while having open closing position orders");
  }
  return order.side === "sell" ? shortRefusal(order, market, context) : null;
}

/** Null when so much of the position is free. */
export function closingRefusal(
  order: Pick<WorkingOrder, "symbol" | "side" | "expectedQuantity">,
  market: VenueMarket,
  held: Fixed,
  available: Fixed,
): VenueRefusal | null {
  if (order.expectedQuantity <= available) return null;
  const requested = formatFixed(order.expectedQuantity);
  const words = `(requested: ${requested}, available: ${formatFixed(available)})`;
  const size = held < 0n ? -held : held;
  const related = market.open.filter((existing) => existing.side === order.side).map((existing) => existing.id);
  const message =
    market.instrument.assetClass === "crypto"
      ? `insufficient balance for ${coinOf(market.instrument)} ${words}`
      : `insufficient qty available for order ${words}`;
  return forbidden(message, {
    available: formatFixed(available),
    existing_qty: formatFixed(size),
    held_for_orders: formatFixed(size - available),
    ...(related.length === 0 ? {} : { related_orders: related }),
    symbol: order.symbol,
  });
}

function coinOf(instrument: Instrument): string {
  return instrument.symbol.split("/")[0] ?? instrument.symbol;
}

function shortRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const { instrument } = market;
  if (instrument.assetClass === "crypto") return closingRefusal(order, market, 0n, 0n);
  if (context.settings.noShorting || !mayShort(context.figures())) {
    return forbidden("account is not allowed to short");
  }
  if (!instrument.shortable) return unprocessable(`asset "${order.symbol}" cannot be sold short`);
  if (!market.easyToBorrow && order.timeInForce !== "day") {
    return unprocessable(`only day orders are allowed for hard-to-borrow asset ${order.symbol}`);
  }
  if (isFractional(order)) return unprocessable("fractional orders cannot be sold short");
  return null;
}

function costRefusal(order: SizedOrder, market: VenueMarket, context: AdmissionContext): VenueRefusal | null {
  const price = order.limitPrice ?? order.stopPrice ?? market.reference(order.side, context.timeUs);
  if (price === null) {
    return unprocessable(`asset "${order.symbol}" has no price to check a market order against`);
  }
  const basis = { ...order, role: roleOf(order), filledQuantity: 0n, filledNotional: 0n };
  const cost = openingCost(basis, market, context.holdings, context.timeUs);
  if (cost === 0n) return null;
  return minimumRefusal(order, market.instrument, price) ?? fundsRefusal(cost, 0n, market.instrument, context);
}

function minimumRefusal(order: SizedOrder, instrument: Instrument, price: Fixed): VenueRefusal | null {
  const fraction = instrument.assetClass === "us_equity" && isFractional(order);
  const least =
    fraction && instrument.minNotional < FRACTION_MIN_NOTIONAL ? FRACTION_MIN_NOTIONAL : instrument.minNotional;
  const value = order.notional ?? notionalOf(instrument, order.expectedQuantity, price);
  return value >= least ? null : forbidden(`cost basis must be >= minimal amount of order ${formatFixed(least)}`);
}

/** Whether the account can pay `cost` when it keeps `kept` for it already. */
export function fundsRefusal(
  cost: Fixed,
  kept: Fixed,
  instrument: Instrument,
  context: AdmissionContext,
): VenueRefusal | null {
  const figures = context.figures();
  if (mayOnlyClose(figures)) {
    return forbidden("account is restricted to liquidation only: positions exceed 600% of equity");
  }
  const power = instrument.assetClass === "crypto" ? figures.nonMarginableBuyingPower : figures.buyingPower;
  if (cost - kept <= power) return null;
  return forbidden("insufficient buying power", {
    buying_power: formatFixed(power),
    cost_basis: formatFixed(cost),
  });
}
