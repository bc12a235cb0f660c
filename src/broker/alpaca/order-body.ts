/**
 * Orders and replacements → the bodies of Alpaca's requests. Strict: what Alpaca's rules cannot express is refused here, so
 * that an order never means something else at the broker than it meant in the journal. Pure.
 */
import { CodedError } from "../../core/errors.ts";
import { type Fixed, FIXED_ONE, formatFixed } from "../../core/fixed.ts";
import type { OrderClass, OrderType, TimeInForce } from "../../orders/journal.ts";
import type { NewOrder, OrderReplacement } from "../broker.ts";

/** Alpaca takes ids of up to 128 characters; plain ones survive every query string. */
const CLIENT_ORDER_ID = /^[\x21-\x7e]{1,128}$/;
const HUNDRED = 100n * FIXED_ONE;

/** What each type must have and may not have. */
const PRICES: Readonly<Record<OrderType, readonly ("limitPrice" | "stopPrice" | "trail")[]>> = {
  market: [],
  limit: ["limitPrice"],
  stop: ["stopPrice"],
  stop_limit: ["stopPrice", "limitPrice"],
  trailing_stop: ["trail"],
};

const STOCK_TIMES: Readonly<Record<OrderType, readonly TimeInForce[]>> = {
  market: ["day", "gtc", "ioc", "fok", "opg", "cls"],
  limit: ["day", "gtc", "ioc", "fok", "opg", "cls"],
  stop: ["day", "gtc"],
  stop_limit: ["day", "gtc"],
  trailing_stop: ["day", "gtc"],
};
const CRYPTO_TIMES: Readonly<Partial<Record<OrderType, readonly TimeInForce[]>>> = {
  market: ["gtc", "ioc"],
  limit: ["gtc", "ioc"],
  stop_limit: ["gtc", "ioc"],
};
const CLASSES: readonly OrderClass[] = ["simple", "bracket", "oco", "oto"];

/** The body of `POST /v2/orders`. Throws `BROKER_INVALID_ORDER` naming the field and what is allowed. */
export function newOrderBody(order: NewOrder): object {
  checkClientOrderId(order.clientOrderId);
  checkPrices(order);
  checkTimes(order);
  checkAmount(order);
  checkExits(order);
  const entry = {
    symbol: order.symbol,
    ...decimals({ qty: order.quantity, notional: order.notional }),
    side: order.side,
    type: order.type,
    time_in_force: order.timeInForce,
    client_order_id: order.clientOrderId,
    ...(order.extendedHours ? { extended_hours: true } : {}),
    ...decimals({ stop_price: order.stopPrice, trail_price: order.trailPrice, trail_percent: order.trailPercent }),
  };
  if (order.orderClass === "oco") return { ...entry, ...exits(order, order.limitPrice) };
  const limited = { ...entry, ...decimals({ limit_price: order.limitPrice }) };
  return order.orderClass === "simple" ? limited : { ...limited, ...exits(order, order.takeProfitPrice) };
}

/** The body of `PATCH /v2/orders/{id}`. Throws `BROKER_INVALID_ORDER`. */
export function replacementBody(replacement: OrderReplacement): object {
  checkClientOrderId(replacement.clientOrderId);
  const { quantity, limitPrice, stopPrice, trail, timeInForce } = replacement;
  const changes = {
    ...decimals({ qty: quantity, limit_price: limitPrice, stop_price: stopPrice, trail }),
    ...(timeInForce === null ? {} : { time_in_force: timeInForce }),
  };
  if (Object.keys(changes).length === 0) throw fault("replacement", "must change something");
  for (const [field, value] of Object.entries({ quantity, limitPrice, stopPrice, trail })) {
    if (value !== null && value <= 0n) throw fault(field, "must be positive");
  }
  if (quantity !== null && quantity % FIXED_ONE !== 0n) throw fault("quantity", "must be whole shares to be replaced");
  return { ...changes, client_order_id: replacement.clientOrderId };
}

function decimals(fields: Readonly<Record<string, Fixed | null>>): Record<string, string> {
  const given = Object.entries(fields).filter((field): field is [string, Fixed] => field[1] !== null);
  return Object.fromEntries(given.map(([name, value]) => [name, formatFixed(value)]));
}

function exits(order: NewOrder, takeProfitPrice: Fixed | null): object {
  const { orderClass, stopLossPrice, stopLossLimitPrice } = order;
  return {
    order_class: orderClass,
    ...(takeProfitPrice === null ? {} : { take_profit: decimals({ limit_price: takeProfitPrice }) }),
    ...(stopLossPrice === null
      ? {}
      : { stop_loss: decimals({ stop_price: stopLossPrice, limit_price: stopLossLimitPrice }) }),
  };
}

function checkClientOrderId(clientOrderId: string): void {
  if (!CLIENT_ORDER_ID.test(clientOrderId)) throw fault("clientOrderId", "must be 1 to 128 printable characters");
}

