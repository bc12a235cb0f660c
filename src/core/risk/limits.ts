/**
 * The limits that the engine worker checks before it lets an order out, with a safe default for each. No limit can be
 * absent or infinite. Plain data that crosses a structured clone.
 */
import { CodedError } from "../errors.ts";
import { type Fixed, parseFixed } from "../fixed.ts";

export interface RiskLimits {
  /** Largest quantity of one opening order, units. */
  readonly maxOrderQuantity: Fixed;
  /** Largest value of one opening order at its worst price, quote currency. */
  readonly maxOrderNotional: Fixed;
  /** Largest value of the instance's position in one instrument after the order, quote currency. */
  readonly maxPositionNotional: Fixed;
  /** Farthest that an order's price may be from the reference price, basis points. */
  readonly collarBps: number;
  /** An instrument whose last quote is older than this is stale, venue microseconds. */
  readonly quoteStaleUs: number;
  /** A market order needs a quote no older than this, venue microseconds. */
  readonly marketQuoteStaleUs: number;
  /** Orders of one instance, instrument and side in any 60 s of venue time; one more disables the instance. */
  readonly repeatedExecutionsPerMinute: number;
}

export const DEFAULT_LIMITS: RiskLimits = {
  maxOrderQuantity: parseFixed("10000", "maxOrderQuantity"),
  maxOrderNotional: parseFixed("25000", "maxOrderNotional"),
  maxPositionNotional: parseFixed("25000", "maxPositionNotional"),
  collarBps: 300,
  quoteStaleUs: 60_000_000,
  marketQuoteStaleUs: 5_000_000,
  repeatedExecutionsPerMinute: 10,
};

const AMOUNTS = ["maxOrderQuantity", "maxOrderNotional", "maxPositionNotional"] as const;
const RANGES = [
  ["collarBps", 1, 5_000],
  ["quoteStaleUs", 1_000, 86_400_000_000],
  ["marketQuoteStaleUs", 1_000, 86_400_000_000],
  ["repeatedExecutionsPerMinute", 1, 1_000],
] as const;

/** Returns `limits` when every one is in range; otherwise throws `RISK_LIMIT` naming the field and what is allowed. */
export function validateLimits(limits: RiskLimits, field = "limits"): RiskLimits {
  for (const name of AMOUNTS) {
    const value = limits[name];
    if (typeof value !== "bigint" || value <= 0n) throw limitError(`${field}.${name}`, "a positive amount", value);
  }
  for (const [name, min, max] of RANGES) {
    const value = limits[name];
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw limitError(`${field}.${name}`, `an integer from ${min} to ${max}`, value);
    }
  }
  return limits;
}

function limitError(field: string, allowed: string, value: unknown): CodedError {
  return new CodedError("RISK_LIMIT", `${field} must be ${allowed}, got ${String(value)}`, { field });
}
