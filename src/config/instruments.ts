/** Builds the engine's instrument table from configured instruments, or from the symbols that strategies name. */
import { cryptoPair, equity, type Instrument } from "../core/market/instrument.ts";
import { DEMONSTRATION_SYMBOLS } from "./demonstration.ts";
import type { ParsedInstrument } from "./schema.ts";

/** `position` in the table becomes the instrument's index. */
export function instrumentOf(parsed: ParsedInstrument, position: number): Instrument {
  const assetClass = parsed.assetClass ?? classOf(parsed.symbol);
  const build = assetClass === "crypto" ? cryptoPair : equity;
  const base = build(position, parsed.symbol);
  return {
    ...base,
    calendar: parsed.calendar ?? base.calendar,
    priceIncrement: parsed.priceIncrement ?? base.priceIncrement,
    quantityIncrement: parsed.quantityIncrement ?? base.quantityIncrement,
    minQuantity: parsed.minQuantity ?? base.minQuantity,
    minNotional: parsed.minNotional ?? base.minNotional,
    shortable: assetClass === "crypto" ? false : (parsed.shortable ?? base.shortable),
    fractionable:
      parsed.quantityIncrement === null
        ? base.fractionable
        : parsed.quantityIncrement < base.quantityIncrement || base.fractionable,
  };
}

/** An instrument of which only the symbol is known. Those of the synthetic market never close. */
export function instrumentOfSymbol(symbol: string, position: number): Instrument {
  const build = classOf(symbol) === "crypto" ? cryptoPair : equity;
  const isSynthetic = (DEMONSTRATION_SYMBOLS as readonly string[]).includes(symbol);
  return build(position, symbol, isSynthetic ? { calendar: "always" } : {});
}

function classOf(symbol: string): "crypto" | "us_equity" {
  return symbol.includes("/") ? "crypto" : "us_equity";
}
