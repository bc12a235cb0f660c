/** What every client must be able to do with the market-data streams, for shares and for pairs. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { DataStreamClient } from "./data-client.ts";
import { MarketScript, ScriptedVenue, START_MS } from "./scripted-venue.ts";

export type ConnectStream = (url: string, kind: "stock" | "crypto") => DataStreamClient;

const KINDS = [
  { kind: "stock", symbol: "ACME", other: "ZETA" },
  { kind: "crypto", symbol: "BTC/USD", other: "ETH/USD" },
] as const;

/** `settings` are the simulator's, such as a certificate for a client that needs one. */
export function marketDataStreams(connect: ConnectStream, settings: object): void {
  for (const { kind, symbol, other } of KINDS) {
    const start = async (t: TestContext, script: MarketScript) => {
      const venue = await ScriptedVenue.start(t, script, settings);
      const stream = venue.attach(connect(venue.url, kind));
      await stream.connect();
      return { venue, stream };
    };

    it(`streams quotes and trades of a ${kind}, those that it asked for`, async (t) => {
      const script = new MarketScript().quote(symbol, 100, 100.02);
      script.quote(other, 50, 50.01).quote(symbol, 100.01, 100.03, 300).trade(other, 50, 7).trade(symbol, 100.03, 12);
      const { venue, stream } = await start(t, script.quote(symbol, 1, 2));
      await stream.subscribe("quotes", [symbol]);
      await stream.subscribe("trades", [symbol, other]);
      await venue.play(4);
      assert.deepEqual(await stream.quotes.first(1), [
        { symbol, bid: 100.01, bidSize: 300, ask: 100.03, askSize: 300, timeMs: START_MS + 2 },
      ]);
      assert.deepEqual(await stream.trades.first(2), [
        { symbol: other, price: 50, size: 7, timeMs: START_MS + 3 },
        { symbol, price: 100.03, size: 12, timeMs: START_MS + 4 },
      ]);
      await stream.unsubscribe("trades", [other]);
      await stream.unsubscribe("quotes", [symbol]);
    });

    it(`streams a bar of a ${kind} when its minute is over`, async (t) => {
      const script = new MarketScript().quote(symbol, 100, 100.02);
      script.trade(symbol, 100, 10).trade(symbol, 101, 20).trade(symbol, 99, 30).trade(symbol, 100.5, 40);
      script.wait(60).trade(symbol, 102, 1).quote(symbol, 1, 2);
      const { venue, stream } = await start(t, script);
      await stream.subscribe("bars", ["*"]);
      await venue.play(5);
      // (10 × 100 + 20 × 101 + 30 × 99 + 40 × 100.5) / 100
      assert.deepEqual(await stream.bars.first(1), [
        { symbol, open: 100, high: 101, low: 99, close: 100.5, volume: 100, trades: 4, vwap: 100.1, timeMs: START_MS },
      ]);
    });
  }
}
