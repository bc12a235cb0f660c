import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BotProcess, isAlive, simulatorChild } from "./bot-process.ts";
import { until } from "./wait.ts";

const END_MS = 10_000;
const TRADE_MS = 90_000;

describe("the bot's simulator", () => {
  it("outlives a bot that is killed, and the next one finds it with its account", async (t) => {
    const bot = await BotProcess.start(t);
    const child = simulatorChild(bot.dataDir);
    assert.ok(child !== null);
    const { account_id: account } = await bot.simulator.ledger();
    await bot.kill();
    assert.equal(isAlive(child.pid), true);

    const next = await bot.again();
    assert.deepEqual(simulatorChild(next.dataDir), child);
    assert.equal((await next.get("/api/v1/account")).broker_account_id, account);
    assert.deepEqual(await next.stop(), { code: 0, signal: null });
    assert.equal(isAlive(child.pid), false);
  });

  it("is started again when it dies alone, with its account, and the bot trades on", async (t) => {
    const bot = await BotProcess.start(t);
    await bot.trading();
    const child = simulatorChild(bot.dataDir);
    assert.ok(child !== null);
    const { account_id: account, orders } = await bot.simulator.ledger();
    bot.killSimulator();
    const next = await until(
      "another simulator",
      () => simulatorChild(bot.dataDir),
      (found) => found !== null && found.pid !== child.pid,
      TRADE_MS,
      () => bot.program.tail(),
    );
    assert.equal(next?.port, child.port);
    const ledger = await until(
      "an order at the new one",
      () => bot.simulator.ledger(),
      (found) => found.orders > orders,
      TRADE_MS,
      () => bot.program.tail(),
    );
    assert.equal(ledger.account_id, account);
    assert.deepEqual(await bot.stop(), { code: 0, signal: null });
    assert.equal(isAlive(next?.pid as number), false);
  });

  it("ends with the bot when it is not to be detached", async (t) => {
    const bot = await BotProcess.start(t, { env: { SIMULATOR_DETACHED: "false" } });
    const child = simulatorChild(bot.dataDir);
    assert.ok(child !== null);
    await bot.trading();
    assert.equal(isAlive(child.pid), true);
    await bot.kill();
    await until(
      "the simulator's end",
      () => isAlive(child.pid),
      (alive) => !alive,
      END_MS,
    );
  });
});
