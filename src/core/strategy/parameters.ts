/**
 * Typed parameters of strategies: a schema that says what is allowed, and its checking with errors that name the
 * parameter. Runs when instances are made, never per record.
 */
import { CodedError } from "../errors.ts";

export type ParameterSpec =
  | {
      readonly kind: "integer" | "number";
      readonly min: number;
      readonly max: number;
      readonly default: number;
      readonly description: string;
    }
  | { readonly kind: "boolean"; readonly default: boolean; readonly description: string };

export type ParameterSchema = Readonly<Record<string, ParameterSpec>>;

export type ParameterValue = number | boolean;

/** As given by configuration: some names, any values. */
export type RawParameters = Readonly<Record<string, number | string | boolean>>;

/** Every parameter of the schema with an allowed value. */
export class Parameters {
  readonly #values: ReadonlyMap<string, ParameterValue>;

  constructor(values: ReadonlyMap<string, ParameterValue>) {
    this.#values = values;
  }

  /** A number of the schema; asking for another name is a bug. */
  number(name: string): number {
    const value = this.#values.get(name);
    if (typeof value !== "number") throw new TypeError(`no numeric parameter ${name}`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#values.get(name);
    if (typeof value !== "boolean") throw new TypeError(`no boolean parameter ${name}`);
    return value;
  }

  /** In the schema's order. */
  entries(): [string, ParameterValue][] {
    return [...this.#values];
  }
}

/**
 * Fills in defaults and checks kinds and ranges. Throws `STRATEGY_PARAMETER`, naming the parameter and what is allowed.
 * Values are taken as they are: no text is turned into a number.
 */
export function validateParameters(schema: ParameterSchema, raw: RawParameters): Parameters {
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(schema, name)) {
      throw parameterError(name, `is not a parameter; allowed are ${Object.keys(schema).join(", ")}`);
    }
  }
  const values = new Map<string, ParameterValue>();
  for (const [name, spec] of Object.entries(schema)) {
    values.set(name, checkValue(name, spec, Object.hasOwn(raw, name) ? raw[name] : spec.default));
  }
  return new Parameters(values);
}

function checkValue(name: string, spec: ParameterSpec, value: unknown): ParameterValue {
  if (spec.kind === "boolean") {
    if (typeof value !== "boolean") throw parameterError(name, `must be true or false, got ${JSON.stringify(value)}`);
    return value;
  }
  const whole = spec.kind === "integer";
  const valid = typeof value === "number" && Number.isFinite(value) && (!whole || Number.isInteger(value));
  if (!valid || value < spec.min || value > spec.max) {
    const kind = whole ? "an integer" : "a number";
    throw parameterError(name, `must be ${kind} from ${spec.min} to ${spec.max}, got ${String(value)}`);
  }
  return value;
}

/** An error of code `STRATEGY_PARAMETER` about one parameter; also for rules between parameters. */
export function parameterError(name: string, message: string): CodedError {
  return new CodedError("STRATEGY_PARAMETER", `parameter ${name} ${message}`, { field: name });
}
