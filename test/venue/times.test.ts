import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import type { FillModel } from "../../src/venue/models/contract.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import type { NewVenueOrder } from "../../src/venue/order.ts";
import {
  accepted,
  BTC,
  CLOSE_US,
  fixed,
  kinds,
  NOON_US,
  OPEN,
  OPEN_US,
  PART,
  refused,
  request,
  statusOf,
  us,
  venueWith,
  words,
  XXX,
} from "./harness.ts";

const MINUTE_US = 60_000_000;
const timed = (text: string, timeInForce: NewVenueOrder["timeInForce"]) => request(text, { timeInForce });

/** Never more than one share at a time. */
const ONE_BY_ONE: FillModel = {
  ...quoteFill(),
  decide(order, market, cause) {
    const decision = quoteFill().decide(order, market, cause);
    return decision === null ? null : { ...decision, quantity: fixed("1") };
  },
};

describe("immediate orders", () => {
  it("fill-or-kill trades all of itself at once or nothing", () => {
    const venue = venueWith();
    venue.onQuote(OPEN, 99, 100, NOON_US);
    assert.equal(kinds(accepted(venue.submit(timed("buy 5 OPEN", "fok"), NOON_US)).events), "pending_new new fill");
    assert.equal(
      kinds(accepted(venue.submit(timed("buy 5 OPEN 99", "fok"), NOON_US)).events),
      "pending_new new canceled",
    );
    const thin = venueWith({ fill: ONE_BY_ONE });
    thin.onQuote(OPEN, 99, 100, NOON_US);
    assert.equal(kinds(accepted(thin.submit(timed("buy 5 OPEN", "fok"), NOON_US)).events), "pending_new new canceled");
    assert.equal(
      kinds(accepted(thin.submit(timed("buy 5 OPEN", "ioc"), NOON_US)).events),
      "pending_new new partial_fill canceled",
    );
    assert.equal(thin.positionOf("OPEN"), fixed("1"));
  });

  it("are no crypto's business beyond immediate-or-cancel", () => {
    const venue = venueWith();
    venue.onQuote(BTC, 39_990, 40_000, NOON_US);
    assert.equal(words(venue.submit(timed("buy 1 BTC/USD", "fok"), NOON_US))[2], "invalid crypto time_in_force");
    accepted(venue.submit(timed("buy 1 BTC/USD", "ioc"), NOON_US));
  });
});

describe("good-till-cancelled orders", () => {
  it("are cancelled at 16:15 New York time, 90 days after their creation", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, NOON_US);
    const { order } = accepted(venue.submit(timed("buy 1 XXX 140", "gtc"), NOON_US));
    // 2 January 2018 + 90 days = 2 April, in summer time: 16:15 is 20:15 UTC.
    const end = us("2018-04-02T20:15:00Z");
    assert.equal(order.expiresAtUs, end);
    assert.equal(kinds(venue.onTime(end - 1)), "");
    assert.equal(kinds(venue.onTime(end)), "canceled");
  });
});

