/** Decimals of request bodies and queries: strings or JSON numbers, never rounded. Pure. */
import { type Fixed, fixedFromNumber, fixedToNumber, parseFixed } from "../../core/fixed.ts";
import { malformed } from "../wire-error.ts";

/** Null when it is absent; throws 422 naming the field for anything but a decimal with at most nine decimals. */
export function decimalOf(value: unknown, name: string): Fixed | null {
  if (value === undefined) return null;
  try {
    if (typeof value === "string") return parseFixed(value, name);
    const exact = typeof value === "number" ? ofNumber(value, name) : null;
    if (exact !== null) return exact;
  } catch {
    // Said below in the words of the interface.
  }
  throw malformed(`${name} must be a decimal number with at most 9 decimals`);
}

/** Null where nine decimals are not enough. Throws for what is out of range. */
function ofNumber(value: number, name: string): Fixed | null {
  const text = String(value);
  if (!text.includes("e")) return parseFixed(text, name);
  const fixed = fixedFromNumber(value, name);
  return fixedToNumber(fixed) === value ? fixed : null;
}
