/** Two bots on one PostgreSQL and one simulator: one trades, the other takes over when it dies or stands still. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Client } from "pg";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { BotProcess } from "./bot-process.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, makeKey, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

const SPEED = 10;
/** Lease, lock delay and start together: the design's promise for a process that dies. */
const TAKEOVER_MS = 20_000;
const ORDER_MS = 60_000;
/** So far above the bid an order is filled at once, and is still within the collar. */
const ABOVE_BPS = -200;

test("one bot trades and the other takes over from one that is killed, and from one that stands still", {
  skip: skipWithoutDatabase,
  timeout: 240_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED, deadConnectionSeconds: 4 });
  const ledger = () => new Ledger(file);
  const options = { databaseUrl: database.url, env: simulator.env(SPEED), key };
  const owns = (bot: BotProcess, withinMs: number) => bot.eventually("/api/v1/risk", (risk) => risk.owner, withinMs);
  const moreOrders = async (bot: BotProcess) => {
    const before = ledger().accepted.length;
    await until(
      "an order",
      () => ledger().accepted.length,
      (count) => count > before,
      ORDER_MS,
      () => bot.program.tail(),
    );
  };

  const first = await BotProcess.start(scope, options);
  await owns(first, TAKEOVER_MS);
  await moreOrders(first);
  const second = await BotProcess.start(scope, options);

  // The one that stands by is ready, answers reads, and takes orders that the other sends.
  assert.equal((await second.get("/api/v1/risk")).owner, false);
  const account = await second.get("/api/v1/account");
  assert.equal(account.broker_account_id, (await first.get("/api/v1/account")).broker_account_id);
  assert.ok((await second.get("/api/v1/orders")).items.length > 0);
  const manual = await second.order("manual-1", await simulator.bitcoinOrder(ABOVE_BPS));
  assert.equal(manual.status, 202, JSON.stringify(manual.body));
  const path = `/api/v1/orders/${manual.body.client_order_id}`;
  await second.eventually(path, (order: Body) => order.state === "filled", ORDER_MS);

  await first.kill();
  await owns(second, TAKEOVER_MS);
  await moreOrders(second);

  // A process that stands still keeps its connections until the simulator gives them up.
  const third = await BotProcess.start(scope, options);
  const held = await lease(database.url);
  second.program.signal("SIGSTOP");
  const taken = await until(
    "the lease",
    () => lease(database.url),
    ({ owner }) => owner !== held.owner,
    TAKEOVER_MS,
  );
  assert.ok(taken.generation > held.generation);
  await owns(third, 2 * TAKEOVER_MS);
  await moreOrders(third);
  second.program.signal("SIGCONT");
  await second.program.says(/the lease is gone: standing by/, ORDER_MS);
  await second.eventually("/api/v1/risk", (risk) => !risk.owner, ORDER_MS);
  await moreOrders(third);
  assert.equal((await second.call("GET", "/ready")).status, 200);
  assert.equal((await second.get("/api/v1/risk")).owner, false);
  assert.deepEqual(await lease(database.url), taken);
  assert.equal((await third.get("/api/v1/risk")).owner, true);

  await third.rest();
  assert.equal((await second.stop()).code, 0);
  assert.equal((await third.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ url: database.url }), ledger());
});

/** The lease as its row has it. */
async function lease(url: string): Promise<{ readonly owner: string | null; readonly generation: bigint }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ owner: string | null; generation: string }>(
      "SELECT owner, generation FROM lease",
    );
    const [row] = rows;
    assert.ok(row !== undefined);
    return { owner: row.owner, generation: BigInt(row.generation) };
  } finally {
    await client.end();
  }
}
