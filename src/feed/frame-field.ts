/**
 * The keys of Alpaca's market-data messages that mean something here, numbered for the scanner. A key has one meaning per
 * message type; where two types share a key (`c` is a bar's close and a trade's conditions) so do they the number.
 */
import { ByteTable } from "./byte-table.ts";
import type { KeyTable } from "./field-notes.ts";

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

const KEY_COUNT = Object.keys(KEYS).length;

/** The numbers by key, as the cursor looks them up. */
export const FRAME_KEYS: KeyTable = buildTable();

function buildTable(): KeyTable {
  const longer = new ByteTable(KEY_COUNT);
  const table = {
    short: new Uint8Array(256),
    long: new Uint8Array(65_536),
    longer,
    longerFields: new Uint8Array(KEY_COUNT),
  };
  for (const [key, number] of Object.entries(KEYS)) {
    const first = key.charCodeAt(0);
    if (key.length === 1) table.short[first] = number;
    else if (key.length === 2) table.long[first * 256 + key.charCodeAt(1)] = number;
    else table.longerFields[longer.add(key)] = number;
  }
  return table;
}
