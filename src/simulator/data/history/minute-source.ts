/**
 * Minute bars of the past, of which all longer bars are made: a seeded market makes them again, a recording has those that
 * have been played. Main thread of the simulator.
 */
import { BarAggregate } from "../../bar-aggregate.ts";
import type { BarHistory as SeededBars, HistoryBar, TradeTick } from "../../market-source.ts";
import type { BarStore } from "./bar-store.ts";
import type { TickArchive } from "./tick-archive.ts";

export const MINUTE_SECONDS = 60;
export const MINUTE_US = 60_000_000;
const HOUR_US = 3_600_000_000;
const DAY_US = 86_400_000_000;

/** Minute bars that are not kept. */
export interface OlderMinutes {
  /** How much is best asked for at a time. */
  readonly windowUs: number;
  /** Nothing is older. */
  readonly firstUs: number;
  /** Bars that start in [startUs, endUs) and are complete by `nowUs`, oldest first. */
  minutes(index: number, startUs: number, endUs: number, nowUs: number): Promise<readonly HistoryBar[]>;
}

/** Those that have been played, with what has been put right since, and before them the older ones. */
export class MinuteSource implements OlderMinutes {
  readonly windowUs: number;
  readonly firstUs: number;
  readonly #kept: BarStore;
  readonly #knownSinceUs: number;
  readonly #older: OlderMinutes;

  /** `knownSinceUs`: whatever happened from then on has been kept, as long as there is room. */
  constructor(kept: BarStore, knownSinceUs: number, older: OlderMinutes) {
    this.#kept = kept;
    this.#knownSinceUs = knownSinceUs;
    this.#older = older;
    this.windowUs = older.windowUs;
    this.firstUs = older.firstUs;
  }

  /** Length of the instrument's shortest bars, seconds: more than a minute for recorded bars only. */
  partSeconds(index: number): number {
    return this.#kept.shortestSeconds(index) ?? MINUTE_SECONDS;
  }

  /** Whether an answer is had without work. */
  isKept(index: number, startUs: number): boolean {
    return startUs >= this.#knownSinceUs && startUs >= this.#kept.completeSinceUs(index);
  }

  async minutes(index: number, startUs: number, endUs: number, nowUs: number): Promise<readonly HistoryBar[]> {
    if (!this.isKept(index, startUs)) return this.#older.minutes(index, startUs, endUs, nowUs);
    const seconds = this.partSeconds(index);
    const bars = this.#kept.between(index, seconds, startUs, endUs);
    // Recorded bars of a session end before their length is over, and have been played at their end.
    return seconds === MINUTE_SECONDS ? bars.filter((bar) => bar.startUs + MINUTE_US <= nowUs) : bars;
  }
}

/** 2016-01-01: Alpaca's own history begins then. */
const SEEDED_FIRST_US = Date.UTC(2016, 0, 1) * 1000;

export class SeededMinutes implements OlderMinutes {
  readonly windowUs = HOUR_US;
  readonly firstUs = SEEDED_FIRST_US;
  readonly #history: SeededBars;

  constructor(history: SeededBars) {
    this.#history = history;
  }

  async minutes(index: number, startUs: number, endUs: number, nowUs: number): Promise<readonly HistoryBar[]> {
    const bars: HistoryBar[] = [];
    for (let fromUs: number | null = startUs; fromUs !== null; ) {
      const range = { startUs: fromUs, endUs, nowUs, limit: Number.POSITIVE_INFINITY };
      const page = this.#history.bars(index, MINUTE_SECONDS, range);
      bars.push(...page.bars);
      fromUs = page.nextUs;
    }
    return bars;
  }
}

/** From the trades of the recording, which is read again. */
export class RecordedMinutes implements OlderMinutes {
  readonly windowUs = DAY_US;
  readonly firstUs: number;
  readonly #archive: TickArchive;

  constructor(archive: TickArchive, firstUs: number) {
    this.#archive = archive;
    this.firstUs = Math.floor(firstUs / MINUTE_US) * MINUTE_US;
  }

  async minutes(index: number, startUs: number, toUs: number, nowUs: number): Promise<readonly HistoryBar[]> {
    const endUs = Math.min(toUs, Math.floor(nowUs / MINUTE_US) * MINUTE_US);
    const limit = Number.POSITIVE_INFINITY;
    const query = { index, kind: "trade", startUs, endUs: endUs - 1, descending: false, skip: 0, limit } as const;
    const { ticks } = await this.#archive.page(query);
    const bars: HistoryBar[] = [];
    let minute: BarAggregate | null = null;
    const close = () => {
      const bar = minute?.take() ?? null;
      if (bar !== null) bars.push(bar);
    };
    for (const trade of ticks.filter((tick): tick is TradeTick => tick.kind === "trade")) {
      const minuteUs = Math.floor(trade.timeUs / MINUTE_US) * MINUTE_US;
      if (minute?.startUs !== minuteUs) {
        close();
        minute = new BarAggregate(minuteUs);
      }
      minute.add(trade);
    }
    close();
    return bars;
  }
}
