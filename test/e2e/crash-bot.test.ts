import { test } from "node:test";
import { crashReplay } from "./crash-replay.ts";

test("a bot that is killed in the middle of a day, again and again, loses no order and doubles none", {
  timeout: 180_000,
}, async (scope) => {
  await crashReplay(scope, { name: "bot", kills: 4, speed: 400, killsSimulator: false });
});
