import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import type { FillModel } from "../../src/venue/models/contract.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import type { NewVenueOrder } from "../../src/venue/order.ts";
import type { Venue } from "../../src/venue/venue.ts";
import {
  accepted,
  BTC,
  CLOSE_US,
  fixed,
  hold,
  kinds,
  NOON_US,
  OPEN,
  PART,
  refused,
  request,
  statusOf,
  story,
  venueWith,
  words,
  XXX,
} from "./harness.ts";

function bracket(text: string, take: string, stop: string, more: Partial<NewVenueOrder> = {}): NewVenueOrder {
  return request(text, {
    orderClass: "bracket",
    takeProfit: { limitPrice: fixed(take) },
    stopLoss: { stopPrice: fixed(stop), limitPrice: null },
    ...more,
  });
}

function oco(text: string, stop: string, more: Partial<NewVenueOrder> = {}): NewVenueOrder {
  const order = request(text);
  const takeProfit = order.limitPrice === null ? null : { limitPrice: order.limitPrice };
  return {
    ...order,
    orderClass: "oco",
    takeProfit,
    stopLoss: { stopPrice: fixed(stop), limitPrice: null },
    ...more,
  };
}

function quoted(venue: Venue, bid: number, ask: number, at = 0): void {
  venue.onQuote(OPEN, bid, ask, NOON_US + at);
  venue.onTrade(OPEN, ask, NOON_US + at);
}

/** Takes no more than `most` at a time. */
function slices(most: string): FillModel {
  const whole = quoteFill();
  return {
    ...whole,
    decide(order, market, cause) {
      const decision = whole.decide(order, market, cause);
      if (decision === null || decision.quantity <= fixed(most)) return decision;
      return { ...decision, quantity: fixed(most) };
    },
  };
}

