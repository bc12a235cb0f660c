import assert from "node:assert/strict";
import { it } from "node:test";
import { SMA as OracleSma } from "trading-signals";
import { Sma } from "../../../src/core/indicator/sma.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Sma",
  create: () => new Sma(17),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.value],
  reads: ["close"],
  memory: 17,
});

testAgainstOracle("Sma", () => {
  const mine = new Sma(20);
  const oracle = new OracleSma(20);
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.value] : null),
    oracle: ({ close }) => {
      oracle.update(close, false);
      return oracle.isStable ? [oracle.getResultOrThrow()] : null;
    },
  };
});

it("averages the published example of ten closes", () => {
  // StockCharts ChartSchool, "Moving Averages - Simple and Exponential", 10-day averages to two decimals.
  const sma = new Sma(10);
  const closes = [22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39];
  const averages = closes.map((close) => (sma.update(close) && sma.ready ? sma.value.toFixed(2) : null));
  assert.deepEqual(averages.slice(9), ["22.22", "22.21", "22.23"]);
});

it("forgets an outlier that has left the window", () => {
  const sma = new Sma(3);
  for (const value of [1e15, 0.1, 0.2, 0.3, 0.4, 0.5]) sma.update(value);
  assert.ok(Math.abs(sma.value - 0.4) < 1e-12, `${sma.value}`);
});

it("names a period that is not allowed", () => {
  for (const period of [0, 1.5, Number.NaN, 100_001]) {
    assert.throws(() => new Sma(period), { code: "INDICATOR_PARAMETER", field: "period" });
  }
});
