/**
 * A made-up market: several instruments, correlated by a common factor, as a pure function of a seed and the time, in slots
 * of a quarter of a second. It keeps nothing, so it runs for ever in bounded memory, and its bars of the past are the
 * aggregates of exactly the trades that it would have shown.
 */
import type { Instrument } from "../../core/market/instrument.ts";
import { hash32, seedOf } from "../../venue/seeded-hash.ts";
import type {
  BarHistory,
  BarPage,
  BarRange,
  HistoryBar,
  MarketSource,
  MarketTick,
  PastTicks,
} from "../market-source.ts";
import { PricePath } from "./price-path.ts";
import { SLOT_US, type SyntheticInstrument, SyntheticLine } from "./synthetic-line.ts";

export interface SyntheticOptions {
  readonly seed: number;
  readonly instruments: readonly SyntheticInstrument[];
  /** Halts of a share in a half hour, as a probability. */
  readonly haltRate: number;
  /** Share of the trades of shares that are corrected or cancelled. */
  readonly correctionRate: number;
  /** Ends the market after so many ticks; null for never. */
  readonly tickLimit: number | null;
}

const SLOTS_PER_BATCH = 4;
/** A few tenths of a second of work. */
const SLOTS_PER_PAGE = 400_000;

export class SyntheticMarket implements MarketSource, BarHistory, PastTicks {
  readonly instruments: readonly Instrument[];
  readonly barsOnly = false;
  readonly startUs = null;
  readonly tickCount = null;
  readonly #lines: readonly SyntheticLine[];
  readonly #tickLimit: number | null;

  constructor(options: SyntheticOptions) {
    const market = new PricePath(hash32(options.seed, seedOf("market")), 1, 1);
    this.instruments = options.instruments.map((line) => line.instrument);
    this.#lines = options.instruments.map((line) => new SyntheticLine(line, { ...options, market }));
    this.#tickLimit = options.tickLimit;
  }

  async *ticks(fromUs: number): AsyncGenerator<readonly MarketTick[], void, void> {
    let left = this.#tickLimit ?? Number.POSITIVE_INFINITY;
    for (let slot = Math.ceil(fromUs / SLOT_US); left > 0; slot += SLOTS_PER_BATCH) {
      const batch: MarketTick[] = [];
      for (let n = slot; n < slot + SLOTS_PER_BATCH; n++) this.slot(n, batch);
      if (batch.length > left) batch.length = left;
      left -= batch.length;
      yield batch;
    }
  }

  /** Appends the ticks of one slot in time order. */
  slot(slot: number, into: MarketTick[]): void {
    const first = into.length;
    for (const line of this.#lines) line.slot(slot, into);
    sortFrom(into, first);
  }

  past(index: number, startUs: number, endUs: number): MarketTick[] {
    const line = this.#lines[index] as SyntheticLine;
    const ticks: MarketTick[] = [];
    for (let slot = Math.floor(startUs / SLOT_US); slot * SLOT_US < endUs; slot++) line.slot(slot, ticks);
    return ticks.filter((tick) => tick.timeUs >= startUs && tick.timeUs < endUs);
  }

  /** A page is cut short where it would take too long to make, and says where to go on. */
  bars(index: number, intervalSeconds: number, range: BarRange): BarPage {
    const line = this.#lines[index] as SyntheticLine;
    const intervalUs = intervalSeconds * 1e6;
    const endUs = Math.min(range.endUs, range.nowUs - intervalUs + 1);
    const bars: HistoryBar[] = [];
    let slotsLeft = SLOTS_PER_PAGE;
    let startUs = Math.ceil(range.startUs / intervalUs) * intervalUs;
    for (; startUs < endUs && bars.length < range.limit && slotsLeft > 0; startUs += intervalUs) {
      const bar = line.bar(startUs, startUs + intervalUs);
      if (bar !== null) bars.push(bar);
      slotsLeft -= intervalUs / SLOT_US;
    }
    return { bars, nextUs: startUs < endUs ? startUs : null };
  }
}

/** Insertion, because a slot has a few ticks that are mostly in order; equal times stay as they are. */
function sortFrom(ticks: MarketTick[], first: number): void {
  for (let at = first + 1; at < ticks.length; at++) {
    const tick = ticks[at] as MarketTick;
    let to = at;
    for (; to > first && (ticks[to - 1] as MarketTick).timeUs > tick.timeUs; to--)
      ticks[to] = ticks[to - 1] as MarketTick;
    ticks[to] = tick;
  }
}
