/**
 * The keys of Alpaca's market-data messages that mean something here, numbered for the scanner. A key has one meaning per
 * message type; where two types share a key (`c` is a bar's close and a trade's conditions) so do they the number.
 */

export const MESSAGE = 1;
export const SYMBOL = 2;
export const TIME = 3;
export const PRICE = 4;
export const SIZE = 5;
export const CLOSE_OR_CONDITIONS = 6;
export const ID = 7;
export const TAPE = 8;
export const TAKER_SIDE = 9;
export const BID = 10;
export const BID_SIZE = 11;
export const ASK = 12;
export const ASK_SIZE = 13;
export const OPEN = 14;
export const HIGH = 15;
export const LOW = 16;
export const VOLUME = 17;
export const STATUS_CODE = 18;
export const UPPER = 19;
export const LOWER = 20;
export const ORIGINAL_ID = 21;
export const ORIGINAL_PRICE = 22;
export const ORIGINAL_SIZE = 23;
export const CORRECTED_PRICE = 24;
export const CORRECTED_SIZE = 25;
export const CORRECTED_CONDITIONS = 26;
export const FIELD_COUNT = 27;

const KEYS: Readonly<Record<string, number>> = {
  T: MESSAGE,
  S: SYMBOL,
  t: TIME,
  p: PRICE,
  s: SIZE,
  c: CLOSE_OR_CONDITIONS,
  i: ID,
  z: TAPE,
  tks: TAKER_SIDE,
  bp: BID,
  bs: BID_SIZE,
  ap: ASK,
  as: ASK_SIZE,
  o: OPEN,
  h: HIGH,
  l: LOW,
  v: VOLUME,
  sc: STATUS_CODE,
  u: UPPER,
  d: LOWER,
  oi: ORIGINAL_ID,
  op: ORIGINAL_PRICE,
  os: ORIGINAL_SIZE,
  cp: CORRECTED_PRICE,
  cs: CORRECTED_SIZE,
  cc: CORRECTED_CONDITIONS,
};

/** Longest key that can mean something, bytes. */
export const MAX_KEY_BYTES = 3;

/** A key of up to three ASCII letters as one number: five bits and one for the case of each letter. */
export function keyCodeOf(key: string): number {
  let code = 0;
  for (let i = 0; i < key.length; i++) code = (code << 6) | (key.charCodeAt(i) & 0x3f);
  return code;
}

/** Field number by key code, 0 for none. ASCII letters differ in their low six bits, and letters never give 0. */
export const FIELD_BY_KEY: Uint8Array = buildTable();

function buildTable(): Uint8Array {
  const table = new Uint8Array(1 << (6 * MAX_KEY_BYTES));
  for (const [key, number] of Object.entries(KEYS)) table[keyCodeOf(key)] = number;
  return table;
}
