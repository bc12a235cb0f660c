/**
 * Alpaca's objects → the broker port's. Each throws `BROKER_ANSWER` naming the field that is not as it must be. Pure.
 */
import { type Fixed, formatFixed } from "../../core/fixed.ts";
import type { Side } from "../../orders/journal.ts";
import type {
  BrokerAccount,
  BrokerActivity,
  BrokerAsset,
  BrokerClock,
  BrokerFill,
  BrokerOrder,
  BrokerPosition,
  BrokerQuote,
  HistoricalBar,
  TradeUpdate,
} from "../broker.ts";
import type { SymbolNames } from "./symbols.ts";
import {
  parseTimestampUs,
  wireAmount,
  wireAmountOrNull,
  wireArray,
  wireBoolean,
  wireDouble,
  wireObject,
  wireOneOf,
  type WireObject,
  wireQuantity,
  wireQuantityOrNull,
  wireText,
  wireTextOrNull,
  wireTimeUs,
} from "./wire.ts";

const SIDES: readonly Side[] = ["buy", "sell"];
const ASSET_CLASSES: readonly BrokerAsset["assetClass"][] = ["us_equity", "crypto"];

/** The key of a fill: the order and its filled quantity after it, in the one form that decimals have here. */
export function executionIdOf(brokerOrderId: string, filledQuantity: Fixed): string {
  return `${brokerOrderId}@${formatFixed(filledQuantity)}`;
}

export function readAccount(value: unknown): BrokerAccount {
  const account = wireObject(value, "account");
  const equity = wireAmount(account, "equity");
  return {
    id: wireText(account, "id"),
    status: wireText(account, "status"),
    cash: wireAmount(account, "cash"),
    equity,
    lastEquity: wireAmountOrNull(account, "last_equity") ?? equity,
    buyingPower: wireAmount(account, "buying_power"),
    suspended: account["trade_suspended_by_user"] === true,
  };
}

/** Short positions are negative whichever sign the broker gives their quantity. */
export function readPosition(value: unknown, names: SymbolNames): BrokerPosition {
  const position = wireObject(value, "position");
  const quantity = wireQuantity(position, "qty");
  const magnitude = quantity < 0n ? -quantity : quantity;
  const short = quantity < 0n || position["side"] === "short";
  return {
    symbol: names.normalise(wireText(position, "symbol"), wireTextOrNull(position, "asset_class")),
    quantity: short ? -magnitude : magnitude,
    averageEntryPrice: wireAmount(position, "avg_entry_price"),
    currentPrice: wireAmountOrNull(position, "current_price"),
  };
}

export function readClock(value: unknown): BrokerClock {
  const clock = wireObject(value, "clock");
  return {
    venueTimeUs: wireTimeUs(clock, "timestamp"),
    isOpen: wireBoolean(clock, "is_open"),
    nextOpenUs: wireTimeUs(clock, "next_open"),
    nextCloseUs: wireTimeUs(clock, "next_close"),
  };
}

export function readAsset(value: unknown): BrokerAsset {
  const asset = wireObject(value, "asset");
  return {
    symbol: wireText(asset, "symbol"),
    assetClass: wireOneOf(asset, "class", ASSET_CLASSES),
    tradable: wireBoolean(asset, "tradable") && (wireTextOrNull(asset, "status") ?? "active") === "active",
    shortable: wireBoolean(asset, "shortable"),
    fractionable: wireBoolean(asset, "fractionable"),
    minOrderSize: wireAmountOrNull(asset, "min_order_size"),
    minTradeIncrement: wireAmountOrNull(asset, "min_trade_increment"),
    priceIncrement: wireAmountOrNull(asset, "price_increment"),
  };
}

/** True for orders of several legs (options): the port has no form for them and they are never ours. */
export function isMultiLeg(value: unknown): boolean {
  return wireObject(value, "order")["order_class"] === "mleg";
}

export function readOrder(value: unknown, names: SymbolNames): BrokerOrder {
  const order = wireObject(value, "order");
  const createdAtUs = wireTimeUs(order, wireTextOrNull(order, "submitted_at") === null ? "created_at" : "submitted_at");
  return {
    id: wireText(order, "id"),
    clientOrderId: wireText(order, "client_order_id"),
    symbol: names.normalise(wireText(order, "symbol"), wireTextOrNull(order, "asset_class")),
    side: readSide(order),
    type: wireText(order, wireTextOrNull(order, "type") === null ? "order_type" : "type"),
    timeInForce: wireText(order, "time_in_force"),
    orderClass: wireTextOrNull(order, "order_class") ?? "",
    quantity: wireQuantityOrNull(order, "qty"),
    limitPrice: wireAmountOrNull(order, "limit_price"),
    stopPrice: wireAmountOrNull(order, "stop_price"),
    trailPrice: wireAmountOrNull(order, "trail_price"),
    trailPercent: wireAmountOrNull(order, "trail_percent"),
    filledQuantity: wireQuantityOrNull(order, "filled_qty") ?? 0n,
    filledAveragePrice: wireAmountOrNull(order, "filled_avg_price"),
    status: wireText(order, "status"),
    replaces: wireTextOrNull(order, "replaces"),
    replacedBy: wireTextOrNull(order, "replaced_by"),
    legs: readLegs(order["legs"], names),
    submittedAtUs: createdAtUs,
    updatedAtUs: wireTextOrNull(order, "updated_at") === null ? createdAtUs : wireTimeUs(order, "updated_at"),
  };
}

