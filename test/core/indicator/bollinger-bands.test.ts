import assert from "node:assert/strict";
import { it } from "node:test";
import { BollingerBands as OracleBands } from "trading-signals";
import { BollingerBands } from "../../../src/core/indicator/bollinger-bands.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "BollingerBands",
  create: () => new BollingerBands(20, 2),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.lower, indicator.value, indicator.upper],
  reads: ["close"],
  memory: 20,
});

testAgainstOracle("BollingerBands", () => {
  const mine = new BollingerBands(20, 2.5);
  const oracle = new OracleBands(20, 2.5);
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.lower, mine.value, mine.upper] : null),
    oracle: ({ close }) => {
      oracle.update(close, false);
      if (!oracle.isStable) return null;
      const { lower, middle, upper } = oracle.getResultOrThrow();
      return [lower, middle, upper];
    },
  };
});

it("closes on equal inputs", () => {
  const bands = new BollingerBands(3);
  for (let i = 0; i < 5; i++) bands.update(0.1);
  assert.deepEqual([bands.lower, bands.upper], [bands.value, bands.value]);
});

it("names a multiple that is not allowed", () => {
  assert.throws(() => new BollingerBands(20, 0), { code: "INDICATOR_PARAMETER", field: "multiple" });
});
