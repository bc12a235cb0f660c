import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { DonchianChannels } from "trading-signals";
import { DonchianChannel } from "../../../src/core/indicator/donchian-channel.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "DonchianChannel",
  create: () => new DonchianChannel(20),
  update: (indicator, { high, low, close, volume }) => indicator.update(high, low, close, volume),
  outputs: (indicator) => [indicator.lower, indicator.value, indicator.upper],
  reads: ["high", "low", "close", "volume"],
  memory: 20,
});

testAgainstOracle("DonchianChannel", () => {
  const mine = new DonchianChannel(20);
  const oracle = new DonchianChannels(20);
  return {
    mine: ({ high, low, close, volume }) =>
      mine.update(high, low, close, volume) && mine.ready ? [mine.lower, mine.value, mine.upper] : null,
    oracle: (bar) => {
      const result = oracle.update(bar, false);
      return result === null ? null : [result.lower, result.middle, result.upper];
    },
  };
});

it("is the greatest and least of the window, whatever the period and the prices", () => {
  const price = fc.integer({ min: -20, max: 20 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(price, { minLength: 1, maxLength: 60 }), (period, prices) => {
      const channel = new DonchianChannel(period);
      for (const [i, value] of prices.entries()) {
        channel.update(value, value - 1, value, 1);
        if (i + 1 < period) continue;
        const window = prices.slice(i + 1 - period, i + 1);
        assert.equal(channel.upper, Math.max(...window));
        assert.equal(channel.lower, Math.min(...window) - 1);
      }
    }),
  );
});
