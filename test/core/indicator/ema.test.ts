import assert from "node:assert/strict";
import { it } from "node:test";
import { EMA as OracleEma } from "trading-signals";
import { Ema } from "../../../src/core/indicator/ema.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Ema",
  create: () => new Ema(12),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.value],
  reads: ["close"],
  memory: 600,
});

testAgainstOracle("Ema", () => {
  const mine = new Ema(20);
  const oracle = new OracleEma(20);
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.value] : null),
    oracle: ({ close }) => {
      oracle.update(close, false);
      return oracle.isStable ? [oracle.getResultOrThrow()] : null;
    },
  };
});

it("starts from its first input and weighs each next one with 2 / (period + 1)", () => {
  const ema = new Ema(3);
  for (const value of [10, 20, 40]) ema.update(value);
  // α = 1/2: 10 → 15 → 27.5.
  assert.equal(ema.value, 27.5);
});
