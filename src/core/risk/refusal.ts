/**
 * The table of refusals: one stable code and one stable number for each reason for which an order is not sent. The number
 * travels in records (lane 4 of an ACCOUNT_REFUSED record) and indexes counters; the code is what people and programs see.
 * Numbers are never reused. Owned by no thread: constants only.
 */

export const REFUSAL_NONE = 0;
/** Checks of the engine worker. */
export const REFUSAL_TRADING_HALTED = 1;
export const REFUSAL_TRADING_REDUCING = 2;
export const REFUSAL_ENGINE_FAILED_CLOSED = 3;
export const REFUSAL_FEED_STALE = 4;
export const REFUSAL_QUOTE_STALE = 5;
export const REFUSAL_MARKET_ORDER_QUOTE_STALE = 6;
export const REFUSAL_INSTRUMENT_HALTED = 7;
export const REFUSAL_QUOTE_CROSSED = 8;
export const REFUSAL_QUOTE_MISSING = 9;
export const REFUSAL_PRICE_COLLAR = 10;
export const REFUSAL_PRICE_BAND = 11;
export const REFUSAL_MAX_ORDER_QUANTITY = 12;
export const REFUSAL_MAX_ORDER_NOTIONAL = 13;
export const REFUSAL_MAX_POSITION = 14;
export const REFUSAL_REPEATED_EXECUTION = 15;
export const REFUSAL_INSUFFICIENT_DATA = 16;
export const REFUSAL_TARGET_INVALID = 17;
export const REFUSAL_BELOW_MINIMUM = 18;
export const REFUSAL_STRATEGY_FAULT = 19;
export const REFUSAL_OUT_OF_RANGE = 20;
export const REFUSAL_NOT_TRADABLE = 21;
export const REFUSAL_NOT_SHORTABLE = 22;
export const REFUSAL_TRIGGER_REUSED = 23;
/** Answers of the journal. */
export const REFUSAL_DUPLICATE = 40;
export const REFUSAL_UNKNOWN_ORDER = 41;
export const REFUSAL_SELF_TRADE = 42;
export const REFUSAL_MAX_SYMBOL_NOTIONAL = 43;
export const REFUSAL_MAX_GROSS_NOTIONAL = 44;
export const REFUSAL_MAX_OPEN_ORDERS = 45;
export const REFUSAL_BUYING_POWER = 46;
export const REFUSAL_FENCED = 47;
export const REFUSAL_STORE_UNAVAILABLE = 48;
/** The broker rejected the order; its own code is in the journal. */
export const REFUSAL_REJECTED = 60;
/** A code that this table does not name. */
export const REFUSAL_OTHER = 63;

/** Counters are arrays of this length, indexed by refusal number. */
export const REFUSAL_COUNT = 64;

const CODES: ReadonlyMap<number, string> = new Map([
  [REFUSAL_TRADING_HALTED, "TRADING_HALTED"],
  [REFUSAL_TRADING_REDUCING, "TRADING_REDUCING"],
  [REFUSAL_ENGINE_FAILED_CLOSED, "ENGINE_FAILED_CLOSED"],
  [REFUSAL_FEED_STALE, "FEED_STALE"],
  [REFUSAL_QUOTE_STALE, "QUOTE_STALE"],
  [REFUSAL_MARKET_ORDER_QUOTE_STALE, "MARKET_ORDER_QUOTE_STALE"],
  [REFUSAL_INSTRUMENT_HALTED, "INSTRUMENT_HALTED"],
  [REFUSAL_QUOTE_CROSSED, "QUOTE_CROSSED"],
  [REFUSAL_QUOTE_MISSING, "QUOTE_MISSING"],
  [REFUSAL_PRICE_COLLAR, "PRICE_COLLAR"],
  [REFUSAL_PRICE_BAND, "PRICE_BAND"],
  [REFUSAL_MAX_ORDER_QUANTITY, "MAX_ORDER_QUANTITY"],
  [REFUSAL_MAX_ORDER_NOTIONAL, "MAX_ORDER_NOTIONAL"],
  [REFUSAL_MAX_POSITION, "MAX_POSITION"],
  [REFUSAL_REPEATED_EXECUTION, "REPEATED_EXECUTION"],
  [REFUSAL_INSUFFICIENT_DATA, "INSUFFICIENT_DATA"],
  [REFUSAL_TARGET_INVALID, "TARGET_INVALID"],
  [REFUSAL_BELOW_MINIMUM, "BELOW_MINIMUM"],
  [REFUSAL_STRATEGY_FAULT, "STRATEGY_FAULT"],
  [REFUSAL_OUT_OF_RANGE, "OUT_OF_RANGE"],
  [REFUSAL_NOT_TRADABLE, "NOT_TRADABLE"],
  [REFUSAL_NOT_SHORTABLE, "NOT_SHORTABLE"],
  [REFUSAL_TRIGGER_REUSED, "TRIGGER_REUSED"],
  [REFUSAL_DUPLICATE, "DUPLICATE"],
  [REFUSAL_UNKNOWN_ORDER, "UNKNOWN_ORDER"],
  [REFUSAL_SELF_TRADE, "SELF_TRADE"],
  [REFUSAL_MAX_SYMBOL_NOTIONAL, "MAX_SYMBOL_NOTIONAL"],
  [REFUSAL_MAX_GROSS_NOTIONAL, "MAX_GROSS_NOTIONAL"],
  [REFUSAL_MAX_OPEN_ORDERS, "MAX_OPEN_ORDERS"],
  [REFUSAL_BUYING_POWER, "BUYING_POWER"],
  [REFUSAL_FENCED, "FENCED"],
  [REFUSAL_STORE_UNAVAILABLE, "STORE_UNAVAILABLE"],
  [REFUSAL_REJECTED, "REJECTED"],
  [REFUSAL_OTHER, "OTHER"],
]);

const NUMBERS: ReadonlyMap<string, number> = new Map([...CODES].map(([number, code]) => [code, number]));

/** The code of a refusal number; `OTHER` for a number outside the table. */
export function refusalCode(number: number): string {
  return CODES.get(number) ?? "OTHER";
}

/** The number of a code; `REFUSAL_OTHER` for a code outside the table (such as a broker's own). */
export function refusalNumber(code: string): number {
  return NUMBERS.get(code) ?? REFUSAL_OTHER;
}

/** Counts by refusal number as an object by code, leaving out zeros. For reports, not for the hot path. */
export function refusalsByCode(counts: ArrayLike<number>): Record<string, number> {
  const byCode: Record<string, number> = {};
  for (let number = 1; number < counts.length; number++) {
    const count = counts[number] ?? 0;
    if (count > 0) byCode[refusalCode(number)] = (byCode[refusalCode(number)] ?? 0) + count;
  }
  return byCode;
}
