/**
 * Reading Alpaca's JSON: tolerant of fields it does not know, strict about those it needs, and exact: a JSON number is
 * taken by its source text, never as a float. Pure.
 */
import { CodedError } from "../../core/errors.ts";
import { checkFixed, divideRounded, type Fixed, FIXED_DIGITS, parseFixed } from "../../core/fixed.ts";

/** A parsed object. Numbers in it are the text that stood in the JSON. */
export type WireObject = Readonly<Record<string, unknown>>;

type SourceReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const keepNumberText: SourceReviver = (_key, value, context) =>
  typeof value === "number" ? (context.source ?? String(value)) : value;

/** Parses JSON, numbers as their own text. Throws `SyntaxError`. */
export function parseWire(text: string): unknown {
  return JSON.parse(text, keepNumberText as (key: string, value: unknown) => unknown);
}

function fault(field: string, needed: string, value: unknown): CodedError {
  const shown = JSON.stringify(value) ?? "nothing";
  return new CodedError("BROKER_ANSWER", `${field} must be ${needed}, the broker sent ${shown.slice(0, 80)}`, {
    field,
  });
}

export function wireObject(value: unknown, field: string): WireObject {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw fault(field, "an object", value);
  return value as WireObject;
}

export function wireArray(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(field, "an array", value);
  return value as unknown[];
}

export function wireText(object: WireObject, field: string): string {
  const value = object[field];
  if (typeof value !== "string" || value === "") throw fault(field, "a text", value);
  return value;
}

/** The text, or null when the field is absent, null or empty. */
export function wireTextOrNull(object: WireObject, field: string): string | null {
  const value = object[field];
  if (value === undefined || value === null || value === "") return null;
  if (typeof value !== "string") throw fault(field, "a text", value);
  return value;
}

export function wireBoolean(object: WireObject, field: string): boolean {
  const value = object[field];
  if (typeof value !== "boolean") throw fault(field, "true or false", value);
  return value;
}

/** One of `allowed`; anything else is a fault. */
export function wireOneOf<Value extends string>(object: WireObject, field: string, allowed: readonly Value[]): Value {
  const value = object[field];
  if (!allowed.includes(value as Value)) throw fault(field, `one of ${allowed.join(", ")}`, value);
  return value as Value;
}

/** An exact decimal of at most nine places: quantities. */
export function wireQuantity(object: WireObject, field: string): Fixed {
  return parseFixed(plainDecimal(wireText(object, field), field), field);
}

export function wireQuantityOrNull(object: WireObject, field: string): Fixed | null {
  return wireTextOrNull(object, field) === null ? null : wireQuantity(object, field);
}

/** A decimal rounded half-even at the ninth place: prices (averages have more digits) and money amounts. */
export function wireAmount(object: WireObject, field: string): Fixed {
  const text = plainDecimal(wireText(object, field), field);
  const point = text.indexOf(".");
  const extraDigits = point === -1 ? 0 : text.length - point - 1 - FIXED_DIGITS;
  if (extraDigits <= 0) return parseFixed(text, field);
  return checkFixed(divideRounded(BigInt(text.replace(".", "")), 10n ** BigInt(extraDigits), "half_even"), field);
}

export function wireAmountOrNull(object: WireObject, field: string): Fixed | null {
  return wireTextOrNull(object, field) === null ? null : wireAmount(object, field);
}

/** A market-data number, for indicators only. */
export function wireDouble(object: WireObject, field: string): number {
  const value = Number(wireText(object, field));
  if (!Number.isFinite(value)) throw fault(field, "a number", object[field]);
  return value;
}

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** The same number without exponent. Throws `BROKER_ANSWER` for what is no decimal. */
function plainDecimal(text: string, field: string): string {
  const match = DECIMAL.exec(text);
  if (match === null) throw fault(field, "a decimal number", text);
  if (match[4] === undefined) return text;
  const digits = (match[2] as string) + (match[3] ?? "");
  const point = (match[2] as string).length + Number(match[4]);
  const sign = match[1] === "-" ? "-" : "";
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  const padded = digits.padEnd(point, "0");
  return point === padded.length ? sign + padded : `${sign}${padded.slice(0, point)}.${padded.slice(point)}`;
}

const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,12}))?([Zz]|[+-]\d{2}:\d{2})$/;

/** RFC 3339 with any number of fraction digits → epoch microseconds, digits beyond the sixth cut off. */
export function parseTimestampUs(text: string, field: string): number {
  const match = TIMESTAMP.exec(text);
  const secondMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[4]?.toUpperCase()}`);
  if (match === null || Number.isNaN(secondMs)) throw fault(field, "a time such as 2026-11-23T14:30:00Z", text);
  return secondMs * 1000 + Number((match[3] ?? "").slice(0, 6).padEnd(6, "0"));
}

export function wireTimeUs(object: WireObject, field: string): number {
  return parseTimestampUs(wireText(object, field), field);
}

/** Epoch microseconds → RFC 3339 in UTC with six fraction digits. */
export function formatTimestampUs(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1e6);
  const fraction = (timeUs - seconds * 1e6).toFixed(0).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
