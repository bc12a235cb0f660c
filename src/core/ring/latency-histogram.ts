/**
 * Latency histograms in shared memory: recorded in the thread that measures, read by the main thread when it is scraped,
 * without a message or a lock between them. One buffer holds several named histograms, each with exactly one recording
 * thread. Nothing here reads a clock.
 *
 *   byte  0   u32  magic "HIST"
 *   byte  4   u32  version
 *   byte  8   u32  number of histograms
 *   byte 12   u32  hash of their names in order (FNV-1a)
 *   byte 64   per histogram, on cache lines of its own:
 *               f64  sum, us
 *               f64  number of values that were clamped (see `record`)
 *               6 f64 unused
 *               992 f64 counts, one per bucket
 *
 * The buckets are log-linear: 31 octaves from 2^-4 us (62.5 ns) to 2^27 us (134 s), 32 equal buckets in each. A bucket is
 * the exponent and the first five bits of the mantissa of its doubles, so it is found by one shift. Its middle is within
 * 1/64 (1.6 %) of everything in it. Counts are doubles: exact to 2^53, where 32 bits would wrap within a trading day.
 */
import { CodedError } from "../errors.ts";

/** "HIST" in little endian. */
const MAGIC = 0x54534948;
const VERSION = 1;
const HEADER_BYTES = 64;
const SUM = 0;
const CLAMPED = 1;
const FIRST_COUNT = 8;
const SUB_BUCKETS = 32;
const EXPONENT_MIN = -4;
const OCTAVES = 31;
const BUCKETS = SUB_BUCKETS * OCTAVES;
const HISTOGRAM_DOUBLES = FIRST_COUNT + BUCKETS;
/** Smallest and largest latency that are told apart, us; the largest is the end of the last bucket. */
export const LATENCY_US_MIN = 2 ** EXPONENT_MIN;
export const LATENCY_US_MAX = 2 ** (EXPONENT_MIN + OCTAVES);
/** Upper half of a double, shifted down to its exponent and five bits of mantissa. */
const BUCKET_SHIFT = 15;
const BUCKET_BASE = (1023 + EXPONENT_MIN) * SUB_BUCKETS;

/** Makes a buffer of empty histograms, one per name. Throws `HISTOGRAM_NAMES` when there is none, or one twice. */
export function createHistograms(names: readonly string[]): SharedArrayBuffer {
  if (names.length === 0 || new Set(names).size !== names.length) {
    throw new CodedError(
      "HISTOGRAM_NAMES",
      `histograms need different names, at least one; got [${names.join(", ")}]`,
      {
        field: "names",
      },
    );
  }
  const buffer = new SharedArrayBuffer(HEADER_BYTES + names.length * HISTOGRAM_DOUBLES * 8);
  new Uint32Array(buffer, 0, 4).set([MAGIC, VERSION, names.length, hashOf(names)]);
  return buffer;
}

/** Records into one histogram; owned by one thread for the histogram's life. */
export class LatencyRecorder {
  readonly #doubles: Float64Array;
  readonly #value = new Float64Array(1);
  readonly #bits = new Uint32Array(this.#value.buffer);

  /** Throws `HISTOGRAM_HEADER` when `buffer` was not made for these names, `HISTOGRAM_NAMES` when `name` is not one. */
  constructor(buffer: SharedArrayBuffer, names: readonly string[], name: string) {
    this.#doubles = attach(buffer, names, name);
  }

