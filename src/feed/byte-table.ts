/**
 * Byte strings → small integers without making a string: how feeds recognise symbols, exchanges and conditions. One
 * owner thread; entries are added on the cold path and never removed.
 */
import { CodedError } from "../core/errors.ts";

const EMPTY = -1;

/** Open-addressing hash table over ASCII/UTF-8 keys; ids count up from 0 in order of insertion. */
export class ByteTable {
  readonly #maxEntries: number;
  readonly #mask: number;
  readonly #slots: Int32Array;
  readonly #texts: string[] = [];
  readonly #starts: number[] = [0];
  #bytes: Uint8Array = new Uint8Array(1024);

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
    let size = 16;
    while (size < maxEntries * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(EMPTY);
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
    let at = hash(bytes, start, end) & this.#mask;
    for (;;) {
      const id = this.#slots[at] as number;
      if (id === EMPTY || this.#equals(id, bytes, start, end)) return id;
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
    const from = this.#starts[id] as number;
    const to = from + end - start;
    if (to > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(to, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), from);
    this.#starts.push(to);
    this.#texts.push(Buffer.from(bytes.subarray(start, end)).toString("utf8"));
    let at = hash(bytes, start, end) & this.#mask;
    while (this.#slots[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#slots[at] = id;
    return id;
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[id] as number;
    if ((this.#starts[id + 1] as number) - from !== end - start) return false;
    const own = this.#bytes;
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== own[j]) return false;
    return true;
  }
}

/** FNV-1a with a final mix, because keys are short and differ in their last letters. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193);
  return h ^ (h >>> 15);
}
