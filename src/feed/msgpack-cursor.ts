/**
 * Reads MessagePack values at given offsets of a frame and notes them by field number: the low half of the scanner, which
 * knows nothing of Alpaca. Every read is checked against the frame's end and returns the offset after the value or
 * FAULT; nothing throws, nothing is allocated per value. Owned by the scanner's thread.
 */
import {
  type FieldNotes,
  type KeyTable,
  MAX_NANOSECOND,
  TIMESTAMP_EXTENSION,
  TWO_32,
  TYPE_ARRAY,
  TYPE_BYTES,
  TYPE_NUMBER,
  TYPE_OTHER,
  TYPE_TEXT,
  TYPE_TIME,
} from "./field-notes.ts";
import { MessageShape } from "./message-shape.ts";

export const FAULT = -1;

const INITIAL_FRAME_BYTES = 65_536;
const MAX_DEPTH = 16;
/** Field number of keys that mean nothing; noting a value under it does no harm. */
const UNKNOWN = 0;
/** A key of two bytes and a timestamp of 64 bits. */
const LONGEST_FAST_PAIR = 13;
/** Layouts kept; a power of two. Sizes of one, two or three bytes on both sides of a quote make most of them. */
const SHAPES = 8;
/** Messages that fit no layout, until one of them takes the place of the oldest. */
const LEARN_EVERY = 256;

export class MsgpackCursor implements FieldNotes {
  readonly #keys: KeyTable;
  readonly numbers: Float64Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** TYPE_* by field of the map read last: the own ones, or those of the layout that fitted. */
  types = new Uint8Array(TYPE_BYTES);
  readonly #ownTypes = this.types;
  readonly #ownWords = new Float64Array(this.types.buffer);
  readonly #shapes = Array.from({ length: SHAPES }, () => new MessageShape());
  /** The layout that fitted last, the one to be replaced next, and the misses until then. */
  #latestShape = 0;
  #nextShape = 0;
  #missesLeft = SHAPES;
  /** The frame, from offset 0; bytes beyond its end are of frames before. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(INITIAL_FRAME_BYTES);
  #view = new DataView(this.bytes.buffer);
  #end = 0;
  #keyField = UNKNOWN;

  /** Items of the array or pairs of the map entered last. */
  count = 0;
  /** First byte of the text read by `text`. */
  textStart = 0;

  /** Fields are numbered from 1 to below `fieldCount`, which is at most TYPE_BYTES. */
  constructor(keys: KeyTable, fieldCount: number) {
    this.#keys = keys;
    this.numbers = new Float64Array(fieldCount);
    this.starts = new Int32Array(fieldCount);
    this.ends = new Int32Array(fieldCount);
  }

  /**
   * Starts on a frame, which is copied: one buffer and one view for all frames cost less than a new view for each (a
   * frame of ten quotes is copied in less time than a view is made).
   */
  attach(frame: Uint8Array): void {
    if (frame.length > this.bytes.length) {
      this.bytes = new Uint8Array(frame.length * 2);
      this.#view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(frame);
    this.#end = frame.length;
  }

  /** One past the last byte of the frame. */
  get frameEnd(): number {
    return this.#end;
  }

  /** Forgets the fields of the map before. */
  #begin(): void {
    this.types = this.#ownTypes;
    const words = this.#ownWords;
    for (let i = 0; i < TYPE_BYTES / 8; i++) words[i] = 0;
  }

  /** TYPE_* of a field. */
  type(field: number): number {
    return this.types[field] as number;
  }

  number(field: number): number {
    return this.numbers[field] as number;
  }

  /** The byte of a text field of exactly one byte, else 0. */
  onlyLetter(field: number): number {
    const start = this.starts[field] as number;
    if (this.types[field] !== TYPE_TEXT) return 0;
    return this.ends[field] === start + 1 ? (this.bytes[start] as number) : 0;
  }

  /** The number of a numeric field; NaN when absent, of another type, or not finite. */
  amount(field: number): number {
    const value = this.numbers[field] as number;
    return this.type(field) === TYPE_NUMBER && value - value === 0 ? value : Number.NaN;
  }

  start(field: number): number {
    return this.starts[field] as number;
  }

  end(field: number): number {
    return this.ends[field] as number;
  }

  length(field: number): number {
    return this.end(field) - this.start(field);
  }

  /** First byte of a text field, 0 when it is empty. */
  letter(field: number): number {
    return this.length(field) === 0 ? 0 : (this.bytes[this.start(field)] as number);
  }

  enterArray(at: number): number {
    return this.#enter(at, 0x90, 0xdc, 1);
  }

