/**
 * Rolling z-score: how many standard deviations the last input lies from the mean of the last `period` inputs, itself
 * included. z = (x − mean) / deviation with the population's deviation (divisor n); 0 when all inputs are equal.
 */
import type { ValueIndicator } from "./contract.ts";
import { RollingWindow } from "./rolling-window.ts";

export class ZScore extends RollingWindow implements ValueIndicator {
  protected refresh(): void {
    this.value = this.deviation === 0 ? 0 : (this.last - this.mean) / this.deviation;
  }
}
