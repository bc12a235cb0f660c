/**
 * When an instrument stops trading, as a pure function of a seed and the time: at most once in a half hour, for a minute.
 * Half of the halts are for news: trading stops and goes on. The others are limit-up limit-down pauses: within three
 * quarters of a minute the price runs away by more than the band allows, is held at the band, and trading is paused; the
 * price comes back over the ten minutes after the pause.
 */
import { hashUnit } from "../../venue/seeded-hash.ts";

export interface Halt {
  readonly startUs: number;
  readonly endUs: number;
  /** Limit-up limit-down pause, or news. */
  readonly pause: boolean;
  /** Of a pause: change of the price's logarithm that it comes from. */
  readonly excursion: number;
}

const SECOND_US = 1_000_000;
const BLOCK_US = 1800 * SECOND_US;
const HALT_US = 60 * SECOND_US;
const RUN_US = 45 * SECOND_US;
const RETURN_US = 600 * SECOND_US;
/** More than the band, which is 5 %. */
const EXCURSION = 0.065;

const DRAW_HALT = 209;
const DRAW_HALT_AT = 210;
const DRAW_PAUSE = 211;
const DRAW_DIRECTION = 212;

export class HaltSchedule {
  readonly #seed: number;
  readonly #rate: number;
  readonly #slotUs: number;
  #block = Number.NaN;
  #halt: Halt | null = null;

  /** `rate`: the probability of a halt in a half hour. Halts begin at whole slots. */
  constructor(seed: number, rate: number, slotUs: number) {
    this.#seed = seed;
    this.#rate = rate;
    this.#slotUs = slotUs;
  }

  /** The halt of this half hour, past or to come. */
  near(timeUs: number): Halt | null {
    if (this.#rate === 0) return null;
    const block = Math.floor(timeUs / BLOCK_US);
    if (block !== this.#block) {
      this.#block = block;
      this.#halt = this.#haltOf(block);
    }
    return this.#halt;
  }

  /** What the half hour's pause adds to the logarithm of the price. */
  excursionAt(timeUs: number): number {
    const halt = this.near(timeUs);
    if (halt === null || halt.excursion === 0) return 0;
    const before = halt.startUs - timeUs;
    if (before > 0) return halt.excursion * smooth(1 - Math.min(1, before / RUN_US));
    return halt.excursion * smooth(1 - Math.min(1, Math.max(0, timeUs - halt.endUs) / RETURN_US));
  }

  /** The run and the return lie within the half hour, too. */
  #haltOf(block: number): Halt | null {
    if (this.#draw(block, DRAW_HALT) >= this.#rate) return null;
    const room = BLOCK_US - RUN_US - HALT_US - RETURN_US;
    const slots = Math.floor(this.#draw(block, DRAW_HALT_AT) * (room / this.#slotUs));
    const startUs = block * BLOCK_US + RUN_US + (1 + slots) * this.#slotUs;
    const pause = this.#draw(block, DRAW_PAUSE) < 0.5;
    const direction = this.#draw(block, DRAW_DIRECTION) < 0.5 ? -1 : 1;
    return { startUs, endUs: startUs + HALT_US, pause, excursion: pause ? direction * EXCURSION : 0 };
  }

  #draw(block: number, purpose: number): number {
    return hashUnit(this.#seed, block, purpose);
  }
}

function smooth(x: number): number {
  return x * x * (3 - 2 * x);
}
