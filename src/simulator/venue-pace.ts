/**
 * The venue's clock: an epoch and a speed against the monotonic real clock, or, where time moves only with the data, the
 * newest tick's time. The real clock is read nowhere else in the simulator. Main thread.
 */

export class VenuePace {
  readonly #monotonicMs: () => number;
  /** Venue time per real time; null when the data moves it. */
  readonly #speed: number | null;
  #baseUs: number;
  #baseMs: number | null = null;
  #latestUs: number;

  constructor(speed: number | null, epochUs: number, monotonicMs: () => number) {
    this.#speed = speed;
    this.#baseUs = epochUs;
    this.#latestUs = epochUs;
    this.#monotonicMs = monotonicMs;
  }

  /** Time begins to run. */
  start(): void {
    if (this.#baseMs === null) this.#baseMs = this.#monotonicMs();
  }

  /** Time stops where it is. */
  stop(): void {
    this.#baseUs = this.nowUs();
    this.#baseMs = null;
  }

  /** A tick of this time has been played. */
  observe(timeUs: number): void {
    if (timeUs > this.#latestUs) this.#latestUs = timeUs;
  }

  /** Epoch microseconds; never runs backwards. */
  nowUs(): number {
    if (this.#speed === null || this.#baseMs === null) return Math.max(this.#baseUs, this.#latestUs);
    const elapsedUs = (this.#monotonicMs() - this.#baseMs) * 1000 * this.#speed;
    return Math.max(this.#latestUs, Math.floor(this.#baseUs + elapsedUs));
  }

  /** Real milliseconds until the venue's clock shows `timeUs`; 0 when time moves with the data. */
  msUntil(timeUs: number): number {
    return this.#speed === null ? 0 : Math.max(0, (timeUs - this.nowUs()) / 1000 / this.#speed);
  }
}