describe("opening auction", () => {
  const EARLY_US = OPEN_US - 60 * MINUTE_US;

  it("fills what is within its limit at the opening print and cancels the rest", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, EARLY_US);
    venue.onTrade(XXX, 150, EARLY_US);
    const market = accepted(venue.submit(timed("buy 1 XXX", "opg"), EARLY_US)).order;
    const high = accepted(venue.submit(timed("buy 2 XXX 152", "opg"), EARLY_US)).order;
    const low = accepted(venue.submit(timed("buy 3 XXX 150.5", "opg"), EARLY_US)).order;
    assert.equal(market.status, "accepted");
    assert.equal(kinds(venue.onQuote(XXX, 150.9, 151, OPEN_US)), "new new new");
    assert.equal(kinds(venue.onTrade(XXX, 150.4, OPEN_US + 1)), "", "no auction print");
    const events = venue.onTrade(XXX, 151.2, OPEN_US + 2, 5000, 0, "open");
    assert.deepEqual(
      events.map(({ kind, order, execution }) => [kind, order.id, formatFixed(execution?.price ?? 0n)]),
      [
        ["fill", market.id, "151.2"],
        ["fill", high.id, "151.2"],
        ["canceled", low.id, "0"],
      ],
    );
  });

  it("takes the session's first trade where no print comes within five minutes", () => {
    const venue = venueWith();
    venue.onTrade(XXX, 150, EARLY_US);
    const { order } = accepted(venue.submit(timed("buy 1 XXX", "opg"), EARLY_US));
    venue.onTrade(XXX, 153, OPEN_US + 1);
    venue.onTrade(XXX, 154, OPEN_US + 2);
    const [fill] = venue.onTime(OPEN_US + 5 * MINUTE_US);
    assert.deepEqual([fill?.kind, formatFixed(fill?.execution?.price ?? 0n)], ["fill", "153"]);
    assert.equal(statusOf(venue, order.id), "filled");
  });

  it("is closed to new orders from 09:28 to 19:00 and not on days without a session", () => {
    const venue = venueWith();
    const take = (time: string) => {
      venue.onTrade(XXX, 150, us(time));
      return venue.submit(timed("buy 1 XXX", "opg"), us(time)).ok;
    };
    assert.deepEqual(
      ["2018-01-02T14:27:59Z", "2018-01-02T14:28:00Z", "2018-01-02T23:59:59Z", "2018-01-03T00:00:00Z"].map(take),
      [true, false, false, true],
    );
    assert.equal(take("2018-01-06T17:00:00Z"), true, "Saturday");
  });
});

describe("closing auction", () => {
  it("fills at the closing print after the close and leaves quotes alone before", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, NOON_US);
    venue.onTrade(XXX, 150, NOON_US);
    const { events } = accepted(venue.submit(timed("buy 1 XXX", "cls"), NOON_US));
    assert.equal(kinds(events), "pending_new new");
    assert.equal(kinds(venue.onQuote(XXX, 149, 149.1, NOON_US + 1)), "");
    venue.onTrade(XXX, 148, CLOSE_US - 1);
    assert.equal(kinds(venue.onTime(CLOSE_US)), "");
    const [fill] = venue.onTrade(XXX, 147.5, CLOSE_US + 1_000_000, 100_000, 0, "close");
    assert.deepEqual([fill?.kind, formatFixed(fill?.execution?.price ?? 0n)], ["fill", "147.5"]);
  });

  it("takes the session's last trade where no print comes, never one of the post-market", () => {
    const venue = venueWith();
    venue.onTrade(XXX, 150, NOON_US);
    accepted(venue.submit(timed("buy 1 XXX", "cls"), NOON_US));
    venue.onTrade(XXX, 149, CLOSE_US - 1);
    venue.onTrade(XXX, 160, CLOSE_US + MINUTE_US);
    const [fill] = venue.onTime(CLOSE_US + 5 * MINUTE_US);
    assert.deepEqual([fill?.kind, formatFixed(fill?.execution?.price ?? 0n)], ["fill", "149"]);
  });

  it("is closed to new orders from ten minutes before the close, which is early on some days", () => {
    const venue = venueWith();
    const take = (time: string) => {
      venue.onTrade(XXX, 150, us(time));
      return venue.submit(timed("buy 1 XXX", "cls"), us(time)).ok;
    };
    // 2018-07-03 closed at 13:00 New York time, 17:00 UTC.
    assert.deepEqual(
      ["2018-01-02T20:49:59Z", "2018-01-02T20:50:00Z", "2018-07-03T16:49:59Z", "2018-07-03T16:50:00Z"].map(take),
      [true, false, true, false],
    );
  });

  it("takes market and limit orders of whole shares, where there are auctions", () => {
    const venue = venueWith();
    for (const index of [XXX, OPEN, PART]) venue.onTrade(index, 100, NOON_US);
    assert.equal(words(venue.submit(timed("buy 1 OPEN", "cls"), NOON_US))[2], 'asset "OPEN" has no auctions');
    assert.equal(words(venue.submit(timed("buy 0.5 PART", "cls"), NOON_US))[2], "fractional orders must be DAY orders");
    const stop = request("buy 1 XXX", { timeInForce: "cls", type: "stop", stopPrice: fixed("120") });
    assert.match(words(venue.submit(stop, NOON_US))[2], /must be DAY or GTC/);
  });
});

