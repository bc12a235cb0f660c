import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import { feeBps, feePerShare } from "../../src/venue/models/fee.ts";
import type { VenueActivity } from "../../src/venue/order.ts";
import {
  accepted,
  BTC,
  cashOf,
  fixed,
  hold,
  NOON_US,
  OPEN,
  PART,
  refused,
  request,
  statusOf,
  venueWith,
} from "./harness.ts";

/** Type, change of cash, change of quantity. */
function amounts({ type, netAmount, quantity }: VenueActivity): string[] {
  return [type, formatFixed(netAmount), formatFixed(quantity)];
}

describe("a split", () => {
  it("7 for 1 multiplies the shares, keeps their cost and cancels open orders for its sake", () => {
    const venue = venueWith();
    hold(venue, "10");
    const order = accepted(venue.submit(request("sell 10 OPEN 120", { timeInForce: "gtc" }), NOON_US)).order;
    const { events, activities } = accepted(venue.split("OPEN", { from: 1, to: 7 }, NOON_US + 1));
    assert.deepEqual(
      events.map(({ kind, reason }) => [kind, reason]),
      [["canceled", "CORPORATE_ACTION"]],
    );
    assert.equal(statusOf(venue, order.id), "canceled");
    assert.deepEqual(activities.map(amounts), [["SPLIT", "0", "60"]]);
    const [[symbol, holding] = []] = [...venue.positions()];
    assert.deepEqual([symbol, holding?.quantity, holding?.cost], ["OPEN", fixed("70"), fixed("1000")]);
    // 100 / 7 a share: the account is worth what it was, up to a mark of nine digits.
    assert.equal(Math.round(Number(venue.figures().equity) / 1e7), 10_000_000);
  });

  it("1 for 4 pays the fraction in cash where the asset has none", () => {
    const venue = venueWith();
    hold(venue, "10");
    const { activities } = accepted(venue.split("OPEN", { from: 4, to: 1 }, NOON_US + 1));
    // 2.5 shares: 2 stay; half a share at 400 is 200. Of the cost of 1,000 four fifths stay.
    assert.deepEqual(activities.map(amounts), [["SPLIT", "200", "-8"]]);
    assert.equal(cashOf(venue), "99200");
    const [[, holding] = []] = [...venue.positions()];
    assert.deepEqual([holding?.quantity, holding?.cost], [fixed("2"), fixed("800")]);
  });

  it("keeps fractions where the asset has them, and makes a short position pay", () => {
    const venue = venueWith();
    hold(venue, "10", PART);
    accepted(venue.split("PART", { from: 4, to: 1 }, NOON_US));
    assert.equal(venue.positionOf("PART"), fixed("2.5"));
    venue.onQuote(OPEN, 100, 100.01, NOON_US);
    venue.onTrade(OPEN, 100, NOON_US);
    accepted(venue.submit(request("sell 10 OPEN"), NOON_US));
    const { activities } = accepted(venue.split("OPEN", { from: 4, to: 1 }, NOON_US));
    assert.deepEqual(activities.map(amounts), [["SPLIT", "-200", "8"]]);
    assert.equal(venue.positionOf("OPEN"), fixed("-2"));
  });

  it("may take the whole position away, and does nothing without one", () => {
    const venue = venueWith();
    assert.deepEqual(accepted(venue.split("OPEN", { from: 1, to: 7 }, NOON_US)).activities, []);
    hold(venue, "1");
    accepted(venue.split("OPEN", { from: 10, to: 1 }, NOON_US));
    assert.equal(venue.positionOf("OPEN"), 0n);
    assert.equal(cashOf(venue), "100000");
    assert.equal(refused(venue.split("OPEN", { from: 2, to: 2 }, NOON_US)).status, 422);
    assert.equal(refused(venue.split("NONE", { from: 1, to: 2 }, NOON_US)).status, 422);
  });
});

