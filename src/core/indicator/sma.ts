/**
 * Simple moving average: the mean of the last `period` inputs; a trend line that forgets all at once.
 *
 * The running sum is compensated: what each addition loses is found exactly (D. Knuth, "The Art of Computer Programming"
 * 2, 4.2.2, theorem B) and kept, so that rounding neither adds up over time nor stays behind when an outlier has left.
 */
import { checkPeriod, type ValueIndicator } from "./contract.ts";
import { takeWindow } from "./window-memory.ts";

export class Sma implements ValueIndicator {
  readonly warmUpCount: number;
  value = Number.NaN;
  /** The window, zero until it is full. */
  readonly #memory: Float64Array;
  readonly #start: number;
  #next = 0;
  #count = 0;
  #sum = 0;
  /** What rounding took from the sum. */
  #lost = 0;

  /** `period`: 1 or more inputs. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number) {
    this.warmUpCount = checkPeriod(period);
    const { memory, start } = takeWindow(period);
    this.#memory = memory;
    this.#start = start;
  }

  get ready(): boolean {
    return this.#count === this.warmUpCount;
  }

  get stateSize(): number {
    return 4 + this.warmUpCount;
  }

  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const next = this.#next;
    const leaving = this.#memory[this.#start + next] as number;
    const sum = this.#sum;
    const less = sum - leaving;
    const total = less + value;
    const taken = less - sum;
    const added = total - less;
    this.#lost += sum - (less - taken) - (leaving + taken) + (less - (total - added)) + (value - added);
    this.#sum = total;
    this.#memory[this.#start + next] = value;
    this.#next = next + 1 === this.warmUpCount ? 0 : next + 1;
    if (this.#count < this.warmUpCount) this.#count++;
    if (this.#count === this.warmUpCount) this.#refresh();
    return true;
  }

  #refresh(): void {
    this.value = (this.#sum + this.#lost) / this.warmUpCount;
  }

  snapshot(out: Float64Array, at: number): number {
    out[at] = this.#count;
    out[at + 1] = this.#next;
    out[at + 2] = this.#sum;
    out[at + 3] = this.#lost;
    out.set(this.#memory.subarray(this.#start, this.#start + this.warmUpCount), at + 4);
    return at + this.stateSize;
  }

  restore(values: Float64Array, at: number): number {
    this.#count = values[at] as number;
    this.#next = values[at + 1] as number;
    this.#sum = values[at + 2] as number;
    this.#lost = values[at + 3] as number;
    this.#memory.set(values.subarray(at + 4, at + this.stateSize), this.#start);
    this.value = Number.NaN;
    if (this.ready) this.#refresh();
    return at + this.stateSize;
  }

  reset(): void {
    this.#count = 0;
    this.#next = 0;
    this.#sum = 0;
    this.#lost = 0;
    this.#memory.fill(0, this.#start, this.#start + this.warmUpCount);
    this.value = Number.NaN;
  }
}
