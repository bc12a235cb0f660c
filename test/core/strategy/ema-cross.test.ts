import assert from "node:assert/strict";
import { it } from "node:test";
import { EMA_CROSS } from "../../../src/core/strategy/ema-cross.ts";
import { REASON_EMA_CROSS_DOWN, REASON_EMA_CROSS_UP } from "../../../src/core/strategy/reason.ts";
import { flatBars, StrategyRun, testStrategyContract } from "./contract.ts";

testStrategyContract(EMA_CROSS, [
  { fast: 3, slow: 8, allowShort: true },
  { fast: 1, slow: 2, barSeconds: 5 },
]);

it("is long while the fast average is above the slow one, and out of it below", () => {
  const run = new StrategyRun(EMA_CROSS, { fast: 1, slow: 3 });
  run.feed(flatBars([10, 10, 12, 13, 9]));
  // Slow: 10, 10, 11, 12, 10.5; the fast average of period 1 is the close itself.
  assert.deepEqual(run.targets, [
    { bar: 2, local: 0, exposure: 1, reason: REASON_EMA_CROSS_UP, signal: 1 },
    { bar: 3, local: 0, exposure: 1, reason: REASON_EMA_CROSS_UP, signal: 1 },
    { bar: 4, local: 0, exposure: 0, reason: REASON_EMA_CROSS_DOWN, signal: -1.5 },
  ]);
});

it("leaves its target as it is while both averages are equal", () => {
  const run = new StrategyRun(EMA_CROSS, { fast: 2, slow: 4, allowShort: true });
  assert.deepEqual(run.feed(flatBars([5, 5, 5, 5, 5, 5])).targets, []);
});

it("wants the fast period below the slow one, and bars that divide a day", () => {
  assert.throws(() => new StrategyRun(EMA_CROSS, { fast: 9, slow: 9 }), { code: "STRATEGY_PARAMETER", field: "fast" });
  assert.throws(() => new StrategyRun(EMA_CROSS, { barSeconds: 7 }), {
    code: "STRATEGY_PARAMETER",
    field: "barSeconds",
  });
});
