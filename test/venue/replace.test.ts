import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import { constantLatency } from "../../src/venue/models/latency.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import type { ReplaceRequest } from "../../src/venue/order.ts";
import type { Venue } from "../../src/venue/venue.ts";
import {
  accepted,
  BTC,
  fixed,
  hold,
  kinds,
  NOON_US,
  OPEN,
  OPEN_US,
  PART,
  refused,
  request,
  statusOf,
  story,
  venueWith,
  words,
  XXX,
} from "./harness.ts";

let ids = 0;
const change = (fields: Partial<ReplaceRequest>): ReplaceRequest => ({ clientOrderId: `changed-${++ids}`, ...fields });
const limit = (price: string) => change({ limitPrice: fixed(price) });

function resting(venue: Venue, text = "buy 10 OPEN 90"): string {
  venue.onQuote(OPEN, 99, 100, NOON_US);
  venue.onTrade(OPEN, 100, NOON_US);
  return accepted(venue.submit(request(text), NOON_US)).order.id;
}

describe("replacing an order", () => {
  it("gives a new order with an id of its own; each names the other", () => {
    const venue = venueWith();
    const id = resting(venue);
    const { order, events } = accepted(venue.replace(id, limit("91"), NOON_US + 1));
    assert.equal(order.replaces, id);
    assert.notEqual(order.id, id);
    assert.deepEqual([order.status, formatFixed(order.limitPrice ?? 0n)], ["pending_new", "91"]);
    assert.deepEqual(
      events.map((event) => [event.kind, event.order.id === id ? "old" : "new"]),
      [
        ["pending_replace", "old"],
        ["pending_new", "new"],
        ["replaced", "old"],
        ["new", "new"],
      ],
    );
    const old = venue.order(id);
    assert.deepEqual([old?.status, old?.replacedBy, old?.replacedAtUs], ["replaced", order.id, NOON_US + 1]);
    assert.equal(kinds(venue.onQuote(OPEN, 90.9, 91, NOON_US + 2)), "fill");
    assert.equal(statusOf(venue, order.id), "filled");
  });

  it("counts the quantity with what has been filled and leaves the rest to the new order", () => {
    const whole = quoteFill();
    const venue = venueWith({
      fill: {
        ...whole,
        decide(order, market, cause) {
          const decision = whole.decide(order, market, cause);
          return decision === null || decision.quantity <= fixed("4")
            ? decision
            : { ...decision, quantity: fixed("4") };
        },
      },
    });
    const id = resting(venue);
    venue.onQuote(OPEN, 89, 90, NOON_US + 1);
    venue.onQuote(OPEN, 99, 100, NOON_US + 2);
    const asked = (quantity: string) => change({ quantity: fixed(quantity) });
    assert.deepEqual(words(venue.replace(id, asked("4"), NOON_US + 3)), [422, 42210000, "qty must be > filled_qty"]);
    const { order } = accepted(venue.replace(id, asked("7"), NOON_US + 3));
    assert.deepEqual([order.quantity, order.filledQuantity], [fixed("3"), 0n]);
  });

  it("holds buying power for the larger of the two", () => {
    const venue = venueWith({ settings: { maxMarginMultiplier: 1 } });
    const id = resting(venue, "buy 900 OPEN 90");
    // 100,000 − 81,000 are free: 100 × 900 = 90,000 fits, 1,000 × 101 = 101,000 does not.
    assert.equal(formatFixed(venue.figures().buyingPower), "19000");
    const refusal = refused(venue.replace(id, change({ quantity: fixed("1000"), limitPrice: fixed("101") }), NOON_US));
    assert.deepEqual(
      [refusal.status, refusal.message, refusal.extra],
      [403, "insufficient buying power", { buying_power: "19000", cost_basis: "101000" }],
    );
    accepted(venue.replace(id, limit("99"), NOON_US));
    assert.equal(formatFixed(venue.figures().buyingPower), "10900");
  });

  it("may still lose against a fill of the old order on its way: the new one is rejected", () => {
    const venue = venueWith({ latency: constantLatency(1000) });
    const id = resting(venue);
    venue.onTime(NOON_US + 1000);
    const { order, events } = accepted(venue.replace(id, limit("91"), NOON_US + 2000));
    assert.equal(kinds(events), "pending_replace pending_new");
    assert.match(words(venue.cancel(id, NOON_US + 2001))[2], /pending replacement/);
    assert.match(words(venue.replace(id, limit("92"), NOON_US + 2001))[2], /in pending_replace status/);
    assert.match(words(venue.replace(order.id, limit("92"), NOON_US + 2001))[2], /in pending_new status/);
    assert.equal(kinds(venue.onQuote(OPEN, 89, 90, NOON_US + 2500)), "fill amended");
    const [late] = venue.onTime(NOON_US + 3000);
    assert.deepEqual(
      [late?.kind, late?.order.id, late?.order.status],
      ["order_replace_rejected", order.id, "rejected"],
    );
    assert.equal(venue.order(order.id)?.failedAtUs, NOON_US + 3000);
    assert.equal(statusOf(venue, id), "filled");
  });

  it("takes a fraction of a coin", () => {
    const venue = venueWith();
    venue.onQuote(BTC, 9999, 10_000, NOON_US);
    const { order } = accepted(venue.submit(request("buy 0.5 BTC/USD 9000"), NOON_US));
    const changed = accepted(venue.replace(order.id, change({ quantity: fixed("0.25") }), NOON_US + 1));
    assert.equal(formatFixed(changed.order.quantity ?? 0n), "0.25");
  });

  it("is refused in the statuses, for the kinds and with the fields that Alpaca refuses", () => {
    const venue = venueWith();
    const id = resting(venue);
    const message = (of: string, fields: Partial<ReplaceRequest>) => words(venue.replace(of, change(fields), NOON_US));
    assert.equal(message("nothing", {})[0], 404);
    assert.equal(message(id, {})[2], "order parameters are not changed");
    assert.equal(message(id, { limitPrice: fixed("90") })[2], "order parameters are not changed");
    assert.deepEqual(message(id, { quantity: fixed("1.5") }), [422, 40010001, "qty must be integer"]);
    assert.match(message(id, { limitPrice: fixed("90.001") })[2], /sub-penny/);
    assert.match(message(id, { trail: fixed("1") })[2], /trail/);
    assert.match(message(id, { stopPrice: fixed("95") })[2], /no stop price/);
    accepted(venue.replace(id, limit("91"), NOON_US));
    assert.equal(message(id, { limitPrice: fixed("92") })[2], "order already replaced");

    venue.onQuote(XXX, 99, 100, OPEN_US - 86_400_000_000);
    const filled = accepted(venue.submit(request("buy 1 OPEN"), NOON_US)).order.id;
    assert.equal(message(filled, { quantity: fixed("2") })[2], "cannot replace order in filled status");
    venue.onQuote(PART, 99, 100, NOON_US);
    const part = accepted(venue.submit(request("buy 0.5 PART 90"), NOON_US)).order.id;
    assert.match(message(part, { quantity: fixed("1") })[2], /fractional qty/);
    const oto = request("buy 1 PART 90", {
      orderClass: "oto",
      takeProfit: { limitPrice: fixed("110") },
    });
    const entry = accepted(venue.submit(oto, NOON_US)).order.id;
    assert.match(message(entry, { limitPrice: fixed("91") })[2], /oto orders cannot be replaced/);
  });

  it("is refused while an order waits for its session", () => {
    const venue = venueWith();
    venue.onQuote(XXX, 99, 100, OPEN_US - 1000);
    const waiting = accepted(venue.submit(request("buy 1 XXX 90"), OPEN_US - 1000)).order.id;
    assert.deepEqual(words(venue.replace(waiting, limit("91"), OPEN_US - 999)), [
      422,
      42210000,
      "cannot replace order in accepted status",
    ]);
  });

  it("never takes a client order id twice", () => {
    const venue = venueWith();
    const order = request("buy 1 OPEN 80");
    const id = resting(venue);
    accepted(venue.submit(order, NOON_US));
    const again = venue.replace(id, { clientOrderId: order.clientOrderId, limitPrice: fixed("91") }, NOON_US);
    assert.equal(refused(again).message, "client_order_id must be unique");
  });

  it("obeys the wash-trade rule without the order that it replaces", () => {
    const venue = venueWith();
    hold(venue, "10");
    const buy = accepted(venue.submit(request("buy 1 OPEN 90"), NOON_US)).order.id;
    accepted(venue.submit(request("sell 1 OPEN 110"), NOON_US));
    assert.match(words(venue.replace(buy, limit("110"), NOON_US))[2], /wash trade/);
    accepted(venue.replace(buy, limit("109"), NOON_US));
  });

  it("keeps a closing order within the position", () => {
    const venue = venueWith();
    hold(venue, "10");
    const id = accepted(venue.submit(request("sell 4 OPEN 110"), NOON_US)).order.id;
    accepted(venue.submit(request("sell 5 OPEN 111"), NOON_US));
    assert.match(words(venue.replace(id, change({ quantity: fixed("6") }), NOON_US))[2], /requested: 6, available: 5/);
    accepted(venue.replace(id, change({ quantity: fixed("5") }), NOON_US));
    assert.equal(venue.availableOf("OPEN"), 0n);
  });

  it("moves an exit of a group, which stays in the group", () => {
    const venue = venueWith();
    venue.onQuote(OPEN, 99, 100, NOON_US);
    venue.onTrade(OPEN, 100, NOON_US);
    const { order, legs } = accepted(
      venue.submit(
        request("buy 10 OPEN", {
          orderClass: "bracket",
          takeProfit: { limitPrice: fixed("110") },
          stopLoss: { stopPrice: fixed("90"), limitPrice: null },
        }),
        NOON_US,
      ),
    );
    const stop = accepted(venue.replace(legs[1]?.id ?? "", change({ stopPrice: fixed("95") }), NOON_US)).order;
    assert.deepEqual([stop.role, stop.parentId], ["stop_loss", order.id]);
    assert.deepEqual(venue.order(order.id)?.legIds, [legs[0]?.id, stop.id]);
    assert.equal(venue.availableOf("OPEN"), 0n);
    assert.match(
      words(venue.replace(stop.id, change({ stopPrice: fixed("101") }), NOON_US))[2],
      /less than current price/,
    );
    assert.deepEqual(story(venue.onQuote(OPEN, 110, 110.1, NOON_US + 1)), ["fill take_profit", "canceled stop_loss"]);
    assert.equal(statusOf(venue, stop.id), "canceled");
  });

  it("changes a held leg and an entry with what its legs will sell", () => {
    const venue = venueWith();
    venue.onQuote(OPEN, 99, 100, NOON_US);
    venue.onTrade(OPEN, 100, NOON_US);
    const { order, legs } = accepted(
      venue.submit(
        request("buy 10 OPEN 95", {
          orderClass: "bracket",
          takeProfit: { limitPrice: fixed("110") },
          stopLoss: { stopPrice: fixed("90"), limitPrice: null },
        }),
        NOON_US,
      ),
    );
    const take = accepted(venue.replace(legs[0]?.id ?? "", limit("120"), NOON_US)).order;
    assert.equal(statusOf(venue, take.id), "held");
    const entry = accepted(venue.replace(order.id, change({ quantity: fixed("6") }), NOON_US)).order;
    assert.deepEqual(entry.legIds, [take.id, legs[1]?.id]);
    for (const id of entry.legIds) {
      assert.deepEqual([venue.order(id)?.parentId, venue.order(id)?.quantity], [entry.id, fixed("6")]);
    }
    assert.deepEqual(story(venue.onQuote(OPEN, 94, 95, NOON_US + 1)), [
      "fill entry",
      "new stop_loss",
      "new take_profit",
    ]);
    assert.deepEqual(story(venue.onQuote(OPEN, 120, 121, NOON_US + 2)), ["fill take_profit", "canceled stop_loss"]);
    assert.equal(venue.positionOf("OPEN"), 0n);
  });

  it("gives a trailing stop another distance from the same best price", () => {
    const venue = venueWith();
    hold(venue, "10");
    const trailing = request("sell 10 OPEN", { type: "trailing_stop", trailPercent: fixed("5") });
    const id = accepted(venue.submit(trailing, NOON_US)).order.id;
    venue.onTrade(OPEN, 110, NOON_US + 1);
    const { order } = accepted(venue.replace(id, change({ trail: fixed("2") }), NOON_US + 2));
    // 110 × 0.98 = 107.80
    assert.deepEqual(
      [order.trailPercent, order.highWaterMark, order.stopPrice],
      [fixed("2"), fixed("110"), fixed("107.8")],
    );
  });
});
