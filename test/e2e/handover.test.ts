/**
 * Three bots on one PostgreSQL and one simulator, replaced one after the other while they trade and people send orders: no
 * request is refused, no order lost or doubled, and the time without trading is short.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { createTestDatabase, skipWithoutDatabase, skipWithoutRedis, TEST_REDIS_URL } from "../support/database.ts";
import { type Answer, BotProcess } from "./bot-process.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, makeKey, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

const SPEED = 10;
const WAIT_MS = 60_000;
/** For the median. On a machine with nothing else to do it is below half a second; this one may have other tests to run. */
const GAP_MS = 5000;
const ORDER_EVERY_MS = 200;
const ATTEMPTS = 5;
/** Orders by hand are for this much above the market: they fill. */
const THROUGH_BPS = 100;

interface Said {
  readonly msg: string;
  readonly generation: number;
  readonly atMs: number;
}

/** Where a process says that it begins or stops to trade. */
function said(bot: BotProcess, msg: string): Said[] {
  return bot.program.stderr
    .split("\n")
    .filter((line) => line.includes(`"msg":"${msg}"`))
    .map((line) => {
      const { generation, time } = JSON.parse(line) as { generation: string; time: string };
      return { msg, generation: Number(generation), atMs: Date.parse(time) };
    });
}

/** As a client does: a busy database is asked again, under the same key. */
async function send(bot: BotProcess, idempotencyKey: string, order: Body): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await bot.order(idempotencyKey, order);
    if (answer.status !== 503 || attempt === ATTEMPTS) return answer;
  }
}

test("bots that are replaced one after the other hand trading over, and lose and refuse nothing", {
  skip: skipWithoutDatabase === false ? skipWithoutRedis : skipWithoutDatabase,
  timeout: 400_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const env = { ...simulator.env(SPEED), REDIS_URL: TEST_REDIS_URL as string };
  const start = () => BotProcess.start(scope, { databaseUrl: database.url, env, key });
  const bots = [await start(), await start(), await start()];
  const all = [...bots];
  const trades = () => all.flatMap((bot) => said(bot, "trading"));

  // A client that goes to any ready replica, as a load balancer sends it.
  let sent = 0;
  let isOver = false;
  const refused: string[] = [];
  const client = (async () => {
    while (!isOver) {
      const bot = bots[sent % bots.length] as BotProcess;
      const answer = await send(bot, `load-${sent}`, await simulator.bitcoinOrder(-THROUGH_BPS));
      // An order whose answer is outstanding holds others of its symbol back, wherever they are sent.
      if (answer.status !== 202 && answer.body.code !== "UNKNOWN_ORDER") {
        refused.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      }
      sent += 1;
      await pause(ORDER_EVERY_MS);
    }
  })();
  atEnd(scope, () => {
    isOver = true;
  });

  const gaps: number[] = [];
  for (let round = 0; round < 3; round++) {
    const owner = await until(
      "one that trades",
      async () => {
        const risks = await Promise.all(bots.map((bot) => bot.get("/api/v1/risk")));
        return bots[risks.findIndex((risk) => risk.owner)];
      },
      (bot) => bot !== undefined,
      WAIT_MS,
    );
    assert.ok(owner !== undefined);
    const fresh = await start();
    all.push(fresh);
    // Out of the load balancer first, as a rollout does it; then told to stop.
    bots[bots.indexOf(owner)] = fresh;
    await pause(2 * ORDER_EVERY_MS);
    const exit = await owner.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, owner.program.tail());
    const stopped = said(owner, "trading stopped").at(-1);
    assert.ok(stopped !== undefined, owner.program.tail());
    const next = await until(
      "another one that trades",
      () => trades().find((one) => one.generation === stopped.generation + 1),
      (one) => one !== undefined,
      WAIT_MS,
      () => bots.map((bot) => bot.program.tail()).join("\n"),
    );
    gaps.push((next as Said).atMs - stopped.atMs);
    const metrics = await Promise.all(bots.map((bot) => bot.metrics()));
    assert.ok(metrics.some((text) => /^trading_handovers_total\{kind="clean"\} [1-9]/m.test(text)));
  }
  isOver = true;
  await client;
  console.log(`time without trading, ms: ${gaps.join(", ")}; ${sent} orders by hand`);
  assert.deepEqual(refused, []);
  const median = gaps.toSorted((a, b) => a - b)[1] as number;
  assert.ok(median <= GAP_MS, `median ${median} ms`);

  const manual = async () => {
    const { items } = await (bots[0] as BotProcess).get("/api/v1/orders?state=open");
    return items.filter((order: Body) => order.instance === "manual").length;
  };
  await until("every order by hand to be done", manual, (open) => open === 0, WAIT_MS);
  await (bots[0] as BotProcess).rest();
  for (const bot of bots) assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ url: database.url }), new Ledger(file));
});