  /**
   * Counts a latency in microseconds. Below LATENCY_US_MIN it counts in the first bucket. Negative (a clock that stepped
   * back) or not a number it counts as 0, at or above LATENCY_US_MAX in the last bucket; both are noted as clamped.
   * Allocates nothing.
   */
  record(us: number): void {
    const doubles = this.#doubles;
    let bucket = 0;
    if (us >= LATENCY_US_MIN && us < LATENCY_US_MAX) {
      this.#value[0] = us;
      bucket = ((this.#bits[1] as number) >>> BUCKET_SHIFT) - BUCKET_BASE;
      doubles[SUM] = (doubles[SUM] as number) + us;
    } else if (us >= LATENCY_US_MAX) {
      bucket = BUCKETS - 1;
      doubles[SUM] = (doubles[SUM] as number) + LATENCY_US_MAX;
      doubles[CLAMPED] = (doubles[CLAMPED] as number) + 1;
    } else if (us >= 0) {
      doubles[SUM] = (doubles[SUM] as number) + us;
    } else {
      doubles[CLAMPED] = (doubles[CLAMPED] as number) + 1;
    }
    const at = FIRST_COUNT + bucket;
    doubles[at] = (doubles[at] as number) + 1;
  }
}

/**
 * A copy of one histogram, taken from any thread while its recorder goes on. `count`, `quantile` and `cumulative` agree with
 * each other; `sumUs` may be ahead by the values recorded during the copy.
 */
export class LatencySnapshot {
  readonly count: number;
  readonly sumUs: number;
  /** Values that were out of range (see `LatencyRecorder.record`). */
  readonly clamped: number;
  readonly #counts: Float64Array;

  /** Throws as `LatencyRecorder` does. */
  constructor(buffer: SharedArrayBuffer, names: readonly string[], name: string) {
    const doubles = attach(buffer, names, name);
    this.#counts = doubles.slice(FIRST_COUNT);
    this.sumUs = doubles[SUM] as number;
    this.clamped = doubles[CLAMPED] as number;
    this.count = this.#counts.reduce((total, count) => total + count, 0);
  }

  /**
   * The latency in microseconds that a share `q` (0 to 1) of the values does not exceed, within 1.6 %: the middle of the
   * bucket that holds the value of rank ceil(q × count). NaN when there is no value.
   */
  quantile(q: number): number {
    if (!(q >= 0 && q <= 1)) throw new RangeError(`quantile must be from 0 to 1, got ${q}`);
    if (this.count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(q * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) return middleOf(bucket);
    }
    return LATENCY_US_MAX;
  }

  /**
   * How many values are at most each bound, for the buckets of Prometheus; `boundsUs` ascending. A value within 1.6 % of a
   * bound may count on its other side. The bucket of +Inf is `count`.
   */
  cumulative(boundsUs: readonly number[]): number[] {
    let bucket = 0;
    let seen = 0;
    return boundsUs.map((bound) => {
      while (bucket < BUCKETS && middleOf(bucket) <= bound) seen += this.#counts[bucket++] as number;
      return seen;
    });
  }
}

function middleOf(bucket: number): number {
  const octave = 2 ** (EXPONENT_MIN + Math.floor(bucket / SUB_BUCKETS));
  return octave * (1 + ((bucket % SUB_BUCKETS) + 0.5) / SUB_BUCKETS);
}

function attach(buffer: SharedArrayBuffer, names: readonly string[], name: string): Float64Array {
  const index = names.indexOf(name);
  if (index < 0) {
    throw new CodedError("HISTOGRAM_NAMES", `no histogram "${name}"; there are ${names.join(", ")}`, { field: "name" });
  }
  const byteLength = HEADER_BYTES + names.length * HISTOGRAM_DOUBLES * 8;
  requireHeader(buffer.byteLength === byteLength, "byteLength", byteLength, buffer.byteLength);
  const header = new Uint32Array(buffer, 0, 4);
  requireHeader(header[0] === MAGIC, "magic", MAGIC, header[0]);
  requireHeader(header[1] === VERSION, "version", VERSION, header[1]);
  requireHeader(header[2] === names.length, "histograms", names.length, header[2]);
  requireHeader(header[3] === hashOf(names), "names", names.join(", "), header[3]);
  return new Float64Array(buffer, HEADER_BYTES + index * HISTOGRAM_DOUBLES * 8, HISTOGRAM_DOUBLES);
}

function requireHeader(condition: boolean, field: string, expected: number | string, found: number | undefined): void {
  if (condition) return;
  throw new CodedError("HISTOGRAM_HEADER", `histogram header: ${field} must be ${expected}, found ${found}`, { field });
}

function hashOf(names: readonly string[]): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(names.join("\n"))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
