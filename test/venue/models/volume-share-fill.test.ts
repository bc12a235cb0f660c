import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { equity } from "../../../src/core/market/instrument.ts";
import { volumeShareFill } from "../../../src/venue/models/volume-share-fill.ts";
import { bar, fills, fixed, order, START_US, submit, venueWith } from "./support.ts";

const venueFor = (share: string, impact: string) =>
  venueWith({ fill: volumeShareFill({ share: fixed(share), impact: fixed(impact) }) });

describe("volume share with price impact", () => {
  it("trades at most its share of a bar's volume and carries the rest", () => {
    const venue = venueFor("0.025", "0");
    submit(venue, order("buy 60"), START_US);
    // 2.5 % of 1,000 is 25
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10 10 10 1000"))), ["25 @ 10"]);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10 10 10 11 0"))), []);
    assert.deepEqual(fills(venue.onBar(0, bar(2, "10 10 10 12 1000"))), ["25 @ 12"]);
    assert.deepEqual(fills(venue.onBar(0, bar(3, "10 10 10 13 1000"))), ["10 @ 13"]);
  });

  it("moves the price by the square of the share that has been traded, against the order", () => {
    const venue = venueFor("0.025", "0.1");
    submit(venue, order("buy 25"), START_US);
    // 100 × (1 + 0.1 × (25 / 1000)²) = 100 × (1 + 0.1 × 0.000625) = 100.00625
    assert.deepEqual(fills(venue.onBar(0, bar(0, "100 100 100 100 1000"))), ["25 @ 100.00625"]);
    submit(venue, order("sell 20"), START_US);
    // 100 × (1 − 0.1 × (20 / 1000)²) = 100 × (1 − 0.00004) = 99.996
    assert.deepEqual(fills(venue.onBar(0, bar(1, "100 100 100 100 1000"))), ["20 @ 99.996"]);
  });

  it("counts all orders of a bar together", () => {
    const venue = venueFor("0.5", "0.1");
    submit(venue, order("buy 20"), START_US);
    submit(venue, order("buy 20"), START_US);
    submit(venue, order("buy 20"), START_US);
    // volume 100, most 50: 20, 20, 10; shares 0.2, 0.4, 0.5: 10 × (1 + 0.1 × 0.04), (1 + 0.1 × 0.16), (1 + 0.1 × 0.25)
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10 10 10 100"))), ["20 @ 10.04", "20 @ 10.16", "10 @ 10.25"]);
  });

  it("leaves an order alone whose limit the moved price breaks", () => {
    const venue = venueFor("0.5", "0.1");
    submit(venue, order("buy 50 10.10"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10 10 10 100"))), []);
    // A share of 50 / 1000: 10 × (1 + 0.1 × 0.0025)
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10 10 10 10 1000"))), ["50 @ 10.0025"]);
  });

  it("trades whole increments", () => {
    const venue = venueWith({
      fill: volumeShareFill({ share: fixed("0.1"), impact: 0n }),
      instruments: [equity(0, "ABC", { calendar: "always" })],
    });
    submit(venue, order("buy 5"), START_US);
    assert.deepEqual(fills(venue.onBar(0, bar(0, "10 10 10 10 9"))), []);
    assert.deepEqual(fills(venue.onBar(0, bar(1, "10 10 10 10 19"))), ["1 @ 10"]);
  });
});
