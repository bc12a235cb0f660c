/**
 * Whether market data comes late: by the venue's clock, so that it holds at any speed of a simulator, and in real time, so
 * that the limit means the same at all of them. Main thread only. Allocates nothing per frame.
 *
 * A frame is as late as its newest quote or trade; bars name their beginning, and a late print among newer ones is no lag.
 * The feed lags for a while after each late frame: a feed that is late now and then must not switch trading on and off.
 */
import { KIND_QUOTE, KIND_TRADE, LANE_VENUE_TIME_US, type RecordBuffer } from "../core/market/record.ts";
import type { VenueClock } from "./venue-clock.ts";

/** What is older than this when it is read is too late to trade on, microseconds of real time. */
const LIMIT_US = 1_000_000;
const HOLD_MS = 1000;

export class FeedLag {
  readonly #clock: VenueClock;
  readonly #nowMs: () => number;
  #lateUntilMs = Number.NEGATIVE_INFINITY;

  /** `nowMs` is monotonic real time. */
  constructor(clock: VenueClock, nowMs: () => number) {
    this.#clock = clock;
    this.#nowMs = nowMs;
  }

  get isLagging(): boolean {
    return this.#nowMs() < this.#lateUntilMs;
  }

  /** Takes a frame into account; before the clock is told of its records. */
  frame(records: RecordBuffer, count: number): void {
    let newestUs = 0;
    for (let slot = 0; slot < count; slot++) {
      const kind = records.kind(slot);
      const timeUs = records.lane(slot, LANE_VENUE_TIME_US);
      if ((kind === KIND_QUOTE || kind === KIND_TRADE) && timeUs > newestUs) newestUs = timeUs;
    }
    if (newestUs > 0 && this.#clock.lagUs(newestUs) > LIMIT_US) this.#lateUntilMs = this.#nowMs() + HOLD_MS;
  }

  /** Another connection, or another reading of the clock: what was late before says nothing now. */
  reset(): void {
    this.#lateUntilMs = Number.NEGATIVE_INFINITY;
  }
}
