import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeedLag } from "../../src/bot/feed-lag.ts";
import { VenueClock } from "../../src/bot/venue-clock.ts";
import { KIND_BAR, KIND_QUOTE, KIND_TRADE, RecordBuffer } from "../../src/core/market/record.ts";

const VENUE_US = Date.parse("2026-03-02T15:00:00Z") * 1000;

/** A venue at a speed whose clock was read at the real time 0; `frame` is read when the real clock shows `atMs`. */
function feedAt(speed: number | null) {
  const real = { nowMs: 0 };
  const clock = new VenueClock(() => real.nowMs, speed);
  clock.set(VENUE_US);
  const lag = new FeedLag(clock, () => real.nowMs);
  const frame = (atMs: number, ...records: readonly (readonly [kind: number, venueSeconds: number])[]) => {
    real.nowMs = atMs;
    const buffer = RecordBuffer.allocate(records.length);
    for (const [slot, [kind, seconds]] of records.entries()) {
      buffer.header(slot, kind, 0, 0, 0, VENUE_US + seconds * 1e6, 0);
    }
    lag.frame(buffer, records.length);
    return lag.isLagging;
  };
  return { real, lag, frame };
}

describe("the lag of market data", () => {
  test("counts from one second on, and ends a second after the last late frame", () => {
    const { real, lag, frame } = feedAt(1);
    assert.equal(frame(10_000, [KIND_QUOTE, 9.001]), false);
    assert.equal(frame(10_000, [KIND_QUOTE, 8.999]), true);
    assert.equal(frame(10_500, [KIND_QUOTE, 10.4]), true);
    real.nowMs = 10_999;
    assert.equal(lag.isLagging, true);
    real.nowMs = 11_000;
    assert.equal(lag.isLagging, false);
  });

  test("is judged in real time, whatever the venue's speed", () => {
    const fast = feedAt(60);
    // Ten real seconds are 600 of the venue's; 59 of those are 0.98 s.
    assert.equal(fast.frame(10_000, [KIND_QUOTE, 541]), false);
    assert.equal(fast.frame(10_000, [KIND_QUOTE, 539]), true);
    const slow = feedAt(0.5);
    // Ten real seconds are five of the venue's; 0.6 of those are 1.2 s.
    assert.equal(slow.frame(10_000, [KIND_QUOTE, 4.6]), false);
    assert.equal(slow.frame(10_000, [KIND_QUOTE, 4.4]), true);
  });

  test("is that of a frame's newest quote or trade; a bar's time is its beginning", () => {
    const { frame } = feedAt(1);
    assert.equal(frame(100_000, [KIND_TRADE, 20], [KIND_QUOTE, 99.9]), false);
    assert.equal(frame(100_000, [KIND_BAR, 0]), false);
    assert.equal(frame(100_000, [KIND_BAR, 99], [KIND_TRADE, 20]), true);
  });

  test("cannot be told where the venue's time moves with its data only", () => {
    assert.equal(feedAt(null).frame(100_000, [KIND_QUOTE, 1]), false);
  });

  test("begins anew with a new connection", () => {
    const { lag, frame } = feedAt(1);
    frame(10_000, [KIND_QUOTE, 1]);
    lag.reset();
    assert.equal(lag.isLagging, false);
  });
});
