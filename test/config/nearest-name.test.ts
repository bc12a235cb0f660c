import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearestName } from "../../src/config/nearest-name.ts";

const KNOWN = ["start", "simulator", "show-config", "sample-data"];

describe("the nearest known name", () => {
  it("forgives a missing, wrong, extra or swapped letter and the case", () => {
    for (const typed of ["strat", "star", "startt", "stbrt", "START"]) assert.equal(nearestName(typed, KNOWN), "start");
  });

  it("is nothing when no name is near", () => {
    assert.equal(nearestName("withdraw", KNOWN), null);
    assert.equal(nearestName("", KNOWN), null);
  });
});
