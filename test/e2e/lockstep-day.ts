/** The test of a day in lockstep, for the whole day and for a part of it. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { assertSameBooks, backtest, INTENTS_MIN, playDay, rerun } from "./replay-day.ts";

export async function assertLockstepDay(t: TestContext, files: readonly string[], ms: number): Promise<void> {
  const day = await playDay(t, files, ["--speed", "lockstep", "--record"], ms);
  await assertSameBooks(t, day, files);

  const recordings = join(day.dataDir, "recordings");
  const [recording, ...others] = readdirSync(recordings);
  assert.deepEqual(others, []);
  const again = await rerun(t, join(recordings, recording as string));
  assert.deepEqual([again.intents, again.intentHash], [day.intents, day.intentHash]);

  const tested = await backtest(t, files);
  assert.ok(tested.intents >= INTENTS_MIN);
  assert.deepEqual([tested.intents, tested.intentHash, tested.fills], [day.intents, day.intentHash, day.fills]);
}
