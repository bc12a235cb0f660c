/** Decimals of request bodies and queries: strings or JSON numbers, never rounded. Pure. */
import { type Fixed, fixedFromNumber, parseFixed } from "../../core/fixed.ts";
import { malformed } from "../wire-error.ts";

/** Null when it is absent; throws 422 naming the field for anything but a decimal with at most nine decimals. */
export function decimalOf(value: unknown, name: string): Fixed | null {
  if (value === undefined) return null;
  try {
    if (typeof value === "number") return fixedFromNumber(value, name);
    if (typeof value === "string") return parseFixed(value, name);
  } catch {
    // Said below in the words of the interface.
  }
  throw malformed(`${name} must be a decimal number with at most 9 decimals`);
}
