/**
 * Where everything lies in a ring, in one place. A ring is one SharedArrayBuffer: a header and `capacity` fixed records,
 * written by exactly one thread and read by exactly one other. Only the writer and the reader of a ring use these offsets;
 * nothing here waits, claims or copies.
 *
 *   byte    0   u32  magic "RING"            ┐
 *   byte    4   u32  version                 │ written once by createRing, checked by both sides on attach
 *   byte    8   u32  record bytes            │
 *   byte   12   u32  capacity, records       │
 *   byte   16   f64  first sequence          ┘
 *   byte  128   i32  write word              bits 1..31: write cursor, low 31 bits of the sequence of the next record to be
 *                                            published · bit 0: park bit, set while the reader sleeps or is about to
 *   byte  256   i32  read cursor             low 32 bits of the sequence of the next record to be read; the reader's
 *   byte  384   i32  stop word               1 once either side has stopped the ring
 *   byte  512   f64  published sequence      ┐
 *   byte  520   f64  publications            │ the writer's own
 *   byte  528   f64  refusals (ring full)    │
 *   byte  536   f64  wakes                   ┘
 *   byte  640   f64  released sequence       ┐ the reader's own
 *   byte  648   f64  parks                   ┘
 *   byte  768   records
 *
 * Words that different threads write are two cache lines (128 bytes) apart, because the hardware prefetches lines in pairs.
 * The cursors have lines of their own: counters change more often than the opposite side needs to look.
 *
 * A record's sequence is an exact double that only grows; its low bits are the cursor, so that the shared words fit `Atomics`
 * on an Int32Array (64-bit atomics work on BigInt only, which allocates). Distances between cursors are taken modulo 2^32 or
 * 2^31 and are right as long as they stay below 2^30, which the capacity ensures. The f64 words are plain stores of one
 * thread and may be read by any: on 64-bit hardware they do not tear.
 *
 * The park bit shares a word with the write cursor so that one atomic exchange publishes and tells whether somebody must be
 * woken. With two words the writer would have to store one and load the other each time: an atomic load costs as much as
 * the exchange, and publishing records one by one took 26 instead of 12 ns.
 */
import { CodedError } from "../errors.ts";

/** "RING" in little endian. */
export const RING_MAGIC = 0x474e4952;
export const RING_VERSION = 1;
export const RING_DATA_OFFSET = 768;

/** Indexes into the header as 32-bit words. */
export const WORD_MAGIC = 0;
export const WORD_VERSION = 1;
export const WORD_RECORD_BYTES = 2;
export const WORD_CAPACITY = 3;
export const WORD_WRITE = 32;
export const WORD_READ_CURSOR = 64;
export const WORD_STOP = 96;

export const PARK_BIT = 1;

/** Indexes into the header as 64-bit doubles. */
export const DOUBLE_FIRST_SEQUENCE = 2;
export const DOUBLE_PUBLISHED = 64;
export const DOUBLE_PUBLICATIONS = 65;
export const DOUBLE_REFUSALS = 66;
export const DOUBLE_WAKES = 67;
export const DOUBLE_RELEASED = 80;
export const DOUBLE_PARKS = 81;

export const RING_CAPACITY_MIN = 2;
export const RING_CAPACITY_MAX = 2 ** 20;
export const RING_RECORD_BYTES_MAX = 1024;

export interface RingShape {
  /** Size of one record: a multiple of 8, from 8 to 1,024. */
  readonly recordBytes: number;
  /** Records in the ring: a power of two from 2 to 2^20. 4,096 records of 64 bytes stay in a second-level cache. */
  readonly capacity: number;
  /** Number of the first record, 0 by default; a safe integer that leaves room to count. */
  readonly firstSequence?: number;
}

export interface RingHeader {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly capacity: number;
}

/** What a ring has done so far. Each number is of its own moment: they are read while both sides go on. */
export interface RingCounters {
  /** Sequence of the next record to be published; minus `released`, the occupancy. */
  readonly published: number;
  /** Sequence of the next record to be read. */
  readonly released: number;
  readonly publications: number;
  /** Claims that found the ring, or its part before the reserve, full. */
  readonly refusals: number;
  /** Times that the reader went to sleep. */
  readonly parks: number;
  /** Times that a publication found the reader parked and woke it. */
  readonly wakes: number;
  readonly stopped: boolean;
}

