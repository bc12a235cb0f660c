/** Account activities other than fills, as plain values: the fee of an execution. Pure. */
import type { Instrument } from "../core/market/instrument.ts";
import type { VenueActivity, VenueEvent } from "./order.ts";
import { seededUuid, seedOf } from "./seeded-hash.ts";

const FEE_ID = 0x666565;

/** The fee of an execution; null when it had none. */
export function activityOfExecution(event: VenueEvent, instrument: Instrument): VenueActivity | null {
  const { execution, order } = event;
  if (execution === null || (execution.fee === 0n && execution.feeQuantity === 0n)) return null;
  const crypto = instrument.assetClass === "crypto";
  return {
    id: seededUuid(seedOf(execution.id), FEE_ID),
    type: crypto ? "CFEE" : "FEE",
    timeUs: event.timeUs,
    symbol: order.symbol,
    netAmount: -execution.fee,
    quantity: -execution.feeQuantity,
    perShareAmount: null,
    price: execution.price,
    description: crypto ? "Crypto trading fee" : "Trading and regulatory fees",
    orderId: order.id,
    positionQuantity: execution.positionQuantity,
    cash: execution.cash,
    positionCost: null,
  };
}
