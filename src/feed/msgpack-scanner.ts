/**
 * Alpaca's market-data frames (MessagePack arrays of maps) → inbound records, in one pass over the bytes. Exists because
 * a general decoder builds an object, strings and a Date per message; this allocates nothing for a message. Owned by the
 * main thread. It must never throw on input, and never writes a record before its whole message is read and checked.
 *
 * Messages with a one-letter `T` are data: `t` trade, `q` quote, `b` bar, `u` updated bar, `s` status, `l` price band,
 * `c` correction, `x` cancel; other letters are skipped. A longer `T` (success, error, subscription) is control and goes
 * to a callback, decoded by `@msgpack/msgpack`. Keys may come in any order; unknown ones are skipped with their values.
 */
import { decode } from "@msgpack/msgpack";
import {
  BAR_INTERVAL_SHIFT,
  KIND_BAR,
  KIND_BAR_UPDATE,
  KIND_CORRECTION,
  KIND_PRICE_BAND,
  KIND_QUOTE,
  KIND_STATUS,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  LANE_RECEIVED_TIME_US,
  LANE_VENUE_TIME_US,
  RECORD_BYTES,
  RECORD_LANES,
  STATUS_HALTED,
  STATUS_TRADING,
} from "../core/market/record.ts";
import { saleConditionFlag, type Tape } from "../core/market/sale-condition.ts";
import { ByteTable } from "./byte-table.ts";
import * as field from "./frame-field.ts";
import { TYPE_ARRAY, TYPE_NUMBER, TYPE_TEXT, TYPE_TIME } from "./field-notes.ts";
import { FAULT, MsgpackCursor } from "./msgpack-cursor.ts";
import type { RecordTarget } from "./record-scratch.ts";

export const SCAN_DONE = 0;
/** The frame is not well formed; see `faultOffset`. Records before the fault stay, nothing after it is read. */
export const SCAN_MALFORMED = 1;
/** The target had no slot left: empty it and call `resume`. */
export const SCAN_FULL = 2;

const FULL = -2;
/** Instead of an instrument index: nothing to write, the message is well formed. */
const SKIP = -3;
const MINUTE_BAR_FLAGS = 60 << BAR_INTERVAL_SHIFT;

const LETTER = (text: string): number => text.charCodeAt(0);
const T_TRADE = LETTER("t");
const T_QUOTE = LETTER("q");
const T_BAR = LETTER("b");
const T_BAR_UPDATE = LETTER("u");
const T_STATUS = LETTER("s");
const T_PRICE_BAND = LETTER("l");
const T_CORRECTION = LETTER("c");
const LETTER_A = LETTER("A");
const LETTER_B = LETTER("B");
const LETTER_C = LETTER("C");
const LETTER_S = LETTER("S");

const IS_USED = new Uint8Array(256);
for (const letter of "tqbuslcx") IS_USED[LETTER(letter)] = 1;

/** Status codes of tapes A and B (digits) and C (letters) that halt or resume trading; all others change nothing. */
const STATUS_BY_LETTER = new Uint8Array(256);
for (const letter of "2HP") STATUS_BY_LETTER[LETTER(letter)] = STATUS_HALTED;
for (const letter of "3T") STATUS_BY_LETTER[LETTER(letter)] = STATUS_TRADING;

/** A control message, decoded: `T` plus whatever Alpaca sends with it. */
export type ControlMessage = Readonly<Record<string, unknown>>;

export interface FrameScannerOptions {
  /** Symbols to keep and their instrument index; messages of others are skipped and counted. */
  readonly instruments: readonly { readonly symbol: string; readonly index: number }[];
  /** Called for control messages, in order with the records around them. */
  readonly control: (message: ControlMessage) => void;
}

export class FrameScanner {
  readonly #control: (message: ControlMessage) => void;
  readonly #symbols: ByteTable;
  readonly #indexes: Uint16Array;
  readonly #cursor = new MsgpackCursor(field.FRAME_KEYS, field.FIELD_COUNT);
  #receivedTimeUs = 0;
  #at = 0;
  #remaining = 0;

  /** Byte offset in the frame of the message that the last SCAN_MALFORMED is about. */
  faultOffset = 0;
  /** Messages of symbols that are not in the table, since construction. */
  unknownSymbolCount = 0;
  /** Messages with a `T` that is not used here, since construction. */
  ignoredCount = 0;

  constructor(options: FrameScannerOptions) {
    this.#control = options.control;
    this.#symbols = new ByteTable(Math.max(1, options.instruments.length));
    this.#indexes = new Uint16Array(Math.max(1, options.instruments.length));
    for (const { symbol, index } of options.instruments) this.#indexes[this.#symbols.add(symbol)] = index;
  }

