/** Request bodies: JSON text to values without losing digits, and values to objects. Pure. */
import { malformed } from "../wire-error.ts";

/** Decimals of so many digits go through a double and come back the same. */
const EXACT_DIGITS = 15;

/** Numbers with more digits than a double holds come as strings. Throws `SyntaxError`, `RangeError` for depth. */
export function parseJsonExactly(text: string): unknown {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

function exact(_key: string, value: unknown, context: { readonly source: string }): unknown {
  if (typeof value !== "number") return value;
  const digits = context.source
    .replace(/[eE].*$/, "")
    .replaceAll(/[-.]/g, "")
    .replace(/^0+/, "").length;
  return digits <= EXACT_DIGITS ? value : context.source;
}

/** Fields that are null count as left out, since clients send both. Throws 422 for anything but an object. */
export function jsonObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw malformed("request body format is invalid");
  }
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}
