/**
 * Trades that are undone (busted) or put right (corrected) after the fact, as exchanges do with clearly erroneous ones.
 * The order keeps its status; what it has filled, the position and the cash change.
 */
import type { Fixed } from "../core/fixed.ts";
import { notionalOf } from "./holdings.ts";
import type { VenueEvent, VenueExecution } from "./order.ts";
import { seededUuid, seedOf } from "./seeded-hash.ts";
import type { VenueState } from "./venue-state.ts";

const BUST_ID = 0x62757374;
const CORRECTION_ID = 0x636f7272;

/** Undoes a fill that is kept, of an order that is kept. */
export function bustFill(state: VenueState, fill: VenueEvent): void {
  const { order, execution } = orderOf(state, fill);
  const { instrument } = order;
  state.holdings.undo(instrument, { side: order.side, ...execution });
  order.filledQuantity -= execution.quantity;
  order.filledNotional -= notionalOf(instrument, execution.quantity, execution.price);
  if (order.status === "partially_filled" && order.filledQuantity === 0n) order.status = "new";
  const id = seededUuid(seedOf(execution.id), BUST_ID);
  state.emit("trade_bust", order, amended(state, fill, id, execution.price), "TRADE_BUST");
  state.fills.replace(fill, null);
}

/** Gives a fill that is kept another price. */
export function correctFill(state: VenueState, fill: VenueEvent, price: Fixed): void {
  const { order, execution } = orderOf(state, fill);
  const { instrument } = order;
  state.holdings.reprice(instrument, { side: order.side, ...execution }, price);
  order.filledNotional +=
    notionalOf(instrument, execution.quantity, price) - notionalOf(instrument, execution.quantity, execution.price);
  const id = seededUuid(seedOf(execution.id), CORRECTION_ID);
  const corrected = amended(state, fill, id, price);
  state.emit("trade_correct", order, corrected);
  state.fills.replace(fill, { ...fill, execution: corrected });
}

export function fillOf(state: VenueState, executionId: string): VenueEvent | undefined {
  return state.fills.items.findLast((fill) => fill.execution?.id === executionId);
}

function amended(state: VenueState, fill: VenueEvent, id: string, price: Fixed): VenueExecution {
  const execution = fill.execution as VenueExecution;
  return {
    ...execution,
    id,
    price,
    positionQuantity: state.positionOf(fill.order.symbol),
    cash: state.holdings.cash,
    previousId: execution.id,
  };
}

function orderOf(state: VenueState, fill: VenueEvent) {
  const order = state.book.kept(fill.order.id);
  if (order === undefined || fill.execution === null) throw new RangeError(`no order for fill ${fill.order.id}`);
  return { order, execution: fill.execution };
}
