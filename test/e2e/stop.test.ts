/** A bot that is told to stop at an address that others reach: what it still does, in which order, and how soon it is gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { BotProcess } from "./bot-process.ts";
import { CrashSimulator, makeKey } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Scope, until, within } from "./wait.ts";

const WAIT_MS = 60_000;
/** From the signal to the end, as the design promises. */
const STOP_MS = 30_000;
/** Readers are sent away within this time of the signal; the rest is for what comes before. */
const SPREAD_MS = 10_000 + 5000;
const RESTARTING = 1012;
const SPEED = 10;
const READERS = 5;

async function reachableBot(scope: Scope): Promise<BotProcess> {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const key = await makeKey(database.url);
  const file = join(temporaryDirectory(scope), "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const env = { ...simulator.env(SPEED), BIND_ADDRESS: "0.0.0.0" };
  const bot = await BotProcess.start(scope, { databaseUrl: database.url, env, key });
  await bot.program.says(/"msg":"trading"/, WAIT_MS);
  return bot;
}

/** One request over the agent's connections. */
async function ask(agent: Agent, port: number, path: string, key: string): Promise<IncomingMessage> {
  const headers = { authorization: `Bearer ${key}` };
  const request = get({ agent, port, path, host: "127.0.0.1", headers });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  answer.resume();
  await once(answer, "end");
  return answer;
}

test("a bot that is told to stop is unready at once, answers what still comes, and sends its readers away", {
  skip: skipWithoutDatabase,
  timeout: 240_000,
}, async (scope) => {
  const bot = await reachableBot(scope);
  const key = bot.key as string;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = await ask(agent, bot.ports.api, "/api/v1/positions", key);
  assert.equal(before.headers.connection, "keep-alive");
  const closings: Promise<{ code: number; atMs: number }>[] = [];
  for (let reader = 0; reader < READERS; reader++) {
    const socket = new WebSocket(`ws://127.0.0.1:${bot.ports.ws}/stream`, "json", {
      headers: { authorization: `Bearer ${key}` },
    });
    await once(socket, "open");
    closings.push(once(socket, "close").then(([code]) => ({ code, atMs: performance.now() })));
  }

  bot.program.signal("SIGTERM");
  const startMs = performance.now();
  await until(
    "unreadiness",
    async () => (await bot.call("GET", "/ready")).status,
    (status) => status === 503,
    1000,
    () => bot.program.tail(),
  );
  assert.equal((await bot.call("GET", "/ready")).body.state, "draining");
  // The connection from before is used once more, answered, and ended.
  const kept = await ask(agent, bot.ports.api, "/api/v1/positions", key);
  assert.equal(kept.statusCode, 200);
  assert.equal(kept.headers.connection, "close");
  await bot.program.says(/"msg":"trading stopped"/, WAIT_MS);
  for (let second = 0; second < 3; second++) {
    assert.equal((await bot.call("GET", "/health")).status, 200);
    assert.equal((await bot.call("GET", "/api/v1/orders")).status, 200);
  }

  const closed = await within("readers sent away", Promise.all(closings), SPREAD_MS, () => bot.program.tail());
  assert.deepEqual(
    closed.map(({ code }) => code),
    Array(READERS).fill(RESTARTING),
  );
  const moments = closed.map(({ atMs }) => atMs);
  assert.ok(Math.max(...moments) - Math.min(...moments) > 1000, "not all at once");
  const exit = await bot.program.end(STOP_MS);
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.ok(performance.now() - startMs < STOP_MS);
  agent.destroy();
});

test("a second signal ends the bot at once", { skip: skipWithoutDatabase, timeout: 180_000 }, async (scope) => {
  const bot = await reachableBot(scope);
  bot.program.signal("SIGTERM");
  await bot.program.says(/"msg":"trading stopped"/, WAIT_MS);
  bot.program.signal("SIGTERM");
  const exit = await within("the end", bot.program.end(), 3000, () => bot.program.tail());
  assert.deepEqual(exit, { code: 143, signal: null });
});
