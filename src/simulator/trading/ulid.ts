/** ULIDs for the account's events: sorted by venue time, and equal in every life of the simulator. Pure. */

/** Crockford's base 32. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const NUMBER_DIGITS = 16;

/** `timeUs` epoch microseconds, `number` counts the account's events. */
export function eventUlid(timeUs: number, number: number): string {
  return base32(BigInt(Math.floor(timeUs / 1000)), TIME_DIGITS) + base32(BigInt(number), NUMBER_DIGITS);
}

/** 26 characters of the alphabet, the first at most 7 (48 bits of time). */
export function isUlid(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

function base32(value: bigint, digits: number): string {
  let text = "";
  for (let rest = value, place = 0; place < digits; place++, rest /= 32n) text = DIGITS[Number(rest % 32n)] + text;
  return text;
}
