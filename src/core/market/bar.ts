/** A finished bar as strategies and indicators read it: doubles in one typed array, so that reusing it allocates nothing. */

const START_US = 0;
const OPEN = 1;
const HIGH = 2;
const LOW = 3;
const CLOSE = 4;
const VOLUME = 5;

export class Bar {
  readonly #values = new Float64Array(6);

  /** Epoch microseconds of the bar's start. */
  get startUs(): number {
    return this.#values[START_US] as number;
  }

  get open(): number {
    return this.#values[OPEN] as number;
  }

  get high(): number {
    return this.#values[HIGH] as number;
  }

  get low(): number {
    return this.#values[LOW] as number;
  }

  get close(): number {
    return this.#values[CLOSE] as number;
  }

  get volume(): number {
    return this.#values[VOLUME] as number;
  }

  set(startUs: number, open: number, high: number, low: number, close: number, volume: number): void {
    this.#values[START_US] = startUs;
    this.#values[OPEN] = open;
    this.#values[HIGH] = high;
    this.#values[LOW] = low;
    this.#values[CLOSE] = close;
    this.#values[VOLUME] = volume;
  }
}