function checkPrices(order: NewOrder): void {
  const needed = PRICES[order.type];
  if (needed === undefined) throw fault("type", `must be one of ${Object.keys(PRICES).join(", ")}`);
  for (const field of ["limitPrice", "stopPrice"] as const) {
    const isNeeded = needed.includes(field);
    if (isNeeded !== (order[field] !== null)) {
      throw fault(field, `must ${isNeeded ? "" : "not "}be given for a ${order.type} order`);
    }
  }
  const trails = [order.trailPrice, order.trailPercent].filter((trail) => trail !== null);
  if (trails.length !== (needed.includes("trail") ? 1 : 0)) {
    throw fault("trailPrice", "or trailPercent must be given for a trailing_stop order, and for no other");
  }
  if (order.trailPercent !== null && order.trailPercent >= HUNDRED) throw fault("trailPercent", "must be below 100");
  const { limitPrice, stopPrice, trailPrice, trailPercent } = order;
  const { takeProfitPrice, stopLossPrice, stopLossLimitPrice } = order;
  const all = { limitPrice, stopPrice, trailPrice, trailPercent, takeProfitPrice, stopLossPrice, stopLossLimitPrice };
  for (const [field, price] of Object.entries(all)) {
    if (price !== null && price <= 0n) throw fault(field, "must be positive");
  }
}

function checkTimes(order: NewOrder): void {
  const isCrypto = order.symbol.includes("/");
  const allowed = (isCrypto ? CRYPTO_TIMES : STOCK_TIMES)[order.type];
  if (allowed === undefined) throw fault("type", `must be one of ${Object.keys(CRYPTO_TIMES).join(", ")} for crypto`);
  if (!allowed.includes(order.timeInForce)) {
    throw fault("timeInForce", `must be one of ${allowed.join(", ")} for a ${order.type} order of ${order.symbol}`);
  }
  if (!order.extendedHours) return;
  const fits = order.type === "limit" && (order.timeInForce === "day" || order.timeInForce === "gtc");
  if (isCrypto || !fits || order.orderClass !== "simple") {
    throw fault("extendedHours", "needs a simple limit order of shares for the day or until cancelled");
  }
}

function checkAmount(order: NewOrder): void {
  const amounts = [order.quantity, order.notional].filter((amount) => amount !== null);
  if (amounts.length !== 1) throw fault("quantity", "or notional must be given, and not both");
  if ((amounts[0] as Fixed) <= 0n) throw fault(order.quantity === null ? "notional" : "quantity", "must be positive");
  if (order.notional !== null && order.type !== "market") throw fault("notional", "needs a market order");
  const isWhole = order.quantity !== null && order.quantity % FIXED_ONE === 0n;
  if (isWhole || order.symbol.includes("/")) return;
  if (order.timeInForce !== "day") throw fault("timeInForce", "must be day for fractions of shares");
  if (order.orderClass !== "simple") throw fault("orderClass", "must be simple for fractions of shares");
  if (order.type === "trailing_stop") throw fault("quantity", "must be whole shares for a trailing_stop order");
}

function checkExits(order: NewOrder): void {
  const { orderClass, takeProfitPrice, stopLossPrice, stopLossLimitPrice } = order;
  if (!CLASSES.includes(orderClass)) throw fault("orderClass", `must be one of ${CLASSES.join(", ")}`);
  const given = [takeProfitPrice, stopLossPrice].filter((price) => price !== null).length;
  const needed = { simple: 0, oto: 1, bracket: 2, oco: 1 }[orderClass];
  if (given !== needed || (orderClass === "oco" && stopLossPrice === null)) {
    throw fault("takeProfitPrice", `and stopLossPrice: ${orderClass} orders need ${EXITS[orderClass]}`);
  }
  if (stopLossLimitPrice !== null && stopLossPrice === null) throw fault("stopLossLimitPrice", "needs stopLossPrice");
  if (orderClass === "simple") return;
  if (order.symbol.includes("/")) throw fault("orderClass", "must be simple for crypto");
  if (order.timeInForce !== "day" && order.timeInForce !== "gtc") {
    throw fault("timeInForce", `must be day or gtc for ${orderClass} orders`);
  }
  const entryTypes: readonly OrderType[] = orderClass === "oco" ? ["limit"] : ["market", "limit"];
  if (!entryTypes.includes(order.type)) throw fault("type", `must be ${entryTypes.join(" or ")} for ${orderClass}`);
  checkSides(order);
}

/** A take-profit lies on the gainful side of the stop-loss: above it where the exits sell. */
function checkSides(order: NewOrder): void {
  const takeProfit = order.orderClass === "oco" ? order.limitPrice : order.takeProfitPrice;
  if (takeProfit === null || order.stopLossPrice === null) return;
  const exitsSell = (order.side === "buy") !== (order.orderClass === "oco");
  if (exitsSell ? takeProfit <= order.stopLossPrice : takeProfit >= order.stopLossPrice) {
    throw fault("takeProfitPrice", `must be ${exitsSell ? "above" : "below"} the stop-loss`);
  }
}

const EXITS: Readonly<Record<OrderClass, string>> = {
  simple: "none of them",
  oto: "exactly one of them",
  bracket: "both",
  oco: "stopLossPrice alone, their limit is the take-profit",
};

function fault(field: string, rule: string): CodedError {
  return new CodedError("BROKER_INVALID_ORDER", `${field} ${rule}`, { field });
}
