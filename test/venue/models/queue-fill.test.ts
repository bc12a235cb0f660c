import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { queueFill } from "../../../src/venue/models/queue-fill.ts";
import type { Venue } from "../../../src/venue/venue.ts";
import { fills, order, START_US, submit, venueWith } from "./support.ts";

const SELLER = 2;
const BUYER = 1;

/** Bids 10.00 for 300, asks 10.05 for 200. */
function venueFor(cancels: "behind" | "proportional"): Venue {
  const venue = venueWith({ fill: queueFill({ cancels }) });
  venue.onQuote(0, 10, 10.05, START_US, 300, 200);
  return venue;
}

const trade = (venue: Venue, size: number, price = 10, aggressor = SELLER) =>
  fills(venue.onTrade(0, price, START_US, size, aggressor));

describe("queue position", () => {
  it("waits behind what rests at its price and trades what goes beyond it", () => {
    const venue = venueFor("behind");
    assert.deepEqual(fills(submit(venue, order("buy 100 10"), START_US)), []);
    assert.deepEqual(trade(venue, 200), []);
    assert.deepEqual(trade(venue, 100), []); // the 300 in front are gone
    assert.deepEqual(trade(venue, 40), ["40 @ 10"]);
    assert.deepEqual(trade(venue, 500), ["60 @ 10"]);
  });

  it("fills the part of one trade that goes beyond the queue", () => {
    const venue = venueFor("behind");
    submit(venue, order("buy 100 10"), START_US);
    assert.deepEqual(trade(venue, 350), ["50 @ 10"]);
  });

  it("is not moved by trades of its own side, nor at other prices; one that is not told counts", () => {
    const venue = venueFor("behind");
    submit(venue, order("buy 100 10"), START_US);
    assert.deepEqual(trade(venue, 1000, 10, BUYER), []);
    assert.deepEqual(trade(venue, 1000, 10.05), []);
    assert.deepEqual(trade(venue, 310, 10, 0), ["10 @ 10"]);
  });

  it("trades whole when the market trades or quotes through it", () => {
    const through = venueFor("behind");
    submit(through, order("buy 100 10"), START_US);
    assert.deepEqual(trade(through, 1, 9.99), ["100 @ 10"]);
    const met = venueFor("behind");
    submit(met, order("buy 100 10"), START_US);
    assert.deepEqual(fills(met.onQuote(0, 9.95, 10, START_US, 100, 50)), ["100 @ 10"]);
  });

  it("does not gain by cancellations in the cautious model, except that no more is ahead than rests", () => {
    const venue = venueFor("behind");
    submit(venue, order("buy 100 10"), START_US);
    venue.onQuote(0, 10, 10.05, START_US, 500, 200); // others join behind
    venue.onQuote(0, 10, 10.05, START_US, 400, 200); // and leave: 300 are still ahead
    assert.deepEqual(trade(venue, 299), []);
    const shrunk = venueFor("behind");
    submit(shrunk, order("buy 100 10"), START_US);
    shrunk.onQuote(0, 10, 10.05, START_US, 120, 200);
    assert.deepEqual(trade(shrunk, 130), ["10 @ 10"]);
  });

  it("shares cancellations out evenly in the proportional model, trades not counted twice", () => {
    const venue = venueFor("proportional");
    submit(venue, order("buy 100 10"), START_US);
    venue.onQuote(0, 10, 10.05, START_US, 600, 200); // 300 ahead, 300 behind
    assert.deepEqual(trade(venue, 100), []); // 200 ahead of 500
    // 500 were left after the trade and 250 are shown: half was cancelled, so half of 200 is ahead
    venue.onQuote(0, 10, 10.05, START_US, 250, 200);
    assert.deepEqual(trade(venue, 100), []);
    assert.deepEqual(trade(venue, 30), ["30 @ 10"]);
  });

  it("reads the queue from the depth where the source shows it", () => {
    const venue = venueFor("behind");
    const level = (price: number, size: number) => ({ price, size });
    venue.onDepth(0, { reset: true, bids: [level(10, 300), level(9.9, 50)], asks: [level(10.05, 200)] }, START_US);
    submit(venue, order("buy 10 9.90"), START_US);
    venue.onDepth(0, { reset: false, bids: [level(10, 0), level(9.9, 20)], asks: [] }, START_US);
    assert.deepEqual(trade(venue, 25, 9.9), ["5 @ 9.9"]);
  });

  it("waits behind an unknown queue until its price is the best one, and is alone at a better one", () => {
    const venue = venueFor("behind");
    submit(venue, order("buy 10 9.90"), START_US);
    assert.deepEqual(trade(venue, 1000, 9.9), []);
    venue.onQuote(0, 9.9, 10.05, START_US, 40, 200);
    assert.deepEqual(trade(venue, 45, 9.9), ["5 @ 9.9"]);
    const better = venueFor("behind");
    submit(better, order("buy 10 10.01"), START_US);
    assert.deepEqual(trade(better, 4, 10.01), ["4 @ 10.01"]);
  });

  it("knows the depth of an earlier life", () => {
    const venue = venueWith({ fill: queueFill({ cancels: "behind" }) });
    const bids = [{ price: 9.9, size: 20 }];
    venue.observe(
      0,
      { bid: 10, bidSize: 300, ask: 10.05, askSize: 200, depth: { reset: true, bids, asks: [] } },
      START_US,
    );
    submit(venue, order("buy 10 9.90"), START_US);
    assert.deepEqual(trade(venue, 25, 9.9), ["5 @ 9.9"]);
  });

  it("fills or kills by the displayed size, without using it up", () => {
    const venue = venueFor("behind");
    const events = submit(venue, order("buy 201", { timeInForce: "fok" }), START_US);
    assert.deepEqual([fills(events), events.at(-1)?.kind], [[], "canceled"]);
    assert.deepEqual(fills(submit(venue, order("buy 200", { timeInForce: "fok" }), START_US)), ["200 @ 10.05"]);
  });

  it("takes at most the displayed size of each quote, all orders together", () => {
    const venue = venueFor("behind");
    assert.deepEqual(fills(submit(venue, order("buy 150"), START_US)), ["150 @ 10.05"]);
    assert.deepEqual(fills(submit(venue, order("buy 150"), START_US)), ["50 @ 10.05"]);
    assert.deepEqual(trade(venue, 1000, 10.05), []);
    assert.deepEqual(fills(venue.onQuote(0, 10, 10.1, START_US, 300, 500)), ["100 @ 10.1"]);
  });
});
