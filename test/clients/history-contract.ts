/** What every client must be able to read of the past, page by page, for shares and for pairs. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { HistoryClient } from "./data-client.ts";
import { MarketScript, ScriptedVenue, START_MS } from "./scripted-venue.ts";

const KINDS = [
  { kind: "stock", symbol: "ACME", other: "ZETA" },
  { kind: "crypto", symbol: "BTC/USD", other: "ETH/USD" },
] as const;

const TICKS = 9;

/** Five trades and three quotes, then two more minutes, the last of which still runs. */
function script(symbol: string, other: string): MarketScript {
  const ticks = new MarketScript().quote(symbol, 100, 100.02).trade(symbol, 100, 10).trade(symbol, 101, 20);
  ticks.trade(other, 50, 5).trade(symbol, 99, 30).quote(other, 50, 50.02).quote(symbol, 99, 99.02);
  return ticks.wait(60).trade(symbol, 102, 1).wait(60).trade(symbol, 101, 1).quote(symbol, 1, 2);
}

export function marketDataOfThePast(connect: (url: string) => HistoryClient): void {
  for (const { kind, symbol, other } of KINDS) {
    const start = async (t: TestContext) => {
      const venue = await ScriptedVenue.start(t, script(symbol, other));
      await venue.play(TICKS - 1);
      return connect(venue.url);
    };
    const minute = { start: new Date(START_MS), end: new Date(START_MS + 59_999) };

    it(`pages trades of a ${kind}, by symbol and time`, async (t) => {
      const client = await start(t);
      const trades = await client.trades(kind, { symbols: [symbol, other], ...minute, limit: 2 });
      assert.deepEqual(trades, {
        [symbol]: [
          { symbol, price: 100, size: 10, timeMs: START_MS + 1 },
          { symbol, price: 101, size: 20, timeMs: START_MS + 2 },
          { symbol, price: 99, size: 30, timeMs: START_MS + 4 },
        ],
        [other]: [{ symbol: other, price: 50, size: 5, timeMs: START_MS + 3 }],
      });
    });

    it(`pages quotes of a ${kind}`, async (t) => {
      const client = await start(t);
      const quotes = await client.quotes(kind, { symbols: [symbol], ...minute, limit: 1 });
      assert.deepEqual(
        quotes[symbol]?.map(({ bid, ask, timeMs }) => [bid, ask, timeMs - START_MS]),
        [
          [100, 100.02, 0],
          [99, 99.02, 6],
        ],
      );
    });

    it(`pages bars of a ${kind}, and joins them to longer ones`, async (t) => {
      const client = await start(t);
      const range = { start: new Date(START_MS), end: new Date(START_MS + 120_000), limit: 1 };
      const minutes = await client.bars(kind, { symbols: [symbol, other], ...range }, "1Min");
      // (10 × 100 + 20 × 101 + 30 × 99) / 60
      const first = { open: 100, high: 101, low: 99, close: 99, volume: 60, trades: 3, vwap: 99.833333 };
      assert.deepEqual(
        minutes[symbol]?.slice(0, 1).map((bar) => ({ ...bar, vwap: Number(bar.vwap.toFixed(6)) })),
        [{ symbol, ...first, timeMs: START_MS }],
      );
      assert.deepEqual(
        minutes[other]?.map(({ close }) => close),
        [50],
      );
      const hours = await client.bars(kind, { symbols: [symbol], ...range }, "1Hour");
      assert.equal(hours[symbol]?.[0]?.high, 102);
    });

    it(`reads the newest of a ${kind} and its snapshot`, async (t) => {
      const client = await start(t);
      assert.deepEqual([await client.latestTradePrice(kind, symbol), await client.latestBid(kind, symbol)], [101, 99]);
      assert.deepEqual(await client.snapshot(kind, symbol), [101, 99.02, 102, 100]);
    });
  }
}
