/** The instruments that the synthetic market makes when none are named, and what it assumes of those that are. Pure. */
import type { Instrument } from "../core/market/instrument.ts";
import type { SimulatorInstrument } from "./config.ts";
import type { SyntheticInstrument } from "./synthetic/synthetic-line.ts";

/** Always open, so that a newcomer sees trades at any hour. */
export const DEMONSTRATION_INSTRUMENTS: readonly SimulatorInstrument[] = [
  { symbol: "DEMO", calendar: "always", basePrice: 100 },
  { symbol: "ALFA", calendar: "always", basePrice: 50 },
  { symbol: "BRVO", calendar: "always", basePrice: 200 },
  { symbol: "BTC/USD", basePrice: 60_000 },
];

const DEFAULT_PRICE = 100;
const BASE_PRICES: ReadonlyMap<string, number> = new Map(
  DEMONSTRATION_INSTRUMENTS.map(({ symbol, basePrice }) => [symbol, basePrice ?? DEFAULT_PRICE]),
);

/** Lively, so that strategies with bars of seconds have something to do. */
const DEFAULT_VOLATILITY_PERCENT = 6;
const HALF_SPREAD_BPS = 0.5;
/** Two shares are correlated by 0.35, a share and a coin by 0.26. */
const MARKET_SHARE = 0.35;
const CRYPTO_MARKET_SHARE = 0.2;

export function syntheticInstrument(given: SimulatorInstrument, instrument: Instrument): SyntheticInstrument {
  return {
    instrument,
    basePrice: given.basePrice ?? BASE_PRICES.get(given.symbol) ?? DEFAULT_PRICE,
    dailyVolatilityPercent: given.dailyVolatilityPercent ?? DEFAULT_VOLATILITY_PERCENT,
    marketShare: given.marketShare ?? (instrument.assetClass === "crypto" ? CRYPTO_MARKET_SHARE : MARKET_SHARE),
    halfSpreadBps: HALF_SPREAD_BPS,
    lot: instrument.assetClass === "crypto" ? 0.01 : 100,
  };
}
