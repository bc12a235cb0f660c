/**
 * Minute bars of the past, of which all longer bars are made: a seeded market makes them again, a recording has those that
 * have been played. Main thread of the simulator.
 */
import { BarAggregate } from "../../bar-aggregate.ts";
import type { BarHistory, HistoryBar, TradeTick } from "../../market-source.ts";
import type { BarStore } from "./bar-store.ts";
import type { TickArchive } from "./tick-archive.ts";

export const MINUTE_SECONDS = 60;
export const MINUTE_US = 60_000_000;
const HOUR_US = 3_600_000_000;
const DAY_US = 86_400_000_000;

export interface MinuteSource {
  /** How much is best asked for at a time. */
  readonly windowUs: number;
  /** Nothing is older. */
  readonly firstUs: number;
  /** Length of the instrument's shortest bars, seconds: more than a minute for recorded bars only. */
  partSeconds(index: number): number;
  /** Whether an answer is had without work. */
  isKept(index: number, startUs: number): boolean;
  /** Bars that start in [startUs, endUs) and are complete by `nowUs`, oldest first. */
  minutes(index: number, startUs: number, endUs: number, nowUs: number): Promise<readonly HistoryBar[]>;
}

/** 2016-01-01: Alpaca's own history begins then. */
const SEEDED_FIRST_US = Date.UTC(2016, 0, 1) * 1000;

export class SeededMinutes implements MinuteSource {
  readonly windowUs = HOUR_US;
  readonly firstUs = SEEDED_FIRST_US;
  readonly #history: BarHistory;

  constructor(history: BarHistory) {
    this.#history = history;
  }

  partSeconds(): number {
    return MINUTE_SECONDS;
  }

  isKept(): boolean {
    return false;
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

export class RecordedMinutes implements MinuteSource {
  readonly windowUs = DAY_US;
  readonly firstUs: number;
  readonly #kept: BarStore;
  readonly #archive: TickArchive;

  constructor(kept: BarStore, archive: TickArchive, firstUs: number) {
    this.#kept = kept;
    this.#archive = archive;
    this.firstUs = Math.floor(firstUs / MINUTE_US) * MINUTE_US;
  }

  partSeconds(index: number): number {
    return this.#kept.shortestSeconds(index) ?? MINUTE_SECONDS;
  }

  isKept(index: number, startUs: number): boolean {
    return startUs >= this.#kept.completeSinceUs(index);
  }

  async minutes(index: number, startUs: number, endUs: number, nowUs: number): Promise<readonly HistoryBar[]> {
    if (this.isKept(index, startUs)) return this.#kept.between(index, this.partSeconds(index), startUs, endUs);
    return this.#again(index, startUs, Math.min(endUs, Math.floor(nowUs / MINUTE_US) * MINUTE_US));
  }

  /** From the trades of the file. */
  async #again(index: number, startUs: number, endUs: number): Promise<readonly HistoryBar[]> {
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
