/**
 * The intent record: what an engine worker asks the order manager to do. 128 bytes, little endian, sixteen lanes.
 *
 *   byte   0      u8   kind                   INTENT_ORDER, INTENT_CANCEL or INTENT_STATE
 *   byte   1      u8   side                   SIDE_BUY or SIDE_SELL
 *   byte   2      u8   order type             TYPE_MARKET or TYPE_LIMIT
 *   byte   3      u8   time in force          TIF_DAY, TIF_GTC or TIF_IOC
 *   byte   4..5   u16  instrument index
 *   byte   6..7   u16  leg                    0 opens or increases, 1 closes or reduces
 *   lane   1      u32  instance index · u32 reason (REASON_*, for people)
 *   lane   2      i64  intent number          counts up within one worker's life from 1; names the order in account records
 *   lane   3      u32  trigger kind · u32 trigger ordinal
 *   lane   4      f64  trigger venue time, us
 *   lane   5      f64  trigger received time, us (latency only)
 *   lane   6      f64  engine time at the decision, us (venue clock)
 *   lane   7      i64  quantity, Fixed, positive
 *   lane   8      i64  limit price, Fixed; 0 where none
 *   lane   9      i64  target position after the order, Fixed, signed
 *   lane  10      f64  mid at the decision (0 unknown)
 *   lane  11      f64  far touch at the decision: ask for buys, bid for sells (0 unknown)
 *   lane  12      f64  signal value that led to the target
 *   lane  13      i64  number of the inbound record that caused it
 *   lane  14      f64  monotonic time of publication, us since the process group's epoch (latency only)
 *   lane  15      u32  state doubles that precede this intent · u32 number of the intent to cancel (INTENT_CANCEL)
 *
 * The instance's state snapshot travels in the same ring, before its order: as many INTENT_STATE records as needed, each
 * with byte 0 the kind, bytes 4..7 u32 the count of doubles in it and lanes 1..15 the doubles.
 *
 * Written by an engine worker (or the backtest's engine), read by the order manager.
 */

export const INTENT_BYTES = 128;
export const INTENT_LANES = 16;
export const STATE_DOUBLES_PER_RECORD = 15;

export const INTENT_ORDER = 1;
export const INTENT_CANCEL = 2;
export const INTENT_STATE = 3;

export const SIDE_BUY = 1;
export const SIDE_SELL = 2;

export const TYPE_MARKET = 1;
export const TYPE_LIMIT = 2;

export const TIF_DAY = 1;
export const TIF_GTC = 2;
export const TIF_IOC = 3;

export const LEG_OPEN = 0;
export const LEG_CLOSE = 1;

export const INTENT_LANE_NUMBER = 2;
export const INTENT_LANE_TRIGGER_VENUE_TIME_US = 4;
export const INTENT_LANE_TRIGGER_RECEIVED_TIME_US = 5;
export const INTENT_LANE_ENGINE_TIME_US = 6;
export const INTENT_LANE_QUANTITY = 7;
export const INTENT_LANE_LIMIT_PRICE = 8;
export const INTENT_LANE_TARGET = 9;
export const INTENT_LANE_MID = 10;
export const INTENT_LANE_FAR_TOUCH = 11;
export const INTENT_LANE_SIGNAL = 12;
export const INTENT_LANE_INBOUND_NUMBER = 13;
export const INTENT_LANE_PUBLISHED_US = 14;

/** Typed views over one run of intent records; `slot` counts records from 0. */
export class IntentBuffer {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly u8: Uint8Array;
  readonly capacity: number;

  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.capacity = capacity;
    this.f64 = new Float64Array(buffer, byteOffset, capacity * INTENT_LANES);
    this.u32 = new Uint32Array(buffer, byteOffset, capacity * INTENT_LANES * 2);
    this.i32 = new Int32Array(buffer, byteOffset, capacity * INTENT_LANES * 2);
    this.u16 = new Uint16Array(buffer, byteOffset, capacity * INTENT_LANES * 4);
    this.u8 = new Uint8Array(buffer, byteOffset, capacity * INTENT_BYTES);
  }

  static allocate(capacity: number): IntentBuffer {
    return new IntentBuffer(new ArrayBuffer(capacity * INTENT_BYTES), 0, capacity);
  }

  kind(slot: number): number {
    return this.u8[slot * INTENT_BYTES] as number;
  }

  byte(slot: number, offset: number): number {
    return this.u8[slot * INTENT_BYTES + offset] as number;
  }

  half(slot: number, index: number): number {
    return this.u16[slot * 64 + index] as number;
  }

  word(slot: number, index: number): number {
    return this.u32[slot * 32 + index] as number;
  }

  lane(slot: number, lane: number): number {
    return this.f64[slot * INTENT_LANES + lane] as number;
  }

  integer(slot: number, lane: number): number {
    const at = slot * 32 + lane * 2;
    return (this.i32[at + 1] as number) * 4294967296 + (this.u32[at] as number);
  }

  setInteger(slot: number, lane: number, value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`lane ${lane} needs a safe integer, got ${value}`);
    const at = slot * 32 + lane * 2;
    const high = Math.floor(value / 4294967296);
    this.i32[at + 1] = high;
    this.u32[at] = value - high * 4294967296;
  }

  clear(slot: number): void {
    this.u32.fill(0, slot * 32, slot * 32 + 32);
  }
}
