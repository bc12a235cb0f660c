/** Bars for tests: a seeded random walk, and real ones. */
import { readRows } from "./market-data.ts";
import { Random } from "./random.ts";

export interface TestBar {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** A random walk in cents around 100, never below 10. */
export function randomBars(count: number, seed: number): TestBar[] {
  const random = new Random(seed);
  const bars: TestBar[] = [];
  let cents = 10_000;
  for (let i = 0; i < count; i++) {
    const open = cents;
    cents = Math.max(1_000, cents + random.integer(-60, 60));
    const high = Math.max(open, cents) + random.integer(0, 20);
    const low = Math.min(open, cents) - random.integer(0, 20);
    const volume = random.integer(1, 5_000);
    bars.push({ open: open / 100, high: high / 100, low: low / 100, close: cents / 100, volume });
  }
  return bars;
}

/** A real month of one-minute bars, or null when the data is not there. */
export function realBars(): TestBar[] | null {
  const rows = readRows("fixtures/bars1m_us_aapl_2016.csv.gz");
  if (rows === null) return null;
  return rows.map(([, , open, high, low, close, volume]) => ({
    open: Number(open),
    high: Number(high),
    low: Number(low),
    close: Number(close),
    volume: Number(volume),
  }));
}
