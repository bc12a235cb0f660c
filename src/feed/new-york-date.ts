/**
 * Trading dates of daily files → the instant their day begins in New York, as Alpaca stamps daily bars. Cold path; uses
 * the runtime's time-zone database, so every historical change of summer time is right.
 */

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const HOUR_MS = 3_600_000;

export class NewYorkDates {
  readonly #known = new Map<string, number>();
  readonly #hour = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/New_York",
    hour: "numeric",
    hourCycle: "h23",
  });

  /** Epoch microseconds of 00:00 in New York on `date` (`2017-12-31`), NaN when it is no date. */
  midnightUs(date: string): number {
    let startUs = this.#known.get(date);
    if (startUs === undefined) {
      startUs = this.#compute(date);
      this.#known.set(date, startUs);
    }
    return startUs;
  }

  /** New York is 4 or 5 hours behind UTC: midnight is where its clock shows 0. */
  #compute(date: string): number {
    const match = DATE.exec(date);
    if (match === null) return Number.NaN;
    const utcMs = Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
    if (new Date(utcMs).toISOString().slice(0, 10) !== date) return Number.NaN;
    const behind = Number(this.#hour.format(utcMs + 4 * HOUR_MS)) === 0 ? 4 : 5;
    return (utcMs + behind * HOUR_MS) * 1000;
  }
}
