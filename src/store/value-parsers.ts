/**
 * How values of the database become JavaScript's, by type oid and from their text form. A NUMERIC stays text: `parseFixed`
 * makes money of it, never a float. Used on the main thread and in the embedded database's worker.
 */

const INT8 = 20;
const TIMESTAMPTZ = 1184;
const NUMERIC = 1700;

export const VALUE_PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [INT8]: (text) => BigInt(text),
  [NUMERIC]: (text) => text,
  [TIMESTAMPTZ]: parseTimestampMs,
};

const TIMESTAMP = /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?([+-])(\d\d)(?::?(\d\d))?$/;

/** Epoch milliseconds of a timestamp as PostgreSQL writes it with DateStyle ISO; infinities and years BC are refused. */
export function parseTimestampMs(text: string): number {
  const match = TIMESTAMP.exec(text);
  if (match === null) throw new RangeError(`the database gave a timestamp that cannot be read: ${text}`);
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour, offsetMinute = "0"] = match;
  const utc = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  const fractionMs = Math.trunc(Number(fraction.padEnd(6, "0")) / 1000);
  return utc + fractionMs - (sign === "-" ? -offsetMs : offsetMs);
}
