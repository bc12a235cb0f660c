import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { startPostgres } from "../support/services.ts";
import { BotProcess } from "./bot-process.ts";
import { Program, temporaryDirectory } from "./program.ts";
import { atEnd, type Body, until } from "./wait.ts";

/** From the answer on, no order may be open any longer than this. */
const KILL_MS = 2_000;
const STEP_MS = 20_000;
/** So much venue time passes without an order where the strategies had traded every few seconds. */
const QUIET_SECONDS = 60;
const SYMBOL = "BTC/USD";
const FASTER = ["--speed", "20"];

async function placeResting(bot: BotProcess, count: number): Promise<string[]> {
  const stream = await bot.stream(["quotes"]);
  const quoted = () => stream.changes("quotes").find((quote) => quote.symbol === SYMBOL);
  const quote = await until("a quote", quoted, (found) => found !== undefined, STEP_MS);
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const limit_price = String(Math.floor(quote.bid * 0.98) - i);
    const order = { symbol: SYMBOL, side: "buy", type: "limit", time_in_force: "gtc", quantity: "0.01", limit_price };
    const created = await bot.order(`resting-${i}`, order);
    assert.equal(created.status, 202, JSON.stringify(created.body));
    ids.push(created.body.client_order_id);
  }
  const areOpen = (open: readonly Body[]) => ids.every((id) => open.some((order) => order.client_order_id === id));
  await until("open orders at the broker", () => bot.simulator.openOrders(), areOpen, STEP_MS);
  return ids;
}

async function kill(bot: BotProcess): Promise<Body> {
  const answer = await bot.call("POST", "/api/v1/risk/kill", { body: { reason: "drill" } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function venueSeconds(bot: BotProcess): Promise<number> {
  return Date.parse((await bot.simulator.get("/v2/clock")).timestamp) / 1000;
}

/** The number of orders that the broker has ever had stays the same while the market goes on. */
async function assertQuiet(bot: BotProcess): Promise<void> {
  const { orders } = await bot.simulator.ledger();
  const endSeconds = (await venueSeconds(bot)) + QUIET_SECONDS;
  await until(
    "venue time that has passed",
    () => venueSeconds(bot),
    (seconds) => seconds > endSeconds,
    60_000,
  );
  assert.equal((await bot.simulator.ledger()).orders, orders);
}

async function isSuspended(bot: BotProcess): Promise<boolean> {
  return (await bot.simulator.get("/v2/account/configurations")).suspend_trade;
}

const accountState = (risk: Body): string | undefined =>
  risk.states.find((row: Body) => row.scope === "account")?.state;

const BUY = { symbol: SYMBOL, side: "buy", type: "market", time_in_force: "gtc", quantity: "0.01" };

describe("the kill switch", () => {
  it("cancels everything, stops trading over a restart, and is lifted by hand", async (t) => {
    const bot = await BotProcess.start(t, { args: FASTER });
    await bot.trading();
    await bot.eventually("/api/v1/trades", (trades) => trades.items.length > 0, 120_000);
    const ids = await placeResting(bot, 3);

    const report = await kill(bot);
    await until(
      "no open order at the broker",
      () => bot.simulator.openOrders(),
      (open) => open.length === 0,
      KILL_MS,
    );
    assert.ok(report.cancel_requested >= ids.length);
    assert.deepEqual(
      { ...report, cancel_requested: 3 },
      { state: "halted", cancel_requested: 3, journalled: true, broker_suspended: true, broker_cancelled: true },
    );
    assert.equal(await isSuspended(bot), true);
    assert.equal(accountState(await bot.get("/api/v1/risk")), "halted");
    for (const id of ids) {
      await bot.eventually(`/api/v1/orders/${id}`, (order) => order.state === "canceled", STEP_MS);
    }
    const refused = await bot.order("after", BUY);
    assert.equal(refused.status, 409);
    assert.equal(refused.body.code, "TRADING_HALTED");
    await assertQuiet(bot);
    assert.deepEqual(await bot.stop(), { code: 0, signal: null });

    const next = await bot.again();
    await next.trading();
    assert.equal(accountState(await next.get("/api/v1/risk")), "halted");
    assert.equal(await isSuspended(next), true);
    await assertQuiet(next);

    const resumed = await next.call("POST", "/api/v1/risk/resume", { body: { reason: "drill over" } });
    assert.equal(resumed.status, 200, JSON.stringify(resumed.body));
    assert.equal(accountState(resumed.body), "active");
    assert.equal(await isSuspended(next), false);
    const again = await next.order("resumed", BUY);
    assert.equal(again.status, 202, JSON.stringify(again.body));
    const path = `/api/v1/orders/${again.body.client_order_id}`;
    await next.eventually(path, (order) => order.state === "filled", STEP_MS);
    const { orders } = await next.simulator.ledger();
    await until(
      "strategies that trade again",
      () => next.simulator.ledger(),
      (ledger) => ledger.orders > orders,
      120_000,
    );
  });

  it("works when the database is gone", async (t) => {
    const { bot, stopDatabase } = await botOnPostgres(t);
    await bot.trading();
    const ids = await placeResting(bot, 2);
    await stopDatabase();

    const report = await kill(bot);
    await until(
      "no open order at the broker",
      () => bot.simulator.openOrders(),
      (open) => open.length === 0,
      KILL_MS,
    );
    assert.ok(report.cancel_requested >= ids.length);
    assert.deepEqual(
      { ...report, cancel_requested: 2 },
      { state: "halted", cancel_requested: 2, journalled: false, broker_suspended: true, broker_cancelled: true },
    );
    assert.equal(await isSuspended(bot), true);
    await assertQuiet(bot);
    const ready = await bot.call("GET", "/ready");
    assert.equal(ready.status, 200);
    assert.equal(ready.body.state, "degraded");
    assert.deepEqual(await bot.stop(), { code: 0, signal: null });
  });
});

async function botOnPostgres(t: TestContext): Promise<{ bot: BotProcess; stopDatabase: () => Promise<void> }> {
  const postgres = await startPostgres();
  let stopped: Promise<void> | null = null;
  const stopDatabase = (): Promise<void> => (stopped ??= postgres.stop());
  atEnd(t, stopDatabase);
  const dataDir = temporaryDirectory(t);
  const argv = ["key", "create", "--json", "--name", "drill", "--role", "admin", "--data-dir", dataDir];
  const program = new Program(t, argv, { DATABASE_URL: postgres.url });
  assert.equal((await program.end()).code, 0, program.tail());
  const { key } = JSON.parse(program.stdout);
  return { bot: await BotProcess.start(t, { dataDir, databaseUrl: postgres.url, key, args: FASTER }), stopDatabase };
}
