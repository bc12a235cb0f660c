import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BarStore } from "../../../src/simulator/data/history/bar-store.ts";
import { RecentTicks } from "../../../src/simulator/data/history/recent-ticks.ts";
import { dayClockOf, parseTimeframe, spanAt, type Timeframe } from "../../../src/simulator/data/history/timeframe.ts";
import { DelayedFeed } from "../../../src/simulator/data/live/delayed-feed.ts";
import { tickMessage } from "../../../src/simulator/data/live/tick-message.ts";
import type { AnyMessage } from "../../../src/simulator/data/stream/stream-message.ts";
import { COIN, quote, START_US, STOCK } from "./data-server.ts";

const us = (text: string) => Date.parse(text) * 1000;

function span(time: string, timeframe: string, instrument = STOCK): [string, string] {
  const { startUs, endUs } = spanAt(us(time), parseTimeframe(timeframe) as Timeframe, dayClockOf(instrument));
  return [startUs, endUs].map((at) => new Date(at / 1000).toISOString()) as [string, string];
}

describe("time frames", () => {
  it("have days from midnight to midnight in New York, also when its clocks change", () => {
    // 2026-03-08 has 23 hours, 2026-11-01 has 25.
    assert.deepEqual(span("2026-03-08T12:00:00Z", "1Day"), ["2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z"]);
    assert.deepEqual(span("2026-11-01T12:00:00Z", "1Day"), ["2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"]);
    assert.deepEqual(span("2026-11-02T04:59:59Z", "1Day"), ["2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"]);
    assert.deepEqual(span("2026-07-01T12:00:00Z", "1Day", COIN), [
      "2026-07-01T00:00:00.000Z",
      "2026-07-02T00:00:00.000Z",
    ]);
  });

  it("have weeks from Monday and months and quarters by the calendar", () => {
    assert.deepEqual(span("2026-03-08T12:00:00Z", "1Week"), ["2026-03-02T05:00:00.000Z", "2026-03-09T04:00:00.000Z"]);
    assert.deepEqual(span("2026-12-31T12:00:00Z", "1Month"), ["2026-12-01T05:00:00.000Z", "2027-01-01T05:00:00.000Z"]);
    assert.deepEqual(span("2026-05-05T12:00:00Z", "3M"), ["2026-04-01T04:00:00.000Z", "2026-07-01T04:00:00.000Z"]);
    assert.deepEqual(span("2026-05-05T12:00:00Z", "12Month"), ["2026-01-01T05:00:00.000Z", "2027-01-01T05:00:00.000Z"]);
  });

  it("have minutes and hours counted from midnight, the last of a day cut short", () => {
    assert.deepEqual(span("2026-03-03T15:47:30Z", "15Min"), ["2026-03-03T15:45:00.000Z", "2026-03-03T16:00:00.000Z"]);
    assert.deepEqual(span("2026-03-04T04:59:00Z", "7H"), ["2026-03-04T02:00:00.000Z", "2026-03-04T05:00:00.000Z"]);
  });
});

describe("what is kept", () => {
  it("of ticks is a number of the newest, complete since the oldest of them", () => {
    const recent = new RecentTicks(3, START_US);
    const ticks = [0, 1, 1, 2, 3].map((seconds) => quote(STOCK, seconds, 1, 2));
    recent.add(ticks[0] as (typeof ticks)[0]);
    assert.equal(recent.completeSinceUs, START_US);
    for (const tick of ticks.slice(1)) recent.add(tick);
    // One of the two at one second has gone: only what came after is complete.
    assert.equal(recent.completeSinceUs, START_US + 1_000_001);
    assert.deepEqual(recent.between(0, START_US, START_US + 2_000_000), ticks.slice(2, 4));
    assert.deepEqual([recent.firstNumber, recent.endNumber], [2, 5]);
  });

  it("of bars is at least what was asked for, of each instrument", () => {
    const store = new BarStore(2, 10);
    const price = { open: 1, high: 1, low: 1, close: 1, vwap: 1 };
    const bar = (minute: number) => ({ startUs: minute * 60e6, ...price, volume: minute, tradeCount: 1 });
    for (let minute = 0; minute < 100; minute++) store.add(0, 60, bar(minute));
    const kept = store.between(0, 60, 0, Number.POSITIVE_INFINITY);
    assert.ok(kept.length >= 10 && kept.length <= 20);
    assert.equal(store.completeSinceUs(0), kept[0]?.startUs);
    assert.equal(kept.at(-1)?.volume, 99);
    assert.equal(store.completeSinceUs(1), Number.NEGATIVE_INFINITY);
    store.replace(0, 60, { ...bar(99), volume: 7 });
    assert.equal(store.between(0, 60, 99 * 60e6, 100 * 60e6)[0]?.volume, 7);
  });

  it("of the delayed tape has a bound: what does not fit leaves early, and nothing is lost", () => {
    const left: number[] = [];
    const feed = new DelayedFeed(2, (message) => left.push(message.timeUs - START_US));
    for (const seconds of [0, 1, 2]) {
      const message = tickMessage(quote(STOCK, seconds, 1, 2), STOCK) as AnyMessage;
      feed.add(message, START_US + seconds * 1e6);
    }
    assert.deepEqual(left, [0]);
    feed.advance(START_US + 901e6 - 1);
    assert.deepEqual(left, [0]);
    feed.advance(START_US + 902e6);
    assert.deepEqual(left, [0, 1e6, 2e6]);
  });
});