describe("extended hours", () => {
  const PRE_US = us("2018-01-02T09:00:00Z");
  const extended = (text: string) => request(text, { extendedHours: true });

  it("trades a limit order from 04:00 to 20:00 New York time and ends it then", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, PRE_US - 1);
    const { order } = accepted(venue.submit(extended("buy 1 XXX 150.1"), PRE_US - 1));
    assert.equal(order.status, "accepted");
    assert.equal(order.activeAtUs, PRE_US);
    assert.equal(order.expiresAtUs, us("2018-01-03T01:00:00Z"));
    assert.equal(kinds(venue.onQuote(XXX, 150, 150.1, PRE_US + 1)), "new fill");
    const late = accepted(venue.submit(extended("buy 1 XXX 140"), CLOSE_US + MINUTE_US));
    assert.equal(kinds(late.events), "pending_new new");
    assert.equal(kinds(venue.onQuote(XXX, 139, 139.5, CLOSE_US + 2 * MINUTE_US)), "fill");
  });

  it("leaves other orders waiting for the core session", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, PRE_US);
    assert.equal(accepted(venue.submit(request("buy 1 XXX 151"), PRE_US)).order.status, "accepted");
    assert.equal(kinds(venue.onQuote(XXX, 150, 150.1, PRE_US + 1)), "");
    assert.equal(kinds(venue.onQuote(XXX, 150, 150.1, OPEN_US)), "new fill");
  });

  it("is for limit orders of whole shares, alone, for the day or good till cancelled", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 150, 150.1, PRE_US);
    venue.onQuote(PART, 150, 150.1, PRE_US);
    const message = (order: NewVenueOrder) => words(venue.submit(order, PRE_US));
    assert.deepEqual(message(extended("buy 1 XXX")), [422, 42210000, "extended hours order must be DAY limit orders"]);
    assert.equal(message(request("buy 1 XXX 150", { extendedHours: true, timeInForce: "fok" }))[0], 422);
    assert.match(message(extended("buy 0.5 PART 150"))[2], /extended hours/);
    accepted(venue.submit(request("buy 1 XXX 150", { extendedHours: true, timeInForce: "gtc" }), PRE_US));
  });
});