describe("a dividend", () => {
  it("pays a long position and costs a short one, in cents where the books are kept so", () => {
    const venue = venueWith({ cashRounding: "cents" });
    hold(venue, "3");
    const { activities } = accepted(venue.dividend("OPEN", fixed("0.2275"), NOON_US));
    // 3 × 0.2275 = 0.6825
    assert.deepEqual(activities.map(amounts), [["DIV", "0.68", "3"]]);
    assert.equal(activities[0]?.perShareAmount, fixed("0.2275"));
    assert.equal(cashOf(venue), "99700.68");
    accepted(venue.submit(request("sell 3 OPEN"), NOON_US));
    accepted(venue.submit(request("sell 3 OPEN"), NOON_US));
    const paid = accepted(venue.dividend("OPEN", fixed("1"), NOON_US)).activities;
    assert.deepEqual(paid.map(amounts), [["DIV", "-3", "-3"]]);
  });
});

describe("fees as activities", () => {
  it("are FEE for shares and CFEE for coins, each with its execution's order", () => {
    const venue = venueWith({ fee: feePerShare(fixed("0.01")) });
    hold(venue, "10");
    assert.deepEqual(venue.activities.map(amounts), [["FEE", "-0.1", "0"]]);
    assert.equal(venue.activities[0]?.orderId, venue.fills[0]?.order.id);
    const coins = venueWith({ fee: feeBps(fixed("25"), true) });
    coins.onQuote(BTC, 39_990, 40_000, NOON_US);
    accepted(coins.submit(request("buy 1 BTC/USD"), NOON_US));
    accepted(coins.submit(request("sell 0.5 BTC/USD"), NOON_US));
    // 0.25 % of one coin; 0.25 % of 0.5 × 39,990.
    assert.deepEqual(coins.activities.map(amounts), [
      ["CFEE", "0", "-0.0025"],
      ["CFEE", "-49.9875", "0"],
    ]);
  });
});

describe("trades put right afterwards", () => {
  const execution = (venue: ReturnType<typeof venueWith>, place = -1) => venue.fills.at(place)?.execution?.id ?? "";

  it("a bust gives back cash and shares to the last digit and lowers what the order has filled", () => {
    const venue = venueWith({ fee: feePerShare(fixed("0.013")), cashRounding: "cents" });
    hold(venue, "7");
    const before = execution(venue);
    const { events } = accepted(venue.bust(before, NOON_US + 1));
    const [bust] = events;
    assert.deepEqual(
      [bust?.kind, bust?.reason, bust?.execution?.previousId, bust?.order.filledQuantity],
      ["trade_bust", "TRADE_BUST", before, 0n],
    );
    assert.equal(cashOf(venue), "100000");
    assert.equal(venue.positionOf("OPEN"), 0n);
    assert.deepEqual(venue.fills, []);
    assert.equal(refused(venue.bust(before, NOON_US + 2)).status, 404);
  });

  it("a correction moves the cash by the difference and may itself be corrected", () => {
    const venue = venueWith();
    hold(venue, "10");
    const corrected = accepted(venue.correct(execution(venue), fixed("99"), NOON_US + 1)).events[0];
    assert.deepEqual([corrected?.kind, corrected?.order.filledNotional], ["trade_correct", fixed("990")]);
    assert.equal(cashOf(venue), "99010");
    const [[, holding] = []] = [...venue.positions()];
    assert.equal(holding?.cost, fixed("990"));
    accepted(venue.correct(execution(venue), fixed("101"), NOON_US + 2));
    assert.equal(cashOf(venue), "98990");
    assert.equal(venue.fills.length, 1);
    accepted(venue.bust(execution(venue), NOON_US + 3));
    assert.equal(cashOf(venue), "100000");
    assert.equal(refused(venue.correct("nothing", fixed("1"), NOON_US)).status, 404);
    assert.equal(refused(venue.correct("nothing", 0n, NOON_US)).status, 422);
  });
});
