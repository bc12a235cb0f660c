/** Alpaca's trading REST interface over the exchange. Main thread of the simulator. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply } from "fastify";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import { calendarOf, formatEpochDay, newYorkEpochDay, parseEpochDay } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { isFinal, type VenueOrder } from "../venue/order.ts";
import type { Exchange } from "./exchange.ts";
import { readOrderRequest } from "./order-request.ts";
import { malformed, WireError } from "./wire-error.ts";
import { assetId, wireAsset, wireFillActivity, wireOrder, wirePosition } from "./wire-order.ts";
import { newYorkDate, parseTimeUs, rfc3339, rfc3339NewYork } from "./wire-time.ts";

type Query = Record<string, string | undefined>;
type Json = Record<string, unknown>;

const DAY_US = 86_400_000_000;
const NOT_FOUND = 40410000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface TradingRoutesOptions {
  readonly exchange: Exchange;
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
}

export function tradingRoutes(app: FastifyInstance, options: TradingRoutesOptions): void {
  accountRoutes(app, options);
  orderRoutes(app, options);
  referenceRoutes(app, options);
}

function accountRoutes(app: FastifyInstance, { exchange, nowUs }: TradingRoutesOptions): void {
  const { venue } = exchange;
  app.get("/v2/account", () => accountBody(exchange, nowUs()));
  app.get("/v2/account/configurations", () => configurations(exchange));
  app.patch("/v2/account/configurations", async (request) => {
    exchange.configure(readConfigurations(request.body));
    await exchange.ledger.committed();
    return configurations(exchange);
  });
  app.get("/v2/account/activities", (request) => activities(exchange, request.query as Query));
  app.get("/v2/account/activities/:type", (request) => {
    const { type } = request.params as { type: string };
    return activities(exchange, { ...(request.query as Query), activity_types: type });
  });
  app.get("/v2/positions", () => [...venue.positions()].map(([symbol]) => positionBody(exchange, symbol)));
  app.get("/v2/positions/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    const found = instrumentNamed(exchange, symbol);
    if (found === undefined || venue.positionOf(found.symbol) === 0n) {
      throw new WireError(404, NOT_FOUND, "position does not exist");
    }
    return positionBody(exchange, found.symbol);
  });
}

function orderRoutes(app: FastifyInstance, { exchange, nowUs }: TradingRoutesOptions): void {
  const { venue } = exchange;
  const body = (order: VenueOrder) => wireOrder(order, instrumentOf(exchange, order.symbol));
  app.post("/v2/orders", async (request) => {
    const result = exchange.submit(readOrderRequest(request.body, randomUUID), nowUs());
    await exchange.ledger.committed();
    if (!result.ok) throw WireError.of(result.refusal);
    return body(result.order);
  });
  app.get("/v2/orders", (request) => listOrders(exchange, request.query as Query).map(body));
  app.get("/v2/orders::by_client_order_id", (request) => {
    const id = (request.query as Query)["client_order_id"] ?? "";
    const order = venue.orderByClientId(id);
    if (order === undefined) throw new WireError(404, NOT_FOUND, `order not found for ${id}`);
    return body(order);
  });
  app.get("/v2/orders/:id", (request) => {
    const { id } = request.params as { id: string };
    checkUuid(id);
    const order = venue.order(id);
    if (order === undefined) throw new WireError(404, NOT_FOUND, `order not found for ${id}`);
    return body(order);
  });
  app.delete("/v2/orders/:id", async (request, reply) => {
    const { id } = request.params as { id: string };
    checkUuid(id);
    const result = exchange.cancel(id, nowUs());
    await exchange.ledger.committed();
    if (!result.ok) throw WireError.of(result.refusal);
    return reply.code(204).send();
  });
  app.delete("/v2/orders", (_request, reply) => cancelAll(exchange, nowUs(), reply));
}

function referenceRoutes(app: FastifyInstance, { exchange, nowUs }: TradingRoutesOptions): void {
  const { venue } = exchange;
  app.get("/v2/assets", (request) => {
    const { asset_class: assetClass = "us_equity", status } = request.query as Query;
    if (status !== undefined && status !== "active") return [];
    return venue
      .instruments()
      .filter((instrument) => instrument.assetClass === assetClass)
      .map(wireAsset);
  });
  app.get("/v2/assets/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    const found = instrumentNamed(exchange, symbol);
    if (found === undefined) throw new WireError(404, NOT_FOUND, `asset not found for ${symbol}`);
    return wireAsset(found);
  });
  app.get("/v2/clock", () => clockBody(exchange, nowUs()));
  app.get("/v2/calendar", (request) => calendarDays(request.query as Query, nowUs()));
}

function accountBody(exchange: Exchange, nowUs: number): Json {
  const { venue, head } = exchange;
  const figures = venue.figures();
  const text = formatFixed;
  const equity = text(figures.equity);
  return {
    id: head.accountId,
    account_number: `PA${head.accountId.replaceAll("-", "").slice(0, 10).toUpperCase()}`,
    status: "ACTIVE",
    crypto_status: "ACTIVE",
    currency: "USD",
    created_at: rfc3339(head.startUs),
    balance_asof: newYorkDate(nowUs - DAY_US),
    cash: text(figures.cash),
    equity,
    portfolio_value: equity,
    last_equity: text(exchange.lastEquity),
    long_market_value: text(figures.longMarketValue),
    short_market_value: text(figures.shortMarketValue),
    position_market_value: text(figures.longMarketValue - figures.shortMarketValue),
    initial_margin: text(figures.initialMargin),
    maintenance_margin: text(figures.maintenanceMargin),
    last_maintenance_margin: text(figures.maintenanceMargin),
    buying_power: text(figures.buyingPower),
    effective_buying_power: text(figures.buyingPower),
    regt_buying_power: text(halfOf(figures.buyingPower, venue.settings.maxMarginMultiplier)),
    non_marginable_buying_power: text(figures.nonMarginableBuyingPower),
    options_buying_power: "0",
    sma: equity,
    multiplier: String(venue.settings.maxMarginMultiplier),
    accrued_fees: "0",
    intraday_adjustments: "0",
    pending_reg_taf_fees: "0",
    options_approved_level: 0,
    options_trading_level: 0,
    crypto_tier: 0,
    account_blocked: false,
    trading_blocked: false,
    transfers_blocked: false,
    trade_suspended_by_user: venue.settings.suspendTrade,
    shorting_enabled: !venue.settings.noShorting && venue.settings.maxMarginMultiplier > 1,
    user_configurations: null,
    admin_configurations: {},
  };
}

/** Overnight buying power: two times equity where the day's is four times. */
function halfOf(buyingPower: Fixed, multiplier: number): Fixed {
  return multiplier === 4 ? buyingPower / 2n : buyingPower;
}

