/**
 * Writes intent records. Owned by one engine; it numbers the intents of the engine's life from 1 and allocates nothing.
 */
import type { Holding } from "./holding.ts";
import {
  INTENT_BYTES,
  INTENT_CANCEL,
  INTENT_LANE_ENGINE_TIME_US,
  INTENT_LANE_FAR_TOUCH,
  INTENT_LANE_INBOUND_NUMBER,
  INTENT_LANE_LIMIT_PRICE,
  INTENT_LANE_MID,
  INTENT_LANE_NUMBER,
  INTENT_LANE_QUANTITY,
  INTENT_LANE_SIGNAL,
  INTENT_LANE_TARGET,
  INTENT_LANE_TRIGGER_RECEIVED_TIME_US,
  INTENT_LANE_TRIGGER_VENUE_TIME_US,
  INTENT_LANES,
  INTENT_ORDER,
  INTENT_STATE,
  STATE_DOUBLES_PER_RECORD,
} from "./intent.ts";
import type { IntentSink } from "./intent-sink.ts";
import type { TradingConditions } from "../risk/pre-trade.ts";
import type { OrderDraft } from "./order-draft.ts";
import type { Trigger } from "./trigger.ts";

export class IntentWriter {
  readonly #sink: IntentSink;
  readonly #conditions: TradingConditions;
  #lastNumber = 0;

  constructor(sink: IntentSink, conditions: TradingConditions) {
    this.#sink = sink;
    this.#conditions = conditions;
  }

  /** Whether an order with `stateDoubles` doubles of state fits now. */
  hasRoom(stateDoubles: number): boolean {
    return this.#sink.available() >= 1 + Math.ceil(stateDoubles / STATE_DOUBLES_PER_RECORD);
  }

  /** Writes the state and the order; returns the intent's number. `hasRoom` must have been true. */
  order(draft: OrderDraft, holding: Holding, trigger: Trigger, state: Float64Array, stateDoubles: number): number {
    this.#state(state, stateDoubles);
    const slot = this.#begin(INTENT_ORDER, holding);
    const { intents } = this.#sink;
    const byte = slot * INTENT_BYTES;
    intents.u8[byte + 1] = draft.side;
    intents.u8[byte + 2] = draft.type;
    intents.u8[byte + 3] = draft.timeInForce;
    intents.u16[slot * 64 + 3] = draft.leg;
    intents.u32[slot * 32 + 3] = holding.reason;
    this.#trigger(slot, trigger);
    intents.setInteger(slot, INTENT_LANE_QUANTITY, draft.quantity);
    intents.setInteger(slot, INTENT_LANE_LIMIT_PRICE, draft.limitPrice);
    intents.setInteger(slot, INTENT_LANE_TARGET, draft.positionAfter);
    const at = slot * INTENT_LANES;
    intents.f64[at + INTENT_LANE_MID] = draft.mid;
    intents.f64[at + INTENT_LANE_FAR_TOUCH] = draft.farTouch;
    intents.f64[at + INTENT_LANE_SIGNAL] = holding.signal;
    intents.u32[slot * 32 + 30] = stateDoubles;
    this.#sink.publish();
    return this.#lastNumber;
  }

  /** Asks for the cancellation of the holding's pending intent. Needs one free slot. */
  cancel(holding: Holding, trigger: Trigger): void {
    const slot = this.#begin(INTENT_CANCEL, holding);
    this.#trigger(slot, trigger);
    this.#sink.intents.u32[slot * 32 + 31] = holding.pendingNumber;
    this.#sink.publish();
  }

  #begin(kind: number, holding: Holding): number {
    const slot = this.#sink.claim();
    const { intents } = this.#sink;
    intents.clear(slot);
    intents.u8[slot * INTENT_BYTES] = kind;
    intents.u16[slot * 64 + 2] = holding.instrument.index;
    intents.u32[slot * 32 + 2] = holding.instanceIndex;
    this.#lastNumber++;
    intents.setInteger(slot, INTENT_LANE_NUMBER, this.#lastNumber);
    return slot;
  }

  #trigger(slot: number, trigger: Trigger): void {
    const { intents } = this.#sink;
    const at = slot * INTENT_LANES;
    intents.u32[slot * 32 + 6] = trigger.kind;
    intents.u32[slot * 32 + 7] = trigger.ordinal;
    intents.f64[at + INTENT_LANE_TRIGGER_VENUE_TIME_US] = trigger.venueTimeUs;
    intents.f64[at + INTENT_LANE_TRIGGER_RECEIVED_TIME_US] = trigger.receivedTimeUs;
    intents.f64[at + INTENT_LANE_ENGINE_TIME_US] = this.#conditions.nowUs;
    intents.setInteger(slot, INTENT_LANE_INBOUND_NUMBER, trigger.inboundNumber);
  }

  #state(state: Float64Array, count: number): void {
    for (let from = 0; from < count; from += STATE_DOUBLES_PER_RECORD) {
      const slot = this.#sink.claim();
      const { intents } = this.#sink;
      const part = Math.min(STATE_DOUBLES_PER_RECORD, count - from);
      intents.clear(slot);
      intents.u8[slot * INTENT_BYTES] = INTENT_STATE;
      intents.u32[slot * 32 + 1] = part;
      for (let i = 0; i < part; i++) intents.f64[slot * INTENT_LANES + 1 + i] = state[from + i] as number;
    }
  }
}
