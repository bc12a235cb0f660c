/**
 * The body of `POST /v2/orders` → an order for the venue. This is the form only: what fields there are, of which type, and
 * which exclude each other; whether the order may enter is the venue's to say. Pure.
 */
import type { Fixed } from "../../core/fixed.ts";
import type {
  NewVenueOrder,
  StopLoss,
  TakeProfit,
  VenueOrderClass,
  VenueOrderType,
  VenuePositionIntent,
  VenueSide,
  VenueTimeInForce,
} from "../../venue/order.ts";
import { malformed, WireError } from "../wire-error.ts";
import { decimalOf } from "./decimal.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { jsonObject } from "./json-body.ts";

type Fields = Readonly<Record<string, unknown>>;

const SIDES: readonly VenueSide[] = ["buy", "sell"];
const TYPES: readonly VenueOrderType[] = ["market", "limit", "stop", "stop_limit", "trailing_stop"];
export const TIMES_IN_FORCE: readonly VenueTimeInForce[] = ["day", "gtc", "opg", "cls", "ioc", "fok"];
const CLASSES: readonly VenueOrderClass[] = ["simple", "bracket", "oco", "oto"];
const INTENTS: readonly VenuePositionIntent[] = ["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"];
const UNPROCESSABLE = 42210000;
const FORBIDDEN = 40310000;

/** Throws `WireError` naming what is wrong. `newId` gives an id to an order that has none. */
export function readOrderRequest(body: unknown, directory: InstrumentDirectory, newId: () => string): NewVenueOrder {
  const fields = jsonObject(body);
  const orderClass = classOf(fields);
  const quantity = decimalOf(fields["qty"], "qty");
  const notional = decimalOf(fields["notional"], "notional");
  if (quantity !== null && notional !== null) throw malformed("only one of qty or notional is accepted");
  if (quantity === null && notional === null) throw malformed("qty or notional is required");
  const limitPrice = decimalOf(fields["limit_price"], "limit_price");
  const takeProfit = takeProfitOf(fields["take_profit"]);
  return {
    clientOrderId: clientOrderIdOf(fields) ?? newId(),
    symbol: symbolOf(fields, directory),
    side: required(fields, "side", SIDES),
    type: required(fields, "type", TYPES),
    timeInForce: required(fields, "time_in_force", TIMES_IN_FORCE),
    quantity,
    notional,
    ...(orderClass === "oco" ? exitLimits(limitPrice, takeProfit) : { limitPrice, takeProfit }),
    stopPrice: decimalOf(fields["stop_price"], "stop_price"),
    trailPrice: decimalOf(fields["trail_price"], "trail_price"),
    trailPercent: decimalOf(fields["trail_percent"], "trail_percent"),
    extendedHours: flagOf(fields, "extended_hours"),
    orderClass,
    stopLoss: stopLossOf(fields["stop_loss"]),
    positionIntent: optional(fields, "position_intent", INTENTS),
  };
}

/** Null when there is none; throws 422 for anything but a string. */
export function clientOrderIdOf(fields: Fields): string | null {
  const id = fields["client_order_id"];
  if (id === undefined || id === "") return null;
  if (typeof id !== "string") throw malformed("client_order_id must be a string");
  return id;
}

/** Null when it is absent or empty; throws 422 naming the field and what is allowed. */
export function optional<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T | null {
  const value = fields[name];
  if (value === undefined || value === "") return null;
  const found = allowed.find((item) => item === value);
  if (found !== undefined) return found;
  const message = `invalid ${name} ${JSON.stringify(value)}: allowed are ${allowed.join(", ")}`;
  throw new WireError(422, UNPROCESSABLE, message);
}

function required<T extends string>(fields: Fields, name: string, allowed: readonly T[]): T {
  const value = optional(fields, name, allowed);
  if (value === null) throw malformed(`${name} is required`);
  return value;
}

function classOf(fields: Fields): VenueOrderClass {
  if (fields["order_class"] === "mleg" || fields["legs"] !== undefined) {
    throw new WireError(403, FORBIDDEN, "account not eligible to trade option contracts");
  }
  return optional(fields, "order_class", CLASSES) ?? "simple";
}

/** An unknown name goes to the venue as it is, which refuses it. */
function symbolOf(fields: Fields, directory: InstrumentDirectory): string {
  const name = fields["symbol"];
  if (typeof name !== "string" || name === "") throw malformed("symbol is required");
  return directory.named(name)?.symbol ?? name;
}

function flagOf(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== "boolean") throw malformed(`${name} must be true or false`);
  return value;
}

function takeProfitOf(value: unknown): TakeProfit | null {
  if (value === undefined) return null;
  const limitPrice = decimalOf(exitOf(value, "take_profit")["limit_price"], "take_profit.limit_price");
  if (limitPrice === null) throw malformed("take_profit.limit_price is required");
  return { limitPrice };
}

/** The limit of an OCO's take-profit may be written as its own or as the order's. */
function exitLimits(
  limitPrice: Fixed | null,
  takeProfit: TakeProfit | null,
): Pick<NewVenueOrder, "limitPrice" | "takeProfit"> {
  const limit = takeProfit?.limitPrice ?? limitPrice;
  return { limitPrice: limit, takeProfit: limit === null ? null : { limitPrice: limit } };
}

function stopLossOf(value: unknown): StopLoss | null {
  if (value === undefined) return null;
  const fields = exitOf(value, "stop_loss");
  const stopPrice = decimalOf(fields["stop_price"], "stop_loss.stop_price");
  if (stopPrice === null) throw malformed("stop_loss.stop_price is required");
  return { stopPrice, limitPrice: decimalOf(fields["limit_price"], "stop_loss.limit_price") };
}

function exitOf(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${name} must be an object`);
  return jsonObject(value);
}
