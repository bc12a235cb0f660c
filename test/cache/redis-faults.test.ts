/** What the cache says and does when its Redis is away, in the wrong state, frozen, or talks nonsense. Real servers. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { RedisCache, RedisCacheOptions } from "../../src/cache/redis-cache.ts";
import { encodeMessage } from "../../src/cache/message.ts";
import { until } from "../e2e/wait.ts";
import { RedisServer, skipWithoutRedisServer } from "../support/redis-server.ts";
import { openRedisCache, ownerState, quote } from "./samples.ts";

const WAIT_MS = 15_000;
/** With what a URL has to escape. */
const PASSWORD = "correct horse/%41@";
/** No call on the trading path may take longer, ms: a call that waited for a server would take a second. */
const CALL_MS_MAX = 100;

describe("the cache with a Redis that has a fault", { skip: skipWithoutRedisServer }, () => {
  const bookId = randomBytes(8).toString("hex");

  interface Opened {
    readonly cache: RedisCache;
    /** Every change of the fault, in order. */
    readonly told: (string | null)[];
  }

  function open(scope: TestContext, url: string, password: string | null = null): Opened {
    const told: (string | null)[] = [];
    const config: RedisCacheOptions["config"] = { url, sentinels: [], masterName: "mymaster", password };
    const cache = openRedisCache(url, bookId, { config, onFault: (fault) => told.push(fault) });
    scope.after(() => cache.close());
    return { cache, told };
  }

  const becomes = (cache: RedisCache, state: string) =>
    until(
      `the state ${state}`,
      () => cache.reading().state,
      (found) => found === state,
      WAIT_MS,
    );

  it("waits for one that is not there, and says so once", async (scope) => {
    const server = await RedisServer.create(scope);
    const { cache, told } = open(scope, server.url);
    await becomes(cache, "unreachable");
    await until(
      "a fault that is told",
      () => told.length,
      (count) => count > 0,
      WAIT_MS,
    );
    assert.equal(cache.health().state, "degraded");
    cache.lead(1n);
    cache.setState(ownerState([]));
    assert.equal(cache.reading().lostMessages, 1);
    await server.start();
    await becomes(cache, "ok");
    assert.deepEqual(told, ["unreachable", null]);
    assert.deepEqual(cache.health(), { name: "redis", ok: true, state: "ok", detail: "connected" });
  });

  it("comes back after a restart, and those that stand by get a fresh snapshot", async (scope) => {
    const server = await RedisServer.start(scope);
    const [owner, standby] = [open(scope, server.url), open(scope, server.url)];
    await becomes(owner.cache, "ok");
    await becomes(standby.cache, "ok");
    owner.cache.lead(1n);
    owner.cache.setState(ownerState([quote("DEMO", 1)]));
    await until("a mirror", () => standby.cache.latest(), Boolean, WAIT_MS);
    let restarts = 0;
    standby.cache.onRestart(() => restarts++);
    await server.kill();
    await becomes(owner.cache, "unreachable");
    await becomes(standby.cache, "unreachable");
    owner.cache.publish(quote("DEMO", 2));
    await until(
      "no mirror",
      () => standby.cache.latest(),
      (found) => found === null,
      WAIT_MS,
    );
    assert.equal(restarts, 1);
    await server.start();
    await becomes(owner.cache, "ok");
    await becomes(standby.cache, "ok");
    const share = () => {
      owner.cache.setState(ownerState([quote("DEMO", 3)]));
      return standby.cache.latest();
    };
    await until("a mirror again", share, Boolean, WAIT_MS);
    assert.equal(restarts, 2);
    assert.deepEqual(owner.told.slice(-2), ["unreachable", null]);
  });

  it("does not wait for one that stands still", async (scope) => {
    const server = await RedisServer.start(scope);
    const { cache, told } = open(scope, server.url);
    await becomes(cache, "ok");
    cache.lead(1n);
    server.signal("SIGSTOP");
    const startedMs = performance.now();
    for (let i = 0; i < 1_000; i++) {
      cache.publish(quote(`S${i}`, i));
      cache.setState(ownerState([]));
    }
    const hinted = cache.hintReleased();
    assert.ok(performance.now() - startedMs < 10 * CALL_MS_MAX, `${performance.now() - startedMs} ms`);
    await becomes(cache, "unreachable");
    await hinted;
    assert.ok(cache.reading().publishedMessages <= 64, "unanswered messages are bounded");
    server.signal("SIGCONT");
    await becomes(cache, "ok");
    assert.deepEqual(told, [null, "unreachable", null]);
  });

  it("says that the password is wrong, and tries again", async (scope) => {
    const server = await RedisServer.start(scope, { password: PASSWORD });
    const wrong = open(scope, server.url, "not-it");
    const none = open(scope, server.url);
    await becomes(wrong.cache, "wrong_password");
    await becomes(none.cache, "wrong_password");
    assert.match(wrong.cache.health().detail, /REDIS_PASSWORD/);
    assert.doesNotMatch(JSON.stringify([wrong.cache.health(), wrong.told]), /not-it/);
    const right = open(scope, server.url.replace("//", "//default:not-it@"), PASSWORD);
    await becomes(right.cache, "ok");
    const inUrl = open(scope, server.url.replace("//", `//:${encodeURIComponent(PASSWORD)}@`));
    await becomes(inUrl.cache, "ok");
    await server.command("CONFIG", "SET", "requirepass", "not-it");
    await becomes(wrong.cache, "ok");
    assert.deepEqual(wrong.told, ["wrong_password", null]);
  });

  it("says that it loads its data", async (scope) => {
    const server = await RedisServer.start(scope);
    await server.command("EVAL", "for i = 1, 3000 do redis.call('SET', 'key:' .. i, 'value') end", "0");
    await server.command("SAVE");
    await server.kill();
    const slow = await RedisServer.create(scope, {
      port: server.port,
      args: ["--dir", server.folder, "--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"],
    });
    const { cache, told } = open(scope, server.url);
    await until(
      "a fault that is told",
      () => told.length,
      (count) => count > 0,
      WAIT_MS,
    );
    await slow.start(true);
    await becomes(cache, "loading");
    await becomes(cache, "ok");
    assert.deepEqual(told, ["unreachable", "loading", null]);
  });

  it("says that it is a replica", async (scope) => {
    const master = await RedisServer.start(scope);
    const replica = await RedisServer.start(scope, { args: ["--replicaof", "127.0.0.1", String(master.port)] });
    const { cache, told } = open(scope, replica.url);
    await becomes(cache, "read_only");
    await replica.command("REPLICAOF", "NO", "ONE");
    await becomes(cache, "ok");
    assert.deepEqual(told, ["read_only", null]);
  });

  it("says that it takes no writes for want of replicas; events still reach the others", async (scope) => {
    const server = await RedisServer.start(scope, { args: ["--min-replicas-to-write", "1"] });
    const [owner, standby] = [open(scope, server.url), open(scope, server.url)];
    await becomes(owner.cache, "ok");
    await becomes(standby.cache, "ok");
    owner.cache.lead(1n);
    owner.cache.setState(ownerState([quote("DEMO", 1)]));
    await becomes(owner.cache, "no_replicas");
    await until("a mirror", () => standby.cache.latest(), Boolean, WAIT_MS);
    await server.command("CONFIG", "SET", "min-replicas-to-write", "0");
    const again = () => {
      owner.cache.setState(ownerState([quote("DEMO", 1)]));
      return owner.cache.reading().state;
    };
    await until("the end of it", again, (state) => state === "ok", WAIT_MS);
    assert.deepEqual(owner.told, [null, "no_replicas", null]);
  });

  it("counts and drops what is malformed, foreign or of an earlier owner", async (scope) => {
    const server = await RedisServer.start(scope);
    const { cache } = open(scope, server.url);
    await becomes(cache, "ok");
    const channel = `algo-trading-bot:${bookId}:stream`;
    const head = { publisher: "00112233445566aa", number: 1 };
    const good = encodeMessage({ ...head, generation: 5n, kind: "state", state: ownerState([quote("DEMO", 1)]) });
    const stale = encodeMessage({ ...head, publisher: "ff112233445566aa", generation: 4n, kind: "events", events: [] });
    const publisher = openRedisCache(server.url, "another-book");
    scope.after(() => publisher.close());
    await becomes(publisher, "ok");
    publisher.lead(9n);
    publisher.setState(ownerState([quote("FOREIGN", 1)]));
    for (const bytes of [Buffer.from("nonsense"), Buffer.alloc(0), good, stale]) {
      await server.command("PUBLISH", channel, Buffer.from(bytes as Uint8Array));
    }
    const reading = await until(
      "four messages",
      () => cache.reading(),
      (found) => found.receivedMessages === 4,
      WAIT_MS,
    );
    assert.equal(reading.droppedMessages, 3);
    assert.equal(cache.latest()?.events.length, 1);
    assert.equal(cache.latest()?.generation, 5n);
  });
});
