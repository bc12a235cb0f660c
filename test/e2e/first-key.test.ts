/** A bot on an address that others can reach, before there is an API key: it is ready, tells nothing, and waits for one. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";
import { BotProcess } from "./bot-process.ts";
import { Program, temporaryDirectory } from "./program.ts";
import { atEnd, type Scope, until } from "./wait.ts";

const WAIT_MS = 60_000;
/** Nothing listens there: neither broker nor Redis is needed to be ready. */
const NOWHERE = "127.0.0.1:9";

/** The environment of a container: parts of the database's address, user and password as mounted files. */
function mountedEnvironment(scope: Scope, databaseUrl: string): Record<string, string> {
  const url = new URL(databaseUrl);
  const folder = temporaryDirectory(scope);
  const mount = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, `${text}\n`);
    return file;
  };
  const password = decodeURIComponent(url.password);
  return {
    BIND_ADDRESS: "0.0.0.0",
    DATABASE_HOST: url.hostname,
    DATABASE_PORT: url.port,
    DATABASE_NAME: url.pathname.slice(1),
    DATABASE_USER_FILE: mount("DATABASE_USER", decodeURIComponent(url.username)),
    ...(password === "" ? {} : { DATABASE_PASSWORD_FILE: mount("DATABASE_PASSWORD", password) }),
    ALPACA_BASE_URL: `http://${NOWHERE}`,
  };
}

test("a reachable bot without a key refuses to start, or with START_WITHOUT_KEY waits for one to be made", {
  skip: skipWithoutDatabase,
  timeout: 180_000,
}, async (scope) => {
  const database = await createTestDatabase();
  atEnd(scope, () => database.drop());
  const env = mountedEnvironment(scope, database.url);

  const refused = await BotProcess.launch(scope, { env });
  assert.equal((await refused.program.end(WAIT_MS)).code, 2);
  assert.match(refused.program.stderr, /BIND_ADDRESS 0\.0\.0\.0 .*key create.*START_WITHOUT_KEY=true/);

  const bot = await BotProcess.launch(scope, { env: { ...env, START_WITHOUT_KEY: "true" } });
  await bot.program.says(/started without an API key.*key create/, WAIT_MS);
  const status = async (path: string) => (await bot.call("GET", path)).status;
  await until(
    "readiness",
    () => status("/ready").catch(() => 0),
    (code) => code === 200,
    WAIT_MS,
  );
  assert.equal(await status("/health"), 200);
  for (const path of ["/", "/docs/", "/api/v1/orders", "/nowhere"]) assert.equal(await status(path), 401, path);

  const create = new Program(scope, ["key", "create", "--name", "desk", "--role", "admin"], env);
  assert.equal((await create.end(WAIT_MS)).code, 0, create.tail());
  const headers = { authorization: `Bearer ${create.stdout.trim()}` };
  await until(
    "the key to be known",
    () => status("/api/v1/page-config"),
    (code) => code === 200,
    WAIT_MS,
  );
  assert.equal((await bot.call("GET", "/api/v1/orders", { headers })).status, 200);
  assert.equal(await status("/api/v1/orders"), 401);
  assert.equal((await bot.stop()).code, 0);
});
