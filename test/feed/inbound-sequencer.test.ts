import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KIND_QUOTE, KIND_TIMER, NO_INSTRUMENT, RecordBuffer } from "../../src/core/market/record.ts";
import { InboundSequencer } from "../../src/feed/inbound-sequencer.ts";

function run(work: (sequencer: InboundSequencer, quote: (timeUs: number) => void) => void): string[] {
  const out: string[] = [];
  const sink = {
    append(records: RecordBuffer, slot: number): void {
      const timer = records.kind(slot) === KIND_TIMER;
      if (timer) assert.equal(records.instrument(slot), NO_INSTRUMENT);
      out.push(`${timer ? "timer" : "quote"} ${records.lane(slot, 1)} ${records.lane(slot, 2)}`);
    },
  };
  const sequencer = new InboundSequencer(sink, RecordBuffer.allocate(1));
  const records = RecordBuffer.allocate(3);
  work(sequencer, (timeUs) => {
    records.header(2, KIND_QUOTE, 0, 0, 0, timeUs, timeUs + 5);
    sequencer.append(records, 2);
  });
  return out;
}

describe("the inbound sequence", () => {
  test("has a timer before the first record at or after each whole second, and none at the start", () => {
    const out = run((_, quote) => [500_000, 999_999, 1_000_000, 1_500_000, 2_000_001].forEach(quote));
    assert.deepEqual(out, [
      "quote 500000 500005",
      "quote 999999 1000004",
      "timer 1000000 1000005",
      "quote 1000000 1000005",
      "quote 1500000 1500005",
      "timer 2000000 2000006",
      "quote 2000001 2000006",
    ]);
  });

  test("has one timer, at the latest second, when several have passed", () => {
    const out = run((_, quote) => [500_000, 9_700_000].forEach(quote));
    assert.deepEqual(out.slice(1), ["timer 9000000 9700005", "quote 9700000 9700005"]);
  });

  test("has no timer for records from the past, and none twice", () => {
    const out = run((_, quote) => [5_000_000, 1_000_000, 5_900_000, 4_000_000, 5_000_000].forEach(quote));
    assert.ok(out.every((line) => line.startsWith("quote")));
  });

  test("gets timers from the clock in a quiet market, which later records do not repeat", () => {
    const out = run((sequencer, quote) => {
      sequencer.onClock(900_000, 1);
      sequencer.onClock(1_000_000, 2);
      sequencer.onClock(1_200_000, 3);
      quote(1_100_000);
      sequencer.onClock(Number.NaN, 4);
      quote(2_000_000);
    });
    assert.deepEqual(out, [
      "timer 1000000 2",
      "quote 1100000 1100005",
      "timer 2000000 2000005",
      "quote 2000000 2000005",
    ]);
  });
});
