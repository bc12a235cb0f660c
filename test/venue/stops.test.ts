import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import type { NewVenueOrder, VenueOrder } from "../../src/venue/order.ts";
import {
  accepted,
  BTC,
  fixed,
  hold,
  kinds,
  NOON_US,
  OPEN,
  OPEN_US,
  refused,
  request,
  statusOf,
  us,
  venueWith,
  words,
  XXX,
} from "./harness.ts";

const stop = (text: string, price: string, more: Partial<NewVenueOrder> = {}) =>
  request(text, { type: "stop", stopPrice: fixed(price), ...more });
const trailing = (text: string, more: Partial<NewVenueOrder>) => request(text, { type: "trailing_stop", ...more });

describe("stop orders", () => {
  it("a sell stop rests through quotes, triggers on a trade at the stop and sells at the market", () => {
    const venue = venueWith();
    hold(venue, "10");
    const { order, events } = accepted(venue.submit(stop("sell 10 OPEN", "95"), NOON_US));
    assert.equal(kinds(events), "pending_new new");
    assert.equal(kinds(venue.onQuote(OPEN, 94, 94.1, NOON_US + 1)), "");
    assert.equal(kinds(venue.onTrade(OPEN, 95.01, NOON_US + 2)), "");
    const triggered = venue.onTrade(OPEN, 95, NOON_US + 3);
    assert.equal(kinds(triggered), "amended fill");
    assert.equal(formatFixed(triggered[1]?.execution?.price ?? 0n), "94");
    assert.equal(venue.order(order.id)?.triggeredAtUs, NOON_US + 3);
    assert.equal(venue.order(order.id)?.type, "stop");
  });

  for (const [price, through, limit] of [
    // + 4 % below $50, + 2.5 % from $50 on
    ["49", "50.96", "50.97"],
    ["50", "51.25", "51.26"],
    ["100.1", "102.6", "102.61"],
  ] as const) {
    it(`a buy stop at ${price} pays at most ${through} once it is triggered`, () => {
      const venue = venueWith();
      venue.onTrade(OPEN, Number(price) - 1, NOON_US);
      const { order } = accepted(venue.submit(stop("buy 1 OPEN", price), NOON_US));
      venue.onQuote(OPEN, 1, Number(limit), NOON_US + 1);
      assert.equal(kinds(venue.onTrade(OPEN, Number(price), NOON_US + 2)), "amended");
      assert.equal(kinds(venue.onQuote(OPEN, 1, Number(limit), NOON_US + 3)), "");
      assert.equal(kinds(venue.onQuote(OPEN, 1, Number(through), NOON_US + 4)), "fill");
      assert.equal(statusOf(venue, order.id), "filled");
    });
  }

  it("a stop-limit is a limit order once it is triggered", () => {
    const venue = venueWith();
    hold(venue, "10");
    const limited = stop("sell 10 OPEN 94.5", "95", { type: "stop_limit" });
    accepted(venue.submit(limited, NOON_US));
    venue.onQuote(OPEN, 94, 94.1, NOON_US + 1);
    assert.equal(kinds(venue.onTrade(OPEN, 94.9, NOON_US + 2)), "amended");
    assert.equal(kinds(venue.onQuote(OPEN, 94.49, 94.6, NOON_US + 3)), "");
    assert.equal(kinds(venue.onQuote(OPEN, 94.5, 94.6, NOON_US + 4)), "fill");
  });

  it("is refused on the wrong side of the market, with both prices", () => {
    const venue = venueWith();
    hold(venue, "10");
    const sell = refused(venue.submit(stop("sell 1 OPEN", "100"), NOON_US));
    assert.deepEqual(
      [sell.status, sell.code, sell.message, sell.extra],
      [422, 42210000, "stop price must be less than current price", { stop_price: "100", market_price: "100" }],
    );
    const buy = refused(venue.submit(stop("buy 1 OPEN", "99.5"), NOON_US));
    assert.deepEqual(
      [buy.message, buy.extra],
      ["stop price must be greater than current price", { stop_price: "99.5", market_price: "100" }],
    );
  });

  it("triggers neither in a halt nor outside the core session", () => {
    const venue = venueWith();
    hold(venue, "10", XXX);
    const { order } = accepted(venue.submit(stop("sell 10 XXX", "95", { timeInForce: "gtc" }), NOON_US));
    venue.onHalt(XXX, true, NOON_US + 1);
    venue.onTrade(XXX, 90, NOON_US + 2);
    venue.onHalt(XXX, false, NOON_US + 3);
    venue.onTrade(XXX, 100, NOON_US + 4);
    assert.equal(kinds(venue.onTrade(XXX, 90, us("2018-01-02T21:30:00Z"))), "");
    assert.equal(venue.order(order.id)?.triggeredAtUs, null);
    venue.onQuote(XXX, 94, 94.1, us("2018-01-03T14:30:00Z"));
    assert.equal(kinds(venue.onTrade(XXX, 94.5, us("2018-01-03T14:30:01Z"))), "amended fill");
  });

  it("asks for the fields of its type and for no others", () => {
    const venue = venueWith();
    hold(venue, "10");
    const message = (order: NewVenueOrder) => words(venue.submit(order, NOON_US));
    assert.deepEqual(message(request("sell 1 OPEN", { type: "stop" })), [
      422,
      40010001,
      "stop orders require a stop price",
    ]);
    assert.match(message(stop("sell 1 OPEN", "95", { type: "stop_limit" }))[2], /require a limit price/);
    assert.match(message(stop("sell 1 OPEN", "95", { type: "market" }))[2], /market orders require no stop or limit/);
    assert.match(message(stop("sell 1 OPEN 95", "95"))[2], /require no limit price/);
    assert.match(message(stop("sell 1 OPEN", "95.001"))[2], /^invalid stop_price 95.001. sub-penny/);
    assert.match(message(stop("sell 1 OPEN", "95", { timeInForce: "ioc" }))[2], /must be DAY or GTC/);
  });

  it("of crypto may be a stop-limit, good till cancelled, and nothing else", () => {
    const venue = venueWith();
    venue.onQuote(BTC, 39_990, 40_000, NOON_US);
    venue.onTrade(BTC, 40_000, NOON_US);
    accepted(venue.submit(stop("buy 0.1 BTC/USD 41000", "40500", { type: "stop_limit" }), NOON_US));
    assert.equal(refused(venue.submit(stop("buy 0.1 BTC/USD", "40500"), NOON_US)).status, 422);
    const ioc = stop("buy 0.1 BTC/USD 41000", "40500", { type: "stop_limit", timeInForce: "ioc" });
    assert.equal(refused(venue.submit(ioc, NOON_US)).message, "invalid crypto time_in_force");
  });

  it("that buys reserves the price that it may pay", () => {
    const venue = venueWith({ settings: { maxMarginMultiplier: 1 } });
    venue.onTrade(OPEN, 99, NOON_US);
    // 975 × 102.5 = 99,937.50 fits 100,000; 976 × 102.5 = 100,040 does not.
    assert.equal(refused(venue.submit(stop("buy 976 OPEN", "100"), NOON_US)).message, "insufficient buying power");
    accepted(venue.submit(stop("buy 975 OPEN", "100"), NOON_US));
    assert.equal(formatFixed(venue.figures().buyingPower), "62.5");
  });
});

