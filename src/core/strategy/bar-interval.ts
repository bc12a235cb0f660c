/** The bar interval as strategies let their users choose it. */
import { type ParameterSpec, type Parameters, parameterError } from "./parameters.ts";

const SECONDS_PER_DAY = 86_400;

/** A parameter `barSeconds`; `checkBarSeconds` belongs to it. */
export function barSecondsParameter(defaultSeconds: number): ParameterSpec {
  return {
    kind: "integer",
    min: 1,
    max: 43_200,
    default: defaultSeconds,
    description: "length of a bar in seconds; must divide a day",
  };
}

/** Throws `STRATEGY_PARAMETER` unless the interval divides a day, so that bars begin at the same times every day. */
export function checkBarSeconds(parameters: Parameters): void {
  const seconds = parameters.number("barSeconds");
  if (SECONDS_PER_DAY % seconds !== 0) throw parameterError("barSeconds", `must divide 86400 seconds, got ${seconds}`);
}
