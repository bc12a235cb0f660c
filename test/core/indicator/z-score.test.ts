import assert from "node:assert/strict";
import { it } from "node:test";
import { getZScore } from "trading-signals";
import { ZScore } from "../../../src/core/indicator/z-score.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "ZScore",
  create: () => new ZScore(20),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.value],
  reads: ["close"],
  memory: 20,
});

testAgainstOracle("ZScore", () => {
  const mine = new ZScore(20);
  const recent: number[] = [];
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.value] : null),
    oracle: ({ close }) => {
      recent.push(close);
      if (recent.length > 20) recent.shift();
      return new Set(recent).size < 2 ? [0] : [getZScore(recent, close)];
    },
  };
});

it("is 0 when all inputs are equal, also after larger ones have left", () => {
  const zScore = new ZScore(4);
  for (const value of [5e6, 17.3, 0.1, 0.1, 0.1, 0.1, 0.1]) zScore.update(value);
  assert.equal(zScore.value, 0);
});

it("is not disturbed by an outlier that has left", () => {
  const zScore = new ZScore(8);
  for (const value of [1, 1e12, 2, 4, 4, 4, 5, 5, 7, 9]) zScore.update(value);
  assert.equal(zScore.value, 2);
});

it("is 2 for the last of 2, 4, 4, 4, 5, 5, 7, 9, whose mean is 5 and whose deviation is 2", () => {
  const zScore = new ZScore(8);
  for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) zScore.update(value);
  assert.equal(zScore.value, 2);
});
