/**
 * An earlier life of the venue: its events taken over one by one, and its whole state written down and read back. Throws
 * `VENUE_REPLAY` where what follows is not what was written.
 */
import { CodedError } from "../core/errors.ts";
import type { Fixed } from "../core/fixed.ts";
import type { Holding } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import { snapshotOf, type VenueActivity, type VenueEvent, type VenueExecution, type VenueOrder } from "./order.ts";
import { record } from "./order-life.ts";
import { fillOf } from "./trade-amendments.ts";
import type { VenueState } from "./venue-state.ts";

/** All of an account but its settings; plain values. */
export interface VenueSnapshot {
  readonly timeUs: number;
  readonly cash: Fixed;
  readonly holdings: readonly (readonly [string, Holding])[];
  /** Those that are kept, in order of submission. */
  readonly orders: readonly VenueOrder[];
  readonly fills: readonly VenueEvent[];
  readonly activities: readonly VenueActivity[];
  /** Hashes of the client order ids of orders that are not kept. */
  readonly forgottenIds: Buffer;
  /** Symbols that are hard to borrow. */
  readonly hardToBorrow: readonly string[];
}

export function snapshotState(state: VenueState): VenueSnapshot {
  return {
    timeUs: state.timeUs,
    cash: state.holdings.cash,
    holdings: [...state.holdings.all()],
    orders: Array.from(state.book.all(), (order) => snapshotOf(order)),
    fills: [...state.fills.items],
    activities: [...state.activities.items],
    forgottenIds: state.book.forgottenIds.bytes(),
    hardToBorrow: state.markets.filter((market) => !market.easyToBorrow).map((market) => market.instrument.symbol),
  };
}

/** Into a venue that is new. */
export function restoreState(state: VenueState, snapshot: VenueSnapshot): void {
  state.timeUs = snapshot.timeUs;
  state.holdings.restore(snapshot.cash, snapshot.holdings);
  state.book.forgottenIds.addBytes(snapshot.forgottenIds);
  for (const order of snapshot.orders) state.book.restore(order, marketOf(state, order.symbol));
  for (const fill of snapshot.fills) {
    state.fills.push(fill);
    book(state, fill);
  }
  for (const activity of snapshot.activities) state.activities.push(activity);
  for (const symbol of snapshot.hardToBorrow) marketOf(state, symbol).easyToBorrow = false;
}

/** An order as it was accepted. */
export function replayOrder(state: VenueState, order: VenueOrder): void {
  state.book.restore(order, marketOf(state, order.symbol));
  if (order.updatedAtUs > state.timeUs) state.timeUs = order.updatedAtUs;
}

export function replayEvent(state: VenueState, event: VenueEvent): void {
  const { order, execution } = event;
  const { instrument } = marketOf(state, order.symbol);
  if (execution !== null) {
    if (event.kind === "trade_bust") {
      const fill = fillBefore(state, execution);
      state.holdings.undo(instrument, { side: order.side, ...(fill.execution as VenueExecution) });
      state.fills.replace(fill, null);
    } else if (event.kind === "trade_correct") {
      const fill = fillBefore(state, execution);
      const before = { side: order.side, ...(fill.execution as VenueExecution) };
      state.holdings.reprice(instrument, before, execution.price);
      state.fills.replace(fill, { ...fill, execution });
    } else {
      state.holdings.apply(instrument, { side: order.side, ...execution });
      record(state, event);
      book(state, event);
    }
    checkCash(state, execution.cash, `execution ${execution.id}`);
  }
  replayOrder(state, order);
}

/** A corporate action; the orders that it cancelled have events of their own. */
export function replayActivity(state: VenueState, activity: VenueActivity): void {
  const { symbol, netAmount } = activity;
  if (activity.type === "SPLIT")
    state.holdings.split(symbol, activity.positionQuantity, activity.positionCost as Fixed, netAmount);
  else state.holdings.pay(netAmount);
  state.activities.push(activity);
  if (activity.timeUs > state.timeUs) state.timeUs = activity.timeUs;
  checkCash(state, activity.cash, `activity ${activity.id}`);
}

/** Fee models that go by volume learn of the fills before. */
function book(state: VenueState, fill: VenueEvent): void {
  const { order, execution, timeUs } = fill;
  if (execution === null) return;
  const { quantity, price } = execution;
  const { instrument } = marketOf(state, order.symbol);
  const filledBefore = order.filledQuantity - quantity;
  state.models.fee.booked({ instrument, side: order.side, quantity, price, filledBefore, timeUs });
}

function fillBefore(state: VenueState, execution: VenueExecution): VenueEvent {
  const fill = fillOf(state, execution.previousId ?? "");
  if (fill !== undefined) return fill;
  throw new CodedError("VENUE_REPLAY", `execution ${execution.id} amends a fill that is not there`, { field: "fill" });
}

function checkCash(state: VenueState, cash: Fixed, of: string): void {
  if (state.holdings.cash === cash) return;
  throw new CodedError("VENUE_REPLAY", `${of} leaves other cash than it says`, { field: "cash" });
}

function marketOf(state: VenueState, symbol: string): VenueMarket {
  const market = state.bySymbol.get(symbol);
  if (market !== undefined) return market;
  throw new CodedError("VENUE_REPLAY", `${symbol} is not an instrument of this venue`, { field: "symbol" });
}
