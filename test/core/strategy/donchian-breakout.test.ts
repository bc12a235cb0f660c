import assert from "node:assert/strict";
import { it } from "node:test";
import { DONCHIAN_BREAKOUT } from "../../../src/core/strategy/donchian-breakout.ts";
import {
  REASON_ATR_STOP,
  REASON_CHANNEL_BREAK_DOWN,
  REASON_CHANNEL_BREAK_UP,
  REASON_CHANNEL_EXIT,
} from "../../../src/core/strategy/reason.ts";
import type { TestBar } from "../support/bars.ts";
import { StrategyRun, testStrategyContract } from "./contract.ts";

testStrategyContract(DONCHIAN_BREAKOUT, [
  { entry: 5, exit: 3, atrPeriod: 4, atrStop: 1, allowShort: true },
  { entry: 30, exit: 30, atrPeriod: 50 },
]);

/** Bars of one unit around each close: true ranges are 1 while closes stand still. */
function bars(closes: readonly number[]): TestBar[] {
  return closes.map((close) => ({ open: close, high: close + 0.5, low: close - 0.5, close, volume: 1 }));
}

function steps(raw: Record<string, number | boolean>, closes: readonly number[]): [number, number][] {
  const run = new StrategyRun(DONCHIAN_BREAKOUT, { entry: 4, exit: 2, atrPeriod: 3, ...raw });
  run.feed(bars([100, 100, 100, 100, ...closes]));
  return run.targets.map(({ exposure, reason }) => [exposure, reason]);
}

it("enters when a close leaves the channel of the bars before it", () => {
  assert.deepEqual(steps({}, [100.5, 100.6]), [
    [0, 0],
    [0, 0],
  ]);
  assert.deepEqual(steps({}, [100.6]), [[1, REASON_CHANNEL_BREAK_UP]]);
  assert.deepEqual(steps({ allowShort: true }, [99.4]), [[-1, REASON_CHANNEL_BREAK_DOWN]]);
  assert.deepEqual(steps({}, [99.4]), [[0, 0]]);
});

it("leaves when a close breaks the exit channel the other way", () => {
  // Entered at 102; after 103 and 103 the exit channel of two bars has its low at 102.5.
  const targets = steps({ atrStop: 40 }, [102, 103, 103, 102.4]);
  assert.deepEqual(targets.at(-2), [1, REASON_CHANNEL_BREAK_UP]);
  assert.deepEqual(targets.at(-1), [0, REASON_CHANNEL_EXIT]);
});

it("leaves when the price falls a multiple of the average true range from the entry", () => {
  // True ranges 1, 1, 1, 1, then 2.5 − 0 of the bar at 102 (102.5 − 100): ATR of 3 is (1·2 + 2.5) / 3 = 1.5; stop 100.5.
  const before = steps({ exit: 4, atrStop: 1 }, [102, 100.51]);
  const at = steps({ exit: 4, atrStop: 1 }, [102, 100.49]);
  assert.deepEqual(before.at(-1), [1, REASON_CHANNEL_BREAK_UP]);
  assert.deepEqual(at.at(-1), [0, REASON_ATR_STOP]);
});

it("wants the exit channel no longer than the entry channel", () => {
  assert.throws(() => new StrategyRun(DONCHIAN_BREAKOUT, { entry: 5, exit: 6 }), { field: "exit" });
});
