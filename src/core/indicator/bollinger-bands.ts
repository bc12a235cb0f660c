/**
 * Bollinger bands: the mean of the last `period` inputs, and the lines `multiple` standard deviations above and below it
 * (population deviation, divisor n). Source: J. Bollinger, "Bollinger on Bollinger Bands", 2001: 20 inputs, 2 deviations.
 * `value` is the middle line.
 */
import { CodedError } from "../errors.ts";
import type { ValueIndicator } from "./contract.ts";
import { RollingWindow } from "./rolling-window.ts";

export class BollingerBands extends RollingWindow implements ValueIndicator {
  upper = Number.NaN;
  lower = Number.NaN;
  readonly #multiple: number;

  /** `period`: 2 or more inputs; `multiple`: positive. Throws `INDICATOR_PARAMETER`. */
  constructor(period: number, multiple = 2) {
    super(period);
    if (!(multiple > 0 && multiple <= 100)) {
      throw new CodedError("INDICATOR_PARAMETER", `multiple must be above 0, at most 100, got ${multiple}`, {
        field: "multiple",
      });
    }
    this.#multiple = multiple;
  }

  protected refresh(): void {
    const distance = this.#multiple * this.deviation;
    this.value = this.mean;
    this.upper = this.mean + distance;
    this.lower = this.mean - distance;
  }

  override reset(): void {
    super.reset();
    this.upper = Number.NaN;
    this.lower = Number.NaN;
  }
}
