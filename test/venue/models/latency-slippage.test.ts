import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../../src/core/fixed.ts";
import { constantLatency, logNormalLatency, uniformLatency } from "../../../src/venue/models/latency.ts";
import { quoteFill } from "../../../src/venue/models/quote-fill.ts";
import { seededSlippage, slippageBps } from "../../../src/venue/models/slippage.ts";
import type { VenueOrder } from "../../../src/venue/order.ts";
import { fills, fixed, order, START_US, submit, venueWith } from "./support.ts";

const numbered = (number: number) => ({ number }) as VenueOrder;
const latencies = (model: { latencyUs(order: VenueOrder): number }, count: number) =>
  Array.from({ length: count }, (_, number) => model.latencyUs(numbered(number + 1)));

describe("latency", () => {
  it("is constant, or drawn by the order's number, the same for the same seed", () => {
    assert.deepEqual(latencies(constantLatency(250), 3), [250, 250, 250]);
    const options = { minUs: 100, maxUs: 300, seed: 9 };
    const draws = latencies(uniformLatency(options), 5000);
    assert.deepEqual(latencies(uniformLatency(options), 5000), draws);
    assert.notDeepEqual(latencies(uniformLatency({ ...options, seed: 10 }), 5000), draws);
    assert.deepEqual([Math.min(...draws), Math.max(...draws)], [100, 300]);
    const mean = draws.reduce((sum, us) => sum + us, 0) / draws.length;
    assert.ok(Math.abs(mean - 200) < 5, `mean ${mean}`); // 58 / √5000 is 0.8
  });

  it("log-normal has its median, its spread and its limit", () => {
    const draws = latencies(logNormalLatency({ medianUs: 10_000, sigma: 0.5, maxUs: 40_000, seed: 4 }), 20_000);
    const sorted = [...draws].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * sorted.length)] as number;
    assert.ok(Math.abs(at(0.5) / 10_000 - 1) < 0.03, `median ${at(0.5)}`);
    // One standard deviation above the median is at 84.13 %: 10,000 × e^0.5
    assert.ok(Math.abs(at(0.8413) / 16_487 - 1) < 0.04, `upper ${at(0.8413)}`);
    assert.equal(sorted.at(-1), 40_000);
  });

  it("holds an order back from the market", () => {
    const venue = venueWith({ latency: constantLatency(1000), fill: quoteFill() });
    venue.onQuote(0, 10, 10.05, START_US);
    assert.deepEqual(fills(submit(venue, order("buy 1"), START_US)), []);
    assert.deepEqual(fills(venue.onQuote(0, 10, 10.06, START_US + 999)), []);
    assert.deepEqual(fills(venue.onQuote(0, 10, 10.07, START_US + 1000)), ["1 @ 10.06"]);
  });
});

describe("slippage", () => {
  it("makes prices worse by basis points, rounded to the grid, and never breaks a limit", () => {
    const venue = venueWith({ slippage: slippageBps(fixed("20")) });
    venue.onQuote(0, 9.99, 10, START_US);
    // 10 × 0.002 = 0.02; 9.99 × 0.002 = 0.01998 → 0.02
    assert.deepEqual(fills(submit(venue, order("buy 1"), START_US)), ["1 @ 10.02"]);
    assert.deepEqual(fills(submit(venue, order("sell 1"), START_US)), ["1 @ 9.97"]);
    assert.deepEqual(fills(submit(venue, order("buy 1 10.01"), START_US)), ["1 @ 10.01"]);
  });

  it("draws by order and fill between nothing and its most", () => {
    const prices = (seed: number) => {
      const venue = venueWith({ slippage: seededSlippage(fixed("100"), seed), startingCash: fixed("100000000") });
      venue.onQuote(0, 99.99, 100, START_US);
      return Array.from({ length: 300 }, () => fills(submit(venue, order("buy 1"), START_US))[0] as string);
    };
    assert.deepEqual(prices(3), prices(3));
    assert.notDeepEqual(prices(3), prices(4));
    const paid = prices(3).map((text) => Number(text.split(" @ ")[1]));
    assert.ok(Math.min(...paid) >= 100 && Math.max(...paid) <= 101, formatFixed(fixed(String(Math.max(...paid)))));
    assert.ok(Math.min(...paid) < 100.05 && Math.max(...paid) > 100.95);
  });
});
