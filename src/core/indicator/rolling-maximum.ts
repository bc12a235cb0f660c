/**
 * The greatest of the last `period` inputs. The candidates stand in a monotonic queue, greatest first: an input enters
 * once and leaves once, so an update costs constant time on average whatever the period. A part of other indicators.
 */

export class RollingMaximum {
  /** NaN until `period` inputs have come. */
  value = Number.NaN;
  readonly #period: number;
  /** The queue's inputs, and their numbers counted from 0. */
  readonly #inputs: Float64Array;
  readonly #numbers: Float64Array;
  #head = 0;
  #length = 0;
  #count = 0;

  constructor(period: number) {
    this.#period = period;
    this.#inputs = new Float64Array(period);
    this.#numbers = new Float64Array(period);
  }

  get stateSize(): number {
    return 3 + 2 * this.#period;
  }

  /** Takes one finite input. */
  update(input: number): void {
    const period = this.#period;
    if (this.#length > 0 && (this.#numbers[this.#head] as number) <= this.#count - period) {
      this.#head = this.#head + 1 === period ? 0 : this.#head + 1;
      this.#length--;
    }
    let length = this.#length;
    let end = this.#head + length < period ? this.#head + length : this.#head + length - period;
    while (length > 0) {
      const tail = end === 0 ? period - 1 : end - 1;
      if ((this.#inputs[tail] as number) > input) break;
      end = tail;
      length--;
    }
    this.#inputs[end] = input;
    this.#numbers[end] = this.#count;
    this.#length = length + 1;
    this.#count++;
    if (this.#count >= period) this.value = this.#inputs[this.#head] as number;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#head;
    out[at + 2] = this.#length;
    out.set(this.#inputs, at + 3);
    out.set(this.#numbers, at + 3 + this.#period);
    return at + this.stateSize;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#head = values[at + 1] as number;
    this.#length = values[at + 2] as number;
    this.#inputs.set(values.subarray(at + 3, at + 3 + this.#period));
    this.#numbers.set(values.subarray(at + 3 + this.#period, at + this.stateSize));
    this.value = this.#count >= this.#period ? (this.#inputs[this.#head] as number) : Number.NaN;
    return at + this.stateSize;
  }

  reset(): void {
    this.#count = 0;
    this.#head = 0;
    this.#length = 0;
    this.#inputs.fill(0);
    this.#numbers.fill(0);
    this.value = Number.NaN;
  }
}
