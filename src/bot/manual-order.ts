/**
 * Turns a person's order, or change of one, into the journal's intent, or says what is wrong with it. Pure but for the mark that it is given.
 */
import type { NewOrderRequest, Refusal, ReplaceOrderRequest } from "../api/bot-port.ts";
import { newOrderBody } from "../broker/alpaca/order-body.ts";
import { CodedError } from "../core/errors.ts";
import { type Fixed, FIXED_ONE, formatFixed, multiplyFixed, parseFixed } from "../core/fixed.ts";
import { type Instrument, priceIncrementAt, roundPrice } from "../core/market/instrument.ts";
import {
  type JournalOrder,
  MANUAL_INSTANCE,
  type OrderIntent,
  type OrderTerms,
  SIMPLE_TERMS,
} from "../orders/journal.ts";
import { manualOrderId, replacementOrderId } from "../orders/order-id.ts";

export interface ManualOrderContext {
  readonly bookId: string;
  readonly instrument: Instrument | undefined;
  /** Last known price of the symbol; null when there is none. */
  readonly mark: Fixed | null;
  /** Position that manual orders are booked under, signed. */
  readonly position: Fixed;
  readonly collarBps: number;
  readonly venueTimeUs: number;
}

export function manualIntent(request: NewOrderRequest, context: ManualOrderContext): OrderIntent | Refusal {
  const { instrument } = context;
  if (instrument === undefined)
    return refusal("SYMBOL_UNKNOWN", `${request.symbol} is not one of the bot's instruments`, "symbol");
  const terms = read(() => termsOf(request));
  if (isRefusal(terms)) return terms;
  const trigger = `manual:${request.idempotencyKey}`;
  const id = manualOrderId(context.bookId, request.keyId, request.idempotencyKey);
  return judged(id, trigger, terms, null, instrument, context);
}

/** The order that is to take the place of `old`: the same but for what changes. */
export function replacementIntent(
  old: JournalOrder,
  request: ReplaceOrderRequest,
  context: ManualOrderContext,
): OrderIntent | Refusal {
  const { instrument } = context;
  if (old.instanceId !== MANUAL_INSTANCE) {
    return refusal("NOT_BY_HAND", "a strategy's order is the strategy's: cancel it instead", "id");
  }
  if (instrument === undefined) {
    return refusal("SYMBOL_UNKNOWN", `${old.symbol} is not one of the bot's instruments`, "symbol");
  }
  if (old.parentId === null && old.orderClass !== "simple") {
    return refusal("NOT_REPLACEABLE", "an order with exits cannot be replaced; its exits can", "id");
  }
  const terms = read(() => changedTerms(old, request));
  if (isRefusal(terms)) return terms;
  if (TERMS.every((field) => terms[field] === old[field])) {
    return refusal("NOTHING_CHANGED", "the order is like that already", undefined);
  }
  const trigger = `manual:${request.idempotencyKey}`;
  const id = replacementOrderId(context.bookId, old.clientOrderId, request.keyId, request.idempotencyKey);
  return judged(id, trigger, terms, old.clientOrderId, instrument, context);
}

const TERMS = ["quantity", "limitPrice", "stopPrice", "trailPrice", "trailPercent", "timeInForce"] as const;

/** Terms, or what is wrong with a number in the request. */
function read(terms: () => OrderTerms | Refusal): OrderTerms | Refusal {
  try {
    return terms();
  } catch (error) {
    if (error instanceof CodedError) return refusal(error.code, error.message, error.field);
    throw error;
  }
}

function termsOf(request: NewOrderRequest): OrderTerms {
  const price = (text: string | null, field: string) => (text === null ? null : parseFixed(text, field));
  return {
    symbol: request.symbol,
    side: request.side,
    type: request.type,
    timeInForce: request.timeInForce,
    quantity: parseFixed(request.quantity, "quantity"),
    limitPrice: price(request.limitPrice, "limit_price"),
    stopPrice: price(request.stopPrice, "stop_price"),
    trailPrice: price(request.trailPrice, "trail_price"),
    trailPercent: price(request.trailPercent, "trail_percent"),
    extendedHours: request.extendedHours,
    orderClass: request.orderClass,
    takeProfitPrice: price(request.takeProfitPrice, "take_profit.limit_price"),
    stopLossPrice: price(request.stopLossPrice, "stop_loss.stop_price"),
    stopLossLimitPrice: price(request.stopLossLimitPrice, "stop_loss.limit_price"),
  };
}

function changedTerms(old: JournalOrder, request: ReplaceOrderRequest): OrderTerms | Refusal {
  for (const [field, had] of [
    ["limitPrice", old.limitPrice],
    ["stopPrice", old.stopPrice],
    ["trail", old.trailPrice ?? old.trailPercent],
  ] as const) {
    const name = FIELDS[field] ?? field;
    if (request[field] !== null && had === null) {
      return refusal(`${name.toUpperCase()}_NOT_ALLOWED`, `a ${old.type} order has no ${name}`, name);
    }
  }
  const price = (text: string | null, field: string, before: Fixed | null) =>
    text === null ? before : parseFixed(text, field);
  const { symbol, side, type, extendedHours } = old;
  return {
    ...SIMPLE_TERMS,
    symbol,
    side,
    type,
    extendedHours,
    timeInForce: request.timeInForce ?? old.timeInForce,
    quantity: request.quantity === null ? old.quantity : parseFixed(request.quantity, "quantity"),
    limitPrice: price(request.limitPrice, "limit_price", old.limitPrice),
    stopPrice: price(request.stopPrice, "stop_price", old.stopPrice),
    trailPrice: old.trailPrice === null ? null : price(request.trail, "trail", old.trailPrice),
    trailPercent: old.trailPercent === null ? null : price(request.trail, "trail", old.trailPercent),
  };
}

