/**
 * What an engine must know of an instrument before it may trade it: increments, calendar and permissions. Values are
 * exact; the broker's asset list is checked against them at start.
 */
import { type Fixed, FIXED_ONE, parseFixed, type Rounding, roundToIncrement } from "../fixed.ts";

export type AssetClass = "us_equity" | "crypto";
/** `always` never closes; `nyse` is the built-in New York calendar. */
export type CalendarName = "nyse" | "always";

export interface Instrument {
  /** Position in the engine's instrument table, 0..65534; the `instrument` of every record. */
  readonly index: number;
  /** Alpaca's symbol: `AAPL`, `BTC/USD`. */
  readonly symbol: string;
  readonly assetClass: AssetClass;
  readonly calendar: CalendarName;
  readonly quoteCurrency: string;
  /** Currency value of one unit of price times one unit of quantity; 1 for shares and coins. */
  readonly multiplier: Fixed;
  /** Fixed price step; null means the US equity rule: 0.01 from $1.00, 0.0001 below. */
  readonly priceIncrement: Fixed | null;
  readonly quantityIncrement: Fixed;
  readonly minQuantity: Fixed;
  /** Smallest order value in the quote currency; 0 where none. */
  readonly minNotional: Fixed;
  readonly shortable: boolean;
  readonly fractionable: boolean;
  readonly tradable: boolean;
}

const CENT = parseFixed("0.01", "cent");
const HUNDREDTH_OF_CENT = parseFixed("0.0001", "hundredth of a cent");

/** The price step that applies at `price`. */
export function priceIncrementAt(instrument: Instrument, price: Fixed): Fixed {
  if (instrument.priceIncrement !== null) return instrument.priceIncrement;
  return price >= FIXED_ONE ? CENT : HUNDREDTH_OF_CENT;
}

/** `price` moved to the instrument's grid in the direction of `rounding`. */
export function roundPrice(instrument: Instrument, price: Fixed, rounding: Rounding): Fixed {
  return roundToIncrement(price, priceIncrementAt(instrument, price), rounding);
}

/** Whole-share US equity with the usual permissions. */
export function equity(index: number, symbol: string, overrides: Partial<Instrument> = {}): Instrument {
  return {
    index,
    symbol,
    assetClass: "us_equity",
    calendar: "nyse",
    quoteCurrency: "USD",
    multiplier: FIXED_ONE,
    priceIncrement: null,
    quantityIncrement: FIXED_ONE,
    minQuantity: FIXED_ONE,
    minNotional: 0n,
    shortable: true,
    fractionable: false,
    tradable: true,
    ...overrides,
  };
}

/** Crypto pair as Alpaca trades it: never short, always open. */
export function cryptoPair(index: number, symbol: string, overrides: Partial<Instrument> = {}): Instrument {
  return {
    index,
    symbol,
    assetClass: "crypto",
    calendar: "always",
    quoteCurrency: symbol.split("/")[1] ?? "USD",
    multiplier: FIXED_ONE,
    priceIncrement: parseFixed("0.000000001", "price increment"),
    quantityIncrement: parseFixed("0.000000001", "quantity increment"),
    minQuantity: parseFixed("0.000000001", "minimum quantity"),
    minNotional: parseFixed("10", "minimum notional"),
    shortable: false,
    fractionable: true,
    tradable: true,
    ...overrides,
  };
}
