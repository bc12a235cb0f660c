import { test } from "node:test";
import { assertSameBooks, DAY_FILES, playDay, skipWithoutDay } from "./replay-day.ts";

/** A day is ten minutes at this speed. */
const SPEED = ["--speed", "100"];
const DAY_MS = 15 * 60_000;

void test("a day at a hundred times real time ends with equal books", { skip: skipWithoutDay }, async (t) => {
  const day = await playDay(t, DAY_FILES, SPEED, DAY_MS);
  await assertSameBooks(t, day, DAY_FILES);
});
