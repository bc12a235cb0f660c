/**
 * Several recordings → one stream in time order, with back-pressure: a file is read on only when its last batch is used
 * up. Holds one batch per source. Owned by one thread.
 */
import { CodedError } from "../core/errors.ts";
import type { Tick } from "./tick.ts";

/** A source's place in the order: anything that iterates batches in time order, such as a `Recording`. */
export type TickSource = AsyncIterable<readonly Tick[]> & { readonly path?: string };

/**
 * On equal stamps a corporate action comes first, a quote and depth are applied before the trade they may have met, a bar
 * closes after all of these, and only then the next one opens.
 */
const RANK: Readonly<Record<Tick["kind"], number>> = {
  split: 0,
  dividend: 0,
  quote: 1,
  depth: 1,
  trade: 2,
  bar: 3,
  barOpen: 4,
};

/** A tick's place in the order: when it could be known, then its rank. */
export function knownAtUs(tick: Tick): number {
  return tick.kind === "bar" ? tick.closeUs : tick.timeUs;
}

export function rankOf(tick: Tick): number {
  return RANK[tick.kind];
}

/**
 * Merges by the time a tick could be known: a trade's or quote's stamp, a bar's end. Equal times: see
 * `RANK`, then the order of `sources`; stable within a source. Batches are valid until the next one is asked for.
 * Throws `DATA_FORMAT` when a source goes back in time (a bar file of several symbols is sorted by symbol: see
 * `timeOrdered`) and whatever the sources throw. Closes all sources however it ends.
 */
export async function* mergeRecordings(sources: readonly TickSource[]): AsyncGenerator<readonly Tick[], void, void> {
  const heads = sources.map((source, index) => new Head(source, index));
  try {
    for (const head of heads) await head.refill();
    const output: Tick[] = [];
    for (let first = earliest(heads, null); first !== null; first = earliest(heads, null)) {
      const second = earliest(heads, first);
      first.moveBefore(second, output);
      if (!first.empty) continue;
      yield output;
      output.length = 0;
      await first.refill();
    }
  } finally {
    await Promise.all(heads.map((head) => head.close()));
  }
}

function earliest(heads: readonly Head[], except: Head | null): Head | null {
  let best: Head | null = null;
  for (const head of heads) {
    if (head === except || head.empty) continue;
    if (best === null || head.precedes(best)) best = head;
  }
  return best;
}

/** The unread rest of one source. */
class Head {
  readonly #source: TickSource;
  readonly #index: number;
  readonly #iterator: AsyncIterator<readonly Tick[]>;
  #batch: readonly Tick[] = [];
  #at = 0;
  #timeUs = Number.NEGATIVE_INFINITY;
  #rank = 0;

  constructor(source: TickSource, index: number) {
    this.#index = index;
    this.#source = source;
    this.#iterator = source[Symbol.asyncIterator]();
  }

  get empty(): boolean {
    return this.#at >= this.#batch.length;
  }

  async refill(): Promise<void> {
    do {
      const next = await this.#iterator.next();
      this.#batch = next.done === true ? [] : next.value;
      this.#at = 0;
      if (next.done === true) return;
    } while (this.#batch.length === 0);
    this.#look();
  }

  /** True when this one's next tick comes before the other's. */
  precedes(other: Head): boolean {
    if (this.#timeUs !== other.#timeUs) return this.#timeUs < other.#timeUs;
    if (this.#rank !== other.#rank) return this.#rank < other.#rank;
    return this.#index < other.#index;
  }

  /** Moves ticks to `output` until the batch is used up or `limit` comes first. */
  moveBefore(limit: Head | null, output: Tick[]): void {
    do {
      output.push(this.#batch[this.#at] as Tick);
      this.#at++;
      if (this.empty) return;
      this.#look();
    } while (limit === null || !limit.precedes(this));
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  #look(): void {
    const tick = this.#batch[this.#at] as Tick;
    const timeUs = knownAtUs(tick);
    if (timeUs < this.#timeUs) {
      const name = this.#source.path ?? "a source";
      throw new CodedError(
        "DATA_FORMAT",
        `${name}: ${tick.symbol} at ${timeUs} us comes after ${this.#timeUs} us; sources to merge must be in time order, ` +
          "so open a bar file of several symbols by `timeOrdered`",
        { field: "symbols" },
      );
    }
    this.#timeUs = timeUs;
    this.#rank = rankOf(tick);
  }
}