describe("a bracket", () => {
  it("is answered with its legs, held and of its class, which wait for the entry", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    const { order, legs, events } = accepted(venue.submit(bracket("buy 10 OPEN 98", "110", "90"), NOON_US));
    assert.deepEqual(story(events), ["pending_new entry", "new entry"]);
    assert.deepEqual(
      legs.map((leg) => [leg.role, leg.type, leg.side, leg.status, leg.orderClass, leg.parentId]),
      [
        ["take_profit", "limit", "sell", "held", "bracket", order.id],
        ["stop_loss", "stop", "sell", "held", "bracket", order.id],
      ],
    );
    assert.deepEqual(
      order.legIds,
      legs.map((leg) => leg.id),
    );
    assert.deepEqual(
      legs.map((leg) => [leg.limitPrice, leg.stopPrice].map((price) => formatFixed(price ?? 0n))),
      [
        ["110", "0"],
        ["0", "90"],
      ],
    );
    // Nothing can be sold yet, at whatever price.
    assert.equal(kinds(venue.onQuote(OPEN, 120, 121, NOON_US + 1)), "");
    assert.equal(kinds(venue.onTrade(OPEN, 80, NOON_US + 2)), "");
  });

  it("sets its legs free when the entry has filled; the take-profit's fill cancels the stop", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    const { events } = accepted(venue.submit(bracket("buy 10 OPEN", "110", "90"), NOON_US));
    assert.deepEqual(story(events), [
      "pending_new entry",
      "new entry",
      "fill entry",
      "new take_profit",
      "new stop_loss",
    ]);
    assert.equal(venue.availableOf("OPEN"), 0n);
    assert.deepEqual(story(venue.onQuote(OPEN, 110, 110.1, NOON_US + 1)), ["fill take_profit", "canceled stop_loss"]);
    assert.equal(venue.positionOf("OPEN"), 0n);
  });

  it("sells at the stop and cancels the take-profit", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    accepted(venue.submit(bracket("buy 10 OPEN", "110", "90"), NOON_US));
    venue.onQuote(OPEN, 89.5, 89.6, NOON_US + 1);
    assert.deepEqual(story(venue.onTrade(OPEN, 89.9, NOON_US + 2)), [
      "amended stop_loss",
      "fill stop_loss",
      "canceled take_profit",
    ]);
  });

  it("of a short entry buys back at either exit", () => {
    const venue = venueWith();
    quoted(venue, 100, 100.1);
    const { legs } = accepted(venue.submit(bracket("sell 10 OPEN", "90", "110"), NOON_US));
    assert.deepEqual(
      legs.map((leg) => [leg.side, leg.positionIntent]),
      [
        ["buy", "buy_to_close"],
        ["buy", "buy_to_close"],
      ],
    );
    assert.deepEqual(story(venue.onQuote(OPEN, 89.9, 90, NOON_US + 1)), ["fill take_profit", "canceled stop_loss"]);
    assert.equal(venue.positionOf("OPEN"), 0n);
  });

  it("waits for the whole entry, and a partial take-profit shrinks the stop", () => {
    const venue = venueWith({ fill: slices("4") });
    quoted(venue, 99, 100);
    const { order, legs } = accepted(venue.submit(bracket("buy 10 OPEN", "110", "90"), NOON_US));
    const [take, stop] = legs;
    assert.equal(statusOf(venue, take?.id), "held");
    // Four are there and four are promised to the exits.
    assert.equal(venue.availableOf("OPEN"), 0n);
    venue.onQuote(OPEN, 99, 100, NOON_US + 1);
    venue.onQuote(OPEN, 99, 100, NOON_US + 2);
    assert.equal(statusOf(venue, order.id), "filled");
    assert.deepEqual(story(venue.onQuote(OPEN, 110, 110.1, NOON_US + 3)), [
      "partial_fill take_profit",
      "amended stop_loss",
    ]);
    assert.equal(formatFixed(venue.order(stop?.id ?? "")?.quantity ?? 0n), "6");
    venue.onQuote(OPEN, 80, 80.1, NOON_US + 4);
    const stopped = venue.onTrade(OPEN, 85, NOON_US + 5);
    assert.deepEqual(story(stopped), ["amended stop_loss", "partial_fill stop_loss", "amended take_profit"]);
    assert.deepEqual(story(venue.onQuote(OPEN, 80, 80.1, NOON_US + 6)), ["fill stop_loss", "canceled take_profit"]);
    assert.equal(venue.positionOf("OPEN"), 0n);
  });

  it("is cancelled as a whole: through the entry, through a leg, and by the end of the day", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    const first = accepted(venue.submit(bracket("buy 10 OPEN 98", "110", "90"), NOON_US));
    assert.deepEqual(story(accepted(venue.cancel(first.order.id, NOON_US)).events), [
      "canceled entry",
      "canceled take_profit",
      "canceled stop_loss",
    ]);
    const second = accepted(venue.submit(bracket("buy 10 OPEN", "110", "90"), NOON_US));
    assert.deepEqual(story(accepted(venue.cancel(second.legs[1]?.id ?? "", NOON_US)).events), [
      "canceled stop_loss",
      "canceled take_profit",
    ]);
    venue.onQuote(XXX, 99, 100, NOON_US);
    accepted(venue.submit(bracket("buy 10 XXX 98", "110", "90"), NOON_US));
    const ended = venue.onTime(CLOSE_US).filter(({ order }) => order.symbol === "XXX");
    assert.deepEqual(story(ended), ["expired entry", "expired take_profit", "expired stop_loss"]);
  });

  it("is refused where Alpaca refuses it", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    venue.onQuote(PART, 99, 100, NOON_US);
    venue.onQuote(BTC, 99, 100, NOON_US);
    const message = (order: NewVenueOrder) => words(venue.submit(order, NOON_US)).slice(0, 3);
    const base = { base_price: "98" };
    assert.deepEqual(message(bracket("buy 10 OPEN", "90", "95")), [
      422,
      42210000,
      "take_profit.limit_price must be greater than stop_loss.stop_price",
    ]);
    const near = refused(venue.submit(bracket("buy 10 OPEN 98", "110", "98"), NOON_US));
    assert.deepEqual([near.message, near.extra], ["stop_loss.stop_price must be <= base_price - 0.01", base]);
    accepted(venue.submit(bracket("buy 10 OPEN 98", "110", "97.99"), NOON_US));
    assert.equal(message(bracket("buy 0.5 PART", "110", "90"))[2], "fractional orders must be simple orders");
    assert.equal(message(bracket("buy 1 BTC/USD", "110", "90"))[0], 422);
    assert.match(String(message(bracket("buy 1 OPEN", "110", "90", { timeInForce: "ioc" }))[2]), /DAY or GTC/);
    assert.match(String(message(bracket("buy 1 OPEN", "110", "90", { stopLoss: null }))[2]), /require take_profit/);
    assert.match(String(message(bracket("buy 1 OPEN 98", "110", "90", { extendedHours: true }))[2]), /simple orders/);
    hold(venue, "5", PART);
    assert.equal(message(bracket("sell 1 PART", "90", "110"))[2], "bracket orders must be entry orders");
  });
});

