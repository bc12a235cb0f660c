/**
 * A message's layout, learned from one message and tried on the next: where its keys and value heads stand, and where its
 * values lie. A stream sends the same keys in the same order with values of the same widths again and again, and comparing
 * a known layout (some fifteen words, no branches) costs a fraction of finding every key and value anew. Bytes that fit no
 * layout are read the general way, so this decides nothing but speed. Owned by the cursor; allocates nothing once made.
 *
 * Learnable is a map of at most 15 pairs with keys of one or two bytes and values that are doubles, unsigned integers,
 * texts of at most 31 bytes, arrays of at most 15 such texts, and one 64-bit timestamp.
 */
import {
  type FieldNotes,
  type KeyTable,
  MAX_NANOSECOND,
  TIMESTAMP_EXTENSION,
  TWO_32,
  TYPE_ABSENT,
  TYPE_ARRAY,
  TYPE_BYTES,
  TYPE_NUMBER,
  TYPE_TEXT,
  TYPE_TIME,
} from "./field-notes.ts";

const BYTES_MAX = 256;
const PAIRS_MAX = 15;
const WORD_BYTES = 4;

export class MessageShape {
  /** Bytes of the whole message; 0 while nothing is learned. */
  length = 0;
  /** TYPE_* by field of every message of this layout. */
  readonly types = new Uint8Array(TYPE_BYTES);
  /** Words of the structure: where, which bits count, what they must be. */
  readonly #at = new Int32Array(BYTES_MAX / WORD_BYTES);
  readonly #mask = new Int32Array(BYTES_MAX / WORD_BYTES);
  readonly #expected = new Int32Array(BYTES_MAX / WORD_BYTES);
  #words = 0;
  readonly #doubles = new ValueList();
  readonly #uints = new ValueList();
  readonly #longs = new ValueList();
  readonly #texts = new ValueList();
  #timeField = 0;
  #timeAt = 0;
  /** While learning: the bits of each byte that belong to the structure. */
  readonly #structure = new Uint8Array(BYTES_MAX);

  /** Whether the message at `start` has this layout; `length` bytes from there must lie within the frame. */
  matches(view: DataView, start: number): boolean {
    const at = this.#at;
    const mask = this.#mask;
    const expected = this.#expected;
    const words = this.#words;
    let different = 0;
    for (let i = 0; i < words; i++) {
      const word = view.getInt32(start + (at[i] as number));
      different |= (word & (mask[i] as number)) ^ (expected[i] as number);
    }
    return different === 0;
  }

  /** Notes the values of a message that matches. False when its time is none. */
  note(view: DataView, start: number, notes: FieldNotes): boolean {
    const { numbers, starts, ends } = notes;
    for (let { fields, at, count } = this.#doubles, i = 0; i < count; i++) {
      numbers[fields[i] as number] = view.getFloat64(start + (at[i] as number));
    }
    for (let { fields, at, extra, count } = this.#uints, i = 0; i < count; i++) {
      numbers[fields[i] as number] = (view.getInt32(start + (at[i] as number)) & (extra[i] as number)) >>> 0;
    }
    for (let { fields, at, count } = this.#longs, i = 0; i < count; i++) {
      const from = start + (at[i] as number);
      numbers[fields[i] as number] = view.getUint32(from) * TWO_32 + view.getUint32(from + WORD_BYTES);
    }
    for (let { fields, at, extra, count } = this.#texts, i = 0; i < count; i++) {
      const from = start + (at[i] as number);
      starts[fields[i] as number] = from;
      ends[fields[i] as number] = from + (extra[i] as number);
    }
    return this.#timeField === 0 || this.#noteTime(view, start, numbers);
  }

