/**
 * Bars that miss trades because market data was lost are had from the broker instead, as soon as they are over, so that
 * no instance goes on with a hole in its history. Main thread only. What it hands on may be known already: whoever takes
 * it goes by instrument and start.
 *
 * Of several missed bars only the newest decides, and only while the bar after it is not over: the others are history.
 */
import type { Broker, HistoricalBar } from "../broker/broker.ts";

export interface RepairedSeries {
  readonly instrument: number;
  readonly symbol: string;
  /** A multiple of a minute: the broker keeps no shorter bars. */
  readonly intervalSeconds: number;
}

export interface BarRepairOptions {
  readonly series: readonly RepairedSeries[];
  readonly broker: Pick<Broker, "bars">;
  /** A bar in place of an incomplete one, oldest first. */
  readonly onBar: (series: RepairedSeries, bar: HistoricalBar, decides: boolean) => void;
  /** Told of every series that could not be read; it is tried again. */
  readonly onFailed: (series: RepairedSeries, cause: string) => void;
}

/** Shortest interval of which the broker keeps history, seconds. */
export const BROKER_INTERVAL_SECONDS = 60;
/** A bar is in the broker's history so long after its end, microseconds of venue time. */
const GRACE_US = 2_000_000;
/** A series that could not be read is tried again after so much venue time. */
const RETRY_US = 5_000_000;
/** With a hole so much older than that, nobody trades until it is filled. */
const OVERDUE_US = 5_000_000;

interface Hole {
  readonly series: RepairedSeries;
  readonly intervalUs: number;
  /** Start of the first bar that misses trades, and the end of the last one. Empty when they are the same. */
  fromUs: number;
  untilUs: number;
  /** Not asked for before this venue time. */
  retryUs: number;
}

export class BarRepair {
  readonly #options: BarRepairOptions;
  readonly #holes: readonly Hole[];
  #lost = false;

  constructor(options: BarRepairOptions) {
    this.#options = options;
    this.#holes = options.series.map((series) => ({
      series,
      intervalUs: series.intervalSeconds * 1e6,
      fromUs: 0,
      untilUs: 0,
      retryUs: 0,
    }));
  }

  /** True between `lost` and `back`. */
  get isLost(): boolean {
    return this.#lost;
  }

  /** From this venue time on trades are missing. */
  lost(timeUs: number): void {
    this.#lost = true;
    this.gap(timeUs);
  }

  /** From this venue time on none are missing any more. */
  back(timeUs: number): void {
    this.#lost = false;
    this.gap(timeUs);
  }

  /** Trades of this moment may be missing. */
  gap(timeUs: number): void {
    for (const hole of this.#holes) this.#widen(hole, timeUs);
  }

  /** Bars that are still missing although they could be had: what is decided now would be decided without them. */
  isOverdue(nowUs: number): boolean {
    return this.#holes.some((hole) => isOpen(hole) && nowUs > hole.untilUs + OVERDUE_US);
  }

  /** Fetches what is over by now; one round at a time. */
  async round(nowUs: number): Promise<void> {
    if (this.#lost) return;
    for (const hole of this.#holes) if (isOpen(hole)) await this.#fill(hole, nowUs);
  }

  #widen(hole: Hole, timeUs: number): void {
    const startUs = Math.floor(timeUs / hole.intervalUs) * hole.intervalUs;
    hole.fromUs = isOpen(hole) ? Math.min(hole.fromUs, startUs) : startUs;
    hole.untilUs = Math.max(hole.untilUs, startUs + hole.intervalUs);
  }

  async #fill(hole: Hole, nowUs: number): Promise<void> {
    const { series, intervalUs, fromUs } = hole;
    const overUs = Math.floor((nowUs - GRACE_US) / intervalUs) * intervalUs;
    const untilUs = Math.min(hole.untilUs, overUs);
    if (untilUs <= fromUs || nowUs < hole.retryUs) return;
    const answer = await this.#options.broker.bars(series.symbol, series.intervalSeconds, fromUs, untilUs);
    if (answer.kind !== "ok") {
      hole.retryUs = nowUs + RETRY_US;
      this.#options.onFailed(series, answer.kind === "failed" ? answer.cause : "not found");
      return;
    }
    for (const bar of answer.value) {
      const isNewest = bar.startUs + 2 * intervalUs > nowUs;
      this.#options.onBar(series, bar, isNewest);
    }
    // More may have been lost while the answer was on its way.
    if (hole.fromUs === fromUs) hole.fromUs = untilUs;
  }
}

function isOpen(hole: Hole): boolean {
  return hole.fromUs < hole.untilUs;
}
