/**
 * A request's query parameters, read with errors that name the parameter and what is allowed. Repeated parameters and
 * comma lists are the same list; a single value that is repeated is refused. Pure.
 */
import { malformed, type WireError } from "../wire-error.ts";
import { parseTimeUs } from "../wire-time.ts";

const DAY_MS = 86_400_000;
const DATE_LENGTH = "2018-01-02".length;
/** The spellings that Alpaca's server, and so its clients, know. */
const YES: ReadonlySet<string> = new Set(["true", "True", "TRUE", "t", "T", "1"]);
const NO: ReadonlySet<string> = new Set(["false", "False", "FALSE", "f", "F", "0"]);

export class QueryParameters {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #refuse: (message: string) => WireError;

  /** `query` as the server parsed it; `refuse` makes the error of a bad value, by default 422 with 40010001. */
  constructor(query: unknown, refuse: (message: string) => WireError = malformed) {
    this.#values = query as Readonly<Record<string, unknown>>;
    this.#refuse = refuse;
  }

  /** Null when it is absent or empty. */
  text(name: string): string | null {
    const value = this.#values[name];
    if (value === undefined || value === "") return null;
    if (typeof value !== "string") throw this.#refuse(`${name} may be given once`);
    return value;
  }

  /** A comma list; null when it is absent or empty. */
  list(name: string): readonly string[] | null {
    const items = [this.#values[name]]
      .flat()
      .flatMap((text) => (typeof text === "string" ? text.split(",") : []))
      .map((item) => item.trim())
      .filter((item) => item !== "");
    return items.length === 0 ? null : items;
  }

  choice<T extends string>(name: string, allowed: readonly T[], preset: T): T {
    const value = this.text(name);
    if (value === null) return preset;
    const found = allowed.find((item) => item === value);
    if (found === undefined) throw this.#refuse(`${name} must be one of ${allowed.join(", ")}`);
    return found;
  }

  /** Absent is false. */
  flag(name: string): boolean {
    const value = this.text(name);
    if (value === null || NO.has(value)) return false;
    if (YES.has(value)) return true;
    throw this.#refuse(`${name} must be true or false`);
  }

  /** An integer of 1 to `most`. */
  count(name: string, preset: number, most: number): number {
    const text = this.text(name);
    if (text === null) return preset;
    const count = Number(text);
    if (!Number.isInteger(count) || count < 1 || count > most) throw this.#refuse(`${name} must be 1 to ${most}`);
    return count;
  }

  /** RFC 3339 or a date (its midnight in New York) as epoch microseconds; null when it is absent. */
  timeUs(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const timeUs = parseTimeUs(text);
    if (timeUs === null) throw this.#refuse(`${name} must be an RFC 3339 time or a date such as 2018-01-02`);
    return timeUs;
  }

  /** The date of `2018-01-02` or of an RFC 3339 time, as days since 1970-01-01; null when it is absent. */
  epochDay(name: string): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const epochDay = parseTimeUs(text) === null ? null : epochDayOfDate(text.slice(0, DATE_LENGTH));
    if (epochDay === null) throw this.#refuse(`${name} must be a date such as 2018-01-02`);
    return epochDay;
  }

  /** At most `most` of these may be given together. */
  atMost(most: number, names: readonly string[]): void {
    if (names.filter((name) => this.list(name) !== null).length <= most) return;
    throw this.#refuse(
      most === 1 ? `${names.join(" and ")} are mutually exclusive` : `only ${most} of ${names.join(", ")} may be given`,
    );
  }
}

/** Days since 1970-01-01 of a date of any year; null for a day that its month does not have. */
function epochDayOfDate(text: string): number | null {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? ms / DAY_MS : null;
}