  #noteTime(view: DataView, start: number, numbers: Float64Array): boolean {
    const high = view.getUint32(start + this.#timeAt);
    const nanoseconds = high >>> 2;
    const seconds = (high & 3) * TWO_32 + view.getUint32(start + this.#timeAt + WORD_BYTES);
    const timeUs = seconds * 1e6 + Math.floor(nanoseconds / 1000);
    numbers[this.#timeField] = timeUs;
    return nanoseconds <= MAX_NANOSECOND && timeUs <= Number.MAX_SAFE_INTEGER;
  }

  /** Takes over the layout of the well-formed message `bytes[start..end)`; nothing is learned when it can't be. */
  learn(bytes: Uint8Array, start: number, end: number, keys: KeyTable): void {
    this.length = 0;
    const length = end - start;
    const pairs = (bytes[start] as number) - 0x80;
    if (length > BYTES_MAX || pairs < 1 || pairs > PAIRS_MAX) return;
    this.#clear();
    this.#structure[0] = 0xff;
    let at = 1;
    for (let pair = 0; pair < pairs; pair++) {
      const keyBytes = (bytes[start + at] as number) - 0xa0;
      if (keyBytes !== 1 && keyBytes !== 2) return;
      const first = bytes[start + at + 1] as number;
      const second = bytes[start + at + 2] as number;
      const field = (keyBytes === 1 ? keys.short[first] : keys.long[(first << 8) | second]) as number;
      // The last of two values of a field counts; the lists do not keep the order between kinds.
      if (field !== 0 && this.types[field] !== TYPE_ABSENT) return;
      this.#structure.fill(0xff, at, at + 1 + keyBytes);
      at = this.#learnValue(bytes, start, at + 1 + keyBytes, field);
      if (at === 0) return;
    }
    this.types[0] = TYPE_ABSENT;
    this.#takeWords(bytes, start, length);
    this.length = length;
  }

  #clear(): void {
    this.types.fill(TYPE_ABSENT);
    this.#structure.fill(0);
    this.#doubles.count = 0;
    this.#uints.count = 0;
    this.#longs.count = 0;
    this.#texts.count = 0;
    this.#timeField = 0;
  }

  /** Lists the value at `at` (from the message's start) and marks its head; the offset after it, or 0. */
  #learnValue(bytes: Uint8Array, start: number, at: number, field: number): number {
    const head = bytes[start + at] as number;
    this.#structure[at] = head < 0x80 ? 0x80 : 0xff;
    if (head < 0x80) return this.#uint(field, at + 1, 0x7f);
    if (isShortText(head)) return this.#text(field, at + 1, head & 0x1f, TYPE_TEXT);
    if (head >= 0x90 && head < 0xa0) return this.#array(bytes, start, at, field);
    switch (head) {
      case 0xcb:
        return this.#wide(this.#doubles, field, at);
      case 0xcf:
        return this.#wide(this.#longs, field, at);
      case 0xcc:
        return this.#uint(field, at + 2, 0xff);
      case 0xcd:
        return this.#uint(field, at + 3, 0xffff);
      case 0xce:
        return this.#uint(field, at + 5, -1);
      case 0xd7:
        this.#structure[at + 1] = 0xff;
        return bytes[start + at + 1] === TIMESTAMP_EXTENSION ? this.#time(field, at + 2) : 0;
      default:
        return 0;
    }
  }

  /** A number of 64 bits after its head at `at`. */
  #wide(list: ValueList, field: number, at: number): number {
    list.add(field, at + 1, 0);
    this.types[field] = TYPE_NUMBER;
    return at + 9;
  }

  /** An array of short texts, whose heads belong to the structure; 0 when it holds anything else. */
  #array(bytes: Uint8Array, start: number, at: number, field: number): number {
    this.#text(field, at, 0, TYPE_ARRAY);
    let next = at + 1;
    for (let left = (bytes[start + at] as number) & 0x0f; left > 0; left--) {
      const head = bytes[start + next] as number;
      if (!isShortText(head)) return 0;
      this.#structure[next] = 0xff;
      next += 1 + (head & 0x1f);
    }
    return next;
  }

  /** The number that ends at `end`, as the bits of `mask` of the word that ends there; every value has four bytes before. */
  #uint(field: number, end: number, mask: number): number {
    this.#uints.add(field, end - WORD_BYTES, mask);
    this.types[field] = TYPE_NUMBER;
    return end;
  }

  #text(field: number, at: number, length: number, type: number): number {
    this.#texts.add(field, at, length);
    this.types[field] = type;
    return at + length;
  }

  #time(field: number, at: number): number {
    // The general reader refuses a bad time whatever its key; here only one time is looked at.
    if (this.#timeField !== 0 || field === 0) return 0;
    this.#timeField = field;
    this.#timeAt = at;
    this.types[field] = TYPE_TIME;
    return at + 8;
  }

  /** The structure as words; the last one ends with the message, so that no byte beyond it is looked at. */
  #takeWords(bytes: Uint8Array, start: number, length: number): void {
    this.#words = 0;
    for (let next = 0; next < length; next += WORD_BYTES) {
      const at = Math.min(next, length - WORD_BYTES);
      const mask = wordOf(this.#structure, at);
      if (mask === 0) continue;
      this.#at[this.#words] = at;
      this.#mask[this.#words] = mask;
      this.#expected[this.#words++] = wordOf(bytes, start + at) & mask;
    }
  }
}

/** Values of one kind: field number, offset from the message's start, and what else reading them takes. */
class ValueList {
  readonly fields = new Uint8Array(PAIRS_MAX);
  readonly at = new Int32Array(PAIRS_MAX);
  readonly extra = new Int32Array(PAIRS_MAX);
  count = 0;

  /** Adds a value unless its key means nothing. */
  add(field: number, at: number, extra: number): void {
    if (field === 0) return;
    this.fields[this.count] = field;
    this.at[this.count] = at;
    this.extra[this.count++] = extra;
  }
}

function isShortText(head: number): boolean {
  return (head & 0xe0) === 0xa0;
}

function wordOf(bytes: Uint8Array, at: number): number {
  const byte = (offset: number) => bytes[at + offset] as number;
  return (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3);
}