  enterMap(at: number): number {
    return this.#enter(at, 0x80, 0xde, 2);
  }

  /** Header of an array or map: fix form at `fixed`, 16-bit form at `wide`, 32-bit form after it. */
  #enter(at: number, fixed: number, wide: number, valuesPerItem: number): number {
    if (at >= this.#end) return FAULT;
    const head = this.bytes[at] as number;
    let next = at + 1;
    if ((head & 0xf0) === fixed) this.count = head & 0x0f;
    else if (head === wide && at + 3 <= this.#end) {
      this.count = this.#u16(at + 1);
      next = at + 3;
    } else if (head === wide + 1 && at + 5 <= this.#end) {
      this.count = this.#u32(at + 1);
      next = at + 5;
    } else return FAULT;
    return this.count * valuesPerItem <= this.#end - next ? next : FAULT;
  }

  /** Notes every known field of the map at `start`; returns the offset after the map or FAULT. */
  fields(start: number): number {
    const shaped = this.#shaped(start);
    if (shaped !== FAULT) return shaped;
    const end = this.#read(start);
    if (end !== FAULT && --this.#missesLeft < SHAPES && this.#missesLeft >= 0) this.#learn(start, end);
    return end;
  }

  /** As `fields`, by a layout that is known; FAULT when none fits. */
  #shaped(start: number): number {
    const room = this.#end - start;
    for (let tries = 0; tries < SHAPES; tries++) {
      const place = (this.#latestShape + tries) & (SHAPES - 1);
      const shape = this.#shapes[place] as MessageShape;
      if (shape.length === 0 || shape.length > room || !shape.matches(this.#view, start)) continue;
      this.#latestShape = place;
      this.types = shape.types;
      return shape.note(this.#view, start, this) ? start + shape.length : FAULT;
    }
    return FAULT;
  }

  #learn(start: number, end: number): void {
    (this.#shapes[this.#nextShape] as MessageShape).learn(this.bytes, start, end, this.#keys);
    this.#nextShape = (this.#nextShape + 1) & (SHAPES - 1);
    if (this.#missesLeft === 0) this.#missesLeft = LEARN_EVERY;
  }

  /**
   * As `fields`, whatever the layout. The loop holds what it needs in locals and reads the usual forms (keys of one or two
   * bytes; doubles, small integers, short texts) itself: two to three times as fast as a call per key and value.
   */
  #read(start: number): number {
    let at = this.enterMap(start);
    this.#begin();
    const bytes = this.bytes;
    const view = this.#view;
    const numbers = this.numbers;
    const types = this.types;
    const { short, long } = this.#keys;
    const starts = this.starts;
    const ends = this.ends;
    const end = this.#end;
    const lastFast = end - LONGEST_FAST_PAIR;
    for (let left = this.count; left > 0; left--) {
      if (at > lastFast || at === FAULT) {
        at = this.#pair(at);
        if (at === FAULT) return FAULT;
        continue;
      }
      const keyHead = bytes[at] as number;
      let field: number;
      if (keyHead === 0xa1) {
        field = short[bytes[at + 1] as number] as number;
        at += 2;
      } else if (keyHead === 0xa2) {
        field = long[((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)] as number;
        at += 3;
      } else {
        at = this.#pair(at);
        continue;
      }
      const head = bytes[at] as number;
      if (head === 0xcb) {
        numbers[field] = view.getFloat64(at + 1);
        types[field] = TYPE_NUMBER;
        at += 9;
      } else if (head < 0x80) {
        numbers[field] = head;
        types[field] = TYPE_NUMBER;
        at += 1;
      } else if (head >= 0xa0 && head < 0xc0) {
        starts[field] = at + 1;
        at += 1 + (head & 0x1f);
        if (at > end) return FAULT;
        ends[field] = at;
        types[field] = TYPE_TEXT;
      } else if (head === 0x91 && ((bytes[at + 1] as number) & 0xe0) === 0xa0) {
        starts[field] = at;
        at += 2 + ((bytes[at + 1] as number) & 0x1f);
        if (at > end) return FAULT;
        types[field] = TYPE_ARRAY;
      } else if (head === 0xcd) {
        numbers[field] = ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
        types[field] = TYPE_NUMBER;
        at += 3;
      } else if (head === 0xd7 && bytes[at + 1] === TIMESTAMP_EXTENSION) {
        at = this.#time64(field, at);
      } else {
        at = field === UNKNOWN ? this.skip(at, 0) : this.value(field, at);
      }
    }
    return at;
  }

  /** One key and its value, in any form. */
  #pair(at: number): number {
    const valueAt = this.#key(at);
    if (valueAt === FAULT) return FAULT;
    return this.#keyField === UNKNOWN ? this.skip(valueAt, 0) : this.value(this.#keyField, valueAt);
  }

  /** Reads a map key of any type into `#keyField`; a key that is no short text is unknown. */
  #key(at: number): number {
    this.#keyField = UNKNOWN;
    if (at === FAULT || at >= this.#end) return FAULT;
    const head = this.bytes[at] as number;
    if ((head & 0xe0) !== 0xa0) return this.skip(at, 0);
    const end = at + 1 + (head & 0x1f);
    if (end > this.#end) return FAULT;
    const first = this.bytes[at + 1] as number;
    if (head === 0xa1) this.#keyField = this.#keys.short[first] as number;
    else if (head === 0xa2) this.#keyField = this.#keys.long[(first << 8) | (this.bytes[at + 2] as number)] as number;
    else {
      const id = this.#keys.longer.find(this.bytes, at + 1, end);
      if (id !== -1) this.#keyField = this.#keys.longerFields[id] as number;
    }
    return end;
  }

  /** Notes the value at `at` under `field`. */
  value(field: number, at: number): number {
    if (at >= this.#end) return FAULT;
    const head = this.bytes[at] as number;
    if (head === 0xcb) return at + 9 > this.#end ? FAULT : this.#note(field, this.#f64(at + 1), at + 9);
    if (head < 0x80) return this.#note(field, head, at + 1);
    if (head >= 0xe0) return this.#note(field, head - 256, at + 1);
    if (head < 0x90) return this.#other(field, at);
    if (head < 0xa0) return this.#array(field, at);
    if (head < 0xc0) return this.#noteText(field, at + 1, head & 0x1f);
    switch (head) {
      case 0xd9:
        return at + 2 > this.#end ? FAULT : this.#noteText(field, at + 2, this.bytes[at + 1] as number);
      case 0xda:
        return at + 3 > this.#end ? FAULT : this.#noteText(field, at + 3, this.#u16(at + 1));
      case 0xdb:
        return at + 5 > this.#end ? FAULT : this.#noteText(field, at + 5, this.#u32(at + 1));
      case 0xdc:
      case 0xdd:
        return this.#array(field, at);
      case 0xc7:
      case 0xd6:
      case 0xd7:
        return this.#extension(field, at, head);
      default:
        return head >= 0xca && head <= 0xd3 ? this.#wideNumber(field, at, head) : this.#other(field, at);
    }
  }

  #note(field: number, value: number, next: number): number {
    this.numbers[field] = value;
    this.types[field] = TYPE_NUMBER;
    return next;
  }

  #noteText(field: number, start: number, length: number): number {
    const end = start + length;
    if (end > this.#end) return FAULT;
    this.starts[field] = start;
    this.ends[field] = end;
    this.types[field] = TYPE_TEXT;
    return end;
  }

  #noteTime(field: number, seconds: number, nanoseconds: number, next: number): number {
    const timeUs = seconds * 1e6 + Math.floor(nanoseconds / 1000);
    if (nanoseconds > MAX_NANOSECOND || !Number.isSafeInteger(timeUs)) return FAULT;
    this.numbers[field] = timeUs;
    this.types[field] = TYPE_TIME;
    return next;
  }

  #other(field: number, at: number): number {
    this.types[field] = TYPE_OTHER;
    return this.skip(at, 0);
  }

  #array(field: number, at: number): number {
    this.starts[field] = at;
    this.types[field] = TYPE_ARRAY;
    return this.skip(at, 0);
  }

  #wideNumber(field: number, at: number, head: number): number {
    const next = at + 1 + (NUMBER_BYTES[head - 0xca] as number);
    if (next > this.#end) return FAULT;
    const view = this.#view;
    const from = at + 1;
    switch (head) {
      case 0xca:
        return this.#note(field, view.getFloat32(from), next);
      case 0xcc:
        return this.#note(field, view.getUint8(from), next);
      case 0xcd:
        return this.#note(field, view.getUint16(from), next);
      case 0xce:
        return this.#note(field, view.getUint32(from), next);
      case 0xcf:
        return this.#note(field, view.getUint32(from) * TWO_32 + view.getUint32(from + 4), next);
      case 0xd0:
        return this.#note(field, view.getInt8(from), next);
      case 0xd1:
        return this.#note(field, view.getInt16(from), next);
      case 0xd2:
        return this.#note(field, view.getInt32(from), next);
      default:
        return this.#note(field, view.getInt32(from) * TWO_32 + view.getUint32(from + 4), next);
    }
  }

  /** 30 bits of nanoseconds, 34 bits of seconds. */
  #time64(field: number, at: number): number {
    const high = this.#u32(at + 2);
    return this.#noteTime(field, (high & 3) * TWO_32 + this.#u32(at + 6), high >>> 2, at + 10);
  }

  /** Timestamps of 32, 64 and 96 bits (extension type -1); any other extension is of no use. */
  #extension(field: number, at: number, head: number): number {
    const end = this.#end;
    const bytes = this.bytes;
    if (head === 0xd7 && at + 10 <= end && bytes[at + 1] === TIMESTAMP_EXTENSION) return this.#time64(field, at);
    if (head === 0xd6 && at + 6 <= end && bytes[at + 1] === TIMESTAMP_EXTENSION) {
      return this.#noteTime(field, this.#u32(at + 2), 0, at + 6);
    }
    if (head === 0xc7 && at + 15 <= end && bytes[at + 1] === 12 && bytes[at + 2] === TIMESTAMP_EXTENSION) {
      const seconds = this.#view.getInt32(at + 7) * TWO_32 + this.#u32(at + 11);
      return this.#noteTime(field, seconds, this.#u32(at + 3), at + 15);
    }
    return this.#other(field, at);
  }

