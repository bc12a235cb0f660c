/**
 * Decimal text in a byte buffer → double, without making a string on the usual path. Cold or hot, any thread.
 */

const ZERO = 48;
const NINE = 57;
const POINT = 46;
const MINUS = 45;
const PLUS = 43;

/** Powers of ten that a double holds exactly: up to 1e22 the quotient of two exact doubles is correctly rounded. */
const EXACT_POWERS = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const MAX_EXACT_MANTISSA = 2 ** 53;
const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * The double nearest to the decimal in `bytes[start..end)` (`12.5`, `-3`, `1e-05`), NaN when it is none. Up to 15
 * significant digits take the exact path of Clinger's algorithm; longer ones go through `Number`.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative) at++;
  let mantissa = 0;
  let fractionDigits = 0;
  let pointAt = -1;
  const digitsStart = at;
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte >= ZERO && byte <= NINE) mantissa = mantissa * 10 + (byte - ZERO);
    else if (byte === POINT && pointAt === -1) pointAt = at;
    else break;
  }
  if (pointAt !== -1) fractionDigits = at - pointAt - 1;
  const digits = at - digitsStart - (pointAt === -1 ? 0 : 1);
  const plain = at === end && digits > 0 && pointAt !== digitsStart && (pointAt === -1 || fractionDigits > 0);
  if (!plain || mantissa >= MAX_EXACT_MANTISSA || fractionDigits > 22) return parseSlowly(bytes, start, end);
  const value = fractionDigits === 0 ? mantissa : mantissa / (EXACT_POWERS[fractionDigits] as number);
  return negative ? -value : value;
}

function parseSlowly(bytes: Uint8Array, start: number, end: number): number {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return DECIMAL.test(text) ? Number(text) : Number.NaN;
}

/**
 * Integer in `bytes[start..end)`: an optional sign and 1 to 15 digits, NaN otherwise. Longer digit strings (ids beyond
 * 2^53) are rounded to the nearest double.
 */
export function parseInteger(bytes: Uint8Array, start: number, end: number): number {
  const signed = bytes[start] === MINUS || bytes[start] === PLUS;
  const from = signed ? start + 1 : start;
  if (from >= end) return Number.NaN;
  let value = 0;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) return Number.NaN;
    value = value * 10 + (byte - ZERO);
  }
  return bytes[start] === MINUS ? -value : value;
}

/**
 * Epoch nanoseconds as digits → integer microseconds, by leaving out the last three digits of the text (epoch
 * nanoseconds exceed a double). NaN unless there are 4 to 19 digits and nothing else.
 */
export function parseNanosecondsAsUs(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 4 || length > 19) return Number.NaN;
  for (let at = end - 3; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) return Number.NaN;
  }
  let value = 0;
  for (let at = start; at < end - 3; at++) {
    const byte = bytes[at] as number;
    if (byte < ZERO || byte > NINE) return Number.NaN;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}
