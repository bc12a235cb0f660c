/** What replicas hear of each other through a real Redis. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, it, type TestContext } from "node:test";
import type { StreamEvent } from "../../src/api/bot-port.ts";
import type { Cache } from "../../src/cache/cache.ts";
import { skipWithoutRedis, TEST_REDIS_URL } from "../support/database.ts";
import { until } from "../e2e/wait.ts";
import { fill, openRedisCache, order, ownerState, quote } from "./samples.ts";

const WAIT_MS = 10_000;

type Open = () => Cache;

describe("replicas that hear of each other", { skip: skipWithoutRedis }, () => {
  /** Members that are closed at the end of the test, the first of which leads. */
  async function members(scope: TestContext): Promise<{ owner: Cache; standby: Cache; open: Open }> {
    const bookId = randomBytes(8).toString("hex");
    const open = () => {
      const cache = openRedisCache(TEST_REDIS_URL as string, bookId);
      scope.after(() => cache.close());
      return cache;
    };
    const [owner, standby] = [open(), open()];
    await usable(owner);
    await usable(standby);
    owner.lead(7n);
    return { owner, standby, open };
  }

  it("give one that stands by the owner's state, and then every event", async (scope) => {
    const { owner, standby } = await members(scope);
    const { events, restarts } = listen(standby);
    assert.equal(standby.latest(), null);
    owner.setState(ownerState([quote("DEMO", 10)]));
    const first = await until("a mirror", () => standby.latest(), Boolean, WAIT_MS);
    assert.deepEqual(first, { ...ownerState([quote("DEMO", 10)]), generation: 7n });
    assert.equal(restarts(), 1);
    const sent = [quote("DEMO", 11), order("a", "accepted"), fill("f1"), fill("f2")];
    for (const event of sent) owner.publish(event);
    await until(
      "the events",
      () => events,
      (found) => found.length === sent.length,
      WAIT_MS,
    );
    assert.deepEqual(events, sent);
    assert.deepEqual(standby.latest()?.events, [quote("DEMO", 11), order("a", "accepted")]);
    owner.publish(order("a", "filled"));
    await until(
      "the end of the order",
      () => standby.latest()?.events,
      (found) => found?.length === 1,
      WAIT_MS,
    );
    owner.setState(ownerState([quote("DEMO", 12)]));
    await until(
      "the state",
      () => standby.latest()?.events,
      (found) => bid(found) === 12,
      WAIT_MS,
    );
    assert.equal(restarts(), 1, "a state that joins is no restart");
  });

  it("tell nothing while they stand by, and hear nothing of themselves", async (scope) => {
    const { owner, standby } = await members(scope);
    const heard = listen(owner);
    standby.publish(quote("DEMO", 1));
    standby.setState(ownerState([quote("DEMO", 1)]));
    owner.setState(ownerState([]));
    owner.publish(quote("DEMO", 2));
    await until(
      "a quote",
      () => standby.latest()?.events,
      (found) => bid(found) === 2,
      WAIT_MS,
    );
    assert.deepEqual(heard.events, []);
    assert.equal(owner.latest(), null);
  });

  it("give a replica that starts later the latest state at once", async (scope) => {
    const { owner, standby, open } = await members(scope);
    owner.setState(ownerState([quote("DEMO", 10)]));
    await until("a mirror", () => standby.latest(), Boolean, WAIT_MS);
    await kept(open);
    const late = open();
    const found = await until("a mirror", () => late.latest(), Boolean, WAIT_MS);
    assert.equal(bid(found?.events), 10);
  });

  it("follow the owner of the later lease, and drop what an earlier one still says", async (scope) => {
    const { owner, standby, open } = await members(scope);
    const successor = open();
    await usable(successor);
    const { restarts } = listen(standby);
    owner.setState(ownerState([quote("DEMO", 10)]));
    await until("a mirror", () => standby.latest(), Boolean, WAIT_MS);
    successor.lead(8n);
    successor.setState(ownerState([quote("DEMO", 20)], "successor"));
    await until(
      "the successor",
      () => standby.latest()?.owner,
      (name_) => name_ === "successor",
      WAIT_MS,
    );
    assert.equal(restarts(), 2);
    owner.setState(ownerState([quote("DEMO", 11)]));
    successor.publish(quote("DEMO", 21));
    await until(
      "the quote",
      () => bid(standby.latest()?.events),
      (found) => found === 21,
      WAIT_MS,
    );
    assert.equal(standby.latest()?.generation, 8n);
    owner.follow();
    const back = await until("its mirror", () => owner.latest() ?? again(successor), isState, WAIT_MS);
    assert.equal(back?.owner, "successor");
  });

  it("tell each other that the lease was given back", async (scope) => {
    const { owner, standby } = await members(scope);
    let own = 0;
    let heard = 0;
    owner.onReleased(() => own++);
    const end = standby.onReleased(() => heard++);
    await owner.hintReleased();
    await until(
      "the hint",
      () => heard,
      (count) => count === 1,
      WAIT_MS,
    );
    end();
    let second = 0;
    standby.onReleased(() => second++);
    owner.follow();
    await owner.hintReleased();
    await until(
      "the hint",
      () => second,
      (count) => count === 1,
      WAIT_MS,
    );
    assert.equal(heard, 1);
    assert.equal(own, 0);
  });
});

function again(owner: Cache): null {
  owner.setState(ownerState([quote("DEMO", 22)], "successor"));
  return null;
}

function isState(value: { readonly owner: string } | null): boolean {
  return value !== null;
}

/** A replica that is started and stopped until it finds a state: writing the key is not answered to the owner's caller. */
async function kept(open: Open): Promise<void> {
  const probe = open();
  await until("a state that is kept", () => probe.latest(), Boolean, WAIT_MS);
}

async function usable(cache: Cache): Promise<void> {
  await until(
    "a connection",
    () => cache.health()?.state ?? "ok",
    (state) => state === "ok",
    WAIT_MS,
  );
}

function listen(cache: Cache): { readonly events: StreamEvent[]; readonly restarts: () => number } {
  const events: StreamEvent[] = [];
  let restarts = 0;
  cache.onEvent((event) => events.push(event));
  cache.onRestart(() => restarts++);
  return { events, restarts: () => restarts };
}

function bid(events: readonly StreamEvent[] | undefined): number | null {
  const found = events?.find((event) => event.channel === "quotes");
  return found?.channel === "quotes" ? found.data.bid : null;
}
