import { test } from "node:test";
import { crashReplay } from "./crash-replay.ts";

const TIMEOUT_MS = 900_000;

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
