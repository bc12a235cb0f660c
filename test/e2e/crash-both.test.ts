import { test } from "node:test";
import { crashReplay } from "./crash-replay.ts";

test("bot and simulator killed together go on from ledger and journal, and decide nothing twice", {
  timeout: 180_000,
}, async (scope) => {
  await crashReplay(scope, { name: "both", kills: 4, speed: 600, killsSimulator: true });
});