describe("trailing stops", () => {
  const stopOf = (order: VenueOrder | undefined) =>
    [order?.highWaterMark, order?.stopPrice].map((price) => formatFixed(price ?? 0n));

  it("a sell follows the highest trade by a price and sells when it is reached", () => {
    const venue = venueWith();
    hold(venue, "10");
    const { order } = accepted(venue.submit(trailing("sell 10 OPEN", { trailPrice: fixed("2") }), NOON_US));
    assert.deepEqual(stopOf(order), ["100", "98"]);
    venue.onTrade(OPEN, 103.5, NOON_US + 1);
    assert.deepEqual(stopOf(venue.order(order.id)), ["103.5", "101.5"]);
    assert.equal(kinds(venue.onTrade(OPEN, 102, NOON_US + 2)), "");
    venue.onQuote(OPEN, 101.4, 101.6, NOON_US + 3);
    assert.equal(kinds(venue.onTrade(OPEN, 101.5, NOON_US + 4)), "amended fill");
  });

  it("a buy follows the lowest trade by a percentage, on the price grid", () => {
    const venue = venueWith();
    venue.onTrade(OPEN, 100, NOON_US);
    const { order } = accepted(venue.submit(trailing("buy 10 OPEN", { trailPercent: fixed("1.5") }), NOON_US));
    assert.deepEqual(stopOf(order), ["100", "101.5"]);
    venue.onTrade(OPEN, 97.77, NOON_US + 1);
    // 97.77 × 1.015 = 99.23655
    assert.deepEqual(stopOf(venue.order(order.id)), ["97.77", "99.24"]);
    venue.onQuote(OPEN, 99.2, 99.3, NOON_US + 2);
    assert.equal(kinds(venue.onTrade(OPEN, 99.24, NOON_US + 3)), "amended fill");
  });

  it("that waits for the session starts from its first trade", () => {
    const venue = venueWith();
    hold(venue, "10", XXX, NOON_US - 86_400_000_000 * 4);
    const order = accepted(venue.submit(trailing("sell 10 XXX", { trailPrice: fixed("1") }), OPEN_US - 1)).order;
    assert.equal(order.highWaterMark, null);
    venue.onTrade(XXX, 120, OPEN_US + 1);
    assert.deepEqual(stopOf(venue.order(order.id)), ["120", "119"]);
  });

  it("needs exactly one distance, whole shares, no group, and no extended hours", () => {
    const venue = venueWith();
    hold(venue, "10");
    const refusal = (more: Partial<NewVenueOrder>) =>
      words(venue.submit(trailing("sell 1 OPEN", { trailPrice: fixed("1"), ...more }), NOON_US));
    assert.match(refusal({ trailPercent: fixed("1") })[2], /one of trail_price or trail_percent/);
    assert.match(refusal({ trailPrice: null })[2], /one of trail_price or trail_percent/);
    assert.match(refusal({ trailPrice: null, trailPercent: fixed("100") })[2], /> 0 and < 100/);
    assert.equal(refusal({ extendedHours: true })[2], "extended hours order must be DAY limit orders");
    assert.equal(refusal({ timeInForce: "fok" })[0], 422);
    const bracket = { orderClass: "oco", takeProfit: { limitPrice: fixed("110") } } as const;
    assert.equal(refusal({ ...bracket, stopLoss: { stopPrice: fixed("90"), limitPrice: null } })[0], 422);
  });
});
