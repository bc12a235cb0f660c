/**
 * Writes ticks of recorded files as inbound records, with the same values that the market-data stream would have given.
 */
import {
  BAR_INTERVAL_SHIFT,
  KIND_BAR,
  KIND_QUOTE,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  type RecordBuffer,
} from "../core/market/record.ts";
import type { Tick } from "../feed/tick.ts";

/** Depth and corporate actions have no record: the engine does not see them. */
export function isRecorded(tick: Tick): boolean {
  return tick.kind === "trade" || tick.kind === "quote" || tick.kind === "bar";
}

export function writeTick(records: RecordBuffer, slot: number, instrument: number, tick: Tick): void {
  if (tick.kind === "trade") {
    records.header(slot, KIND_TRADE, tick.aggressor, instrument, tick.conditions, tick.timeUs, tick.timeUs);
    records.setLane(slot, LANE_A, tick.price);
    records.setLane(slot, LANE_B, tick.size);
    records.setLane(slot, LANE_C, tick.tradeId);
  } else if (tick.kind === "quote") {
    records.header(slot, KIND_QUOTE, 0, instrument, 0, tick.timeUs, tick.timeUs);
    records.setLane(slot, LANE_A, tick.bid);
    records.setLane(slot, LANE_B, tick.bidSize);
    records.setLane(slot, LANE_C, tick.ask);
    records.setLane(slot, LANE_D, tick.askSize);
  } else {
    const flags = (tick.intervalSeconds << BAR_INTERVAL_SHIFT) >>> 0;
    records.header(slot, KIND_BAR, 0, instrument, flags, tick.timeUs, tick.timeUs);
    records.setLane(slot, LANE_A, tick.open);
    records.setLane(slot, LANE_B, tick.high);
    records.setLane(slot, LANE_C, tick.low);
    records.setLane(slot, LANE_D, tick.close);
    records.setLane(slot, LANE_E, tick.volume);
  }
}
