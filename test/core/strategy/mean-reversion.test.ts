import assert from "node:assert/strict";
import { it } from "node:test";
import { MEAN_REVERSION } from "../../../src/core/strategy/mean-reversion.ts";
import {
  REASON_Z_SCORE_HIGH,
  REASON_Z_SCORE_LOW,
  REASON_Z_SCORE_REVERTED,
  REASON_Z_SCORE_STOP,
} from "../../../src/core/strategy/reason.ts";
import { flatBars, StrategyRun, testStrategyContract } from "./contract.ts";

testStrategyContract(MEAN_REVERSION, [
  { lookback: 10, entry: 1.5, exit: 0, stop: 2.6, allowShort: true },
  { lookback: 30, entry: 1, exit: 0.9, stop: 5 },
]);

/** Alternating closes around 100: z of the next close c over 10 bars follows from nine of them and c. */
const QUIET = [99, 101, 99, 101, 99, 101, 99, 101, 99, 101, 99];

function steps(raw: Record<string, number | boolean>, closes: readonly number[]): [number, number][] {
  const run = new StrategyRun(MEAN_REVERSION, { lookback: 10, ...raw });
  run.feed(flatBars([...QUIET, ...closes]));
  return run.targets.filter(({ bar }) => bar >= QUIET.length).map(({ exposure, reason }) => [exposure, reason]);
}

it("buys far below the mean and leaves when the close has come back", () => {
  assert.deepEqual(steps({ entry: 2, exit: 0.5 }, [92, 95, 99]), [
    [1, REASON_Z_SCORE_LOW],
    [1, REASON_Z_SCORE_LOW],
    [0, REASON_Z_SCORE_REVERTED],
  ]);
});

it("sells far above the mean only when shorts are allowed", () => {
  assert.deepEqual(steps({ entry: 2, allowShort: true }, [108]), [[-1, REASON_Z_SCORE_HIGH]]);
  assert.deepEqual(steps({ entry: 2 }, [108]), [[0, 0]]);
});

it("gives up at the stop and enters again only after a return", () => {
  // A fall of three levels: entered at the first, and further away in deviations at the second.
  const [entered, stopped, waiting, returned] = steps({ entry: 1, exit: 0.5, stop: 2 }, [97.5, 85, 90, 97]);
  assert.deepEqual(entered, [1, REASON_Z_SCORE_LOW]);
  assert.deepEqual(stopped, [0, REASON_Z_SCORE_STOP]);
  assert.deepEqual(waiting, [0, REASON_Z_SCORE_STOP]);
  assert.deepEqual(returned, [0, REASON_Z_SCORE_STOP]);
});

it("wants exit below entry below stop", () => {
  assert.throws(() => new StrategyRun(MEAN_REVERSION, { exit: 2, entry: 2 }), { field: "exit" });
  assert.throws(() => new StrategyRun(MEAN_REVERSION, { stop: 2, entry: 2 }), { field: "stop" });
});
