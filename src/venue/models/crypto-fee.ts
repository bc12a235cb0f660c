/**
 * Alpaca's crypto fees: maker and taker rates by the account's volume of the last 30 days, taken from what is received
 * (coins of a buy, cash of a sell). Deterministic; keeps one sum for each of the last 30 days.
 *
 * The tiers and the rule of the next day are from https://alpaca.markets/support/crypto-maker-taker-gmt-faq (in effect
 * since 13 March 2023): a fill moves the account into another tier from the next trading day on, here the next UTC day.
 */
import { type Fixed, FIXED_ONE, multiplyFixed, parseFixed } from "../../core/fixed.ts";
import type { FeeFill, FeeModel } from "./contract.ts";
import { shareOf } from "./fee.ts";

export interface CryptoTier {
  /** US dollars of the last 30 days from which it holds. */
  readonly volume: Fixed;
  readonly makerBps: Fixed;
  readonly takerBps: Fixed;
}

const ROWS: readonly (readonly [volume: number, makerBps: number, takerBps: number])[] = [
  [0, 15, 25],
  [100_000, 12, 22],
  [500_000, 10, 20],
  [1_000_000, 8, 18],
  [10_000_000, 5, 15],
  [25_000_000, 2, 13],
  [50_000_000, 2, 12],
  [100_000_000, 0, 10],
];

export const CRYPTO_TIERS: readonly CryptoTier[] = ROWS.map(([volume, makerBps, takerBps]) => ({
  volume: parseFixed(String(volume), "volume"),
  makerBps: BigInt(makerBps) * FIXED_ONE,
  takerBps: BigInt(takerBps) * FIXED_ONE,
}));

const WINDOW_DAYS = 30;
const DAY_US = 86_400_000_000;

/** Charges crypto only; volume in other quote currencies than US dollars counts as if it were dollars. */
export function cryptoTierFee(tiers: readonly CryptoTier[] = CRYPTO_TIERS): FeeModel {
  const volumes = new Map<number, Fixed>();
  return {
    feeOf(fill, liquidity) {
      if (fill.instrument.assetClass !== "crypto") return { fee: 0n, feeQuantity: 0n };
      const tier = tierOf(tiers, volumeBefore(volumes, dayOf(fill)));
      const bps = liquidity === "maker" ? tier.makerBps : tier.takerBps;
      return shareOf(bps, fill.side === "buy", fill.quantity, fill.price);
    },
    booked(fill) {
      if (fill.instrument.assetClass !== "crypto") return;
      const day = dayOf(fill);
      const value = multiplyFixed(fill.quantity, fill.price, "half_even", "notional");
      volumes.set(day, (volumes.get(day) ?? 0n) + value);
      for (const old of volumes.keys()) if (old < day - WINDOW_DAYS) volumes.delete(old);
    },
  };
}

function dayOf(fill: FeeFill): number {
  return Math.floor(fill.timeUs / DAY_US);
}

/** Of the 30 days before `day`. */
function volumeBefore(volumes: ReadonlyMap<number, Fixed>, day: number): Fixed {
  let sum = 0n;
  for (const [each, volume] of volumes) if (each < day && each >= day - WINDOW_DAYS) sum += volume;
  return sum;
}

function tierOf(tiers: readonly CryptoTier[], volume: Fixed): CryptoTier {
  let best = tiers[0] as CryptoTier;
  for (const tier of tiers) if (volume >= tier.volume) best = tier;
  return best;
}
