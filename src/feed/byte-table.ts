/**
 * Byte strings → small integers without making a string: how feeds recognise symbols, exchanges and conditions. One
 * owner thread; entries are added on the cold path and never removed.
 */
import { CodedError } from "../core/errors.ts";

const EMPTY = -1;

/** Keys up to this long are compared as two words. */
const PACKED_BYTES = 8;

/** Open-addressing hash table over ASCII/UTF-8 keys; ids count up from 0 in order of insertion. */
export class ByteTable {
  readonly #maxEntries: number;
  readonly #mask: number;
  readonly #slots: Int32Array;
  readonly #texts: string[] = [];
  readonly #keys: Uint8Array[] = [];
  /** Per id: length, and the first eight bytes as two words. */
  readonly #lengths: Int32Array;
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
    let size = 16;
    while (size < maxEntries * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(EMPTY);
    this.#lengths = new Int32Array(maxEntries);
    this.#low = new Int32Array(maxEntries);
    this.#high = new Int32Array(maxEntries);
  }

  get size(): number {
    return this.#texts.length;
  }

  /** The text of an id that `add` or `intern` returned. */
  text(id: number): string {
    return this.#texts[id] as string;
  }

  /** Id of `bytes[start..end)`, or -1 when it was never added. Allocates nothing. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const low = word(bytes, start, end);
    const high = length > 4 ? word(bytes, start + 4, end) : 0;
    const tail = length > PACKED_BYTES ? word(bytes, end - 4, end) : 0;
    let at = mix(low, high ^ tail, length) & this.#mask;
    for (;;) {
      const id = this.#slots[at] as number;
      if (id === EMPTY) return EMPTY;
      if (this.#low[id] === low && this.#high[id] === high && this.#lengths[id] === length) {
        if (length <= PACKED_BYTES || this.#tailEquals(id, bytes, start, length)) return id;
      }
      at = (at + 1) & this.#mask;
    }
  }

  /** As `find`, adding an unknown key; -1 when the table is full. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const found = this.find(bytes, start, end);
    if (found !== EMPTY || this.#texts.length === this.#maxEntries) return found;
    return this.#insert(bytes, start, end);
  }

  /** Adds a key; a known one keeps its id. Throws `TABLE_FULL` beyond the capacity given at construction. */
  add(text: string): number {
    const bytes = Buffer.from(text, "utf8");
    const id = this.intern(bytes, 0, bytes.length);
    if (id === EMPTY)
      throw new CodedError("TABLE_FULL", `at most ${this.#maxEntries} keys are allowed`, { field: text });
    return id;
  }

  #insert(bytes: Uint8Array, start: number, end: number): number {
    const id = this.#texts.length;
    const key = Buffer.from(bytes.subarray(start, end));
    this.#texts.push(key.toString("utf8"));
    this.#keys.push(key);
    this.#lengths[id] = key.length;
    this.#low[id] = word(key, 0, key.length);
    this.#high[id] = key.length > 4 ? word(key, 4, key.length) : 0;
    const tail = key.length > PACKED_BYTES ? word(key, key.length - 4, key.length) : 0;
    let at = mix(this.#low[id] as number, (this.#high[id] as number) ^ tail, key.length) & this.#mask;
    while (this.#slots[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#slots[at] = id;
    return id;
  }

  #tailEquals(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    const key = this.#keys[id] as Uint8Array;
    for (let i = PACKED_BYTES; i < length; i++) if (key[i] !== bytes[start + i]) return false;
    return true;
  }
}

/** Up to four bytes from `start` as one word. Written out: a loop costs twice as much. */
function word(bytes: Uint8Array, start: number, end: number): number {
  const left = end - start;
  if (left <= 0) return 0;
  let packed = bytes[start] as number;
  if (left > 1) packed |= (bytes[start + 1] as number) << 8;
  if (left > 2) packed |= (bytes[start + 2] as number) << 16;
  if (left > 3) packed |= (bytes[start + 3] as number) << 24;
  return packed;
}

/** Multiplies and folds, because keys are short and differ in their last letters. */
function mix(low: number, high: number, length: number): number {
  const h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high + length, 0x85ebca6b);
  return h ^ (h >>> 15);
}
