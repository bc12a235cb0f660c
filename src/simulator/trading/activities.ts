/**
 * `/v2/account/activities`: fills, and everything else that moved the account, in order of time. A trade that was busted is
 * gone from the list and one that was corrected has its right price, so that the fills add up to the position. Main
 * thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { formatFixed } from "../../core/fixed.ts";
import { remainingOf, type VenueActivity, type VenueEvent, type VenueExecution } from "../../venue/order.ts";
import type { Exchange } from "../exchange.ts";
import { malformed } from "../wire-error.ts";
import { activityStamp, newYorkDate, rfc3339 } from "../wire-time.ts";
import { ACTIVITY_TYPES, activitySubType, typesNamed } from "./activity-type.ts";
import { QueryParameters } from "./query.ts";

type Json = Record<string, unknown>;

const PATH = "/v2/account/activities";
const CATEGORIES = ["all", "trade_activity", "non_trade_activity"] as const;
const DIRECTIONS = ["desc", "asc"] as const;
const PAGE_SIZE = 100;

/** An activity before it is put into words. */
interface Row {
  /** Of the execution or the activity: what its id ends with. */
  readonly uuid: string;
  readonly type: string;
  readonly timeUs: number;
  readonly orderId: string | null;
  readonly body: () => Json;
}

export function activityRoutes(app: FastifyInstance, exchange: Exchange): void {
  app.get(PATH, (request) => {
    const query = new QueryParameters(request.query);
    query.atMost(1, ["activity_types", "category"]);
    const category = query.choice("category", CATEGORIES, "all");
    const types = typesNamed(query.list("activity_types") ?? ACTIVITY_TYPES);
    return page(exchange, query, (type) => types.has(type) && fitsCategory(type, category));
  });
  app.get(`${PATH}/:type`, (request) => {
    const { type: name } = request.params as { type: string };
    const query = new QueryParameters(request.query);
    for (const other of ["activity_types", "category"]) {
      if (query.list(other) !== null) throw malformed(`${other} is not accepted where the path names the type`);
    }
    const types = typesNamed([name]);
    return page(exchange, query, (type) => types.has(type));
  });
}

function fitsCategory(type: string, category: (typeof CATEGORIES)[number]): boolean {
  return category === "all" || (type === "FILL") === (category === "trade_activity");
}

function page(exchange: Exchange, query: QueryParameters, fits: (type: string) => boolean): Json[] {
  const size = query.count("page_size", PAGE_SIZE, PAGE_SIZE);
  const token = query.text("page_token");
  const orderId = query.text("order_id");
  const inTime = timeFilter(query);
  const rows = rowsOf(exchange).filter(
    (row) => fits(row.type) && inTime(row.timeUs) && (orderId === null || row.orderId === orderId),
  );
  if (query.choice("direction", DIRECTIONS, "desc") === "desc") rows.reverse();
  const uuid = token?.split("::")[1];
  const last = token === null ? -1 : rows.findIndex((row) => row.uuid === uuid);
  if (token !== null && last === -1) throw malformed("page_token must be the id of an activity in the list");
  return rows.slice(last + 1, last + 1 + size).map((row) => row.body());
}

function timeFilter(query: QueryParameters): (timeUs: number) => boolean {
  for (const other of ["after", "until"]) query.atMost(1, ["date", other]);
  const afterUs = query.timeUs("after") ?? Number.NEGATIVE_INFINITY;
  const untilUs = query.timeUs("until") ?? Number.POSITIVE_INFINITY;
  const dateUs = query.timeUs("date");
  const date = dateUs === null ? null : newYorkDate(dateUs);
  return (timeUs) => timeUs > afterUs && timeUs < untilUs && (date === null || newYorkDate(timeUs) === date);
}

/** Oldest first; a trade comes before what it caused. */
function rowsOf({ fills, activities }: Exchange): Row[] {
  const trades = fills.map(fillRow);
  const others = activities.map(activityRow);
  return [...trades, ...others].sort((a, b) => a.timeUs - b.timeUs);
}

function fillRow(event: VenueEvent): Row {
  const { order, timeUs } = event;
  const execution = event.execution as VenueExecution;
  return {
    uuid: execution.id,
    type: "FILL",
    timeUs,
    orderId: order.id,
    body: () => ({
      activity_type: "FILL",
      id: `${activityStamp(timeUs)}::${execution.id}`,
      type: event.kind,
      transaction_time: rfc3339(timeUs),
      order_id: order.id,
      order_status: order.status,
      symbol: order.symbol,
      side: order.side,
      qty: formatFixed(execution.quantity),
      price: formatFixed(execution.price),
      cum_qty: formatFixed(order.filledQuantity),
      leaves_qty: formatFixed(remainingOf(order)),
    }),
  };
}

function activityRow(activity: VenueActivity): Row {
  const { id: uuid, type, timeUs, orderId } = activity;
  return { uuid, type, timeUs, orderId, body: () => activityBody(activity) };
}

function activityBody(activity: VenueActivity): Json {
  const subType = activitySubType(activity);
  const date = newYorkDate(activity.timeUs);
  return {
    activity_type: activity.type,
    ...(subType === null ? {} : { activity_sub_type: subType }),
    id: `${date.replaceAll("-", "")}000000000::${activity.id}`,
    date,
    created_at: rfc3339(activity.timeUs),
    net_amount: formatFixed(activity.netAmount),
    symbol: activity.symbol,
    qty: formatFixed(activity.quantity),
    ...(activity.perShareAmount === null ? {} : { per_share_amount: formatFixed(activity.perShareAmount) }),
    ...(activity.price === null ? {} : { price: formatFixed(activity.price) }),
    currency: "USD",
    description: activity.description,
    status: "executed",
  };
}
