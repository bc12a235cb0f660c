/**
 * A price that is a pure function of a seed and the time: any instant of the past or the future costs the same, so that a
 * synthetic market needs no memory, has history without having run, and goes on after a restart as if nothing had been.
 *
 * The logarithm of the price is a sum of value noises whose periods grow threefold from 4 s to 8 days and whose amplitudes
 * grow with the square root of the period, which gives the spectrum of Brownian motion. Regimes weigh the octaves: blocks
 * of 20 minutes are trending, reverting, calm or volatile by a seeded draw, and one block fades into the next.
 */
import { hashUnit } from "../../venue/seeded-hash.ts";

const SHORTEST_PERIOD_S = 4;
const PERIOD_RATIO = 3;
const OCTAVES = 12;
const REGIME_S = 1200;
const DAY_S = 86_400;

/** Seconds. */
const PERIODS: readonly number[] = Array.from(
  { length: OCTAVES },
  (_, octave) => SHORTEST_PERIOD_S * PERIOD_RATIO ** octave,
);
/** Octaves below a minute are noise, those below an hour swings; the rest is the long way of the price. */
const NOISE_OCTAVES = PERIODS.filter((period) => period < 60).length;
const SWING_OCTAVES = PERIODS.filter((period) => period < 3600).length;

export type Regime = "trend" | "reverting" | "calm" | "volatile";

const REGIMES: readonly Regime[] = ["trend", "reverting", "calm", "volatile"];

/** How much a regime weighs the octaves of noise and of swings. */
const WEIGHTS: Readonly<Record<Regime, { readonly noise: number; readonly swing: number }>> = {
  trend: { noise: 0.7, swing: 2.2 },
  reverting: { noise: 2, swing: 0.7 },
  calm: { noise: 0.6, swing: 0.7 },
  volatile: { noise: 2, swing: 1.8 },
};

export class PricePath {
  readonly #seed: number;
  readonly #basePrice: number;
  readonly #amplitudes: readonly number[];
  /** Per octave the cell last looked at and its two values: instants are mostly asked for one after the other. */
  readonly #cells = new Float64Array(OCTAVES * 3).fill(Number.NaN);

  /** `dailyVolatility` is the typical change of a day as a fraction: 0.02 for two percent. */
  constructor(seed: number, basePrice: number, dailyVolatility: number) {
    this.#seed = seed;
    this.#basePrice = basePrice;
    const perRootSecond = dailyVolatility / Math.sqrt(DAY_S);
    this.#amplitudes = PERIODS.map((period) => perRootSecond * Math.sqrt(period));
  }

  /** The price at a time in seconds since the epoch, before rounding to any grid. */
  at(timeS: number): number {
    return this.#basePrice * Math.exp(this.logarithmAt(timeS));
  }

  /** Of the price over the base price. */
  logarithmAt(timeS: number): number {
    const weights = this.#weightsAt(timeS);
    let sum = 0;
    for (let octave = 0; octave < OCTAVES; octave++) {
      const weight = octave < NOISE_OCTAVES ? weights.noise : octave < SWING_OCTAVES ? weights.swing : 1;
      sum += weight * (this.#amplitudes[octave] as number) * this.#noise(octave, timeS / (PERIODS[octave] as number));
    }
    return sum;
  }

  regimeAt(timeS: number): Regime {
    return this.#regimeOf(Math.floor(timeS / REGIME_S));
  }

  #regimeOf(block: number): Regime {
    return REGIMES[Math.floor(hashUnit(this.#seed, block, REGIME_DRAW) * REGIMES.length)] as Regime;
  }

  /** The weights of the running block, fading to the next one's over its last quarter. */
  #weightsAt(timeS: number): { noise: number; swing: number } {
    const block = Math.floor(timeS / REGIME_S);
    const now = WEIGHTS[this.#regimeOf(block)];
    const fade = smooth(Math.max(0, (timeS / REGIME_S - block - 0.75) * 4));
    if (fade === 0) return now;
    const next = WEIGHTS[this.#regimeOf(block + 1)];
    return {
      noise: now.noise + (next.noise - now.noise) * fade,
      swing: now.swing + (next.swing - now.swing) * fade,
    };
  }

  /** Value noise in [-1, 1]: smooth between seeded values at the integers. */
  #noise(octave: number, at: number): number {
    const cell = Math.floor(at);
    const cells = this.#cells;
    const place = octave * 3;
    if (cells[place] !== cell) {
      cells[place] = cell;
      cells[place + 1] = hashUnit(this.#seed, cell, octave) * 2 - 1;
      cells[place + 2] = hashUnit(this.#seed, cell + 1, octave) * 2 - 1;
    }
    const left = cells[place + 1] as number;
    return left + ((cells[place + 2] as number) - left) * smooth(at - cell);
  }
}

const REGIME_DRAW = 101;

function smooth(x: number): number {
  return x * x * (3 - 2 * x);
}
