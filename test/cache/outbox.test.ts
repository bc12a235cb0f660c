import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EVENTS_MAX, Outbox } from "../../src/cache/outbox.ts";
import { fill, order, quote } from "./samples.ts";

describe("events that wait to be sent", () => {
  it("keep the latest of each key and every one without, in the order of the latest", () => {
    const outbox = new Outbox();
    const sent = [quote("A", 1), fill("f1"), order("o", "accepted"), quote("B", 1), fill("f2"), quote("A", 2)];
    for (const event of sent) assert.equal(outbox.add(event), true);
    assert.deepEqual(outbox.take(), [fill("f1"), order("o", "accepted"), quote("B", 1), fill("f2"), quote("A", 2)]);
    assert.equal(outbox.empty, true);
    assert.deepEqual(outbox.take(), []);
  });

  it("are dropped altogether when there are too many", () => {
    const outbox = new Outbox();
    for (let i = 0; i < EVENTS_MAX; i++) assert.equal(outbox.add(fill(`f${i}`)), true);
    assert.equal(outbox.add(fill("one more")), false);
    assert.equal(outbox.empty, true);
  });
});
