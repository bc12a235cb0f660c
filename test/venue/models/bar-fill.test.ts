import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { equity } from "../../../src/core/market/instrument.ts";
import { barCorners, barFill, type BarTiming } from "../../../src/venue/models/bar-fill.ts";
import { constantLatency } from "../../../src/venue/models/latency.ts";
import { bar, fills, fixed, MINUTE_US, order, START_US, submit, venueWith } from "./support.ts";

const venueFor = (timing: BarTiming) => venueWith({ fill: barFill(timing) });

describe("fills on bars", () => {
  it("at the next open: the order of one bar's end trades at the open of the next, at its start", () => {
    const venue = venueFor("next_open");
    venue.onBar(0, bar(0, "10 11 9 10.5"));
    assert.deepEqual(fills(submit(venue, order("buy 100"), START_US + MINUTE_US)), []);
    const events = venue.onBarOpen(0, 10.75, START_US + MINUTE_US);
    assert.deepEqual(fills(events), ["100 @ 10.75"]);
    assert.equal(events[0]?.timeUs, START_US + MINUTE_US);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.75 12 10 11"))), []);
  });

  it("sees the open of a bar whose start was not shown, once", () => {
    const venue = venueFor("next_open");
    submit(venue, order("buy 100"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.75 12 10 11"))), ["100 @ 10.75"]);
  });

  it("does not see an open again that an earlier life has seen", () => {
    const venue = venueFor("next_open");
    venue.observe(0, { last: 10.75, barOpenUs: START_US }, START_US);
    submit(venue, order("buy 100"), START_US + 1);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10.75 12 10 11"))), []);
  });

  it("at the next close: not at the close that came before the order", () => {
    const venue = venueFor("next_close");
    venue.onBar(0, bar(0, "10 11 9 10.5"));
    submit(venue, order("buy 100"), START_US + MINUTE_US);
    venue.onBarOpen(0, 10.75, START_US + MINUTE_US);
    const events = venue.onBar(0, bar(1, "10.75 12 10 11"));
    assert.deepEqual(fills(events), ["100 @ 11"]);
    assert.equal(events[0]?.timeUs, START_US + 2 * MINUTE_US - 1);
  });

  it("lets orders for the day of several instruments trade at the close that they share", () => {
    const session = {
      openUs: Date.parse("2024-03-04T14:30:00Z") * 1000,
      closeUs: Date.parse("2024-03-04T21:00:00Z") * 1000,
    };
    const venue = venueWith({ fill: barFill("next_close"), instruments: [equity(0, "ABC"), equity(1, "XYZ")] });
    venue.onTrade(1, 10, session.openUs);
    for (const symbol of ["ABC", "XYZ"]) submit(venue, order("buy 1", { symbol, timeInForce: "day" }), session.openUs);
    const day = { ...bar(0, "10 11 9 10.5"), startUs: session.openUs, endUs: session.closeUs };
    assert.deepEqual([fills(venue.onBar(0, day)), fills(venue.onBar(1, day))], [["1 @ 10.5"], ["1 @ 10.5"]]);
  });

  it("at the same close: at once, at the close that is known; a limit waits for a close within it", () => {
    const venue = venueFor("same_close");
    venue.onBar(0, bar(0, "10 11 9 10.5"));
    assert.deepEqual(fills(submit(venue, order("buy 100"), START_US + MINUTE_US)), ["100 @ 10.5"]);
    assert.deepEqual(fills(submit(venue, order("buy 50 10.20"), START_US + MINUTE_US)), []);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.75 12 10 10.3"))), []);
    assert.deepEqual(fills(venue.onBar(0, bar(2, "10.3 10.4 10 10.1"))), ["50 @ 10.1"]);
  });

  it("holds limits in every timing", () => {
    for (const timing of ["next_open", "next_close"] as const) {
      const venue = venueFor(timing);
      submit(venue, order("sell 10 12"), START_US);
      assert.deepEqual(fills(venue.onBar(0, bar(0, "11 13 10 11.5"))), [], timing);
      assert.deepEqual(fills(venue.onBar(0, bar(1, "12.5 13 12 12.5"))), ["10 @ 12.5"], timing);
    }
  });

  it("pays half of the spread where bars were made of bids and asks", () => {
    const venue = venueFor("next_close");
    submit(venue, order("buy 10"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 11 9 10.5", 0.05))), ["10 @ 10.55"]);
    submit(venue, order("sell 10 10.45"), START_US + MINUTE_US);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.5 11 9 10.5", 0.05))), ["10 @ 10.45"]);
  });
});

describe("the path through a bar", () => {
  it("goes to the extreme that is nearer to the open first, to the high where both are as near", () => {
    assert.deepEqual(barCorners(bar(0, "10 10.5 9 9.5")), [10, 10.5, 9, 9.5]);
    assert.deepEqual(barCorners(bar(0, "10 11 9.5 10.5")), [10, 9.5, 11, 10.5]);
    assert.deepEqual(barCorners(bar(0, "10 11 9 10.5")), [10, 11, 9, 10.5]);
  });

  it("trades at the open what the market has jumped over, else at the limit", () => {
    const venue = venueFor("path");
    submit(venue, order("buy 1 10.20"), START_US); // above the open: trades there
    submit(venue, order("buy 2 9.80"), START_US); // on the way down
    submit(venue, order("buy 4 9.40"), START_US); // never reached
    // open 10, low 9.5, high 11, close 10.5: the low is nearer
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 11 9.5 10.5"))), ["1 @ 10", "2 @ 9.8"]);
    submit(venue, order("sell 3 10.90"), START_US + MINUTE_US);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.5 11 9.5 10"))), ["3 @ 10.9"]);
  });

  it("takes the orders in the order in which the price meets them, not in which they came", () => {
    const venue = venueFor("path");
    submit(venue, order("buy 1 9.60"), START_US);
    submit(venue, order("buy 2 9.80"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 11 9.5 10.5"))), ["2 @ 9.8", "1 @ 9.6"]);
  });

  it("does not trade what came during the bar, but in the next one", () => {
    const venue = venueWith({ fill: barFill("path"), latency: constantLatency(MINUTE_US / 2) });
    submit(venue, order("buy 1"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 11 9.5 10.5"))), []);
    assert.deepEqual(fills(venue.onBarOpen(0, 10.6, START_US + MINUTE_US)), ["1 @ 10.6"]);
  });

  it("meets limits that lie half a spread away exactly", () => {
    const venue = venueFor("path");
    submit(venue, order("buy 1 9.87"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 11 9.5 10.5", 0.015))), ["1 @ 9.87"]);
    submit(venue, order("sell 1 10.93"), START_US + MINUTE_US);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10.5 11 9.5 10", 0.015))), ["1 @ 10.93"]);
  });
});

describe("groups on the path through a bar", () => {
  const bracket = order("buy 10", {
    orderClass: "bracket",
    takeProfit: { limitPrice: fixed("10.80") },
    stopLoss: { stopPrice: fixed("9.60"), limitPrice: null },
  });

  it("an entry at the open leaves by the exit that the same bar meets first", () => {
    const low = venueFor("path");
    submit(low, { ...bracket, clientOrderId: "low" }, START_US);
    // open 10, low 9.5, high 11: the low is nearer, so that the stop at 9.60 comes before the target at 10.80
    assert.deepEqual(fills(low.onBar(0, bar(0, "10 11 9.5 10.5"))), ["10 @ 10", "10 @ 9.6"]);
    const high = venueFor("path");
    submit(high, { ...bracket, clientOrderId: "high" }, START_US);
    assert.deepEqual(fills(high.onBar(0, bar(0, "10 11 8.9 9"))), ["10 @ 10", "10 @ 10.8"]);
  });

  it("a stop that the market opens beyond trades at the open", () => {
    const venue = venueFor("path");
    submit(venue, { ...bracket, clientOrderId: "gap" }, START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10.1 9.9 10"))), ["10 @ 10"]);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "9 9.2 8.8 9.1"))), ["10 @ 9"]);
  });

  it("a trailing stop follows the path to its top and is met on the way down", () => {
    const venue = venueFor("path");
    submit(venue, order("buy 10"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10.1 9.9 10"))), ["10 @ 10"]);
    submit(venue, order("sell 10", { type: "trailing_stop", trailPrice: fixed("0.50") }), START_US + MINUTE_US);
    // 10 → 9.9 → 12 → 11: from the top at 12 the stop is at 11.50
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10 12 9.9 11"))), ["10 @ 11.5"]);
  });
});
