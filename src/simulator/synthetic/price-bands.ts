/**
 * Limit-up limit-down bands of a synthetic share: 5 % around a reference price (tier 1 of the Limit Up-Limit Down plan, above
 * three dollars), which is set anew every half minute. The plan's reference is the mean of the trades of five minutes; here
 * it is the price two and a half minutes before, and after a pause the price that trading began again with.
 */
import type { Halt } from "./halt-schedule.ts";

export interface Band {
  readonly up: number;
  readonly down: number;
}

const PERCENT = 0.05;
const STEP_US = 30_000_000;
const LAG_US = 150_000_000;
const CENTS = 100;

export class PriceBands {
  readonly #priceAt: (timeUs: number) => number;
  #referenceUs = Number.NaN;
  #band: Band = { up: 0, down: 0 };

  /** `priceAt` gives the price of any time. */
  constructor(priceAt: (timeUs: number) => number) {
    this.#priceAt = priceAt;
  }

  /** `halt` is the one of this half hour, past or to come. */
  at(timeUs: number, halt: Halt | null): Band {
    const laggedUs = Math.floor(timeUs / STEP_US) * STEP_US - LAG_US;
    const referenceUs = halt !== null && timeUs >= halt.endUs ? Math.max(laggedUs, halt.endUs) : laggedUs;
    if (referenceUs !== this.#referenceUs) {
      this.#referenceUs = referenceUs;
      const reference = this.#priceAt(referenceUs);
      this.#band = {
        up: Math.floor(reference * (1 + PERCENT) * CENTS) / CENTS,
        down: Math.ceil(reference * (1 - PERCENT) * CENTS) / CENTS,
      };
    }
    return this.#band;
  }
}
