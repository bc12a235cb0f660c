import { test } from "node:test";
import { crashReplay } from "./crash-replay.ts";
import { skipWithoutDay } from "./replay-day.ts";

const TIMEOUT_MS = 1_800_000;

for (let round = 1; round <= 3; round++) {
  test(`a bot killed at ten more moments loses and doubles nothing, round ${round}`, {
    timeout: TIMEOUT_MS,
  }, async (scope) => {
    await crashReplay(scope, { name: `bot ${round}`, kills: 10, speed: 300, killsSimulator: false });
  });

  test(`bot and simulator killed at ten more moments, round ${round}`, { timeout: TIMEOUT_MS }, async (scope) => {
    await crashReplay(scope, { name: `both ${round}`, kills: 10, speed: 300, killsSimulator: true });
  });
}

for (const killsSimulator of [false, true]) {
  const who = killsSimulator ? "bot and simulator" : "a bot";
  test(`${who} killed in the middle of a recorded day lose and double nothing`, {
    skip: skipWithoutDay,
    timeout: TIMEOUT_MS,
  }, async (scope) => {
    await crashReplay(scope, { name: `recorded, ${who}`, kills: 6, speed: 100, killsSimulator, recorded: true });
  });
}
