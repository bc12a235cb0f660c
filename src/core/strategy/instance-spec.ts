/**
 * What a strategy instance is made of, as configuration gives it, and its checking. Plain data that crosses a structured
 * clone. Runs at start, never per record.
 */
import { CodedError } from "../errors.ts";
import { type Fixed, fixedToNumber } from "../fixed.ts";
import type { BarSource } from "../market/bar-builder.ts";
import type { Instrument } from "../market/instrument.ts";
import { type RiskLimits, validateLimits } from "../risk/limits.ts";
import type { StrategyDefinition } from "./contract.ts";
import { type Parameters, type RawParameters, validateParameters } from "./parameters.ts";
import { STRATEGIES, type StrategyRegistry } from "./registry.ts";

/** How the planner sends orders of an instance. */
export type Execution =
  | { readonly type: "market" }
  /** A limit at the far touch, `offsetTicks` price steps further through it (negative: short of it). */
  | { readonly type: "limit"; readonly offsetTicks: number; readonly cancelAfterSeconds: number };

export interface InstanceSpec {
  /** Position in the engine's instance table; lane 7 of account and control records. */
  readonly index: number;
  readonly id: string;
  /** Name of a strategy definition. */
  readonly strategy: string;
  readonly parameters: RawParameters;
  /** Indices into the engine's instrument table, each at most once. */
  readonly instruments: readonly number[];
  /** What an exposure of 1 stands for, quote currency. */
  readonly capital: Fixed;
  readonly execution: Execution;
  /** Departures from the engine's limits. */
  readonly limits?: Partial<RiskLimits>;
  /** Prices that its bars are built from; trades by default. */
  readonly barSource?: BarSource;
}

export interface ValidInstance {
  readonly spec: InstanceSpec;
  readonly definition: StrategyDefinition;
  readonly parameters: Parameters;
  readonly limits: RiskLimits;
}

/** Most capital of one instance: prices and quantities stay exact in doubles far beyond it. */
const CAPITAL_MAX = 1_000_000_000;
const BAR_SOURCES: readonly BarSource[] = ["trades", "mid", "bid", "ask"];

/**
 * Returns the instance with its definition, parameters and limits. Throws a CodedError that names the field:
 * `INSTANCE_INVALID`, `STRATEGY_UNKNOWN`, `STRATEGY_PARAMETER` or `RISK_LIMIT`.
 */
export function validateInstance(
  spec: InstanceSpec,
  instruments: readonly Instrument[],
  defaults: RiskLimits,
  registry: StrategyRegistry = STRATEGIES,
): ValidInstance {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/.test(spec.id)) {
    throw instanceError("id", `must be 1 to 40 letters, digits, ".", "_" or "-", got ${JSON.stringify(spec.id)}`);
  }
  const definition = registry.get(spec.strategy);
  if (definition === undefined) {
    const known = [...registry.keys()].join(", ");
    throw new CodedError("STRATEGY_UNKNOWN", `strategy ${JSON.stringify(spec.strategy)} is none of ${known}`, {
      field: "strategy",
    });
  }
  const parameters = validateParameters(definition.parameters, spec.parameters);
  definition.check?.(parameters);
  checkInstruments(spec, definition, instruments);
  const capital = fixedToNumber(spec.capital);
  if (!(capital > 0 && capital <= CAPITAL_MAX))
    throw instanceError("capital", `must be above 0, at most ${CAPITAL_MAX}`);
  checkExecution(spec.execution);
  if (spec.barSource !== undefined && !BAR_SOURCES.includes(spec.barSource)) {
    throw instanceError("barSource", `must be one of ${BAR_SOURCES.join(", ")}, got ${String(spec.barSource)}`);
  }
  return { spec, definition, parameters, limits: validateLimits({ ...defaults, ...spec.limits }) };
}

function checkInstruments(spec: InstanceSpec, definition: StrategyDefinition, table: readonly Instrument[]): void {
  const { minInstruments, maxInstruments } = definition;
  const count = spec.instruments.length;
  if (count < minInstruments || count > maxInstruments) {
    const allowed = minInstruments === maxInstruments ? `${minInstruments}` : `${minInstruments} to ${maxInstruments}`;
    throw instanceError("instruments", `must number ${allowed} for ${definition.name}, got ${count}`);
  }
  if (new Set(spec.instruments).size !== count) throw instanceError("instruments", "must not name one twice");
  for (const index of spec.instruments) {
    if (table[index]?.index !== index) throw instanceError("instruments", `names ${index}, which is not in the table`);
  }
}

function checkExecution(execution: Execution): void {
  if (execution.type === "market") return;
  if (execution.type !== "limit") throw instanceError("execution.type", "must be market or limit");
  const { offsetTicks, cancelAfterSeconds } = execution;
  if (!Number.isInteger(offsetTicks) || Math.abs(offsetTicks) > 1_000) {
    throw instanceError("execution.offsetTicks", `must be an integer from -1000 to 1000, got ${offsetTicks}`);
  }
  if (!Number.isFinite(cancelAfterSeconds) || cancelAfterSeconds < 1 || cancelAfterSeconds > 86_400) {
    throw instanceError("execution.cancelAfterSeconds", `must be 1 to 86400 seconds, got ${cancelAfterSeconds}`);
  }
}

function instanceError(field: string, message: string): CodedError {
  return new CodedError("INSTANCE_INVALID", `${field} ${message}`, { field });
}

/**
 * What a snapshot belongs to: strategy, version, parameters, instruments and bar source. A snapshot with another
 * fingerprint is of no use to the instance.
 */
export function fingerprintOf(valid: ValidInstance, instruments: readonly Instrument[]): string {
  const { spec, definition, parameters } = valid;
  const values = parameters.entries().map(([name, value]) => `${name}=${String(value)}`);
  const symbols = spec.instruments.map((index) => instruments[index]?.symbol ?? "");
  return [
    `${definition.name}@${definition.version}`,
    values.join(","),
    symbols.join(","),
    spec.barSource ?? "trades",
  ].join("|");
}
