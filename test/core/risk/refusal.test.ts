import assert from "node:assert/strict";
import { it } from "node:test";
import * as refusals from "../../../src/core/risk/refusal.ts";

const { REFUSAL_COUNT, REFUSAL_NONE, REFUSAL_OTHER, refusalCode, refusalNumber, refusalsByCode } = refusals;

const numbers = Object.entries(refusals)
  .filter(([name]) => name.startsWith("REFUSAL_") && name !== "REFUSAL_COUNT")
  .map(([name, value]) => [name.slice("REFUSAL_".length), Number(value)] as const);

it("every number has the code of its name, and no number is used twice", () => {
  assert.equal(new Set(numbers.map(([, number]) => number)).size, numbers.length);
  for (const [name, number] of numbers) {
    assert.ok(number < REFUSAL_COUNT);
    if (number === REFUSAL_NONE) continue;
    assert.equal(refusalCode(number), name);
    assert.equal(refusalNumber(name), number);
  }
});

it("what the table does not name is other", () => {
  assert.equal(refusalCode(39), "OTHER");
  assert.equal(refusalNumber("SOMETHING_NEW"), REFUSAL_OTHER);
});

it("counts are told by code, zeros left out", () => {
  const counts = new Float64Array(REFUSAL_COUNT);
  counts[refusalNumber("FEED_STALE")] = 3;
  counts[39] = 1;
  counts[REFUSAL_OTHER] = 2;
  assert.deepEqual(refusalsByCode(counts), { FEED_STALE: 3, OTHER: 3 });
});
