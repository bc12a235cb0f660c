/**
 * Two bots on one PostgreSQL, one Redis and one simulator: whoever asks the one that stands by sees what the one that trades
 * has; when Redis goes, trading is not disturbed and nothing old is shown as new; when the owner dies, the stream goes on.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { RedisServer, skipWithoutRedisServer } from "../support/redis-server.ts";
import { BotProcess, type StreamReader } from "./bot-process.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, makeKey, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

const SPEED = 10;
const TAKEOVER_MS = 20_000;
const WAIT_MS = 60_000;
/** What is older than 5 s is not shown; some time for the requests themselves. */
const VOID_MS = 10_000;
const CHANNELS = ["quotes", "signals", "orders", "fills", "pnl"];

test("a replica that stands by shows what the owner has, and nothing old as new", {
  skip: skipWithoutDatabase || skipWithoutRedisServer,
  timeout: 300_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const redis = await RedisServer.start(scope);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED, deadConnectionSeconds: 4 });
  const options = (name: string) => ({
    databaseUrl: database.url,
    env: { ...simulator.env(SPEED), REDIS_URL: redis.url, POD_NAME: name },
    key,
  });
  const accepted = () => new Ledger(file).accepted.length;

  const owner = await BotProcess.start(scope, options("bot-0"));
  await owner.eventually("/api/v1/risk", (risk) => risk.owner, TAKEOVER_MS);
  const standby = await BotProcess.start(scope, options("bot-1"));
  const [atOwner, atStandby] = [await owner.stream(CHANNELS), await standby.stream(CHANNELS)];

  // REST: what the owner alone knows is here as well.
  const strategies = await standby.eventually(
    "/api/v1/strategies",
    ({ items }) => items.every((item: Body) => item.state === "running" && item.intents > 0),
    WAIT_MS,
  );
  for (const item of strategies.items) assert.equal(typeof item.unrealised, "string");
  const risk = await standby.get("/api/v1/risk");
  assert.deepEqual([risk.owner, risk.lease_owner], [false, "bot-0"]);
  assert.deepEqual((await owner.get("/api/v1/risk")).lease_owner, "bot-0");
  assert.equal(typeof risk.refusals, "object");
  const positions = await standby.eventually("/api/v1/positions", ({ items }) => items.length > 0, WAIT_MS);
  for (const row of positions.items) assert.equal(typeof row.mark_price, "string", JSON.stringify(row));
  await sameAtBoth("/api/v1/positions", owner, standby, ({ items }) =>
    items.map(({ instance, symbol, quantity }: Body) => [instance, symbol, quantity].join()).toSorted(),
  );
  await sameAtBoth("/api/v1/account", owner, standby, ({ cash }) => cash);
  await nearAtBoth("/api/v1/account", owner, standby, ({ equity }) => equity);
  await sameAtBoth("/api/v1/pnl", owner, standby, ({ realised, fees, round_trips, drawdown }) => [
    realised,
    fees,
    round_trips,
    drawdown,
  ]);
  await nearAtBoth(
    "/api/v1/positions",
    owner,
    standby,
    ({ items }) => items.find(({ symbol }: Body) => symbol === positions.items[0].symbol)?.mark_price,
  );
  assert.deepEqual(redisPart(await standby.get("/ready")), {
    name: "redis",
    ok: true,
    state: "ok",
    detail: "connected",
  });

  // An order by hand needs a price of the market here as well, and the broker's own.
  const terms = { symbol: "BTC/USD", side: "buy", type: "market", time_in_force: "gtc", quantity: "0.01" };
  const manual = await standby.order("at-the-standby", terms);
  assert.equal(manual.status, 202, JSON.stringify(manual.body));
  const manualPath = `/api/v1/orders/${manual.body.client_order_id}`;
  await standby.eventually(manualPath, (found) => found.state === "filled", WAIT_MS);

  // The stream: the same fills and signals in the same order, quotes, orders and profit.
  for (const [channel, id] of [
    ["fills", "execution_id"],
    ["signals", "id"],
  ] as const) {
    const first = atOwner.changes(channel).length;
    await until(
      "more",
      () => atOwner.changes(channel).length,
      (count) => count >= first + 3,
      WAIT_MS,
    );
    const wanted = atOwner.changes(channel).map((row) => row[id]);
    const last = wanted.at(-1);
    const has = () => atStandby.changes(channel).map((row) => row[id]);
    await until("the same at the standby", has, (ids) => ids.includes(last), WAIT_MS);
    const found = has();
    const from = Math.max(wanted.indexOf(found[0]), 0);
    assert.deepEqual(found.slice(found.indexOf(wanted[from]), found.indexOf(last) + 1), wanted.slice(from), channel);
  }
  for (const channel of ["quotes", "orders", "pnl"]) {
    await until(
      channel,
      () => atStandby.changes(channel).length,
      (count) => count > 0,
      WAIT_MS,
    );
  }

  // Without Redis the owner trades on; the standby says that it does not know.
  const before = generation(atStandby);
  await redis.kill();
  const orders = accepted();
  await standby.eventually("/api/v1/account", ({ equity }) => equity === null, VOID_MS);
  assert.deepEqual((await standby.get("/api/v1/risk")).lease_owner, null);
  assert.deepEqual((await standby.get("/api/v1/risk")).refusals, null);
  const blind = await standby.get("/api/v1/pnl");
  assert.deepEqual([blind.unrealised, blind.total, blind.drawdown], [null, null, null]);
  for (const item of (await standby.get("/api/v1/strategies")).items) {
    assert.deepEqual([item.state, item.unrealised, item.intents, item.refusals], ["standby", null, null, null]);
  }
  await until(
    "a new generation",
    () => generation(atStandby),
    (found) => found !== before,
    WAIT_MS,
  );
  assert.deepEqual(lastSnapshot(atStandby, "quotes").items, []);
  for (const bot of [owner, standby]) {
    const ready = await bot.eventually("/ready", (body) => body.state === "degraded", WAIT_MS);
    assert.equal(redisPart(ready).state, "degraded");
  }
  await until("orders without Redis", accepted, (count) => count >= orders + 3, WAIT_MS);
  assert.match(await owner.metrics(), /^cache_faults_total\{fault="unreachable"\} 1$/m);
  assert.match(await owner.metrics(), /^cache_up 0$/m);

  await redis.start();
  await standby.eventually("/api/v1/account", ({ equity }) => equity !== null, WAIT_MS);
  await until(
    "quotes again",
    () => lastSnapshot(atStandby, "quotes").items.length,
    (count) => count > 0,
    WAIT_MS,
  );
  await owner.eventually("/ready", (body) => redisPart(body).state === "ok", WAIT_MS);

  // The owner dies: its successor's own clients, and those of another replica, hear the successor.
  const mirrored = generation(atStandby);
  await owner.kill();
  await standby.eventually("/api/v1/risk", (body) => body.owner, TAKEOVER_MS);
  await until(
    "a new generation",
    () => generation(atStandby),
    (found) => found !== mirrored,
    WAIT_MS,
  );
  const third = await BotProcess.start(scope, options("bot-2"));
  await third.eventually("/api/v1/risk", (body) => body.lease_owner === "bot-1", WAIT_MS);
  const atThird = await third.stream(CHANNELS);
  await until(
    "fills of the successor",
    () => atThird.changes("fills").length,
    (count) => count > 0,
    WAIT_MS,
  );
  assert.ok(lastSnapshot(atThird, "quotes").items.length > 0);

  await third.rest();
  assert.equal((await third.stop()).code, 0);
  assert.equal((await standby.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ url: database.url }), new Ledger(file));
});

