/** The database goes away while the bot trades: nothing new is sent, stopping still works, and trading resumes by itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { BotProcess } from "./bot-process.ts";
import { Gate } from "./crash-gate.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, makeKey, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

const SPEED = 10;
const WAIT_MS = 60_000;
/** Venue time in which the demonstrations would have sent orders. */
const QUIET_MS = 60_000;
/** So far below the market an order rests for the time of the test. */
const FAR_BPS = 250;
/** Far enough not to be filled before the database is gone, near enough to be reached in minutes of the market. */
const STRADDLE_BPS = 8;
const STOP_LIMIT_FACTOR = 1.01;

test("without its database the bot sends nothing, cancels and halts all the same, and trades again when it is back", {
  skip: skipWithoutDatabase,
  timeout: 240_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const gate = await Gate.to(scope, database.url);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const ledger = () => new Ledger(file);
  const bot = await BotProcess.start(scope, { databaseUrl: gate.url, env: simulator.env(SPEED), key });
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
  const ready = (fits: (body: Body) => boolean) =>
    until(
      "readiness",
      () => bot.call("GET", "/ready"),
      ({ status, body }) => status === 200 && fits(body),
      WAIT_MS,
      tail,
    );
  const lost = () => ready(({ state, parts }) => state === "degraded" && parts[0].detail.startsWith("lost"));
  const traders = () => bot.eventually("/api/v1/risk", (risk) => risk.owner, WAIT_MS);
  const venueMs = async () => Date.parse((await simulator.client.get("/simulator/state")).time);
  const openId = async (id: string) => (await simulator.client.openOrders()).find((o) => o.client_order_id === id)?.id;
  const send = async (name: string, order: Body): Promise<string> => {
    const answer = await bot.order(name, order);
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    const id: string = answer.body.client_order_id;
    await until(
      "the order at the broker",
      () => ledger().accepted,
      (accepted) => accepted.includes(id),
      WAIT_MS,
      tail,
    );
    return id;
  };
  /** Two orders to buy, one on each side of the market: wherever it goes, one is filled. */
  const straddle = async (): Promise<readonly string[]> => {
    const below = await simulator.bitcoinOrder(STRADDLE_BPS);
    const above = await simulator.bitcoinOrder(-STRADDLE_BPS);
    const stop = { ...above, type: "stop_limit", stop_price: above.limit_price };
    const limit = { limit_price: (Number(above.limit_price) * STOP_LIMIT_FACTOR).toFixed(2) };
    return [await send("below", below), await send("above", { ...stop, ...limit })];
  };

  await moreOrders();
  const far = await send("far", await simulator.bitcoinOrder(FAR_BPS));
  const near = await straddle();
  gate.shut();
  await lost();
  const sent = ledger().accepted.length;
  const cancelled = await bot.call("DELETE", `/api/v1/orders/${far}`);
  assert.ok(cancelled.status < 300, JSON.stringify(cancelled));
  await until(
    "the cancel",
    () => openId(far),
    (id) => id === undefined,
    WAIT_MS,
    tail,
  );
  const untilMs = (await venueMs()) + QUIET_MS;
  await until("a quiet minute", venueMs, (now) => now > untilMs, WAIT_MS);
  const filled = await until(
    "the fill",
    async () => {
      const open = await Promise.all(near.map(openId));
      return near[open.indexOf(undefined)];
    },
    (id) => id !== undefined,
    WAIT_MS,
    tail,
  );
  assert.equal(ledger().accepted.length, sent, "an order was sent without the database");
  assert.equal((await bot.call("GET", "/health")).status, 200);

  gate.open();
  await traders();
  await moreOrders();
  await bot.eventually(`/api/v1/orders/${filled}`, (order) => order.state === "filled", WAIT_MS);
  await bot.eventually(`/api/v1/orders/${far}`, (order) => order.state === "canceled", WAIT_MS);

  gate.shut();
  await lost();
  const killed = await bot.call("POST", "/api/v1/risk/kill", { body: { reason: "test" } });
  assert.equal(killed.status, 200, JSON.stringify(killed.body));
  assert.deepEqual([killed.body.journalled, killed.body.broker_suspended], [false, true]);
  gate.open();
  // The halt was thrown without the database: the broker has kept it.
  await traders();
  const halted = (risk: Body) => risk.states.some((s: Body) => s.scope === "account" && s.state === "halted");
  await bot.eventually("/api/v1/risk", halted, WAIT_MS);
  const resumed = await bot.call("POST", "/api/v1/risk/resume", { body: { reason: "test" } });
  assert.equal(resumed.status, 200, JSON.stringify(resumed.body));
  await moreOrders();

  await bot.rest();
  assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ url: database.url }), ledger());
});
