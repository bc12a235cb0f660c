/**
 * The body of `POST /v2/orders` → an order for the venue. Strings and JSON numbers are both taken, as Alpaca does. What
 * the simulator does not do is refused in words, never ignored. Pure.
 */
import { type Fixed, fixedFromNumber, parseFixed } from "../core/fixed.ts";
import {
  type NewVenueOrder,
  PLAIN_ORDER,
  type VenueOrderType,
  type VenueSide,
  type VenueTimeInForce,
} from "../venue/order.ts";
import { malformed, WireError } from "./wire-error.ts";

const SIDES: readonly VenueSide[] = ["buy", "sell"];
const TYPES: readonly VenueOrderType[] = ["market", "limit"];
const TIMES: readonly VenueTimeInForce[] = ["day", "gtc", "ioc"];
const UNPROCESSABLE = 42210000;

/** Throws `WireError` naming what is wrong. `newId` gives an id to an order that has none. */
export function readOrderRequest(body: unknown, newId: () => string): NewVenueOrder {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw malformed("request body format is invalid");
  const fields = given(body);
  refuseUnserved(fields);
  const symbol = fields["symbol"];
  if (typeof symbol !== "string" || symbol === "") throw malformed("symbol is required");
  if (fields["qty"] !== undefined && fields["notional"] !== undefined)
    throw malformed("only one of qty or notional is accepted");
  if (fields["notional"] !== undefined)
    throw new WireError(422, UNPROCESSABLE, "notional orders are not simulated, use qty");
  const quantity = amountOf(fields["qty"], "qty");
  if (quantity === null) throw malformed("qty or notional is required");
  const id = fields["client_order_id"];
  if (id !== undefined && typeof id !== "string") throw malformed("client_order_id must be a string");
  return {
    ...PLAIN_ORDER,
    symbol,
    quantity,
    side: oneOf(fields["side"], SIDES, "side"),
    type: oneOf(fields["type"], TYPES, "type"),
    timeInForce: oneOf(fields["time_in_force"], TIMES, "time_in_force"),
    limitPrice: amountOf(fields["limit_price"], "limit_price"),
    clientOrderId: id === undefined || id === "" ? newId() : id,
  };
}

/** The fields that are there; clients send null for what they leave out. */
function given(body: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function refuseUnserved(fields: Record<string, unknown>): void {
  const orderClass = fields["order_class"];
  if (orderClass !== undefined && orderClass !== "" && orderClass !== "simple") {
    throw new WireError(422, UNPROCESSABLE, `order class ${JSON.stringify(orderClass)} is not simulated, use simple`);
  }
  if (fields["extended_hours"] === true) {
    throw new WireError(422, UNPROCESSABLE, "extended hours are not simulated");
  }
  for (const name of ["stop_price", "trail_price", "trail_percent", "take_profit", "stop_loss", "legs"]) {
    if (fields[name] !== undefined) throw malformed(`${name} is not accepted for market and limit orders`);
  }
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], name: string): T {
  if (value === undefined || value === "") throw malformed(`${name} is required`);
  if ((allowed as readonly unknown[]).includes(value)) return value as T;
  throw new WireError(
    422,
    UNPROCESSABLE,
    `invalid ${name} ${JSON.stringify(value)}: allowed are ${allowed.join(", ")}`,
  );
}

function amountOf(value: unknown, name: string): Fixed | null {
  if (value === undefined) return null;
  try {
    if (typeof value === "number") return fixedFromNumber(value, name);
    if (typeof value === "string") return parseFixed(value, name);
  } catch {
    // Said below in the venue's words.
  }
  throw malformed(`${name} must be a decimal number with at most 9 decimals`);
}
