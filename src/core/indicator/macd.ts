/**
 * Moving average convergence divergence: `value` = fast EMA − slow EMA, `signal` = EMA of it, `histogram` = value − signal.
 * Source: G. Appel, "The Moving Average Convergence Divergence Trading Method", 1979: 12, 26 and 9. The averages are seeded
 * with their first input; the signal line starts when the slow average is ready. Ready when all three are.
 */
import { CodedError } from "../errors.ts";
import type { ValueIndicator } from "./contract.ts";
import { Ema } from "./ema.ts";

export class Macd implements ValueIndicator {
  readonly warmUpCount: number;
  readonly #fast: Ema;
  readonly #slow: Ema;
  readonly #signalLine: Ema;

  /** Periods of 1 or more inputs, fast below slow. Throws `INDICATOR_PARAMETER`. */
  constructor(fast: number, slow: number, signal: number) {
    if (!(fast < slow)) {
      throw new CodedError("INDICATOR_PARAMETER", `fast must be less than slow (${slow}), got ${fast}`, {
        field: "fast",
      });
    }
    this.#fast = new Ema(fast);
    this.#slow = new Ema(slow);
    this.#signalLine = new Ema(signal);
    this.warmUpCount = slow + signal - 1;
  }

  get ready(): boolean {
    return this.#signalLine.ready;
  }

  get value(): number {
    return this.ready ? this.#fast.value - this.#slow.value : Number.NaN;
  }

  /** NaN until ready. */
  get signal(): number {
    return this.#signalLine.value;
  }

  get histogram(): number {
    return this.value - this.#signalLine.value;
  }

  get stateSize(): number {
    return this.#fast.stateSize + this.#slow.stateSize + this.#signalLine.stateSize;
  }

  update(value: number): boolean {
    if (!this.#fast.update(value)) return false;
    this.#slow.update(value);
    if (this.#slow.ready) this.#signalLine.update(this.#fast.value - this.#slow.value);
    return true;
  }

  snapshot(out: Float64Array, at: number): number {
    return this.#signalLine.snapshot(out, this.#slow.snapshot(out, this.#fast.snapshot(out, at)));
  }

  restore(values: Float64Array, at: number): number {
    return this.#signalLine.restore(values, this.#slow.restore(values, this.#fast.restore(values, at)));
  }

  reset(): void {
    this.#fast.reset();
    this.#slow.reset();
    this.#signalLine.reset();
  }
}
