/**
 * The venue's time as this process knows it: Alpaca's clock, or the simulator's with its own epoch and speed. Main thread
 * only. Fed by broker clock readings and by record stamps; it never runs backwards and is never used for deadlines.
 */

export class VenueClock {
  readonly #monotonicMs: () => number;
  /** Venue microseconds per real microsecond; null when the venue's time moves only with its data. */
  readonly #speed: number | null;
  #baseVenueUs = 0;
  #baseMs = 0;
  #highestUs = 0;

  constructor(monotonicMs: () => number, speed: number | null) {
    this.#monotonicMs = monotonicMs;
    this.#speed = speed;
  }

  /** True when the venue's time goes on by itself, without data. */
  get runs(): boolean {
    return this.#speed !== null;
  }

  /** A reading of the venue's clock, taken at about now. */
  set(venueTimeUs: number): void {
    this.#baseVenueUs = venueTimeUs;
    this.#baseMs = this.#monotonicMs();
    this.observe(venueTimeUs);
  }

  /** A record of this venue time has been seen. */
  observe(venueTimeUs: number): void {
    if (venueTimeUs > this.#highestUs) this.#highestUs = venueTimeUs;
  }

  /** How old something of this venue time is now, in microseconds of real time; 0 where the clock cannot tell. */
  lagUs(venueTimeUs: number): number {
    if (this.#baseVenueUs === 0 || this.#speed === null) return 0;
    const elapsedUs = (this.#monotonicMs() - this.#baseMs) * 1000;
    return (this.#baseVenueUs - venueTimeUs) / this.#speed + elapsedUs;
  }

  /** Epoch microseconds; 0 before the first reading. */
  nowUs(): number {
    if (this.#baseVenueUs === 0 || this.#speed === null) return this.#highestUs;
    const elapsedUs = (this.#monotonicMs() - this.#baseMs) * 1000 * this.#speed;
    return Math.max(this.#highestUs, Math.floor(this.#baseVenueUs + elapsedUs));
  }
}
