import assert from "node:assert/strict";
import { it } from "node:test";
import { ATR as OracleAtr } from "trading-signals";
import { Atr } from "../../../src/core/indicator/atr.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Atr",
  create: () => new Atr(14),
  update: (indicator, { high, low, close, volume }) => indicator.update(high, low, close, volume),
  outputs: (indicator) => [indicator.value],
  reads: ["high", "low", "close", "volume"],
  memory: 1_200,
});

testAgainstOracle("Atr", () => {
  const mine = new Atr(14);
  const oracle = new OracleAtr(14);
  return {
    mine: ({ high, low, close, volume }) => (mine.update(high, low, close, volume) && mine.ready ? [mine.value] : null),
    oracle: (bar) => {
      oracle.update(bar, false);
      return oracle.isStable ? [oracle.getResultOrThrow()] : null;
    },
  };
});

it("counts a gap between bars as range, either way", () => {
  const atr = new Atr(2);
  atr.update(10, 9, 9.5, 1);
  atr.update(13, 12, 12.5, 1);
  // True ranges 1 and 13 − 9.5 = 3.5: mean 2.25. Then 12.5 − 7 = 5.5: (2.25 + 5.5) / 2.
  assert.equal(atr.value, 2.25);
  atr.update(8, 7, 7.5, 1);
  assert.equal(atr.value, 3.875);
});