/** Makes an empty ring. Throws `RING_SHAPE` naming the field that is out of range. */
export function createRing(shape: RingShape): SharedArrayBuffer {
  const { recordBytes, capacity, firstSequence = 0 } = shape;
  requireShape(
    Number.isInteger(recordBytes) && recordBytes >= 8 && recordBytes <= RING_RECORD_BYTES_MAX && recordBytes % 8 === 0,
    "recordBytes",
    `must be a multiple of 8 from 8 to ${RING_RECORD_BYTES_MAX}, got ${recordBytes}`,
  );
  requireShape(
    isCapacity(capacity),
    "capacity",
    `must be a power of two from ${RING_CAPACITY_MIN} to ${RING_CAPACITY_MAX}, got ${capacity}`,
  );
  requireShape(
    Number.isInteger(firstSequence) && firstSequence >= 0 && firstSequence <= 2 ** 52,
    "firstSequence",
    `must be an integer from 0 to 2^52, got ${firstSequence}`,
  );
  const buffer = new SharedArrayBuffer(RING_DATA_OFFSET + recordBytes * capacity);
  const words = new Int32Array(buffer, 0, RING_DATA_OFFSET / 4);
  const doubles = new Float64Array(buffer, 0, RING_DATA_OFFSET / 8);
  words[WORD_VERSION] = RING_VERSION;
  words[WORD_RECORD_BYTES] = recordBytes;
  words[WORD_CAPACITY] = capacity;
  doubles[DOUBLE_FIRST_SEQUENCE] = firstSequence;
  doubles[DOUBLE_PUBLISHED] = firstSequence;
  doubles[DOUBLE_RELEASED] = firstSequence;
  Atomics.store(words, WORD_WRITE, writeWordOf(firstSequence | 0));
  Atomics.store(words, WORD_READ_CURSOR, firstSequence | 0);
  Atomics.store(words, WORD_MAGIC, RING_MAGIC);
  return buffer;
}

/** Checks the header against what the caller expects and gives views over it. Throws `RING_HEADER` naming the field. */
export function attachRing(buffer: SharedArrayBuffer, recordBytes: number): RingHeader {
  requireHeader(buffer.byteLength >= RING_DATA_OFFSET, "byteLength", `at least ${RING_DATA_OFFSET}`, buffer.byteLength);
  const words = new Int32Array(buffer, 0, RING_DATA_OFFSET / 4);
  const doubles = new Float64Array(buffer, 0, RING_DATA_OFFSET / 8);
  const magic = Atomics.load(words, WORD_MAGIC);
  requireHeader(magic === RING_MAGIC, "magic", RING_MAGIC, magic);
  const version = words[WORD_VERSION] as number;
  requireHeader(version === RING_VERSION, "version", RING_VERSION, version);
  const storedBytes = words[WORD_RECORD_BYTES] as number;
  requireHeader(storedBytes === recordBytes, "recordBytes", recordBytes, storedBytes);
  const capacity = words[WORD_CAPACITY] as number;
  const powers = `a power of two from ${RING_CAPACITY_MIN} to ${RING_CAPACITY_MAX}`;
  requireHeader(isCapacity(capacity), "capacity", powers, capacity);
  const byteLength = RING_DATA_OFFSET + recordBytes * capacity;
  requireHeader(buffer.byteLength === byteLength, "byteLength", byteLength, buffer.byteLength);
  return { words, doubles, capacity };
}

/** Reads the counters of a ring from any thread, without stopping anybody. Throws `RING_HEADER`. */
export function readRingCounters(buffer: SharedArrayBuffer, recordBytes: number): RingCounters {
  const { words, doubles } = attachRing(buffer, recordBytes);
  return {
    published: doubles[DOUBLE_PUBLISHED] as number,
    released: doubles[DOUBLE_RELEASED] as number,
    publications: doubles[DOUBLE_PUBLICATIONS] as number,
    refusals: doubles[DOUBLE_REFUSALS] as number,
    parks: doubles[DOUBLE_PARKS] as number,
    wakes: doubles[DOUBLE_WAKES] as number,
    stopped: Atomics.load(words, WORD_STOP) !== 0,
  };
}

/** The write word that publishes everything before `cursor`, with the park bit clear. */
export function writeWordOf(cursor: number): number {
  return cursor << 1;
}

/** The write cursor in a write word, as the 32-bit cursor nearest to `near`. */
export function writeCursorOf(word: number, near: number): number {
  return (near + ((word - writeWordOf(near)) >> 1)) | 0;
}

/**
 * The full sequence behind a cursor. `near` is the last sequence that the same side noted; a thread that was killed between
 * its note and its cursor leaves them at most one ring apart, so the shorter way round 2^32 is the true one.
 */
export function sequenceOf(cursor: number, near: number): number {
  return near + ((cursor - (near | 0)) | 0);
}

/**
 * Sets the stop word and wakes the reader; may be called from any thread, any number of times. The reader looks at the stop
 * word after it has set the park bit and sleeps only while the bit is set, so it sees either the stop or the cleared bit.
 */
export function stopRing(words: Int32Array): void {
  Atomics.store(words, WORD_STOP, 1);
  Atomics.and(words, WORD_WRITE, ~PARK_BIT);
  Atomics.notify(words, WORD_WRITE, 1);
}

function isCapacity(value: number): boolean {
  const inRange = Number.isInteger(value) && value >= RING_CAPACITY_MIN && value <= RING_CAPACITY_MAX;
  return inRange && (value & (value - 1)) === 0;
}

function requireShape(condition: boolean, field: string, rule: string): void {
  if (!condition) throw new CodedError("RING_SHAPE", `ring ${field} ${rule}`, { field });
}

function requireHeader(condition: boolean, field: string, expected: number | string, found: number): void {
  if (condition) return;
  throw new CodedError("RING_HEADER", `ring header: ${field} must be ${expected}, found ${found}`, { field });
}
