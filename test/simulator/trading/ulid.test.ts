import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventUlid, isUlid } from "../../../src/simulator/trading/ulid.ts";

describe("the ULID of an event", () => {
  it("begins with its time: the example of the ulid package", () => {
    // ulid(1469918176385) is 01ARYZ6S41TSV4RRFFQ69G5FAV there: ten digits of time, sixteen of chance.
    const id = eventUlid(1_469_918_176_385_000, 1);
    assert.equal(id, "01ARYZ6S410000000000000001");
    assert.ok(isUlid(id));
  });

  it("sorts by time, then by number", () => {
    const ids = [eventUlid(1000, 1), eventUlid(1000, 2), eventUlid(1000, 31), eventUlid(1000, 32), eventUlid(2000, 3)];
    assert.deepEqual(ids.toSorted(), ids);
    assert.ok(!isUlid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    assert.ok(!isUlid("01ARYZ6S41000000000000000I"));
  });
});
