/**
 * The price of one instrument as a pure function of time: its own path, its share of the market's, jumps that come with
 * news, and the excursions of its pauses.
 *
 * Factor model: of the variance of the path, `marketShare` comes from one path that all instruments have in common; two
 * instruments are therefore correlated by the root of the product of their shares. A jump is a step that fades over half
 * an hour; in an hour there is one with a probability of `JUMP_RATE`.
 */
import { hashUnit } from "../../venue/seeded-hash.ts";
import type { HaltSchedule } from "./halt-schedule.ts";
import { PricePath } from "./price-path.ts";

export interface SyntheticPriceOptions {
  readonly seed: number;
  readonly basePrice: number;
  /** Typical change of a day, as a fraction. */
  readonly dailyVolatility: number;
  /** Share of the variance that comes from the market, 0 to 1. */
  readonly marketShare: number;
  /** The path that all have in common: base 1, volatility 1. */
  readonly market: PricePath;
  readonly halts: HaltSchedule;
}

const JUMP_BLOCK_S = 3600;
const JUMP_FADE_S = 1800;
const JUMP_RATE = 0.15;
/** Of a day's typical change: least, and how much more. */
const JUMP_LEAST = 0.15;
const JUMP_RANGE = 0.35;

const DRAW_JUMP = 111;
const DRAW_JUMP_AT = 112;
const DRAW_JUMP_SIZE = 113;

export class SyntheticPrice {
  readonly #options: SyntheticPriceOptions;
  readonly #own: PricePath;
  readonly #marketWeight: number;
  #jumpBlock = Number.NaN;
  #jumpAtS = 0;
  #jumpSize = 0;

  constructor(options: SyntheticPriceOptions) {
    const { seed, dailyVolatility, marketShare } = options;
    this.#options = options;
    this.#own = new PricePath(seed, 1, dailyVolatility * Math.sqrt(1 - marketShare));
    this.#marketWeight = dailyVolatility * Math.sqrt(marketShare);
  }

  /** Before rounding to any grid. */
  at(timeUs: number): number {
    const { basePrice, market, halts } = this.#options;
    const timeS = timeUs / 1e6;
    const path = this.#own.logarithmAt(timeS) + this.#marketWeight * market.logarithmAt(timeS);
    return basePrice * Math.exp(path + this.#jumpAt(timeS) + halts.excursionAt(timeUs));
  }

  #jumpAt(timeS: number): number {
    const block = Math.floor(timeS / JUMP_BLOCK_S);
    if (block !== this.#jumpBlock) this.#loadJump(block);
    const sinceS = timeS - this.#jumpAtS;
    if (sinceS < 0 || sinceS >= JUMP_FADE_S) return 0;
    return this.#jumpSize * (1 - sinceS / JUMP_FADE_S);
  }

  #loadJump(block: number): void {
    const draw = (purpose: number) => hashUnit(this.#options.seed, block, purpose);
    this.#jumpBlock = block;
    this.#jumpAtS = Number.POSITIVE_INFINITY;
    if (draw(DRAW_JUMP) >= JUMP_RATE) return;
    this.#jumpAtS = block * JUMP_BLOCK_S + draw(DRAW_JUMP_AT) * (JUMP_BLOCK_S - JUMP_FADE_S);
    const size = draw(DRAW_JUMP_SIZE) * 2 - 1;
    const relative = Math.sign(size) * (JUMP_LEAST + JUMP_RANGE * Math.abs(size));
    this.#jumpSize = relative * this.#options.dailyVolatility;
  }
}