describe("notional and fractional orders", () => {
  const notional = (text: string, amount: string, more: Partial<NewVenueOrder> = {}) =>
    request(text, { quantity: null, notional: fixed(amount), ...more });

  it("a notional buy spends the amount at the price, to nine decimals", () => {
    const venue = venueWith();
    venue.onQuote(PART, 299, 300, NOON_US);
    const { order } = accepted(venue.submit(notional("buy 1 PART", "100"), NOON_US));
    const done = venue.order(order.id);
    // 100 / 300 = 0.333333333…
    assert.deepEqual(
      [done?.status, done?.quantity, formatFixed(done?.filledQuantity ?? 0n)],
      ["filled", null, "0.333333333"],
    );
    assert.equal(venue.positionOf("PART"), fixed("0.333333333"));
  });

  it("a notional sell brings the amount and never more than it reserved", () => {
    const venue = venueWith();
    venue.onQuote(PART, 100, 100, NOON_US);
    accepted(venue.submit(request("buy 2 PART"), NOON_US));
    const sell = accepted(venue.submit(notional("sell 1 PART", "50"), NOON_US));
    assert.equal(formatFixed(venue.order(sell.order.id)?.filledQuantity ?? 0n), "0.5");
    venue.onQuote(PART, 0, 0, NOON_US + 1);
    venue.onTrade(PART, 100, NOON_US + 1);
    // 150 at 100 are the 1.5 that are left; the market falls, and more than 1.5 is not there.
    const rest = accepted(venue.submit(notional("sell 1 PART", "150"), NOON_US + 1)).order;
    assert.equal(venue.availableOf("PART"), 0n);
    assert.equal(kinds(venue.onQuote(PART, 75, 76, NOON_US + 2)), "fill");
    assert.equal(formatFixed(venue.order(rest.id)?.filledQuantity ?? 0n), "1.5");
    assert.equal(venue.positionOf("PART"), 0n);
  });

  it("a notional buy that covers a short sale stops at flat", () => {
    const venue = venueWith();
    venue.onQuote(PART, 98, 98.01, NOON_US);
    accepted(venue.submit(request("sell 262 PART"), NOON_US));
    venue.onQuote(PART, 0, 0, NOON_US + 1);
    venue.onTrade(PART, 98.01, NOON_US + 1);
    // 25,676.54 are 261.978 shares at 98.01 and more than 262 at 98.
    accepted(venue.submit(notional("buy 1 PART", "25676.54"), NOON_US + 2));
    venue.onQuote(PART, 97.99, 98, NOON_US + 3);
    assert.ok(venue.positionOf("PART") < 0n);
  });

  it("are refused in Alpaca's words", () => {
    const venue = venueWith();
    for (const index of [OPEN, PART]) venue.onQuote(index, 99, 100, NOON_US);
    venue.onTrade(PART, 100, NOON_US);
    const message = (order: NewVenueOrder) => words(venue.submit(order, NOON_US));
    assert.deepEqual(message(request("buy 1 PART", { notional: fixed("5") })), [
      422,
      40010001,
      "only one of qty or notional is accepted",
    ]);
    assert.deepEqual(message(request("buy 1 PART", { quantity: null })), [
      422,
      40010001,
      "qty or notional is required",
    ]);
    assert.deepEqual(message(notional("buy 1 PART", "0.99")), [
      403,
      40310000,
      "cost basis must be >= minimal amount of order 1",
    ]);
    assert.match(message(notional("buy 1 PART 99", "10"))[2], /notional orders must be market orders/);
    assert.equal(message(notional("buy 1 OPEN", "10"))[2], 'asset "OPEN" is not fractionable');
    assert.match(message(notional("sell 1 PART", "10"))[2], /cannot be sold short/);
    accepted(venue.submit(request("buy 1 PART"), NOON_US));
    accepted(venue.submit(request("sell 1 PART 120"), NOON_US));
    assert.equal(message(notional("buy 1 PART", "10"))[2], "potential wash trade detected. use complex orders");
  });

  it("may be a fractional stop for the day", () => {
    const venue = venueWith();
    venue.onTrade(PART, 100, NOON_US);
    accepted(venue.submit(request("buy 0.5 PART", { type: "stop", stopPrice: fixed("101") }), NOON_US));
    const gtc = request("buy 0.5 PART", { type: "stop", stopPrice: fixed("101"), timeInForce: "gtc" });
    assert.equal(refused(venue.submit(gtc, NOON_US)).message, "fractional orders must be DAY orders");
  });

  it("of coins loses the digits that the coin does not have", () => {
    const venue = venueWith({
      instruments: venueWith()
        .instruments()
        .map((each) => (each.symbol === "BTC/USD" ? { ...each, quantityIncrement: fixed("0.0001") } : each)),
    });
    venue.onQuote(BTC, 39_990, 40_000, NOON_US);
    const { order } = accepted(venue.submit(request("buy 0.12345678 BTC/USD"), NOON_US));
    assert.equal(formatFixed(order.quantity ?? 0n), "0.1234");
  });
});
