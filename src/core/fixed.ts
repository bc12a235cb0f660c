/**
 * Exact numbers. A `Fixed` is a bigint scaled by 1e-9 that fits a signed 64-bit lane; prices, quantities, fees and cash
 * all use it. Nothing here touches a float except the two named conversions at the bottom.
 */
import { CodedError } from "./errors.ts";

/** A decimal scaled by 1e-9, within int64: about ±9.22e9 units. */
export type Fixed = bigint;

export const FIXED_DIGITS = 9;
export const FIXED_ONE: Fixed = 1_000_000_000n;
export const FIXED_MAX: Fixed = 2n ** 63n - 1n;
export const FIXED_MIN: Fixed = -(2n ** 63n);

/** `floor` and `ceil` go towards minus and plus infinity; `half_even` is the banker's rounding used for money. */
export type Rounding = "floor" | "ceil" | "half_even";

/** The one rounding function: the quotient `numerator / denominator` as an integer. The denominator must be positive. */
export function divideRounded(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  if (denominator <= 0n) throw new CodedError("FIXED_DIVISOR", `divisor must be positive, got ${denominator}`);
  let quotient = numerator / denominator;
  let remainder = numerator % denominator;
  if (remainder < 0n) {
    quotient -= 1n;
    remainder += denominator;
  }
  if (remainder === 0n || rounding === "floor") return quotient;
  if (rounding === "ceil") return quotient + 1n;
  const twice = remainder * 2n;
  if (twice !== denominator) return twice > denominator ? quotient + 1n : quotient;
  return quotient % 2n === 0n ? quotient : quotient + 1n;
}

/** Returns `value` when it fits int64; otherwise throws `FIXED_RANGE` naming `field`. */
export function checkFixed(value: bigint, field: string): Fixed {
  if (value > FIXED_MAX || value < FIXED_MIN) {
    throw new CodedError("FIXED_RANGE", `${field} is out of range: at most ${formatFixed(FIXED_MAX)} either way`, {
      field,
    });
  }
  return value;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/**
 * Parses a plain decimal string (no exponent). Throws `FIXED_SYNTAX` on anything else and `FIXED_PRECISION` when there
 * are non-zero digits beyond the ninth, so nothing is ever rounded silently.
 */
export function parseFixed(text: string, field: string): Fixed {
  const match = DECIMAL.exec(text);
  if (match === null) {
    throw new CodedError(
      "FIXED_SYNTAX",
      `${field} must be a decimal number such as 12.34, got ${JSON.stringify(text)}`,
      {
        field,
      },
    );
  }
  const fraction = match[3] ?? "";
  if (/[1-9]/.test(fraction.slice(FIXED_DIGITS))) {
    throw new CodedError("FIXED_PRECISION", `${field} may have at most ${FIXED_DIGITS} decimals, got ${text}`, {
      field,
    });
  }
  const digits = BigInt(match[2] + fraction.slice(0, FIXED_DIGITS).padEnd(FIXED_DIGITS, "0"));
  return checkFixed(match[1] === "-" ? -digits : digits, field);
}

/** Shortest plain decimal: `1500000000n` → `"1.5"`. */
export function formatFixed(value: Fixed): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(FIXED_DIGITS + 1, "0");
  const whole = digits.slice(0, -FIXED_DIGITS);
  const fraction = digits.slice(-FIXED_DIGITS).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `a × b` in Fixed, rounded as said. */
export function multiplyFixed(a: Fixed, b: Fixed, rounding: Rounding, field = "product"): Fixed {
  return checkFixed(divideRounded(a * b, FIXED_ONE, rounding), field);
}

/** `a / b` in Fixed, rounded as said; `b` may be negative but not zero. */
export function divideFixed(a: Fixed, b: Fixed, rounding: Rounding, field = "quotient"): Fixed {
  const sign = b < 0n ? -1n : 1n;
  return checkFixed(divideRounded(sign * a * FIXED_ONE, sign * b, rounding), field);
}

/** The multiple of `increment` (positive) next to `value` in the direction of `rounding`. */
export function roundToIncrement(value: Fixed, increment: Fixed, rounding: Rounding): Fixed {
  return divideRounded(value, increment, rounding) * increment;
}

/** For display, marks and collars only: the nearest double. */
export function fixedToNumber(value: Fixed): number {
  return Number(value) / 1e9;
}

/**
 * A market double as the decimal that its shortest text shows, rounded half-even at the ninth digit. Throws
 * `FIXED_SYNTAX` for NaN and infinities.
 */
export function fixedFromNumber(value: number, field: string): Fixed {
  if (!Number.isFinite(value)) throw new CodedError("FIXED_SYNTAX", `${field} must be a finite number`, { field });
  const text = String(value);
  const exponentAt = text.indexOf("e");
  if (exponentAt === -1) {
    const point = text.indexOf(".");
    if (point === -1 || text.length - point - 1 <= FIXED_DIGITS) return parseFixed(text, field);
  }
  const mantissa = exponentAt === -1 ? text : text.slice(0, exponentAt);
  const exponent = exponentAt === -1 ? 0 : Number(text.slice(exponentAt + 1));
  const point = mantissa.indexOf(".");
  const fractionDigits = point === -1 ? 0 : mantissa.length - point - 1;
  const integer = BigInt(mantissa.replace(".", ""));
  const shift = exponent - fractionDigits + FIXED_DIGITS;
  if (shift >= 0) return checkFixed(integer * 10n ** BigInt(shift), field);
  return checkFixed(divideRounded(integer, 10n ** BigInt(-shift), "half_even"), field);
}
