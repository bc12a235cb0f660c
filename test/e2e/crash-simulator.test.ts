/** The broker is gone for a while: the bot stays, sends nothing, and goes on from where the account is. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { BotProcess } from "./bot-process.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { until } from "./wait.ts";

const SPEED = 10;
const WAIT_MS = 90_000;

test("a bot whose broker is killed and comes back reconciles and trades on", { timeout: 240_000 }, async (scope) => {
  const directory = temporaryDirectory(scope);
  const file = join(directory, "ledger.jsonl");
  const dataDir = join(directory, "data");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const ledger = () => new Ledger(file);
  const bot = await BotProcess.start(scope, { dataDir, env: simulator.env(SPEED) });
  const tail = () => bot.program.tail();
  const moreOrders = async () => {
    const before = ledger().accepted.length;
    await until(
      "an order",
      () => ledger().accepted.length,
      (count) => count > before,
      WAIT_MS,
      tail,
    );
  };
  const state = (wanted: string) =>
    until(
      `${wanted}`,
      () => bot.call("GET", "/ready"),
      (a) => a.status === 200 && a.body.state === wanted,
      WAIT_MS,
      tail,
    );

  for (let outage = 0; outage < 2; outage++) {
    await moreOrders();
    await simulator.kill();
    await state("degraded");
    assert.ok(!bot.program.hasExited, tail());
    assert.equal((await bot.call("GET", "/health")).status, 200);
    await simulator.again();
    await moreOrders();
    await state("ok");
  }
  await bot.rest();
  assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ dataDir }), ledger());
});
