/**
 * One instance's place in one instrument: its position, its wanted position and its order in flight. Owned by the engine;
 * the planner alone changes the order's part. Quantities are Fixed integers held as exact doubles (magnitude < 2^53).
 */
import { type Instrument, priceIncrementAt } from "../market/instrument.ts";
import { FIXED_ONE } from "../fixed.ts";
import { RepeatGuard } from "../risk/repeat-guard.ts";
import { LEG_CLOSE, SIDE_BUY } from "./intent.ts";
import { Trigger } from "./trigger.ts";

export class Holding {
  readonly instanceIndex: number;
  readonly local: number;
  readonly instrument: Instrument;
  readonly quantityIncrement: number;
  readonly minQuantity: number;
  /** Quote currency, as a double. */
  readonly minNotional: number;
  readonly multiplier: number;

  /** Signed, as the account records last said. */
  position = 0;

  hasTarget = false;
  /** −1 to 1 of the instance's capital. */
  exposure = 0;
  reason = 0;
  signal = 0;
  /** The record at which the target was last stated. */
  readonly stated = new Trigger();
  /** Whether an order of each leg was sent in the name of `stated`. */
  statedUsedByOpen = false;
  statedUsedByClose = false;
  /** Whether `targetQuantity` follows from the exposure at a price that an order was based on. */
  sized = false;
  /** Signed. */
  targetQuantity = 0;
  /** After a refusal: nothing is tried until the target changes or a bar ends. */
  blocked = false;

  /** Number of the unresolved intent; 0 when there is none. */
  pendingNumber = 0;
  pendingIsLimit = false;
  pendingFilled = 0;
  /** What `targetQuantity` was when the order was planned. */
  pendingTarget = 0;
  /** Venue time at which an unfilled limit order is cancelled, us. */
  pendingExpiresUs = Number.POSITIVE_INFINITY;
  cancelSent = false;

  /** The last record that each leg was sent for: an order's identity is never used twice. */
  readonly usedByOpen = new Trigger();
  readonly usedByClose = new Trigger();
  readonly buys: RepeatGuard;
  readonly sells: RepeatGuard;

  /** Start of the last bar that the strategy has seen of this instrument, us. */
  lastBarStartUs = -1;
  barsSeen = 0;

  constructor(instanceIndex: number, local: number, instrument: Instrument, ordersPerMinute: number) {
    this.instanceIndex = instanceIndex;
    this.local = local;
    this.instrument = instrument;
    this.quantityIncrement = Number(instrument.quantityIncrement);
    this.minQuantity = Number(instrument.minQuantity);
    this.minNotional = Number(instrument.minNotional) / Number(FIXED_ONE);
    this.multiplier = Number(instrument.multiplier) / Number(FIXED_ONE);
    this.buys = new RepeatGuard(ordersPerMinute);
    this.sells = new RepeatGuard(ordersPerMinute);
  }

  /** The target is stated by this record. */
  state(trigger: Trigger): void {
    if (this.stated.sameAs(trigger)) return;
    this.stated.copyFrom(trigger);
    this.statedUsedByOpen = false;
    this.statedUsedByClose = false;
  }

  /** Whether an order of the leg may still be sent in the name of the record that stated the target. */
  isStatedFree(leg: number): boolean {
    return leg === LEG_CLOSE ? !this.statedUsedByClose : !this.statedUsedByOpen;
  }

  /** An order of the leg was sent in the name of `trigger`. */
  use(leg: number, trigger: Trigger): void {
    this.used(leg).copyFrom(trigger);
    if (!trigger.sameAs(this.stated)) return;
    if (leg === LEG_CLOSE) this.statedUsedByClose = true;
    else this.statedUsedByOpen = true;
  }

  used(leg: number): Trigger {
    return leg === LEG_CLOSE ? this.usedByClose : this.usedByOpen;
  }

  guard(side: number): RepeatGuard {
    return side === SIDE_BUY ? this.buys : this.sells;
  }

  /** Price step at a price, both Fixed integers as doubles. Rare: once per limit order. */
  priceIncrement(price: number): number {
    return Number(priceIncrementAt(this.instrument, BigInt(price)));
  }

  clearPending(): void {
    this.pendingNumber = 0;
    this.pendingIsLimit = false;
    this.pendingFilled = 0;
    this.pendingExpiresUs = Number.POSITIVE_INFINITY;
    this.cancelSent = false;
  }
}
