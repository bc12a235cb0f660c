/**
 * MessagePack, the part of it that market data needs, written value by value into one growing buffer. Exists because a
 * general encoder needs an object per message. Format: https://github.com/msgpack/msgpack/blob/master/spec.md.
 */

const INITIAL_BYTES = 4096;
const TWO_32 = 4_294_967_296;
const SECOND_US = 1_000_000;
/** Text up to here is copied letter by letter, which costs less than a call into the runtime. */
const SHORT_TEXT = 32;

export class MsgpackWriter {
  bytes = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  /** Bytes written since `clear`. */
  length = 0;
  #view = viewOf(this.bytes);

  clear(): void {
    this.length = 0;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.bytes[this.length++] = bytes[i] as number;
  }

  mapHeader(pairs: number): void {
    this.#header(pairs, 0x80, 0xde);
  }

  arrayHeader(items: number): void {
    this.#header(items, 0x90, 0xdc);
  }

  float(value: number): void {
    this.#reserve(9);
    this.bytes[this.length] = 0xcb;
    this.#view.setFloat64(this.length + 1, value);
    this.length += 9;
  }

  /** The shortest integer that holds the value; a float64 when it is not whole. */
  integer(value: number): void {
    if (!Number.isSafeInteger(value)) return this.float(value);
    this.#reserve(9);
    if (value < 0) return this.#negative(value);
    if (value < 0x80) this.bytes[this.length++] = value;
    else if (value < 0x100) this.#tagged8(0xcc, value);
    else if (value < 0x10000) this.#tagged16(0xcd, value);
    else if (value < TWO_32) this.#tagged32(0xce, value);
    else this.#tagged64(0xcf, Math.floor(value / TWO_32), value % TWO_32);
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.bytes[this.length++] = value ? 0xc3 : 0xc2;
  }

  text(value: string): void {
    const { length } = value;
    if (length > SHORT_TEXT) return this.#longText(value);
    this.#reserve(length + 2);
    const start = this.length;
    let at = length < 32 ? start + 1 : start + 2;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return this.#longText(value);
      this.bytes[at++] = code;
    }
    if (length < 32) this.bytes[start] = 0xa0 | length;
    else {
      this.bytes[start] = 0xd9;
      this.bytes[start + 1] = length;
    }
    this.length = at;
  }

  /** Epoch microseconds as a timestamp. */
  time(timeUs: number): void {
    const second = Math.floor(timeUs / SECOND_US);
    this.timestamp(second, (timeUs - second * SECOND_US) * 1000);
  }

  /** The timestamp extension (type −1) in the shortest of its forms: 32, 64 or 96 bits. Nanoseconds 0..999,999,999. */
  timestamp(second: number, nanosecond: number): void {
    this.#reserve(15);
    const { bytes, length } = this;
    if (second < 0 || second >= 2 ** 34) return this.#timestamp96(second, nanosecond);
    const wide = nanosecond !== 0 || second >= TWO_32;
    bytes[length] = wide ? 0xd7 : 0xd6;
    bytes[length + 1] = 0xff;
    if (wide) this.#view.setUint32(length + 2, nanosecond * 4 + Math.floor(second / TWO_32));
    this.#view.setUint32(length + (wide ? 6 : 2), second % TWO_32);
    this.length += wide ? 10 : 6;
  }

  #timestamp96(second: number, nanosecond: number): void {
    this.bytes[this.length] = 0xc7;
    this.bytes[this.length + 1] = 12;
    this.bytes[this.length + 2] = 0xff;
    this.#view.setUint32(this.length + 3, nanosecond);
    this.#view.setBigInt64(this.length + 7, BigInt(second));
    this.length += 15;
  }

  #header(items: number, short: number, long: number): void {
    if (items >= 0x10000) throw new RangeError(`at most 65,535 items fit, got ${items}`);
    this.#reserve(3);
    if (items < 16) this.bytes[this.length++] = short | items;
    else this.#tagged16(long, items);
  }

  #negative(value: number): void {
    if (value >= -32) this.bytes[this.length++] = 0x100 + value;
    else if (value >= -0x80) this.#tagged8(0xd0, value);
    else if (value >= -0x8000) this.#tagged16(0xd1, value & 0xffff);
    else if (value >= -0x80000000) this.#tagged32(0xd2, value >>> 0);
    else {
      this.bytes[this.length] = 0xd3;
      this.#view.setBigInt64(this.length + 1, BigInt(value));
      this.length += 9;
    }
  }

  #tagged8(tag: number, value: number): void {
    this.bytes[this.length++] = tag;
    this.bytes[this.length++] = value;
  }

  #tagged16(tag: number, value: number): void {
    this.bytes[this.length] = tag;
    this.#view.setUint16(this.length + 1, value);
    this.length += 3;
  }

  #tagged32(tag: number, value: number): void {
    this.bytes[this.length] = tag;
    this.#view.setUint32(this.length + 1, value);
    this.length += 5;
  }

  #tagged64(tag: number, high: number, low: number): void {
    this.bytes[this.length] = tag;
    this.#view.setUint32(this.length + 1, high);
    this.#view.setUint32(this.length + 5, low);
    this.length += 9;
  }

  #longText(value: string): void {
    const size = Buffer.byteLength(value);
    this.#reserve(size + 5);
    if (size < 32) this.bytes[this.length++] = 0xa0 | size;
    else if (size < 0x100) this.#tagged8(0xd9, size);
    else if (size < 0x10000) this.#tagged16(0xda, size);
    else this.#tagged32(0xdb, size);
    this.length += this.bytes.write(value, this.length);
  }

  #reserve(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
    this.#view = viewOf(larger);
  }
}

/** A text by itself, for what never changes. */
export function packedText(text: string): Uint8Array {
  const writer = new MsgpackWriter();
  writer.text(text);
  return Uint8Array.from(writer.bytes.subarray(0, writer.length));
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