  /** Reads text at `at` into `textStart`..returned offset; FAULT for anything else. */
  text(at: number): number {
    if (at >= this.#end) return FAULT;
    const head = this.bytes[at] as number;
    let length = head & 0x1f;
    this.textStart = at + 1;
    if ((head & 0xe0) !== 0xa0) {
      if (head !== 0xd9 || at + 2 > this.#end) return FAULT;
      length = this.bytes[at + 1] as number;
      this.textStart = at + 2;
    }
    const end = this.textStart + length;
    return end > this.#end ? FAULT : end;
  }

  /** Passes over any value, at most 16 levels deep. */
  skip(at: number, depth: number): number {
    if (at >= this.#end || depth > MAX_DEPTH) return FAULT;
    const head = this.bytes[at] as number;
    if (head < 0x80 || head >= 0xe0) return at + 1;
    if (head < 0x90 || head === 0xde || head === 0xdf) return this.#skipItems(this.enterMap(at), this.count * 2, depth);
    if (head < 0xa0 || head === 0xdc || head === 0xdd) return this.#skipItems(this.enterArray(at), this.count, depth);
    const next = head < 0xc0 ? at + 1 + (head & 0x1f) : this.#skipSized(at, head);
    return next > this.#end ? FAULT : next;
  }

  #skipItems(at: number, count: number, depth: number): number {
    let next = at;
    for (let left = count; left > 0 && next !== FAULT; left--) next = this.skip(next, depth + 1);
    return next;
  }

  /** Offset after a value whose head tells its size or the width of its length; beyond the end or FAULT if cut off. */
  #skipSized(at: number, head: number): number {
    const fixed = FIXED_BYTES[head - 0xc0] as number;
    if (fixed > 0) return at + fixed;
    const width = LENGTH_BYTES[head - 0xc0] as number;
    if (width === 0 || at + 1 + width > this.#end) return FAULT;
    const length = width === 1 ? (this.bytes[at + 1] as number) : width === 2 ? this.#u16(at + 1) : this.#u32(at + 1);
    const typeByte = head >= 0xc7 && head <= 0xc9 ? 1 : 0;
    return at + 1 + width + typeByte + length;
  }

  #u16(at: number): number {
    return this.#view.getUint16(at);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at);
  }

  #f64(at: number): number {
    return this.#view.getFloat64(at);
  }
}

/** Bytes after the head of float32, float64, uint8..64, int8..64 (heads 0xca..0xd3). */
const NUMBER_BYTES = Uint8Array.of(4, 8, 1, 2, 4, 8, 1, 2, 4, 8);

/** Whole size of values with heads 0xc0..0xdf; 0 where the size is not fixed (or, at 0xc1, the head is never used). */
const FIXED_BYTES = Uint8Array.from(
  "1 0 1 1 0 0 0 0 0 0 5 9 2 3 5 9 2 3 5 9 3 4 6 10 18 0 0 0 0 0 0 0".split(" "),
  Number,
);

/** Width of the length that follows heads 0xc0..0xdf: binary 0xc4.., extension 0xc7.., text 0xd9... */
const LENGTH_BYTES = Uint8Array.from(
  "0 0 0 0 1 2 4 1 2 4 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 2 4 0 0 0 0".split(" "),
  Number,
);
