import assert from "node:assert/strict";
import { it } from "node:test";
import { VWAP as OracleVwap } from "trading-signals";
import { Vwap } from "../../../src/core/indicator/vwap.ts";
import { assertClose, testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Vwap",
  create: () => new Vwap(),
  update: (indicator, { high, low, close, volume }) => indicator.update(high, low, close, volume),
  outputs: (indicator) => [indicator.value],
  reads: ["high", "low", "close", "volume"],
  memory: null,
});

testAgainstOracle("Vwap", () => {
  const mine = new Vwap();
  const oracle = new OracleVwap();
  return {
    mine: ({ high, low, close, volume }) => (mine.update(high, low, close, volume) && mine.ready ? [mine.value] : null),
    oracle: (bar) => {
      oracle.update(bar, false);
      return oracle.isStable ? [oracle.getResultOrThrow()] : null;
    },
  };
});

it("weighs typical prices with volume, and starts anew after a reset", () => {
  const vwap = new Vwap();
  vwap.update(12, 9, 9, 100);
  vwap.update(21, 18, 21, 300);
  assert.equal(vwap.value, (10 * 100 + 20 * 300) / 400);
  vwap.reset();
  vwap.update(6, 3, 3, 7);
  assert.equal(vwap.value, 4);
});

it("does not drift over ten million bars", () => {
  const vwap = new Vwap();
  // Pairs of (10.1, 3) and (20.3, 7): the average is (10.1·3 + 20.3·7) / 10 = 17.24 after any number of pairs.
  for (let i = 0; i < 5_000_000; i++) {
    vwap.update(10.1, 10.1, 10.1, 3);
    vwap.update(20.3, 20.3, 20.3, 7);
  }
  assertClose(vwap.value, 17.24, 1e-14);
});

it("ignores bars without volume and refuses negative volume", () => {
  const vwap = new Vwap();
  assert.equal(vwap.update(5, 5, 5, 0), true);
  assert.equal(vwap.ready, false);
  assert.equal(vwap.update(5, 5, 5, -1), false);
});