function configurations(exchange: Exchange): Json {
  const { suspendTrade, noShorting, maxMarginMultiplier } = exchange.venue.settings;
  return {
    suspend_trade: suspendTrade,
    no_shorting: noShorting,
    max_margin_multiplier: String(maxMarginMultiplier),
    fractional_trading: true,
    max_options_trading_level: 0,
    trade_confirm_email: "none",
    ptp_no_exception_entry: false,
    disable_overnight_trading: false,
  };
}

function readConfigurations(body: unknown): {
  suspendTrade?: boolean;
  noShorting?: boolean;
  maxMarginMultiplier?: 1 | 2 | 4;
} {
  if (typeof body !== "object" || body === null) throw malformed("request body format is invalid");
  const { suspend_trade: suspend, no_shorting: noShorting, max_margin_multiplier: multiplier } = body as Json;
  for (const [name, value] of Object.entries({ suspend_trade: suspend, no_shorting: noShorting })) {
    if (value !== undefined && typeof value !== "boolean") throw malformed(`${name} must be true or false`);
  }
  if (multiplier !== undefined && ![1, 2, 4].includes(Number(multiplier))) {
    throw malformed("max_margin_multiplier must be 1, 2 or 4");
  }
  return {
    ...(suspend === undefined ? {} : { suspendTrade: suspend as boolean }),
    ...(noShorting === undefined ? {} : { noShorting: noShorting as boolean }),
    ...(multiplier === undefined ? {} : { maxMarginMultiplier: Number(multiplier) as 1 | 2 | 4 }),
  };
}

/** Fills are the only activities; other kinds give an empty list. */
function activities(exchange: Exchange, query: Query): Json[] {
  const types = query["activity_types"]?.split(",");
  if ((types !== undefined && !types.includes("FILL")) || query["category"] === "non_trade_activity") return [];
  const size = limitOf(query["page_size"], 100, 100, "page_size");
  const after = timeOf(query["after"], "after") ?? Number.NEGATIVE_INFINITY;
  const until = timeOf(query["until"], "until") ?? Number.POSITIVE_INFINITY;
  const rows: Json[] = [];
  let waiting = query["page_token"] !== undefined;
  const fills = query["direction"] === "asc" ? exchange.fills : exchange.fills.toReversed();
  for (const fill of fills) {
    if (fill.timeUs <= after || fill.timeUs >= until) continue;
    if (query["order_id"] !== undefined && fill.order.id !== query["order_id"]) continue;
    if (query["date"] !== undefined && newYorkDate(fill.timeUs) !== query["date"].slice(0, 10)) continue;
    const row = wireFillActivity(fill) as Json;
    if (waiting) waiting = row["id"] !== query["page_token"];
    else if (rows.push(row) === size) break;
  }
  if (waiting) throw malformed("page_token must be the id of an activity in the list");
  return rows;
}

function positionBody(exchange: Exchange, symbol: string): Json {
  const { venue } = exchange;
  const market = venue.market(symbol);
  const holding = [...venue.positions()].find(([held]) => held === symbol)?.[1];
  if (market === undefined || holding === undefined) throw new WireError(404, NOT_FOUND, "position does not exist");
  return wirePosition(holding, venue.availableOf(symbol), market);
}

