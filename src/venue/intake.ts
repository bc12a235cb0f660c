/** How an admitted order becomes one of the venue's: its number, id and window, its legs, and its first events. */
import type { Fixed } from "../core/fixed.ts";
import { roleOf } from "./admission.ts";
import { type LegTerms, legTermsOf } from "./groups.ts";
import type { VenueMarket } from "./market.ts";
import { isFinal, snapshotOf, type VenuePositionIntent, type VenueSide, type WorkingOrder } from "./order.ts";
import { workingOrder } from "./order-book.ts";
import { activate } from "./order-life.ts";
import type { SizedOrder } from "./order-rules.ts";
import { seededUuid } from "./seeded-hash.ts";
import { orderWindow } from "./sessions.ts";
import { trail } from "./triggers.ts";
import type { VenueState } from "./venue-state.ts";

/** Apart from the seeds of order and execution ids. */
const LEG_CLIENT_ID = 2;

/** Enters an order with its legs, which follow it; nothing has happened to them yet. */
export function enterOrder(state: VenueState, sized: SizedOrder, market: VenueMarket): WorkingOrder[] {
  const { takeProfit: _takeProfit, stopLoss: _stopLoss, ...terms } = sized;
  const number = state.book.nextNumber;
  const { queued, activeAtUs, expiresAtUs } = orderWindow(sized, market.calendar, state.timeUs);
  const order = workingOrder(
    {
      ...terms,
      ...UNTOUCHED,
      id: seededUuid(state.idSeed, number),
      number,
      positionIntent: intentOf(sized.side, state.positionOf(sized.symbol)),
      role: roleOf(sized),
      status: queued ? "accepted" : "pending_new",
      submittedAtUs: state.timeUs,
      updatedAtUs: state.timeUs,
      activeAtUs,
      expiresAtUs,
    },
    market,
  );
  if (!queued) send(state, order, market);
  state.book.enter(order, market);
  const legs = legTermsOf(sized).map((leg) => enterLeg(state, order, leg, market));
  order.legIds = legs.map((leg) => leg.id);
  return [order, ...legs];
}

const UNTOUCHED = {
  parentId: null,
  legIds: [],
  replaces: null,
  replacedBy: null,
  highWaterMark: null,
  filledQuantity: 0n,
  filledNotional: 0n,
  fillCount: 0,
  triggeredAtUs: null,
  filledAtUs: null,
  canceledAtUs: null,
  expiredAtUs: null,
  replacedAtUs: null,
  failedAtUs: null,
} as const;

/** On its way to an open market: it travels, and a trailing stop starts from the price of now. */
function send(state: VenueState, order: WorkingOrder, market: VenueMarket): void {
  order.activeAtUs += state.models.latency.latencyUs(order);
  const price = order.type === "trailing_stop" ? market.mark() : null;
  if (price !== null) trail(order, price);
}

function enterLeg(state: VenueState, parent: WorkingOrder, terms: LegTerms, market: VenueMarket): WorkingOrder {
  const number = state.book.nextNumber;
  const { held, ...leg } = terms;
  const order = workingOrder(
    {
      ...snapshotOf(parent),
      ...leg,
      id: seededUuid(state.idSeed, number),
      clientOrderId: seededUuid(state.idSeed + LEG_CLIENT_ID, number),
      number,
      parentId: parent.id,
      legIds: [],
      status: held ? "held" : parent.status,
    },
    market,
  );
  state.book.enter(order, market);
  return order;
}

/** First events of an order and its legs: all that are not held are announced before the first of them trades. */
export function beginOrders(state: VenueState, orders: readonly WorkingOrder[]): void {
  const begun = orders.filter((order) => order.status !== "held");
  for (const order of begun) state.emit(order.status === "accepted" ? "accepted" : "pending_new", order);
  for (const order of begun) {
    if (isFinal(order.status)) continue;
    if (order.activeAtUs <= state.timeUs) activate(state, order, true);
    else state.schedule(order.activeAtUs);
    if (order.expiresAtUs !== null && !isFinal(order.status)) state.schedule(order.expiresAtUs);
  }
}

function intentOf(side: VenueSide, held: Fixed): VenuePositionIntent {
  if (side === "buy") return held >= 0n ? "buy_to_open" : "buy_to_close";
  return held <= 0n ? "sell_to_open" : "sell_to_close";
}
