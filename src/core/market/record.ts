/**
 * The inbound record: everything that reaches an engine, in one numbered order. 64 bytes, little endian, eight lanes.
 *
 *   byte  0      u8   kind                     one of KIND_*
 *   byte  1      u8   code                     trade: 0, 1 buy or 2 sell aggressor · status: STATUS_* · account: ACCOUNT_* ·
 *                                              control: CONTROL_*
 *   byte  2..3   u16  instrument index         NO_INSTRUMENT where none
 *   byte  4..7   u32  flags (FLAG_*)           bars: bits 16..31 hold the interval in seconds
 *   byte  8..15  f64  venueTimeUs              epoch microseconds by the venue's clock (bar: its start)
 *   byte 16..23  f64  receivedTimeUs           epoch microseconds by this machine's clock; never decides anything
 *   byte 24..63  five lanes, f64 or i64:
 *
 *     kind              lane 3         lane 4        lane 5          lane 6           lane 7
 *     trade             price          size          trade id (f64)  –                –
 *     quote             bid            bid size      ask             ask size         –
 *     bar, bar update   open           high          low             close            volume
 *     status            –              –             –               –                –
 *     price band        lower          upper         –               –                –
 *     gap               –              –             –               –                –
 *     account (i64)     intent number  fill qty ±    fill price      position qty ±   instance index
 *     timer             –              –             –               –                –
 *     control (i64)     argument 0     argument 1    argument 2      –                instance index
 *
 * A price of 0 means "no quote on that side". Quantities and prices of account records are Fixed (1e-9) integers whose
 * magnitude stays below 2^53, so that a worker reads them as exact doubles and allocates nothing; the writer checks it.
 *
 * Written by the main thread, read by engine workers; the same bytes are the recorded form of a run.
 */

export const RECORD_BYTES = 64;
export const RECORD_LANES = 8;

export const KIND_TRADE = 1;
export const KIND_QUOTE = 2;
export const KIND_BAR = 3;
export const KIND_BAR_UPDATE = 4;
export const KIND_STATUS = 5;
export const KIND_PRICE_BAND = 6;
export const KIND_CORRECTION = 7;
export const KIND_BOOK = 8;
export const KIND_GAP = 9;
export const KIND_ACCOUNT = 10;
export const KIND_TIMER = 11;
export const KIND_CONTROL = 12;

export const NO_INSTRUMENT = 0xffff;

/** Lane numbers inside a record, for `f64[slot * RECORD_LANES + LANE_…]`. */
export const LANE_VENUE_TIME_US = 1;
export const LANE_RECEIVED_TIME_US = 2;
export const LANE_A = 3;
export const LANE_B = 4;
export const LANE_C = 5;
export const LANE_D = 6;
export const LANE_E = 7;

/** Trade and bar flags. The conditions a tape prints, reduced to what bars and strategies need to know. */
export const FLAG_ODD_LOT = 1;
export const FLAG_OUT_OF_SEQUENCE = 2;
export const FLAG_EXTENDED_HOURS = 4;
export const FLAG_NOT_LAST = 8;
export const FLAG_NOT_HIGH_LOW = 16;
export const FLAG_NOT_VOLUME = 32;
export const FLAG_OPENING = 64;
export const FLAG_CLOSING = 128;
/** History replayed before trading: updates state, decides nothing. */
export const FLAG_WARM_UP = 256;
/** A quote that replaced older ones of its instrument on the writer's side. */
export const FLAG_CONFLATED = 512;
/** A bar that misses trades: it decides nothing until repaired. */
export const FLAG_INCOMPLETE = 1024;
export const BAR_INTERVAL_SHIFT = 16;

export const STATUS_TRADING = 1;
export const STATUS_HALTED = 2;

/** One execution; lanes as above, position qty is the instance's position after it. */
export const ACCOUNT_FILL = 1;
/** The order behind the intent number is over (filled, cancelled, expired, rejected by the broker). */
export const ACCOUNT_DONE = 2;
/** The journal or the broker refused the intent; nothing was or will be traded for it. Lane 4 holds the refusal number. */
export const ACCOUNT_REFUSED = 3;
/** Sets the instance's position in the instrument (start, takeover, correction); intent number 0. */
export const ACCOUNT_POSITION = 4;

