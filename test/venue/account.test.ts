import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import type { AccountFigures } from "../../src/venue/buying-power.ts";
import {
  accepted,
  BTC,
  fixed,
  hold,
  kinds,
  NOON_US,
  OPEN,
  refused,
  request,
  statusOf,
  story,
  venueWith,
  words,
} from "./harness.ts";

const text = (figures: AccountFigures, ...names: (keyof AccountFigures)[]) =>
  names.map((name) => formatFixed(figures[name] as bigint));

describe("margin", () => {
  for (const [what, order, price, initial, maintenance] of [
    // Long: 30 %, all of it below $2.50.
    ["a long position", "buy 100", 100, "5000", "3000"],
    ["a cheap long position", "buy 100", 2, "100", "200"],
    // Short: the more of $5 a share and 30 %; below $5 of $2.50 a share and all of it.
    ["a short position", "sell 100", 100, "5000", "3000"],
    ["a short position in a low price", "sell 100", 10, "500", "500"],
    ["a short position below $5", "sell 100", 4, "200", "400"],
    ["a cheap short position", "sell 100", 2, "100", "250"],
  ] as const) {
    it(`of ${what} at ${price} is ${initial} at first and ${maintenance} to keep`, () => {
      const venue = venueWith();
      venue.onQuote(OPEN, price, price, NOON_US);
      venue.onTrade(OPEN, price, NOON_US);
      accepted(venue.submit(request(`${order} OPEN`), NOON_US));
      assert.deepEqual(text(venue.figures(), "initialMargin", "maintenanceMargin"), [initial, maintenance]);
    });
  }

  it("lends nothing on coins: they take their value from the buying power as often as it multiplies", () => {
    const venue = venueWith();
    venue.onQuote(BTC, 40_000, 40_000, NOON_US);
    accepted(venue.submit(request("buy 0.5 BTC/USD"), NOON_US));
    // Equity 100,000, coins 20,000: (100,000 − 20,000) × 4.
    assert.deepEqual(text(venue.figures(), "buyingPower", "initialMargin", "maintenanceMargin"), [
      "320000",
      "20000",
      "20000",
    ]);
    accepted(venue.submit(request("buy 0.5 BTC/USD 30000"), NOON_US));
    // An order for 15,000 of coins as well: (100,000 − 20,000 − 15,000) × 4, and 80,000 − 15,000 for more coins.
    assert.deepEqual(text(venue.figures(), "buyingPower", "nonMarginableBuyingPower"), ["260000", "65000"]);
  });

  it("is not for accounts of less than $2,000: no loan and no short sale", () => {
    const venue = venueWith({ startingCash: fixed("1999.99") });
    venue.onQuote(OPEN, 99, 100, NOON_US);
    assert.equal(venue.figures().multiplier, 1);
    assert.deepEqual(text(venue.figures(), "buyingPower"), ["1999.99"]);
    assert.equal(words(venue.submit(request("sell 1 OPEN"), NOON_US))[2], "account is not allowed to short");
    const enough = venueWith({ startingCash: fixed("2000") });
    enough.onQuote(OPEN, 99, 100, NOON_US);
    assert.equal(enough.figures().multiplier, 4);
    accepted(enough.submit(request("sell 1 OPEN"), NOON_US));
  });

  it("closes the account to new positions beyond six times its equity", () => {
    const venue = venueWith();
    hold(venue, "3900");
    // 3,900 at 76: 296,400 against an equity of 100,000 − 390,000 + 296,400 = 6,400.
    venue.onTrade(OPEN, 76, NOON_US + 1);
    venue.onQuote(OPEN, 76, 76.01, NOON_US + 1);
    assert.match(words(venue.submit(request("buy 1 OPEN 70"), NOON_US + 2))[2], /liquidation only/);
    accepted(venue.submit(request("sell 100 OPEN"), NOON_US + 2));
  });
});

describe("shares that are hard to borrow", () => {
  it("are sold short for the day only, and cancel open short sales when they become so", () => {
    const venue = venueWith();
    venue.onQuote(OPEN, 99, 100, NOON_US);
    const short = request("sell 1 OPEN 110", { timeInForce: "gtc" });
    const order = accepted(venue.submit(short, NOON_US)).order;
    assert.equal(kinds(venue.onBorrow(OPEN, false, NOON_US + 1)), "canceled");
    assert.equal(statusOf(venue, order.id), "canceled");
    assert.deepEqual(words(venue.submit(request("sell 1 OPEN 110", { timeInForce: "gtc" }), NOON_US + 2)), [
      422,
      42210000,
      "only day orders are allowed for hard-to-borrow asset OPEN",
    ]);
    accepted(venue.submit(request("sell 1 OPEN 110"), NOON_US + 2));
    venue.onBorrow(OPEN, true, NOON_US + 3);
    accepted(venue.submit(request("sell 1 OPEN 111", { timeInForce: "gtc" }), NOON_US + 4));
  });
});

describe("closing positions", () => {
  it("sells all of it, a quantity or a percentage at the market", () => {
    const venue = venueWith();
    hold(venue, "10");
    const close = (size: Parameters<typeof venue.closePosition>[1], id: string) =>
      accepted(venue.closePosition("OPEN", size, id, NOON_US)).order;
    assert.equal(close({ kind: "quantity", quantity: fixed("3") }, "a").quantity, fixed("3"));
    // All of the 7 that are left.
    assert.equal(close({ kind: "percentage", percentage: fixed("100") }, "b").quantity, fixed("7"));
    assert.equal(refused(venue.closePosition("OPEN", { kind: "all" }, "c", NOON_US)).status, 404);
    venue.onQuote(BTC, 39_990, 40_000, NOON_US);
    accepted(venue.submit(request("buy 1 BTC/USD"), NOON_US));
    const coins = accepted(venue.closePosition("BTC/USD", { kind: "all" }, "d", NOON_US)).order;
    assert.deepEqual([coins.side, coins.timeInForce], ["sell", "gtc"]);
  });

  it("does not cancel what rests: reserved shares refuse it", () => {
    const venue = venueWith();
    hold(venue, "3");
    const stop = request("sell 3 OPEN", { type: "stop", stopPrice: fixed("90"), timeInForce: "gtc" });
    const resting = accepted(venue.submit(stop, NOON_US)).order;
    const refusal = refused(venue.closePosition("OPEN", { kind: "all" }, "e", NOON_US));
    assert.deepEqual(
      [refusal.message, refusal.extra],
      [
        "insufficient qty available for order (requested: 3, available: 0)",
        { available: "0", existing_qty: "3", held_for_orders: "3", related_orders: [resting.id], symbol: "OPEN" },
      ],
    );
  });

  it("all orders are cancelled in one go, legs with their parents, one row each", () => {
    const venue = venueWith();
    venue.onQuote(OPEN, 99, 100, NOON_US);
    venue.onTrade(OPEN, 100, NOON_US);
    const bracket = request("buy 1 OPEN 98", {
      orderClass: "bracket",
      takeProfit: { limitPrice: fixed("110") },
      stopLoss: { stopPrice: fixed("90"), limitPrice: null },
    });
    const { order, legs } = accepted(venue.submit(bracket, NOON_US));
    const plain = accepted(venue.submit(request("buy 1 OPEN 97"), NOON_US)).order;
    const { rows, events } = venue.cancelAll(NOON_US + 1);
    assert.deepEqual(
      rows,
      [order, ...legs, plain].map(({ id }) => ({ id, refusal: null })),
    );
    assert.deepEqual(story(events), ["canceled entry", "canceled take_profit", "canceled stop_loss", "canceled entry"]);
  });
});
