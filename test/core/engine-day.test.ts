import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { InstanceSpec } from "../../src/core/engine.ts";
import { FLAG_WARM_UP, KIND_TIMER, type RecordBuffer } from "../../src/core/market/record.ts";
import { INTENT_STATE } from "../../src/core/order/intent.ts";
import { IntentHash } from "../../src/core/order/intent-list.ts";
import { Harness } from "./support/engine-harness.ts";
import { MISSING } from "./support/market-data.ts";
import { realDay, syntheticDay } from "./support/days.ts";

const INSTANCES: readonly Partial<InstanceSpec>[] = [
  { strategy: "ema-cross", parameters: { fast: 3, slow: 9, barSeconds: 10, allowShort: true } },
  { strategy: "mean-reversion", parameters: { lookback: 20, entry: 1.5, barSeconds: 10, allowShort: true } },
  {
    strategy: "donchian-breakout",
    parameters: { entry: 10, exit: 5, atrPeriod: 10, barSeconds: 10 },
    execution: { type: "limit", offsetTicks: 1, cancelAfterSeconds: 5 },
  },
];

class DayRun {
  readonly harness = new Harness({ instances: INSTANCES });

  resume(): this {
    for (const index of INSTANCES.keys()) this.harness.write.resume(index);
    return this;
  }

  /** Records from `from` up to `to`, every order filled and ended at once. */
  feed(day: RecordBuffer, from: number, to: number): this {
    for (let slot = from; slot < to; slot++) {
      this.harness.engine.process(day, slot, slot);
      this.harness.fillAll(day.lane(slot, 1));
    }
    return this;
  }
}

/** Every intent from `from` on, its number counted from there: what two engines of different age must agree on. */
function decisions(harness: Harness, from: number): string[] {
  const { intents, count } = harness.list;
  const found: string[] = [];
  let base: number | null = null;
  for (let slot = from; slot < count; slot++) {
    if (intents.kind(slot) !== INTENT_STATE) {
      base ??= intents.integer(slot, 2) - 1;
      intents.setInteger(slot, 2, intents.integer(slot, 2) - base);
    }
    const hash = new IntentHash();
    hash.add(intents, slot);
    found.push(hash.hex());
  }
  return found;
}

describe("a real recorded day", () => {
  const day = realDay();
  if (day === null) it("is replayed", { skip: MISSING });
  else testDay(day, 200);
});

describe("a synthetic day", () => {
  testDay(syntheticDay(1), 60);

  it("is another one with another seed", () => {
    const hashes = [1, 1, 2].map((seed) => {
      const day = syntheticDay(seed);
      return new DayRun().resume().feed(day, 0, day.capacity).harness.list.hash();
    });
    assert.equal(hashes[0], hashes[1]);
    assert.notEqual(hashes[0], hashes[2]);
  });
});

function testDay(day: RecordBuffer, intentsMin: number): void {
  it("gives the same intents by hash whenever it is replayed, whatever the times of receipt", () => {
    const whole = new DayRun().resume().feed(day, 0, day.capacity).harness;
    const again = new DayRun().resume().harness;
    for (let slot = 0; slot < day.capacity; slot++) {
      day.setLane(slot, 2, slot * 3.7);
      again.engine.process(day, slot, slot + 1_000);
      again.fillAll(day.lane(slot, 1));
      day.setLane(slot, 2, 0);
    }
    assert.ok(whole.engine.stats.intents >= intentsMin, `${whole.engine.stats.intents} intents`);
    assert.equal(again.list.hash(), whole.list.hash());
    for (const index of INSTANCES.keys()) {
      const { intents, fault } = again.engine.instanceStatus(index);
      assert.ok(intents >= 5 && fault === null, `instance ${index}: ${intents} intents`);
    }
  });

  it("continues from snapshots in its middle as if it had never stopped", () => {
    for (const part of [0.4, 0.61, 0.83]) {
      const cut = Math.floor(day.capacity * part);
      const before = new DayRun().resume().feed(day, 0, cut);
      const seen = before.harness.list.count;
      const after = new DayRun();
      for (const index of INSTANCES.keys())
        after.harness.engine.restore(index, before.harness.engine.snapshotOf(index));
      warmUp(after, day, cut);
      for (const index of INSTANCES.keys()) {
        const position = before.harness.engine.instanceStatus(index).positions[0] as number;
        after.harness.positions.set(`${index}:0`, position);
        after.harness.write.position(day.lane(cut - 1, 1), position, index);
      }
      after.resume();
      assert.equal(after.harness.list.count, 0);
      before.feed(day, cut, day.capacity);
      after.feed(day, cut, day.capacity);
      const expected = decisions(before.harness, seen);
      assert.ok(expected.length >= 10, `${expected.length} records after the cut`);
      assert.deepEqual(decisions(after.harness, 0), expected);
    }
  });
}

/** Shows the day up to the cut as history. */
function warmUp(run: DayRun, day: RecordBuffer, cut: number): void {
  for (let slot = 0; slot < cut; slot++) {
    const flags = day.flags(slot);
    if (day.kind(slot) !== KIND_TIMER) day.u32[slot * 16 + 1] = flags | FLAG_WARM_UP;
    run.harness.engine.process(day, slot, slot);
    day.u32[slot * 16 + 1] = flags;
  }
}
