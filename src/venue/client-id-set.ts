/**
 * Client order ids that have been used, for ever, in 16 to 32 bytes each: the 64-bit hashes of the ids in an open-addressed
 * table. Two different ids share a hash with a probability of about n / 2^64, and then a new id is refused, never an
 * order doubled. Owned by the venue.
 */

const FIRST_CAPACITY = 1024;
const BYTES_PER_HASH = 8;

export class ClientIdSet {
  /** Pairs of 32-bit words; a pair of zeros is free. */
  #table = new Uint32Array(FIRST_CAPACITY * 2);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: string): boolean {
    const [high, low] = hashOf(id);
    return this.#table[this.#place(high, low)] !== 0;
  }

  add(id: string): void {
    this.#insert(...hashOf(id));
  }

  /** The hashes, eight bytes each, big-endian, in no particular order. */
  bytes(): Buffer {
    const bytes = Buffer.alloc(this.#size * BYTES_PER_HASH);
    let at = 0;
    for (let place = 0; place < this.#table.length; place += 2) {
      if (this.#table[place] === 0) continue;
      bytes.writeUInt32BE(this.#table[place] as number, at);
      bytes.writeUInt32BE(this.#table[place + 1] as number, at + 4);
      at += BYTES_PER_HASH;
    }
    return bytes;
  }

  addBytes(bytes: Buffer): void {
    for (let at = 0; at + BYTES_PER_HASH <= bytes.length; at += BYTES_PER_HASH) {
      this.#insert(bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4));
    }
  }

  #insert(high: number, low: number): void {
    const place = this.#place(high, low);
    if (this.#table[place] !== 0) return;
    this.#table[place] = high;
    this.#table[place + 1] = low;
    this.#size++;
    if (this.#size * 4 > this.#table.length) this.#grow();
  }

  /** Where the hash is, or where it would go. */
  #place(high: number, low: number): number {
    const mask = this.#table.length / 2 - 1;
    for (let slot = low & mask; ; slot = (slot + 1) & mask) {
      const place = slot * 2;
      const found = this.#table[place];
      if (found === 0 || (found === high && this.#table[place + 1] === low)) return place;
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    for (let place = 0; place < old.length; place += 2) {
      const high = old[place] as number;
      if (high === 0) continue;
      const low = old[place + 1] as number;
      const free = this.#place(high, low);
      this.#table[free] = high;
      this.#table[free + 1] = low;
    }
  }
}

/** Two 32-bit halves (the cyrb53 mixing of two multiplicative hashes); the first is never 0. */
function hashOf(text: string): [number, number] {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [a >>> 0 || 1, b >>> 0];
}