  /**
   * Reads one frame into `target`; `receivedTimeUs` is stamped on its records. Returns SCAN_DONE, SCAN_MALFORMED or
   * SCAN_FULL. Never throws on bad input; what the control callback throws is passed on.
   */
  scan(frame: Uint8Array, receivedTimeUs: number, target: RecordTarget): number {
    this.#receivedTimeUs = receivedTimeUs;
    const cursor = this.#cursor;
    cursor.attach(frame);
    this.#at = cursor.enterArray(0);
    this.#remaining = cursor.count;
    if (this.#at === FAULT) return this.#malformed(0);
    return this.resume(target);
  }

  /** Goes on with a frame that ended in SCAN_FULL, before any other frame is scanned. */
  resume(target: RecordTarget): number {
    while (this.#remaining > 0) {
      const next = this.#message(this.#at, target);
      if (next === FULL) return SCAN_FULL;
      if (next === FAULT) return this.#malformed(this.#at);
      this.#at = next;
      this.#remaining--;
    }
    return this.#at === this.#cursor.frameEnd ? SCAN_DONE : this.#malformed(this.#at);
  }

  #malformed(offset: number): number {
    this.faultOffset = offset;
    this.#remaining = 0;
    return SCAN_MALFORMED;
  }

  /** Reads the message at `start`; returns the offset after it, FAULT or FULL. */
  #message(start: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    const end = cursor.fields(start);
    if (end === FAULT) return FAULT;
    const letter = cursor.onlyLetter(field.MESSAGE);
    if (letter === 0) return cursor.type(field.MESSAGE) === TYPE_TEXT ? this.#controlMessage(start, end) : FAULT;
    const instrument = this.#instrument(letter);
    if (instrument === FAULT) return FAULT;
    const outcome = this.#record(letter, instrument, target);
    return outcome < 0 ? outcome : end;
  }

  /** Instrument index of the message's symbol, SKIP when the message is not for us, FAULT without a symbol. */
  #instrument(letter: number): number {
    const cursor = this.#cursor;
    if (IS_USED[letter] === 0) {
      this.ignoredCount++;
      return SKIP;
    }
    if (cursor.type(field.SYMBOL) !== TYPE_TEXT) return FAULT;
    const id = this.#symbols.find(cursor.bytes, cursor.start(field.SYMBOL), cursor.end(field.SYMBOL));
    if (id !== -1) return this.#indexes[id] as number;
    this.unknownSymbolCount++;
    return SKIP;
  }

  #record(letter: number, instrument: number, target: RecordTarget): number {
    if (instrument === SKIP) return 0;
    if (this.#cursor.type(field.TIME) !== TYPE_TIME || this.#cursor.number(field.TIME) < 0) return FAULT;
    switch (letter) {
      case T_QUOTE:
        return this.#quote(instrument, target);
      case T_TRADE:
        return this.#trade(instrument, target);
      case T_BAR:
        return this.#bar(KIND_BAR, instrument, target);
      case T_BAR_UPDATE:
        return this.#bar(KIND_BAR_UPDATE, instrument, target);
      case T_STATUS:
        return this.#status(instrument, target);
      case T_PRICE_BAND:
        return this.#priceBand(instrument, target);
      case T_CORRECTION:
        return this.#correction(instrument, target);
      default:
        return this.#cancel(instrument, target);
    }
  }

  /** The commonest message: its numbers are read straight from the cursor's arrays. */
  #quote(instrument: number, target: RecordTarget): number {
    const { numbers, types } = this.#cursor;
    const bid = numbers[field.BID] as number;
    const bidSize = numbers[field.BID_SIZE] as number;
    const ask = numbers[field.ASK] as number;
    const askSize = numbers[field.ASK_SIZE] as number;
    const typed =
      types[field.BID] === TYPE_NUMBER &&
      types[field.BID_SIZE] === TYPE_NUMBER &&
      types[field.ASK] === TYPE_NUMBER &&
      types[field.ASK_SIZE] === TYPE_NUMBER;
    if (!typed || !isAmount(bid) || !isAmount(bidSize) || !isAmount(ask) || !isAmount(askSize)) return FAULT;
    return this.#write(target, KIND_QUOTE, 0, instrument, 0, bid, bidSize, ask, askSize, 0);
  }

  #trade(instrument: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    const price = cursor.amount(field.PRICE);
    const size = cursor.amount(field.SIZE);
    const flags = this.#conditions(field.CLOSE_OR_CONDITIONS);
    if (!(price > 0 && size >= 0) || flags === FAULT) return FAULT;
    const tradeId = cursor.type(field.ID) === TYPE_NUMBER ? cursor.number(field.ID) : 0;
    return this.#write(target, KIND_TRADE, this.#aggressor(), instrument, flags, price, size, tradeId, 0, 0);
  }

  /** 1 the buyer, 2 the seller was the taker (crypto only), 0 not told. */
  #aggressor(): number {
    const cursor = this.#cursor;
    if (cursor.type(field.TAKER_SIDE) !== TYPE_TEXT) return 0;
    const letter = cursor.letter(field.TAKER_SIDE);
    return letter === LETTER_B ? 1 : letter === LETTER_S ? 2 : 0;
  }

  /** FLAG_* bits of the condition array (or string) in `number`; FAULT when it holds anything but text. */
  #conditions(number: number): number {
    const cursor = this.#cursor;
    const type = cursor.type(number);
    if (type === 0) return 0;
    const tape = this.#tape();
    if (type === TYPE_TEXT) return this.#letters(cursor.start(number), cursor.end(number), tape);
    if (type !== TYPE_ARRAY) return FAULT;
    let flags = 0;
    let at = cursor.enterArray(cursor.start(number));
    for (let left = cursor.count; left > 0; left--) {
      at = cursor.text(at);
      if (at === FAULT) return FAULT;
      flags |= this.#letters(cursor.textStart, at, tape);
    }
    return flags;
  }

  #letters(start: number, end: number, tape: Tape | undefined): number {
    let flags = 0;
    for (let at = start; at < end; at++) flags |= saleConditionFlag(this.#cursor.bytes[at] as number, tape);
    return flags;
  }

  #tape(): Tape | undefined {
    const cursor = this.#cursor;
    if (cursor.type(field.TAPE) !== TYPE_TEXT) return undefined;
    const letter = cursor.letter(field.TAPE);
    return letter === LETTER_C ? "C" : letter === LETTER_A ? "A" : letter === LETTER_B ? "B" : undefined;
  }

  #bar(kind: number, instrument: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    const open = cursor.amount(field.OPEN);
    const high = cursor.amount(field.HIGH);
    const low = cursor.amount(field.LOW);
    const close = cursor.amount(field.CLOSE_OR_CONDITIONS);
    const volume = cursor.amount(field.VOLUME);
    if (!(low > 0 && high >= low && open >= low && open <= high && close >= low && close <= high && volume >= 0)) {
      return FAULT;
    }
    return this.#write(target, kind, 0, instrument, MINUTE_BAR_FLAGS, open, high, low, close, volume);
  }

  #status(instrument: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    if (cursor.type(field.STATUS_CODE) !== TYPE_TEXT) return FAULT;
    const code = STATUS_BY_LETTER[cursor.letter(field.STATUS_CODE)] as number;
    if (code === 0) {
      this.ignoredCount++;
      return 0;
    }
    return this.#write(target, KIND_STATUS, code, instrument, 0, 0, 0, 0, 0, 0);
  }

  #priceBand(instrument: number, target: RecordTarget): number {
    const upper = this.#cursor.amount(field.UPPER);
    const lower = this.#cursor.amount(field.LOWER);
    if (!(lower >= 0 && upper >= lower)) return FAULT;
    return this.#write(target, KIND_PRICE_BAND, 0, instrument, 0, lower, upper, 0, 0, 0);
  }

  /** Lanes: corrected price, corrected size, original trade id, original price, original size. */
  #correction(instrument: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    const price = cursor.amount(field.CORRECTED_PRICE);
    const size = cursor.amount(field.CORRECTED_SIZE);
    const originalId = cursor.amount(field.ORIGINAL_ID);
    const originalPrice = cursor.amount(field.ORIGINAL_PRICE);
    const originalSize = cursor.amount(field.ORIGINAL_SIZE);
    const flags = this.#conditions(field.CORRECTED_CONDITIONS);
    const sound = price > 0 && size >= 0 && originalId >= 0 && originalPrice >= 0 && originalSize >= 0;
    if (!sound || flags === FAULT) return FAULT;
    return this.#write(
      target,
      KIND_CORRECTION,
      0,
      instrument,
      flags,
      price,
      size,
      originalId,
      originalPrice,
      originalSize,
    );
  }

  /** A correction to nothing: corrected price and size are 0. */
  #cancel(instrument: number, target: RecordTarget): number {
    const cursor = this.#cursor;
    const price = cursor.amount(field.PRICE);
    const size = cursor.amount(field.SIZE);
    const id = cursor.amount(field.ID);
    if (!(price >= 0 && size >= 0 && id >= 0)) return FAULT;
    return this.#write(target, KIND_CORRECTION, 0, instrument, 0, 0, 0, id, price, size);
  }

  #write(
    target: RecordTarget,
    kind: number,
    code: number,
    instrument: number,
    flags: number,
    a: number,
    b: number,
    c: number,
    d: number,
    e: number,
  ): number {
    const slot = target.claim();
    if (slot < 0) return FULL;
    const { u8, u16, u32, f64 } = target.records;
    u8[slot * RECORD_BYTES] = kind;
    u8[slot * RECORD_BYTES + 1] = code;
    u16[slot * (RECORD_BYTES / 2) + 1] = instrument;
    u32[slot * (RECORD_BYTES / 4) + 1] = flags;
    const at = slot * RECORD_LANES;
    f64[at + LANE_VENUE_TIME_US] = this.#cursor.number(field.TIME);
    f64[at + LANE_RECEIVED_TIME_US] = this.#receivedTimeUs;
    f64[at + LANE_A] = a;
    f64[at + LANE_B] = b;
    f64[at + LANE_C] = c;
    f64[at + LANE_D] = d;
    f64[at + LANE_E] = e;
    return slot;
  }

  #controlMessage(start: number, end: number): number {
    let message: unknown;
    try {
      message = decode(this.#cursor.bytes.subarray(start, end));
    } catch {
      return FAULT;
    }
    this.#control(message as ControlMessage);
    return end;
  }
}

/** Finite and not negative; false for NaN. */
function isAmount(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}
