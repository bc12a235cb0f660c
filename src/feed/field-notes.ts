/**
 * What is noted of a message while it is read: where the values of its known fields lie and what they are. Shared by the
 * readers of the frame's bytes; owned by the cursor.
 */
import type { ByteTable } from "./byte-table.ts";

/** The message has no such field. */
export const TYPE_ABSENT = 0;
export const TYPE_NUMBER = 1;
/** Text: `start`..`end` are its bytes, not checked to be UTF-8. */
export const TYPE_TEXT = 2;
/** A timestamp; its number is epoch microseconds. */
export const TYPE_TIME = 3;
/** An array; `start` is the offset of its header. Its items are checked to be well formed. */
export const TYPE_ARRAY = 4;
/** Well formed and of no use: nil, boolean, map, binary, other extension. */
export const TYPE_OTHER = 5;

export const TWO_32 = 4294967296;
/** Of a timestamp that is one. */
export const MAX_NANOSECOND = 999_999_999;

/** Type of the extension that holds a timestamp, as its byte. */
export const TIMESTAMP_EXTENSION = 0xff;

/** Room for the types of the fields of a message: fields are numbered below this. */
export const TYPE_BYTES = 32;

export interface FieldNotes {
  /** Value by field, for those whose type is number or time. */
  readonly numbers: Float64Array;
  /** Of texts their first byte and one past the last; of arrays the header in `starts`. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Field numbers, from 1, of the keys that mean something. */
export interface KeyTable {
  /** Keys of one byte by that byte; 0 where unknown. */
  readonly short: Uint8Array;
  /** Keys of two bytes by first byte × 256 + second. */
  readonly long: Uint8Array;
  /** Longer keys, and the field numbers of their ids. */
  readonly longer: ByteTable;
  readonly longerFields: Uint8Array;
}
