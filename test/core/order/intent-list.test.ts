import assert from "node:assert/strict";
import { it } from "node:test";
import { INTENT_LANES, INTENT_ORDER, INTENT_STATE, IntentBuffer } from "../../../src/core/order/intent.ts";
import { hashIntents, IntentHash, IntentList } from "../../../src/core/order/intent-list.ts";

/** Two intents, each lane with another number. */
function sample(kind = INTENT_ORDER): IntentBuffer {
  const intents = IntentBuffer.allocate(2);
  for (let slot = 0; slot < 2; slot++) {
    for (let lane = 1; lane < INTENT_LANES; lane++) intents.f64[slot * INTENT_LANES + lane] = slot * 100 + lane;
    intents.u8[slot * 128] = kind;
  }
  return intents;
}

it("the hash follows every bit that decides, and none of latency or of the ring's history", () => {
  const whole = hashIntents(sample(), 2);
  assert.match(whole, /^[0-9a-f]{16}$/);
  for (let bit = 0; bit < 128 * 8; bit++) {
    const changed = sample();
    changed.u8[128 + (bit >>> 3)] = (changed.u8[128 + (bit >>> 3)] as number) ^ (1 << (bit & 7));
    const lane = bit >>> 6;
    const decides = lane !== 5 && lane !== 13 && lane !== 14;
    assert.equal(hashIntents(changed, 2) !== whole, decides, `bit ${bit} of lane ${lane}`);
  }
});

it("the hash of a state record follows every bit of it", () => {
  const whole = hashIntents(sample(INTENT_STATE), 2);
  for (const lane of [5, 13, 14]) {
    const changed = sample(INTENT_STATE);
    changed.f64[lane] = 0.5;
    assert.notEqual(hashIntents(changed, 2), whole);
  }
});

it("the hash follows order and number, and is the same one by one", () => {
  const intents = sample();
  const hash = new IntentHash();
  hash.add(intents, 0);
  assert.equal(hash.hex(), hashIntents(intents, 1));
  hash.add(intents, 1);
  assert.equal(hash.hex(), hashIntents(intents, 2));
  assert.equal(hash.count, 2);
  const swapped = new IntentHash();
  swapped.add(intents, 1);
  swapped.add(intents, 0);
  assert.notEqual(swapped.hex(), hash.hex());
});

it("a list grows, keeps what it holds, and shows what is published", () => {
  const list = new IntentList({ capacity: 2 });
  for (let i = 0; i < 100; i++) {
    const slot = list.claim();
    list.intents.clear(slot);
    list.intents.u8[slot * 128] = i % 2 === 0 ? INTENT_STATE : INTENT_ORDER;
    list.intents.f64[slot * INTENT_LANES + 12] = i;
  }
  assert.equal(list.count, 0);
  list.publish();
  assert.equal(list.count, 100);
  assert.equal(list.orders().length, 50);
  for (let i = 0; i < 100; i++) assert.equal(list.intents.lane(i, 12), i);
  list.clear();
  assert.equal(list.count, 0);
});

it("a limited list says how much room there is", () => {
  const list = new IntentList({ limit: 3 });
  assert.equal(list.available(), 3);
  list.claim();
  assert.equal(list.available(), 2);
});