/** The intent of terms that the broker can take and that lie on the instrument's grid and near the market. */
function judged(
  clientOrderId: string,
  trigger: string,
  terms: OrderTerms,
  replaces: string | null,
  instrument: Instrument,
  context: ManualOrderContext,
): OrderIntent | Refusal {
  const { mark, collarBps } = context;
  const wrong = gridFault(instrument, terms) ?? writeFault(clientOrderId, terms) ?? collarFault(terms, mark, collarBps);
  if (wrong !== null) return wrong;
  const worstPrice = worstOf(instrument, terms, mark, collarBps);
  if (worstPrice === null) {
    const message = `there is no price for ${terms.symbol} yet: send a limit order, or wait for a quote`;
    return refusal("QUOTE_MISSING", message, "type");
  }
  const after = context.position + (terms.side === "buy" ? terms.quantity : -terms.quantity);
  return {
    ...terms,
    clientOrderId,
    instanceId: MANUAL_INSTANCE,
    replaces,
    worstPrice,
    reducing: magnitude(after) < magnitude(context.position) && after * context.position >= 0n,
    trigger,
    reason: "manual",
    midAtDecision: mark,
    decidedAtUs: Math.floor(context.venueTimeUs),
    snapshot: null,
    snapshotTimeUs: null,
    fingerprint: null,
  };
}

export function isRefusal(value: object): value is Refusal {
  return "status" in value;
}

function gridFault(instrument: Instrument, terms: OrderTerms): Refusal | null {
  const { quantity } = terms;
  if (quantity % instrument.quantityIncrement !== 0n || quantity < instrument.minQuantity) {
    const step = formatFixed(instrument.quantityIncrement);
    return refusal(
      "QUANTITY_INCREMENT",
      `quantity must be a multiple of ${step}, at least ${formatFixed(instrument.minQuantity)}`,
      "quantity",
    );
  }
  for (const field of ["limitPrice", "stopPrice", "takeProfitPrice", "stopLossPrice", "stopLossLimitPrice"] as const) {
    const price = terms[field];
    if (price === null || price % priceIncrementAt(instrument, price) === 0n) continue;
    const name = FIELDS[field] ?? field;
    const step = formatFixed(priceIncrementAt(instrument, price));
    return refusal("PRICE_INCREMENT", `${name} must be a multiple of ${step}`, name);
  }
  return null;
}

/** What the request calls them. */
const FIELDS: Readonly<Record<string, string>> = {
  timeInForce: "time_in_force",
  limitPrice: "limit_price",
  stopPrice: "stop_price",
  trailPrice: "trail_price",
  trailPercent: "trail_percent",
  extendedHours: "extended_hours",
  orderClass: "order_class",
  takeProfitPrice: "take_profit.limit_price",
  stopLossPrice: "stop_loss.stop_price",
  stopLossLimitPrice: "stop_loss.limit_price",
};

/** What the broker's protocol could not say, before it is journalled. */
function writeFault(clientOrderId: string, terms: OrderTerms): Refusal | null {
  try {
    newOrderBody({ ...terms, clientOrderId, notional: null });
    return null;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const field = error.field ?? "";
    const name = FIELDS[field] ?? field;
    return refusal("ORDER_INVALID", error.message.replace(field, name), name);
  }
}

/** A limit near the mark; one that waits for a stop, near that; and a stop near the mark as far as a limit may be. */
function collarFault(terms: OrderTerms, mark: Fixed | null, collarBps: number): Refusal | null {
  const reference = terms.stopPrice ?? mark;
  const { limitPrice } = terms;
  // An OCO's limit is a take-profit: away from the market, and never worse than it.
  if (limitPrice === null || reference === null || terms.orderClass === "oco") return null;
  if (magnitude(limitPrice - reference) * 10_000n <= reference * BigInt(collarBps)) return null;
  return refusal(
    "PRICE_COLLAR",
    `limit_price may be at most ${collarBps} basis points from ${formatFixed(reference)}`,
    "limit_price",
  );
}

/** Alpaca makes a buy stop a stop-limit whose limit is so far above the stop at most. */
const STOP_SLIPPAGE_BPS = 400;

/** What it may cost at worst; null where nothing says what it would trade at. */
function worstOf(instrument: Instrument, terms: OrderTerms, mark: Fixed | null, collarBps: number): Fixed | null {
  const { limitPrice, stopPrice, trailPrice, trailPercent } = terms;
  if (limitPrice !== null) return limitPrice;
  if (stopPrice !== null) return collared(instrument, stopPrice, Math.max(collarBps, STOP_SLIPPAGE_BPS));
  if (mark === null) return null;
  const trail = trailPrice ?? multiplyFixed(mark, (trailPercent ?? 0n) / 100n, "ceil", "trail");
  return collared(instrument, mark + trail, collarBps);
}

function collared(instrument: Instrument, price: Fixed, collarBps: number): Fixed {
  const factor = FIXED_ONE + (FIXED_ONE * BigInt(collarBps)) / 10_000n;
  return roundPrice(instrument, multiplyFixed(price, factor, "ceil", "worst price"), "ceil");
}

function refusal(code: string, message: string, field: string | undefined): Refusal {
  return { status: 422, code, message, ...(field === undefined ? {} : { field }) };
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