/** Ends warm-up of the instance in lane 7: from now on its decisions count. Lane 3: suppress triggers up to this time (us). */
export const CONTROL_RESUME = 1;
/** The instance in lane 7 may not open new risk; lane 3 is a TRADING_* state. */
export const CONTROL_INSTANCE_STATE = 2;
/** The account's trading state; lane 3 is a TRADING_* state. */
export const CONTROL_ACCOUNT_STATE = 3;
/** The feed is stale (lane 3 = 1) or fresh again (0). */
export const CONTROL_FEED_STALE = 4;

export const TRADING_ACTIVE = 1;
export const TRADING_REDUCING = 2;
export const TRADING_HALTED = 3;

/** Typed views over one run of records. `slot` is a record number inside the buffer, from 0. */
export class RecordBuffer {
  readonly f64: Float64Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u16: Uint16Array;
  readonly u8: Uint8Array;
  readonly capacity: number;

  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.capacity = capacity;
    this.f64 = new Float64Array(buffer, byteOffset, capacity * RECORD_LANES);
    this.u32 = new Uint32Array(buffer, byteOffset, capacity * RECORD_LANES * 2);
    this.i32 = new Int32Array(buffer, byteOffset, capacity * RECORD_LANES * 2);
    this.u16 = new Uint16Array(buffer, byteOffset, capacity * RECORD_LANES * 4);
    this.u8 = new Uint8Array(buffer, byteOffset, capacity * RECORD_BYTES);
  }

  static allocate(capacity: number): RecordBuffer {
    return new RecordBuffer(new ArrayBuffer(capacity * RECORD_BYTES), 0, capacity);
  }

  kind(slot: number): number {
    return this.u8[slot * RECORD_BYTES] as number;
  }

  code(slot: number): number {
    return this.u8[slot * RECORD_BYTES + 1] as number;
  }

  instrument(slot: number): number {
    return this.u16[slot * 32 + 1] as number;
  }

  flags(slot: number): number {
    return this.u32[slot * 16 + 1] as number;
  }

  lane(slot: number, lane: number): number {
    return this.f64[slot * RECORD_LANES + lane] as number;
  }

  /** An i64 lane as an exact double; the writer keeps its magnitude below 2^53. */
  integer(slot: number, lane: number): number {
    const at = slot * 16 + lane * 2;
    return (this.i32[at + 1] as number) * 4294967296 + (this.u32[at] as number);
  }

  /** Writes the first three lanes and clears the rest. */
  header(
    slot: number,
    kind: number,
    code: number,
    instrument: number,
    flags: number,
    venueTimeUs: number,
    receivedTimeUs: number,
  ): void {
    this.u8[slot * RECORD_BYTES] = kind;
    this.u8[slot * RECORD_BYTES + 1] = code;
    this.u16[slot * 32 + 1] = instrument;
    this.u32[slot * 16 + 1] = flags;
    const at = slot * RECORD_LANES;
    this.f64[at + LANE_VENUE_TIME_US] = venueTimeUs;
    this.f64[at + LANE_RECEIVED_TIME_US] = receivedTimeUs;
    this.f64[at + LANE_A] = 0;
    this.f64[at + LANE_B] = 0;
    this.f64[at + LANE_C] = 0;
    this.f64[at + LANE_D] = 0;
    this.f64[at + LANE_E] = 0;
  }

  setLane(slot: number, lane: number, value: number): void {
    this.f64[slot * RECORD_LANES + lane] = value;
  }

  /** Writes an integer double (magnitude below 2^53; a bug otherwise) into an i64 lane. */
  setInteger(slot: number, lane: number, value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`lane ${lane} needs a safe integer, got ${value}`);
    const at = slot * 16 + lane * 2;
    const high = Math.floor(value / 4294967296);
    this.i32[at + 1] = high;
    this.u32[at] = value - high * 4294967296;
  }

  /** Copies record `slot` of `source` into `target` of this buffer, bytes as they are. */
  copyFrom(source: RecordBuffer, slot: number, target: number): void {
    const from = slot * 16;
    const to = target * 16;
    for (let i = 0; i < 16; i++) this.u32[to + i] = source.u32[from + i] as number;
  }
}
