import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StreamEvent } from "../../src/api/bot-port.ts";
import type { Message } from "../../src/cache/message.ts";
import { Mirror } from "../../src/cache/mirror.ts";
import { fill, order, ownerState, quote } from "./samples.ts";

const OWNER = { publisher: "0011223344556677", generation: 7n };
const NEXT = { publisher: "8899aabbccddeeff", generation: 8n };

function setUp() {
  const clock = { nowMs: 1000 };
  const events: StreamEvent[] = [];
  const counts = { restarts: 0 };
  const mirror = new Mirror({
    nowMs: () => clock.nowMs,
    onEvent: (event) => events.push(event),
    onRestart: () => counts.restarts++,
  });
  return { mirror, clock, events, counts };
}

type Sender = typeof OWNER;

function state(
  sender: Sender,
  number: number,
  events: readonly StreamEvent[],
  owner = "bot-0",
): Message & { kind: "state" } {
  return { ...sender, number, kind: "state", state: ownerState(events, owner) };
}

function batch(sender: Sender, number: number, ...events: StreamEvent[]): Message & { kind: "events" } {
  return { ...sender, number, kind: "events", events };
}

describe("the mirror of the owner", () => {
  it("knows nothing from events alone", () => {
    const { mirror, events, counts } = setUp();
    assert.equal(mirror.take(batch(OWNER, 1, quote("DEMO", 1))), true);
    assert.equal(mirror.latest(), null);
    assert.deepEqual([events.length, counts.restarts], [0, 0]);
  });

  it("passes on the events that join its state, each once", () => {
    const { mirror, events, counts } = setUp();
    mirror.take(state(OWNER, 5, [quote("DEMO", 1)]));
    mirror.take(batch(OWNER, 5, fill("old")));
    mirror.take(batch(OWNER, 6, fill("new")));
    mirror.take(batch(OWNER, 6, fill("again")));
    mirror.take(state(OWNER, 4, []));
    assert.deepEqual(events, [fill("new")]);
    assert.deepEqual(mirror.latest(), { ...ownerState([quote("DEMO", 1)]), generation: 7n });
    assert.deepEqual([counts.restarts, mirror.gaps], [1, 0]);
  });

  it("passes nothing on after a gap, until a state makes it whole", () => {
    const { mirror, events, counts } = setUp();
    mirror.take(state(OWNER, 1, []));
    mirror.take(batch(OWNER, 3, fill("a")));
    mirror.take(batch(OWNER, 4, fill("b")));
    assert.deepEqual([events.length, mirror.gaps, counts.restarts], [0, 1, 1]);
    mirror.take(state(OWNER, 5, [quote("DEMO", 2)]));
    assert.equal(counts.restarts, 2);
    mirror.take(batch(OWNER, 6, fill("c")));
    assert.deepEqual(events, [fill("c")]);
    mirror.take(state(OWNER, 9, []));
    assert.deepEqual([counts.restarts, mirror.gaps], [3, 2]);
  });

  it("is void when the owner is not heard of for five seconds, and a gap does not prolong it", () => {
    const { mirror, clock, counts } = setUp();
    mirror.take(state(OWNER, 1, []));
    clock.nowMs += 3000;
    mirror.take(batch(OWNER, 3));
    clock.nowMs += 2000;
    assert.equal(mirror.ageMs, 5000);
    assert.notEqual(mirror.latest(), null);
    clock.nowMs += 1;
    mirror.expire();
    assert.equal(mirror.latest(), null);
    assert.deepEqual([mirror.ageMs, counts.restarts], [null, 2]);
    mirror.expire();
    assert.equal(counts.restarts, 2);
  });

  it("counts the age that a state had when it was read", () => {
    const { mirror, clock } = setUp();
    mirror.take(state(OWNER, 1, []), 4000);
    assert.equal(mirror.ageMs, 4000);
    clock.nowMs += 1001;
    assert.equal(mirror.latest(), null);
  });

  it("follows a later lease from its first state on, and refuses the earlier one", () => {
    const { mirror, events, counts } = setUp();
    mirror.take(state(OWNER, 100, []));
    assert.equal(mirror.take(batch(NEXT, 1, fill("early"))), true);
    assert.equal(mirror.latest()?.generation, 7n);
    mirror.take(state(NEXT, 2, [], "bot-1"));
    assert.deepEqual([mirror.latest()?.owner, counts.restarts, mirror.gaps], ["bot-1", 2, 0]);
    assert.equal(mirror.take(batch(OWNER, 101, fill("late"))), false);
    assert.equal(mirror.take(state(OWNER, 102, [])), false);
    assert.deepEqual(events, []);
  });

  it("follows an owner whose lease counts from lower again once the other is not heard of", () => {
    const { mirror, clock } = setUp();
    mirror.take(state(NEXT, 1, []));
    clock.nowMs += 5001;
    assert.equal(mirror.take(state(OWNER, 1, [])), true);
    assert.equal(mirror.latest()?.generation, 7n);
  });

  it("forgets orders that have ended, and what a new state has not", () => {
    const { mirror } = setUp();
    mirror.take(state(OWNER, 1, [order("a", "accepted"), order("b", "accepted")]));
    mirror.take(batch(OWNER, 2, order("a", "canceled"), order("c", "sending")));
    assert.deepEqual(mirror.latest()?.events, [order("b", "accepted"), order("c", "sending")]);
    mirror.take(state(OWNER, 3, [order("c", "accepted")]));
    assert.deepEqual(mirror.latest()?.events, [order("c", "accepted")]);
  });
});