function listOrders(exchange: Exchange, query: Query): VenueOrder[] {
  const status = query["status"] ?? "open";
  if (!["open", "closed", "all"].includes(status)) throw malformed("status must be open, closed or all");
  const limit = limitOf(query["limit"], 50, 500, "limit");
  const after = timeOf(query["after"], "after") ?? Number.NEGATIVE_INFINITY;
  const until = timeOf(query["until"], "until") ?? Number.POSITIVE_INFINITY;
  const symbols = query["symbols"]?.split(",");
  const first = cursorOf(exchange, query["after_order_id"], "after_order_id") ?? 0;
  const last = cursorOf(exchange, query["before_order_id"], "before_order_id") ?? Number.POSITIVE_INFINITY;
  const all = [...exchange.venue.orders()];
  if (query["direction"] !== "asc") all.reverse();
  const rows: VenueOrder[] = [];
  for (const order of all) {
    if (rows.length === limit) break;
    if (status !== "all" && isFinal(order.status) !== (status === "closed")) continue;
    if (order.submittedAtUs <= after || order.submittedAtUs >= until) continue;
    if (order.number <= first || order.number >= last) continue;
    if (symbols !== undefined && !symbols.includes(order.symbol)) continue;
    if (query["side"] !== undefined && order.side !== query["side"]) continue;
    rows.push(order);
  }
  return rows;
}

function cursorOf(exchange: Exchange, id: string | undefined, name: string): number | null {
  if (id === undefined) return null;
  const order = exchange.venue.order(id);
  if (order === undefined) throw malformed(`${name} must be the id of an order`);
  return order.number;
}

async function cancelAll(exchange: Exchange, nowUs: number, reply: FastifyReply): Promise<FastifyReply> {
  const rows: { id: string; status: number }[] = [];
  const open = [...exchange.venue.orders()].filter((order) => !isFinal(order.status));
  for (const order of open) {
    const result = exchange.cancel(order.id, nowUs);
    rows.push({ id: order.id, status: result.ok ? 200 : result.refusal.status });
  }
  await exchange.ledger.committed();
  return reply.code(207).send(rows);
}

/** Where nothing ever closes, the next opening and close are shown a day ahead. */
function clockBody(exchange: Exchange, nowUs: number): Json {
  const sessions = exchange.venue.instruments().some((instrument) => instrument.calendar === "nyse");
  const calendar = calendarOf(sessions ? "nyse" : "always");
  const tomorrowUs = nowUs + DAY_US;
  return {
    timestamp: rfc3339NewYork(nowUs),
    is_open: calendar.isOpen(nowUs),
    next_open: rfc3339NewYork(Math.min(calendar.nextOpenUs(nowUs), sessions ? Number.POSITIVE_INFINITY : tomorrowUs)),
    next_close: rfc3339NewYork(Math.min(calendar.nextCloseUs(nowUs), sessions ? Number.POSITIVE_INFINITY : tomorrowUs)),
  };
}

/** At most two years at a time; by default the 30 days from today. */
function calendarDays(query: Query, nowUs: number): Json[] {
  const today = newYorkEpochDay(nowUs);
  const start = query["start"] === undefined ? today : dayOf(query["start"], "start");
  const end = Math.min(query["end"] === undefined ? start + 30 : dayOf(query["end"], "end"), start + 731);
  const days: Json[] = [];
  for (let day = start; day <= end; day++) {
    const session = calendarOf("nyse").sessionOf(day);
    if (session === null) continue;
    const close = rfc3339NewYork(session.closeUs).slice(11, 16);
    days.push({
      date: formatEpochDay(day),
      open: "09:30",
      close,
      session_open: "0400",
      session_close: close === "16:00" ? "2000" : "1700",
      settlement_date: formatEpochDay(nextSessionDay(day)),
    });
  }
  return days;
}

function nextSessionDay(day: number): number {
  let next = day + 1;
  while (calendarOf("nyse").sessionOf(next) === null) next++;
  return next;
}

function dayOf(text: string, name: string): number {
  try {
    return parseEpochDay(text.slice(0, 10), name);
  } catch {
    throw malformed(`${name} must be a date such as 2018-01-02`);
  }
}

function checkUuid(id: string): void {
  if (!UUID.test(id)) throw malformed("order_id must be a UUID");
}

function limitOf(text: string | undefined, preset: number, most: number, name: string): number {
  if (text === undefined) return preset;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > most) throw malformed(`${name} must be 1 to ${most}`);
  return limit;
}

function timeOf(text: string | undefined, name: string): number | null {
  if (text === undefined) return null;
  const timeUs = parseTimeUs(text);
  if (timeUs === null) throw malformed(`${name} must be an RFC 3339 time or a date`);
  return timeUs;
}

/** By symbol, by symbol without a slash, or by asset id. */
function instrumentNamed(exchange: Exchange, name: string): Instrument | undefined {
  return exchange.venue
    .instruments()
    .find(({ symbol }) => symbol === name || symbol.replace("/", "") === name || assetId(symbol) === name);
}

function instrumentOf(exchange: Exchange, symbol: string): Instrument {
  return exchange.venue.market(symbol)?.instrument as Instrument;
}
