/**
 * What the sale conditions of a print mean for bars: published consolidated-tape rules reduced to the FLAG_* bits of a
 * record. Pure; any thread.
 *
 * Source: the sale-condition tables of the CTA CTS and UTP UTDF participant specifications ("consolidated processing":
 * may the print update last, high/low, volume). Where a rule depends on what was printed before ("only if it is the
 * first qualifying sale"), the print is taken as not eligible for last.
 */
import {
  FLAG_CLOSING,
  FLAG_EXTENDED_HOURS,
  FLAG_NOT_HIGH_LOW,
  FLAG_NOT_LAST,
  FLAG_NOT_VOLUME,
  FLAG_ODD_LOT,
  FLAG_OPENING,
  FLAG_OUT_OF_SEQUENCE,
} from "./record.ts";

/** Consolidated tape: A and B are CTA's, C is UTP's. */
export type Tape = "A" | "B" | "C";

const ELIGIBLE = 0;
/** Counts in volume only. */
const VOLUME_ONLY = FLAG_NOT_LAST | FLAG_NOT_HIGH_LOW;
/** An official price of a market centre, printed for information: no last, no range, no volume. */
const INFORMATION = FLAG_NOT_LAST | FLAG_NOT_HIGH_LOW | FLAG_NOT_VOLUME;

/** Letters that mean the same on every tape. */
const COMMON: Readonly<Record<string, number>> = {
  " ": ELIGIBLE, // no condition in this position
  "@": ELIGIBLE, // regular sale
  A: ELIGIBLE, // acquisition
  C: VOLUME_ONLY, // cash sale
  D: ELIGIBLE, // distribution
  E: ELIGIBLE, // automatic execution
  F: ELIGIBLE, // intermarket sweep
  G: FLAG_NOT_LAST | FLAG_OUT_OF_SEQUENCE, // bunched sold trade
  H: VOLUME_ONLY, // price variation trade
  I: VOLUME_ONLY | FLAG_ODD_LOT, // odd lot
  K: ELIGIBLE, // rule 127 or 155 trade
  L: ELIGIBLE, // sold last: late, yet in order
  M: INFORMATION | FLAG_CLOSING, // market centre official close
  N: VOLUME_ONLY, // next day settlement
  O: FLAG_OPENING, // opening print
  P: FLAG_NOT_LAST, // prior reference price
  Q: INFORMATION | FLAG_OPENING, // market centre official open
  R: VOLUME_ONLY, // seller's option
  S: ELIGIBLE, // split trade
  T: VOLUME_ONLY | FLAG_EXTENDED_HOURS, // extended hours ("Form T")
  U: VOLUME_ONLY | FLAG_EXTENDED_HOURS | FLAG_OUT_OF_SEQUENCE, // extended hours, sold out of sequence
  V: VOLUME_ONLY, // contingent trade
  W: VOLUME_ONLY, // average price trade (UTP)
  X: ELIGIBLE, // cross trade
  Y: ELIGIBLE, // yellow flag regular trade
  Z: FLAG_NOT_LAST | FLAG_OUT_OF_SEQUENCE, // sold out of sequence
  "1": ELIGIBLE, // stopped stock, regular
  "2": ELIGIBLE, // stopped stock, sold last
  "3": FLAG_NOT_LAST | FLAG_OUT_OF_SEQUENCE, // stopped stock, sold out of sequence
  "4": FLAG_NOT_LAST, // derivatively priced
  "5": FLAG_OPENING, // reopening print
  "6": FLAG_CLOSING, // closing print
  "7": VOLUME_ONLY, // qualified contingent trade
  "8": ELIGIBLE, // placeholder for rule 611 exempt
  "9": FLAG_NOT_VOLUME | FLAG_CLOSING, // corrected consolidated close
};

/** `B` is an average price trade on CTA's tapes, a bunched trade on UTP's; unknown tape: the stricter reading. */
const LETTER_B = "B".charCodeAt(0);

const FLAGS_BY_BYTE: Uint16Array = buildTable();

function buildTable(): Uint16Array {
  const table = new Uint16Array(256).fill(VOLUME_ONLY);
  for (const [letter, flags] of Object.entries(COMMON)) table[letter.charCodeAt(0)] = flags;
  return table;
}

/**
 * FLAG_* bits of one condition letter (a byte of ASCII). A letter that no specification knows counts in volume only.
 * Several conditions combine by OR: a print is eligible only if all its conditions are. Allocates nothing.
 */
export function saleConditionFlag(byte: number, tape?: Tape): number {
  if (byte === LETTER_B && tape === "C") return ELIGIBLE;
  return FLAGS_BY_BYTE[byte & 0xff] as number;
}

/** FLAG_* bits of a TAQ condition string such as `F I`, `TI`, `4 B`; blank is a regular sale. */
export function saleConditionFlags(text: string, tape?: Tape): number {
  let flags = 0;
  for (let i = 0; i < text.length; i++) flags |= saleConditionFlag(text.charCodeAt(i), tape);
  return flags;
}

/** FLAG_* bits of Alpaca's `c` array (one letter an item; longer items are read letter by letter). */
export function saleConditionFlagsOf(conditions: readonly string[], tape?: Tape): number {
  let flags = 0;
  for (const condition of conditions) flags |= saleConditionFlags(condition, tape);
  return flags;
}
