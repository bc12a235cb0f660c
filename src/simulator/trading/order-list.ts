/** `GET /v2/orders`: which orders, in what order, and which of them under their parents. Pure: reads the venue. */
import { isFinal, type VenueOrder } from "../../venue/order.ts";
import { malformed } from "../wire-error.ts";
import type { InstrumentDirectory } from "./instrument-directory.ts";
import type { QueryParameters } from "./query.ts";

const STATUSES = ["open", "closed", "all"] as const;
const DIRECTIONS = ["desc", "asc"] as const;
const SIDES = ["buy", "sell"] as const;
const PRESET_LIMIT = 50;
const MOST_ORDERS = 500;

/** What the list is read from. */
export interface OrderSource {
  /** In order of submission. */
  orders(): Iterable<VenueOrder>;
  order(id: string): VenueOrder | undefined;
}

export interface OrderRow {
  readonly order: VenueOrder;
  /** Null where the list does not nest. */
  readonly legs: readonly VenueOrder[] | null;
}

/** Throws 422 naming the parameter that does not fit. */
export function listOrders(source: OrderSource, directory: InstrumentDirectory, query: QueryParameters): OrderRow[] {
  const limit = query.count("limit", PRESET_LIMIT, MOST_ORDERS);
  const fits = filterOf(source, directory, query);
  const nested = query.flag("nested");
  const orders = [...source.orders()];
  if (query.choice("direction", DIRECTIONS, "desc") === "desc") orders.reverse();
  const rows: OrderRow[] = [];
  for (const order of orders) {
    if (rows.length === limit) break;
    if (!fits(order) || (nested && isRolledUp(order, source, fits))) continue;
    rows.push({ order, legs: nested ? legsOf(order, source) : null });
  }
  return rows;
}

/** A parent's legs, the take-profit first. */
export function legsOf(order: VenueOrder, source: OrderSource): VenueOrder[] {
  return order.legIds.map((id) => source.order(id)).filter((leg) => leg !== undefined);
}

/** Whether a leg shows under its parent; one whose parent is not in the list has a row of its own. */
function isRolledUp(order: VenueOrder, source: OrderSource, fits: (order: VenueOrder) => boolean): boolean {
  const parent = order.parentId === null ? undefined : source.order(order.parentId);
  return parent !== undefined && fits(parent);
}

function filterOf(
  source: OrderSource,
  directory: InstrumentDirectory,
  query: QueryParameters,
): (order: VenueOrder) => boolean {
  const status = query.choice("status", STATUSES, "open");
  const side = query.text("side") === null ? null : query.choice("side", SIDES, "buy");
  const symbols = query.list("symbols")?.map((name) => directory.named(name)?.symbol ?? name) ?? null;
  const classes = query.list("asset_class");
  query.atMost(1, ["before_order_id", "after_order_id"]);
  for (const cursor of ["before_order_id", "after_order_id"]) {
    for (const time of ["after", "until"]) query.atMost(1, [cursor, time]);
  }
  const afterUs = query.timeUs("after") ?? Number.NEGATIVE_INFINITY;
  const untilUs = query.timeUs("until") ?? Number.POSITIVE_INFINITY;
  const first = cursorOf(source, query, "after_order_id") ?? 0;
  const last = cursorOf(source, query, "before_order_id") ?? Number.POSITIVE_INFINITY;
  return (order) =>
    (status === "all" || isFinal(order.status) === (status === "closed")) &&
    order.submittedAtUs > afterUs &&
    order.submittedAtUs < untilUs &&
    order.number > first &&
    order.number < last &&
    (symbols === null || symbols.includes(order.symbol)) &&
    (side === null || order.side === side) &&
    (classes === null || classes.includes("all") || classes.includes(directory.named(order.symbol)?.assetClass ?? ""));
}

function cursorOf(source: OrderSource, query: QueryParameters, name: string): number | null {
  const id = query.text(name);
  if (id === null) return null;
  const order = source.order(id);
  if (order === undefined) throw malformed(`${name} must be the id of an order`);
  return order.number;
}
