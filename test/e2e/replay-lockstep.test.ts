import { test } from "node:test";
import { assertLockstepDay } from "./lockstep-day.ts";
import { dayUntil, skipWithoutDay } from "./replay-day.ts";

void test("part of a day in lockstep, its recording and its backtest give the same intents", {
  skip: skipWithoutDay,
}, async (t) => {
  await assertLockstepDay(t, dayUntil(t, "2018-01-02T18:00:00Z"), 240_000);
});
