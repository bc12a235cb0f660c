/**
 * Turns intent records of one worker's ring into values of the order path. Main thread only. State records are gathered
 * and handed out with the order that they precede.
 */
import type { Fixed } from "../core/fixed.ts";
import {
  INTENT_CANCEL,
  INTENT_LANE_ENGINE_TIME_US,
  INTENT_LANE_FAR_TOUCH,
  INTENT_LANE_INBOUND_NUMBER,
  INTENT_LANE_LIMIT_PRICE,
  INTENT_LANE_MID,
  INTENT_LANE_NUMBER,
  INTENT_LANE_PUBLISHED_US,
  INTENT_LANE_QUANTITY,
  INTENT_LANE_SIGNAL,
  INTENT_LANE_TARGET,
  INTENT_LANE_TRIGGER_RECEIVED_TIME_US,
  INTENT_LANE_TRIGGER_VENUE_TIME_US,
  INTENT_LANES,
  INTENT_STATE,
  type IntentBuffer,
  LEG_CLOSE,
  SIDE_BUY,
  TIF_GTC,
  TIF_IOC,
  TYPE_LIMIT,
} from "../core/order/intent.ts";
import type { Side, TimeInForce } from "./journal.ts";

/** Names the engine's side of an order: where its account records go. */
export interface IntentOwner {
  readonly worker: number;
  readonly instanceIndex: number;
  readonly instrumentIndex: number;
  readonly intentNumber: number;
}

export interface DecodedOrder {
  readonly kind: "order";
  readonly owner: IntentOwner;
  readonly side: Side;
  readonly type: "market" | "limit";
  readonly timeInForce: TimeInForce;
  readonly reducing: boolean;
  readonly leg: number;
  readonly reason: number;
  readonly triggerKind: number;
  readonly triggerOrdinal: number;
  readonly triggerVenueTimeUs: number;
  readonly triggerReceivedTimeUs: number;
  readonly engineTimeUs: number;
  readonly quantity: Fixed;
  readonly limitPrice: Fixed | null;
  readonly target: Fixed;
  readonly mid: number;
  readonly farTouch: number;
  readonly signal: number;
  readonly inboundNumber: number;
  readonly publishedUs: number;
  readonly snapshot: Uint8Array;
}

export interface DecodedCancel {
  readonly kind: "cancel";
  readonly owner: IntentOwner;
  /** The intent number of the order to cancel. */
  readonly cancels: number;
}

export type DecodedIntent = DecodedOrder | DecodedCancel;

/** One per worker's intent ring; records must be given in ring order. */
export class IntentDecoder {
  readonly #worker: number;
  #state: number[] = [];

  constructor(worker: number) {
    this.#worker = worker;
  }

  /** Null for a state record, which is kept for the order that follows it. */
  decode(intents: IntentBuffer, slot: number): DecodedIntent | null {
    if (intents.kind(slot) === INTENT_STATE) {
      this.#gather(intents, slot);
      return null;
    }
    const owner: IntentOwner = {
      worker: this.#worker,
      instanceIndex: intents.word(slot, 2),
      instrumentIndex: intents.half(slot, 2),
      intentNumber: intents.integer(slot, INTENT_LANE_NUMBER),
    };
    if (intents.kind(slot) === INTENT_CANCEL) return { kind: "cancel", owner, cancels: intents.word(slot, 31) };
    return this.#order(intents, slot, owner);
  }

  #gather(intents: IntentBuffer, slot: number): void {
    const count = intents.word(slot, 1);
    for (let i = 1; i <= count; i++) this.#state.push(intents.f64[slot * INTENT_LANES + i] as number);
  }

  #takeState(): Uint8Array {
    const bytes = new Uint8Array(Float64Array.from(this.#state).buffer);
    this.#state = [];
    return bytes;
  }

  #order(intents: IntentBuffer, slot: number, owner: IntentOwner): DecodedOrder {
    const timeInForce = intents.byte(slot, 3);
    const leg = intents.half(slot, 3);
    const limitPrice = intents.integer(slot, INTENT_LANE_LIMIT_PRICE);
    return {
      kind: "order",
      owner,
      side: intents.byte(slot, 1) === SIDE_BUY ? "buy" : "sell",
      type: intents.byte(slot, 2) === TYPE_LIMIT ? "limit" : "market",
      timeInForce: timeInForce === TIF_IOC ? "ioc" : timeInForce === TIF_GTC ? "gtc" : "day",
      reducing: leg === LEG_CLOSE,
      leg,
      reason: intents.word(slot, 3),
      triggerKind: intents.word(slot, 6),
      triggerOrdinal: intents.word(slot, 7),
      triggerVenueTimeUs: intents.lane(slot, INTENT_LANE_TRIGGER_VENUE_TIME_US),
      triggerReceivedTimeUs: intents.lane(slot, INTENT_LANE_TRIGGER_RECEIVED_TIME_US),
      engineTimeUs: intents.lane(slot, INTENT_LANE_ENGINE_TIME_US),
      quantity: BigInt(intents.integer(slot, INTENT_LANE_QUANTITY)),
      limitPrice: limitPrice === 0 ? null : BigInt(limitPrice),
      target: BigInt(intents.integer(slot, INTENT_LANE_TARGET)),
      mid: intents.lane(slot, INTENT_LANE_MID),
      farTouch: intents.lane(slot, INTENT_LANE_FAR_TOUCH),
      signal: intents.lane(slot, INTENT_LANE_SIGNAL),
      inboundNumber: intents.integer(slot, INTENT_LANE_INBOUND_NUMBER),
      publishedUs: intents.lane(slot, INTENT_LANE_PUBLISHED_US),
      snapshot: this.#takeState(),
    };
  }
}
