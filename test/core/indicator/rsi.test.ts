import assert from "node:assert/strict";
import { it } from "node:test";
import { RSI as OracleRsi } from "trading-signals";
import { Rsi } from "../../../src/core/indicator/rsi.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Rsi",
  create: () => new Rsi(14),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.value],
  reads: ["close"],
  memory: 1_200,
});

testAgainstOracle("Rsi", () => {
  const mine = new Rsi(14);
  const oracle = new OracleRsi(14);
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.value] : null),
    oracle: ({ close }) => {
      oracle.update(close, false);
      return oracle.isStable ? [oracle.getResultOrThrow()] : null;
    },
  };
});

it("gives the published example to two decimals", () => {
  // StockCharts ChartSchool, "Relative Strength Index (RSI)", the spreadsheet of its calculation example.
  const closes = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328, 45.614,
    46.282, 46.282, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515, 45.7835, 45.3548,
    44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
  ];
  const expected = [
    "70.53",
    "66.32",
    "66.55",
    "69.41",
    "66.36",
    "57.97",
    "62.93",
    "63.26",
    "56.06",
    "62.38",
    "54.71",
    "50.42",
    "39.99",
    "41.46",
    "41.87",
    "45.46",
    "37.30",
    "33.08",
    "37.77",
  ];
  const rsi = new Rsi(14);
  const values = closes.map((close) => (rsi.update(close) && rsi.ready ? rsi.value.toFixed(2) : null));
  assert.deepEqual(values.slice(14), expected);
});

it("is 100 without losses, 0 without gains and 50 without movement", () => {
  const after = (values: number[]): number => {
    const rsi = new Rsi(3);
    for (const value of values) rsi.update(value);
    return rsi.value;
  };
  assert.equal(after([1, 2, 3, 4]), 100);
  assert.equal(after([4, 3, 2, 1]), 0);
  assert.equal(after([2, 2, 2, 2]), 50);
});
