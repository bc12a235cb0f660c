/**
 * `/v2/events/trades` and `/v2beta1/events/activities`: the account's events as server-sent events. The first are the
 * messages of the trade-update stream under the same ids, the second are fills, their corrections, and everything else
 * that moved the account. Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { type Fixed, formatFixed, multiplyFixed } from "../../core/fixed.ts";
import { formatEpochDay, newYorkEpochDay } from "../../core/market/calendar.ts";
import { remainingOf, type VenueActivity, type VenueEvent, type VenueExecution } from "../../venue/order.ts";
import type { Movement } from "../account-log.ts";
import type { Exchange } from "../exchange.ts";
import { rfc3339 } from "../wire-time.ts";
import { activitySubType } from "./activity-type.ts";
import { type EventFeed, type FeedItem, streamEvents } from "./event-stream.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import { settlementDay } from "./market-hours.ts";
import { eventUlid } from "./ulid.ts";
import { wireTradeUpdate } from "./wire-order.ts";

type Json = Record<string, unknown>;

export interface AccountFeedOptions {
  readonly exchange: Exchange;
  readonly directory: InstrumentDirectory;
  readonly nowUs: () => number;
  /** Calls back after every event of the account, until the returned function is called. */
  readonly watch: EventFeed["watch"];
}

export function eventRoutes(app: FastifyInstance, options: AccountFeedOptions): void {
  const { exchange, nowUs, watch } = options;
  const shared = { watch, nowUs, committed: () => exchange.ledger.committed() };
  const trades: EventFeed = { ...shared, after: (id) => tradeItems(options, id) };
  const activities: EventFeed = { ...shared, after: (id) => activityItems(options, id) };
  app.get("/v2/events/trades", (request, reply) => streamEvents(request, reply, trades));
  app.get("/v2beta1/events/activities", (request, reply) => streamEvents(request, reply, activities));
}

function tradeItems({ exchange, directory }: AccountFeedOptions, after: string): FeedItem[] {
  return newest(exchange.log.events, after, ({ event }) => event.timeUs).map(({ id, timeUs, entry }) => ({
    id,
    number: entry.number,
    timeUs,
    body: () => wireTradeUpdate(entry.event, directory, id),
  }));
}

function activityItems({ exchange, directory }: AccountFeedOptions, after: string): FeedItem[] {
  return newest(exchange.log.movements, after, timeOf).map(({ id, timeUs, entry }) => ({
    id,
    number: entry.number,
    timeUs,
    body: () => (entry.event === null ? activityBody(entry.activity, id) : tradeBody(entry.event, directory, id)),
  }));
}

function timeOf({ event, activity }: Movement): number {
  return event === null ? activity.timeUs : event.timeUs;
}

/** Those of a log whose ids come after this one; ids grow with the log. */
function newest<Entry extends { readonly number: number }>(
  entries: readonly Entry[],
  after: string,
  at: (entry: Entry) => number,
): { readonly id: string; readonly timeUs: number; readonly entry: Entry }[] {
  const found: { id: string; timeUs: number; entry: Entry }[] = [];
  for (let place = entries.length - 1; place >= 0; place--) {
    const entry = entries[place] as Entry;
    const timeUs = at(entry);
    const id = eventUlid(timeUs, entry.number);
    if (id <= after) break;
    found.push({ id, timeUs, entry });
  }
  return found.reverse();
}

const STATUSES = { trade_bust: "canceled", trade_correct: "correct" } as const;

function tradeBody(event: VenueEvent, directory: InstrumentDirectory, id: string): Json {
  const { order, kind } = event;
  const execution = event.execution as VenueExecution;
  const amends = kind === "trade_bust" || kind === "trade_correct";
  const value = multiplyFixed(execution.quantity, execution.price, "half_even");
  return {
    ...head(id, "FILL", event.timeUs, execution.id, amends ? STATUSES[kind] : "executed"),
    ...(execution.previousId === null ? {} : { previous_id: execution.previousId }),
    net_amount: formatFixed((order.side === "buy") === (kind === "trade_bust") ? value : -value),
    price: formatFixed(execution.price),
    qty: formatFixed(execution.quantity),
    details: {
      asset_id: directory.idOf(order.symbol),
      client_order_id: order.clientOrderId,
      cum_qty: formatFixed(order.filledQuantity),
      execution_type: amends ? kind : "fill",
      leaves_qty: formatFixed(remainingOf(order)),
      order_id: order.id,
      order_status: order.status,
      side: order.side,
      symbol: order.symbol,
    },
  };
}

function activityBody(activity: VenueActivity, id: string): Json {
  const subType = activitySubType(activity);
  return {
    ...head(id, activity.type, activity.timeUs, activity.id, "executed"),
    ...(subType === null ? {} : { activity_subtype: subType }),
    net_amount: formatFixed(activity.netAmount),
    qty: formatFixed(activity.quantity),
    ...(activity.price === null ? {} : { price: formatFixed(activity.price) }),
    details: { symbol: activity.symbol, ...rate(activity.perShareAmount) },
  };
}

function rate(perShare: Fixed | null): Json {
  return perShare === null ? {} : { rate: formatFixed(perShare) };
}

function head(id: string, type: string, timeUs: number, ref: string, status: string): Json {
  return {
    at: rfc3339(timeUs),
    event_id: id,
    activity_type: type,
    executed_at: rfc3339(timeUs),
    settle_date: formatEpochDay(settlementDay(newYorkEpochDay(timeUs))),
    status,
    currency: "USD",
    ref_id: ref,
  };
}
