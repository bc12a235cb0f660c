/**
 * The newest ticks of the whole market, in the order in which they were played; the oldest go when it is full. Main thread
 * of the simulator.
 */
import type { MarketTick } from "../../market-source.ts";

export class RecentTicks {
  readonly #capacity: number;
  readonly #ring: MarketTick[] = [];
  /** Ticks ever added; the number of a tick is how many came before it. */
  #count = 0;
  #completeSinceUs: number;

  /** `completeSinceUs`: nothing that happened from then on has been missed. */
  constructor(capacity: number, completeSinceUs: number) {
    this.#capacity = capacity;
    this.#completeSinceUs = completeSinceUs;
  }

  /** From this time on every tick is there. */
  get completeSinceUs(): number {
    return this.#completeSinceUs;
  }

  /** Numbers of the ticks that are there: [first, end). */
  get firstNumber(): number {
    return Math.max(0, this.#count - this.#capacity);
  }

  get endNumber(): number {
    return this.#count;
  }

  add(tick: MarketTick): void {
    const place = this.#count % this.#capacity;
    const oldest = this.#ring[place];
    if (oldest !== undefined) this.#completeSinceUs = Math.max(this.#completeSinceUs, oldest.timeUs + 1);
    this.#ring[place] = tick;
    this.#count++;
  }

  /** By its number, which must be there. */
  at(number: number): MarketTick {
    return this.#ring[number % this.#capacity] as MarketTick;
  }

  /** Ticks of one instrument in [startUs, endUs], oldest first. */
  between(index: number, startUs: number, endUs: number): MarketTick[] {
    const found: MarketTick[] = [];
    for (let number = this.firstFrom(startUs); number < this.#count; number++) {
      const tick = this.at(number);
      if (tick.timeUs > endUs) break;
      if (tick.index === index) found.push(tick);
    }
    return found;
  }

  /** The number of the first tick at or after a time. */
  firstFrom(timeUs: number): number {
    let low = this.firstNumber;
    let high = this.#count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.at(middle).timeUs < timeUs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
