/**
 * Randomness without a state: a well-mixed hash of a seed and some integers. The same arguments give the same draw in any
 * order and after any restart, which a generator with a position would not. Pure; any thread.
 */

/** Murmur3's finaliser over up to three words: an unsigned 32-bit draw. Integers beyond 2^32 are folded in whole. */
export function hash32(seed: number, a: number, b = 0, c = 0): number {
  let h = seed | 0;
  h = absorb(h, a);
  h = absorb(h, b);
  h = absorb(h, c);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A draw in [0, 1). */
export function hashUnit(seed: number, a: number, b = 0, c = 0): number {
  return hash32(seed, a, b, c) / 4294967296;
}

/** A seed out of any text (FNV-1a over UTF-16 units). */
export function seedOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** A UUID (version 8: its bits are our own) that is a function of a name's seed and a number. */
export function seededUuid(seed: number, number: number): string {
  let hex = "";
  for (let word = 1; word <= 4; word++) hex += hash32(seed, number, word, 0x75756964).toString(16).padStart(8, "0");
  const variant = ((Number.parseInt(hex[16] as string, 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function absorb(state: number, value: number): number {
  const low = mix(state, value | 0);
  const high = Math.floor(value / 4294967296);
  return high === 0 ? low : mix(low, high | 0);
}

function mix(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  let h = state ^ Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}
