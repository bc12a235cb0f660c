/**
 * The database goes away for two bots at once. Both stay ready; the one that stands by cancels and halts like the other, also
 * for a key that it has never seen before; and one of them trades again by itself when the database is back.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { BotProcess } from "./bot-process.ts";
import { Gate } from "./crash-gate.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, makeKey, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

const SPEED = 10;
const WAIT_MS = 60_000;
/** Each replica reads the keys again every ten seconds. */
const KEYS_MS = 12_000;
/** So far below the market an order rests for the time of the test. */
const BELOW_BPS = 250;

test("without the database a bot that stands by is ready, cancels and halts, with a key it has never seen", {
  skip: skipWithoutDatabase,
  timeout: 300_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const gate = await Gate.to(scope, database.url);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const options = { databaseUrl: gate.url, env: simulator.env(SPEED), key };
  const owner = await BotProcess.start(scope, options);
  await owner.trading();
  const standby = await BotProcess.start(scope, options);
  const bots = [owner, standby];

  // A key that neither bot is ever shown before the outage, and an order that rests at the broker.
  const unseen = { authorization: `Bearer ${await makeKey(database.url)}` };
  const rested = await standby.order("rests", await simulator.bitcoinOrder(BELOW_BPS));
  assert.equal(rested.status, 202, JSON.stringify(rested.body));
  const id: string = rested.body.client_order_id;
  const isOpen = async () => (await simulator.client.openOrders()).some((open: Body) => open.client_order_id === id);
  await until("the order at the broker", isOpen, Boolean, WAIT_MS, () => owner.program.tail());
  await pause(KEYS_MS);

  gate.shut();
  for (const bot of bots) {
    const answer = await until(
      "degradation",
      () => bot.call("GET", "/ready"),
      ({ body }) => body.state === "degraded",
      WAIT_MS,
    );
    assert.equal(answer.status, 200);
  }
  const cancelled = await standby.call("DELETE", "/api/v1/orders", { headers: unseen });
  assert.ok(cancelled.status < 300, JSON.stringify(cancelled.body));
  await until("the cancel", isOpen, (open) => !open, WAIT_MS);
  const killed = await standby.call("POST", "/api/v1/risk/kill", { headers: unseen, body: { reason: "test" } });
  assert.equal(killed.status, 200, JSON.stringify(killed.body));
  assert.deepEqual([killed.body.journalled, killed.body.broker_suspended], [false, true]);
  for (const bot of bots) assert.equal((await bot.call("GET", "/ready")).status, 200);

  gate.open();
  const halted = (risk: Body) => risk.states.some((s: Body) => s.scope === "account" && s.state === "halted");
  const trader = await until(
    "one that trades and knows of the halt",
    async () => {
      const risks = await Promise.all(bots.map((bot) => bot.get("/api/v1/risk")));
      return bots[risks.findIndex((risk) => risk.owner && halted(risk))];
    },
    (bot) => bot !== undefined,
    WAIT_MS,
  );
  const resumed = await standby.call("POST", "/api/v1/risk/resume", { body: { reason: "test" } });
  assert.equal(resumed.status, 200, JSON.stringify(resumed.body));
  const before = new Ledger(file).accepted.length;
  await until(
    "an order",
    () => new Ledger(file).accepted.length,
    (count) => count > before,
    WAIT_MS,
    () => trader?.program.tail() ?? "",
  );
  await (bots[0] as BotProcess).rest();
  for (const bot of bots) assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ url: database.url }), new Ledger(file));
});
