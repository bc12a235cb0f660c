/** Times and dates as Alpaca writes them. Pure. */
import { formatEpochDay, newYorkEpochDay, newYorkHoursBehind } from "../core/market/calendar.ts";

const HOUR_US = 3_600_000_000;

/** Epoch microseconds → RFC 3339 in UTC with six decimals: `2018-01-02T14:30:00.000001Z`. */
export function rfc3339(timeUs: number): string {
  const ms = Math.floor(timeUs / 1000);
  const rest = String(timeUs - ms * 1000).padStart(3, "0");
  return `${new Date(ms).toISOString().slice(0, -1)}${rest}Z`;
}

/** The same with New York's offset, as the clock has it. */
export function rfc3339NewYork(timeUs: number): string {
  const behind = newYorkHoursBehind(timeUs);
  return `${rfc3339(timeUs - behind * HOUR_US).slice(0, -1)}-0${behind}:00`;
}

/** Whole seconds in UTC: `2018-01-02T14:30:00Z`. */
export function rfc3339Seconds(timeUs: number): string {
  return `${rfc3339(timeUs).slice(0, 19)}Z`;
}

/** Whole seconds with New York's offset: `2018-01-02T09:30:00-05:00`. */
export function rfc3339NewYorkSeconds(timeUs: number): string {
  const text = rfc3339NewYork(timeUs);
  return `${text.slice(0, 19)}${text.slice(-6)}`;
}

/** `yyyymmddHHMMSSmmm` by New York's clock: what the id of an activity begins with. */
export function activityStamp(timeUs: number): string {
  return rfc3339(timeUs - newYorkHoursBehind(timeUs) * HOUR_US)
    .slice(0, 23)
    .replaceAll(/[-T:.]/g, "");
}

export function newYorkDate(timeUs: number): string {
  return formatEpochDay(newYorkEpochDay(timeUs));
}

const STAMP = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2}))?$/;

/** RFC 3339 or a date (its midnight in New York) → epoch microseconds, digits below them cut; null for anything else. */
export function parseTimeUs(text: string): number | null {
  const match = STAMP.exec(text);
  if (match === null) return null;
  const [, date, time, fraction = "", zone = "Z"] = match;
  const seconds = Date.parse(`${date}T${time ?? "00:00:00"}${zone.toUpperCase()}`);
  if (Number.isNaN(seconds)) return null;
  if (time === undefined) return seconds * 1000 + newYorkHoursBehind(seconds * 1000 + 5 * HOUR_US) * HOUR_US;
  return seconds * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}