describe("an OCO", () => {
  it("has its take-profit as the parent, both exits in the market, and holds the quantity once", () => {
    const venue = venueWith();
    hold(venue, "10");
    const { order, legs, events } = accepted(venue.submit(oco("sell 10 OPEN 110", "90"), NOON_US));
    assert.equal(order.role, "take_profit");
    assert.deepEqual(
      legs.map((leg) => [leg.role, leg.parentId]),
      [["stop_loss", order.id]],
    );
    assert.deepEqual(story(events), [
      "pending_new take_profit",
      "pending_new stop_loss",
      "new take_profit",
      "new stop_loss",
    ]);
    assert.equal(venue.availableOf("OPEN"), 0n);
    assert.deepEqual(story(venue.onQuote(OPEN, 111, 111.1, NOON_US + 1)), ["fill take_profit", "canceled stop_loss"]);
  });

  it("may share a position with another order and no more", () => {
    const venue = venueWith();
    hold(venue, "10");
    accepted(venue.submit(request("sell 4 OPEN 120"), NOON_US));
    assert.match(words(venue.submit(oco("sell 7 OPEN 110", "90"), NOON_US))[2], /requested: 7, available: 6/);
    accepted(venue.submit(oco("sell 6 OPEN 110", "90"), NOON_US));
  });

  it("is for exits only, with a stop beyond the market and the take-profit", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    assert.equal(words(venue.submit(oco("buy 1 OPEN 90", "110"), NOON_US))[2], "oco orders must be exit orders");
    hold(venue, "10");
    assert.deepEqual(refused(venue.submit(oco("sell 10 OPEN 110", "100"), NOON_US)).extra, { base_price: "100" });
    assert.equal(words(venue.submit(oco("sell 10 OPEN 110", "90", { timeInForce: "fok" }), NOON_US))[0], 422);
  });
});

describe("an OTO", () => {
  it("has one exit, which waits for the entry", () => {
    const venue = venueWith();
    quoted(venue, 99, 100);
    const order = bracket("buy 10 OPEN", "110", "90", { orderClass: "oto", takeProfit: null });
    const { events } = accepted(venue.submit(order, NOON_US));
    assert.deepEqual(story(events), ["pending_new entry", "new entry", "fill entry", "new stop_loss"]);
    assert.equal(venue.availableOf("OPEN"), 0n);
    const both = bracket("buy 10 OPEN", "110", "90", { orderClass: "oto" });
    assert.match(words(venue.submit(both, NOON_US))[2], /exactly one of take_profit and stop_loss/);
  });
});

describe("groups and the wash-trade rule", () => {
  it("are exempt on both sides", () => {
    const venue = venueWith();
    hold(venue, "10");
    accepted(venue.submit(oco("sell 10 OPEN 110", "90"), NOON_US));
    // The stop that rests would forbid it, were it no group's.
    accepted(venue.submit(request("buy 1 OPEN 95"), NOON_US));
    const other = venueWith();
    hold(other, "10");
    accepted(other.submit(request("buy 1 OPEN 95"), NOON_US));
    accepted(other.submit(oco("sell 10 OPEN 110", "94"), NOON_US));
  });
});