function readLegs(value: unknown, names: SymbolNames): BrokerOrder[] {
  if (value === undefined || value === null) return [];
  return wireArray(value, "legs").map((leg) => readOrder(leg, names));
}

/** Old activities and orders say `sell_short` for some sells. */
function readSide(object: WireObject): Side {
  return object["side"] === "sell_short" ? "sell" : wireOneOf(object, "side", SIDES);
}

/** A FILL activity. Its time is read from `transaction_time`, never from its id, which is in New York's time. */
export function readFill(value: unknown, names: SymbolNames): BrokerFill {
  const fill = wireObject(value, "activity");
  const brokerOrderId = wireText(fill, "order_id");
  return {
    executionId: executionIdOf(brokerOrderId, wireQuantity(fill, "cum_qty")),
    brokerOrderId,
    symbol: names.normalise(wireText(fill, "symbol"), null),
    side: readSide(fill),
    quantity: wireQuantity(fill, "qty"),
    price: wireAmount(fill, "price"),
    venueTimeUs: wireTimeUs(fill, "transaction_time"),
  };
}

/**
 * A non-trade activity. `date` is when it counts, `created_at` when it was entered: older ones have only the date, which is
 * then taken for its midnight in UTC, earlier than any moment of that day in New York.
 */
export function readActivity(value: unknown, names: SymbolNames): BrokerActivity {
  const activity = wireObject(value, "activity");
  const symbol = wireTextOrNull(activity, "symbol");
  const createdAt = wireTextOrNull(activity, "created_at");
  const date = wireTextOrNull(activity, "date") ?? createdAt?.slice(0, 10) ?? wireText(activity, "date");
  return {
    id: wireText(activity, "id"),
    type: wireText(activity, "activity_type"),
    status: wireTextOrNull(activity, "status") ?? "executed",
    symbol: symbol === null ? null : names.normalise(symbol, null),
    quantity: wireQuantityOrNull(activity, "qty"),
    netAmount: wireAmountOrNull(activity, "net_amount") ?? 0n,
    price: wireAmountOrNull(activity, "price"),
    date,
    createdAtUs:
      createdAt === null ? parseTimestampUs(`${date}T00:00:00Z`, "date") : wireTimeUs(activity, "created_at"),
    description: wireTextOrNull(activity, "description") ?? "",
  };
}

const FILL_EVENTS: ReadonlySet<string> = new Set(["fill", "partial_fill"]);

/** The `data` of a `trade_updates` message. Fills must tell their price and quantity. */
export function readTradeUpdate(data: WireObject, names: SymbolNames): TradeUpdate {
  const event = wireText(data, "event");
  const order = readOrder(data["order"], names);
  const isFill = FILL_EVENTS.has(event);
  return {
    event,
    order,
    executionId: isFill ? executionIdOf(order.id, order.filledQuantity) : null,
    price: isFill ? wireAmount(data, "price") : null,
    quantity: isFill ? wireQuantity(data, "qty") : null,
    positionQuantity: isFill ? wireQuantityOrNull(data, "position_qty") : null,
    venueTimeUs: updateTimeUs(data, order),
  };
}

function updateTimeUs(data: WireObject, order: BrokerOrder): number {
  for (const field of ["timestamp", "at"]) if (wireTextOrNull(data, field) !== null) return wireTimeUs(data, field);
  return order.updatedAtUs;
}

export function readQuote(value: unknown): BrokerQuote {
  const quote: WireObject = wireObject(value, "quote");
  return { bid: wireDouble(quote, "bp"), ask: wireDouble(quote, "ap"), timeUs: wireTimeUs(quote, "t") };
}

export function readBar(value: unknown): HistoricalBar {
  const bar: WireObject = wireObject(value, "bar");
  return {
    startUs: wireTimeUs(bar, "t"),
    open: wireDouble(bar, "o"),
    high: wireDouble(bar, "h"),
    low: wireDouble(bar, "l"),
    close: wireDouble(bar, "c"),
    volume: wireDouble(bar, "v"),
  };
}
