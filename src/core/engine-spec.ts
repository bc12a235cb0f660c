/** What an engine is made of. Plain data that crosses a structured clone. */
import type { Instrument } from "./market/instrument.ts";
import type { RiskLimits } from "./risk/limits.ts";
import type { InstanceSpec } from "./strategy/instance-spec.ts";

export interface EngineSpec {
  /** By index: `instruments[i].index === i`. */
  readonly instruments: readonly Instrument[];
  /** By index: `instances[i].index === i`. */
  readonly instances: readonly InstanceSpec[];
  /** For instances that do not depart from them. */
  readonly limits: RiskLimits;
  /** How long after a bar's end a timer closes it, venue us; ticks of its instrument close it at once. 0 by default. */
  readonly barGraceUs?: number;
}
