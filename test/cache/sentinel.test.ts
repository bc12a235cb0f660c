/** Three Redis servers with a Sentinel each, with passwords, as on a cluster: the master goes while events stream. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { StreamEvent } from "../../src/api/bot-port.ts";
import type { RedisCache } from "../../src/cache/redis-cache.ts";
import { atEnd, until } from "../e2e/wait.ts";
import { RedisServer, skipWithoutRedisServer } from "../support/redis-server.ts";
import { fill, openRedisCache, ownerState, quote } from "./samples.ts";

const PASSWORD = "correct-horse";
const WAIT_MS = 20_000;
/** Down after 1 s, then the election, then the connections: well within what the design gives a relay that is lost. */
const FAIL_OVER_MS = 15_000;
const SHARE_EVERY_MS = 1_000;
const EVENT_EVERY_MS = 20;

interface RedisSet {
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  master(): Promise<RedisServer>;
}

describe("the cache with Redis and Sentinel", { skip: skipWithoutRedisServer, timeout: 180_000 }, () => {
  it("goes on with the new master when the old one is killed, and then freezes, while events stream", async (scope) => {
    const set = await startSet(scope);
    const bookId = randomBytes(8).toString("hex");
    const [owner, standby] = [open(scope, set, bookId), open(scope, set, bookId)];
    for (const { reading } of [owner, standby].map((cache) => ({ reading: () => cache.reading().state }))) {
      await until("a connection", reading, (state) => state === "ok", WAIT_MS);
    }
    const heard: StreamEvent[] = [];
    let restarts = 0;
    standby.onEvent((event) => heard.push(event));
    standby.onRestart(() => restarts++);
    const slowestMs = stream(scope, owner);
    await until(
      "events",
      () => heard.length,
      (count) => count > 10,
      WAIT_MS,
    );
    assert.equal(restarts, 1);

    for (const fault of ["SIGKILL", "SIGSTOP"] as const) {
      const old = await set.master();
      const restartsBefore = restarts;
      const startedMs = performance.now();
      old.signal(fault);
      await until(
        "another master",
        () => set.master(),
        (master) => master.port !== old.port,
        FAIL_OVER_MS,
      );
      await until(
        "a fresh snapshot",
        () => restarts,
        (count) => count > restartsBefore,
        FAIL_OVER_MS,
      );
      const heardBefore = heard.length;
      await until(
        "events again",
        () => heard.length,
        (count) => count > heardBefore + 10,
        FAIL_OVER_MS,
      );
      scope.diagnostic(`${fault}: events again after ${Math.round(performance.now() - startedMs)} ms`);
      await until(
        "both well",
        () => [owner, standby].map((c) => c.reading().state).join(),
        (s) => s === "ok,ok",
        WAIT_MS,
      );
      // It comes back as a replica, and nobody stays with it.
      if (fault === "SIGKILL") await old.start();
      else old.signal("SIGCONT");
      await until(
        "a replica",
        () => old.command("ROLE"),
        (role) => Array.isArray(role) && role[0] === "slave",
        WAIT_MS,
      );
      const later = heard.length;
      await until(
        "events all the time",
        () => heard.length,
        (count) => count > later + 50,
        WAIT_MS,
      );
    }
    assert.ok(slowestMs() < 200, `the slowest call took ${slowestMs()} ms`);
    assert.ok(standby.latest() !== null);
  });

  it("says when the Sentinels refuse the password", async (scope) => {
    const set = await startSet(scope);
    const cache = open(scope, set, "book", "not-it");
    await until(
      "a fault",
      () => cache.reading().state,
      (state) => state === "wrong_password",
      WAIT_MS,
    );
  });

  it("waits for Sentinels that are not there", async (scope) => {
    const set = await startSet(scope);
    for (const sentinel of set.sentinels) await sentinel.kill();
    const cache = open(scope, set, "book");
    await until(
      "a fault",
      () => cache.health().state,
      (state) => state === "degraded",
      WAIT_MS,
    );
    for (const sentinel of set.sentinels) await sentinel.start();
    await until(
      "a connection",
      () => cache.reading().state,
      (state) => state === "ok",
      WAIT_MS,
    );
  });
});

/** An owner that shows something all the time; gives how long the slowest of its calls took, ms. */
function stream(scope: TestContext, owner: RedisCache): () => number {
  let slowestMs = 0;
  let count = 0;
  const timed = (work: () => void) => {
    const startedMs = performance.now();
    work();
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
  };
  owner.lead(3n);
  owner.setState(ownerState([quote("DEMO", 1)]));
  const timers = [
    setInterval(() => timed(() => owner.setState(ownerState([quote("DEMO", count)]))), SHARE_EVERY_MS),
    setInterval(() => timed(() => owner.publish(fill(`f${++count}`))), EVENT_EVERY_MS),
  ];
  atEnd(scope, () => timers.forEach((timer) => clearInterval(timer)));
  return () => slowestMs;
}

function open(scope: TestContext, set: RedisSet, bookId: string, password = PASSWORD): RedisCache {
  const sentinels = set.sentinels.map(({ port }) => ({ host: "127.0.0.1", port }));
  const cache = openRedisCache("", bookId, { config: { url: null, sentinels, masterName: "mymaster", password } });
  atEnd(scope, () => cache.close());
  return cache;
}

async function startSet(scope: TestContext): Promise<RedisSet> {
  const first = await RedisServer.start(scope, { password: PASSWORD });
  const args = ["--replicaof", "127.0.0.1", String(first.port)];
  const servers = [first];
  for (let i = 0; i < 2; i++) servers.push(await RedisServer.start(scope, { password: PASSWORD, args }));
  const sentinels: RedisServer[] = [];
  for (let i = 0; i < 3; i++) {
    const sentinel = await RedisServer.sentinel(scope, first.port, PASSWORD);
    await sentinel.start();
    sentinels.push(sentinel);
  }
  const agreed = async () => {
    const answers = await Promise.all(sentinels.map((one) => one.command("SENTINEL", "CKQUORUM", "mymaster")));
    const replicas = await Promise.all(sentinels.map((one) => one.command("SENTINEL", "REPLICAS", "mymaster")));
    return (
      answers.every((text) => String(text).startsWith("OK 3")) &&
      replicas.every((all) => (all as readonly unknown[]).length === 2)
    );
  };
  await until("Sentinels that know each other and all replicas", agreed, Boolean, WAIT_MS);
  const master = async () => {
    const address = await (sentinels[0] as RedisServer).command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster");
    const port = Number((address as readonly string[])[1]);
    return servers.find((server) => server.port === port) as RedisServer;
  };
  return { servers, sentinels, master };
}
