/**
 * What trades when nobody configured anything in simulated mode: three demonstration strategies that trade often, so that
 * a newcomer sees the bot at work within a minute or two. They are demonstrations, not advice, and are never used in
 * paper or live mode.
 */
import { parseFixed } from "../core/fixed.ts";
import type { StrategyConfig } from "./config.ts";

/** Instruments of the simulator's synthetic market; all of them are always open there. */
export const DEMONSTRATION_SYMBOLS = ["DEMO", "ALFA", "BRVO", "BTC/USD"] as const;

const CAPITAL = parseFixed("10000", "capital");
const EXECUTION = { type: "limit", offsetTicks: 1, cancelAfterSeconds: 10 } as const;
const SYNTHETIC_BAR_SECONDS = 3;
const RECORDED_BAR_SECONDS = 10;

type Demonstration = Pick<StrategyConfig, "strategy" | "parameters">;

/**
 * Only the synthetic market's may go short: there each has its instrument to itself, while a broker refuses to sell more
 * than the account's long position, which others may hold.
 */
function demonstrations(barSeconds: number, allowShort: boolean): readonly Demonstration[] {
  return [
    { strategy: "ema-cross", parameters: { fast: 3, slow: 8, barSeconds, allowShort } },
    { strategy: "mean-reversion", parameters: { lookback: 12, entry: 1.25, exit: 0.25, barSeconds, allowShort } },
    { strategy: "donchian-breakout", parameters: { entry: 8, exit: 4, atrPeriod: 8, barSeconds, allowShort } },
  ];
}

/** One demonstration on each of the first three symbols of the synthetic market. */
export function syntheticDemonstrations(): StrategyConfig[] {
  return demonstrations(SYNTHETIC_BAR_SECONDS, true).map((demonstration, index) =>
    instance(demonstration, DEMONSTRATION_SYMBOLS[index] as string),
  );
}

/** All demonstrations on every symbol of recorded files. */
export function recordedDemonstrations(symbols: readonly string[]): StrategyConfig[] {
  return symbols.flatMap((symbol) =>
    demonstrations(RECORDED_BAR_SECONDS, false).map((demonstration) => instance(demonstration, symbol)),
  );
}

function instance(demonstration: Demonstration, symbol: string): StrategyConfig {
  const id = `demo-${demonstration.strategy}-${symbol.toLowerCase().replaceAll("/", "-")}`;
  return { id, instruments: [symbol], capital: CAPITAL, execution: EXECUTION, ...demonstration };
}
