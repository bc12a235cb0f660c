/**
 * Turns a person's order into the journal's intent, or says what is wrong with it. Pure but for the mark that it is given.
 */
import type { NewOrderRequest, Refusal } from "../api/bot-port.ts";
import { CodedError } from "../core/errors.ts";
import { type Fixed, FIXED_ONE, formatFixed, multiplyFixed, parseFixed } from "../core/fixed.ts";
import { type Instrument, priceIncrementAt, roundPrice } from "../core/market/instrument.ts";
import { MANUAL_INSTANCE, type OrderIntent, SIMPLE_TERMS } from "../orders/journal.ts";
import { manualOrderId } from "../orders/order-id.ts";

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
  const { instrument, mark } = context;
  if (instrument === undefined)
    return refusal("SYMBOL_UNKNOWN", `${request.symbol} is not one of the bot's instruments`, "symbol");
  let quantity: Fixed;
  let limitPrice: Fixed | null;
  try {
    quantity = parseFixed(request.quantity, "quantity");
    limitPrice = request.limitPrice === null ? null : parseFixed(request.limitPrice, "limit_price");
  } catch (error) {
    if (error instanceof CodedError) return refusal(error.code, error.message, error.field);
    throw error;
  }
  const wrong = gridFault(instrument, quantity, limitPrice) ?? collarFault(limitPrice, mark, context.collarBps);
  if (wrong !== null) return wrong;
  const reference = limitPrice ?? mark;
  if (reference === null) {
    return refusal(
      "QUOTE_MISSING",
      `there is no price for ${request.symbol} yet: send a limit order, or wait for a quote`,
      "type",
    );
  }
  const signed = request.side === "buy" ? quantity : -quantity;
  const after = context.position + signed;
  return {
    ...SIMPLE_TERMS,
    replaces: null,
    clientOrderId: manualOrderId(context.bookId, request.keyId, request.idempotencyKey),
    instanceId: MANUAL_INSTANCE,
    symbol: request.symbol,
    side: request.side,
    type: request.type,
    timeInForce: request.timeInForce,
    quantity,
    limitPrice,
    worstPrice: limitPrice ?? collared(instrument, reference, context.collarBps),
    reducing: magnitude(after) < magnitude(context.position) && after * context.position >= 0n,
    trigger: `manual:${request.idempotencyKey}`,
    reason: "manual",
    midAtDecision: mark,
    decidedAtUs: context.venueTimeUs,
    snapshot: null,
    snapshotTimeUs: null,
    fingerprint: null,
  };
}

export function isRefusal(value: OrderIntent | Refusal): value is Refusal {
  return "status" in value;
}

function gridFault(instrument: Instrument, quantity: Fixed, limitPrice: Fixed | null): Refusal | null {
  if (quantity % instrument.quantityIncrement !== 0n || quantity < instrument.minQuantity) {
    const step = formatFixed(instrument.quantityIncrement);
    return refusal(
      "QUANTITY_INCREMENT",
      `quantity must be a multiple of ${step}, at least ${formatFixed(instrument.minQuantity)}`,
      "quantity",
    );
  }
  if (limitPrice !== null && limitPrice % priceIncrementAt(instrument, limitPrice) !== 0n) {
    const step = formatFixed(priceIncrementAt(instrument, limitPrice));
    return refusal("PRICE_INCREMENT", `limit_price must be a multiple of ${step}`, "limit_price");
  }
  return null;
}

function collarFault(limitPrice: Fixed | null, mark: Fixed | null, collarBps: number): Refusal | null {
  if (limitPrice === null || mark === null) return null;
  if (magnitude(limitPrice - mark) * 10_000n <= mark * BigInt(collarBps)) return null;
  return refusal(
    "PRICE_COLLAR",
    `limit_price may be at most ${collarBps} basis points from ${formatFixed(mark)}`,
    "limit_price",
  );
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