/** Waits until both amounts are within a percent: the market moves between the two answers. */
async function nearAtBoth(
  path: string,
  one: BotProcess,
  other: BotProcess,
  pick: (body: Body) => string,
): Promise<void> {
  const ratio = async () => {
    const [a, b] = (await Promise.all([one.get(path), other.get(path)])).map(pick);
    return Number(a) / Number(b);
  };
  await until(`about the same ${path}`, ratio, (found) => Math.abs(found - 1) < 0.01, WAIT_MS);
}

/** Waits until both answers say the same: values move on, and one is at most a second behind the other. */
async function sameAtBoth(
  path: string,
  one: BotProcess,
  other: BotProcess,
  pick: (body: Body) => unknown,
): Promise<void> {
  await until(
    `the same ${path}`,
    async () => (await Promise.all([one.get(path), other.get(path)])).map(pick),
    ([a, b]) => JSON.stringify(a) === JSON.stringify(b),
    WAIT_MS,
  );
}

function redisPart(ready: Body): Body {
  return ready.parts.find((part: Body) => part.name === "redis");
}

function lastSnapshot(reader: StreamReader, channel: string): Body {
  return reader.messages.findLast((message) => message.type === "snapshot" && message.channel === channel);
}

function generation(reader: StreamReader): string {
  return lastSnapshot(reader, "quotes")?.generation;
}
