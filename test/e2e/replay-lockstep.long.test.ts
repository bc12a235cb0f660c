import { test } from "node:test";
import { assertLockstepDay } from "./lockstep-day.ts";
import { DAY_FILES, skipWithoutDay } from "./replay-day.ts";

void test("a whole day in lockstep, its recording and its backtest give the same intents", {
  skip: skipWithoutDay,
}, async (t) => {
  await assertLockstepDay(t, DAY_FILES, 600_000);
});
