import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../src/core/fixed.ts";
import { feeBps, feePerShare } from "../../src/venue/models/fee.ts";
import { constantLatency } from "../../src/venue/models/latency.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import { slippageBps } from "../../src/venue/models/slippage.ts";
import type { VenueEvent } from "../../src/venue/order.ts";
import type { Venue } from "../../src/venue/venue.ts";
import { accepted, CLOSE_US, fixed, kinds, NOON_US, OPEN_US, refused, request, us, venueWith } from "./harness.ts";

describe("fills", () => {
  it("a market buy pays the ask and a market sell gets the bid", () => {
    const venue = venueWith();
    venue.onQuote(1, 99.99, 100.01, NOON_US);
    const buy = accepted(venue.submit(request("buy 10 OPEN"), NOON_US + 1));
    assert.equal(buy.order.status, "pending_new");
    assert.equal(buy.order.filledQuantity, 0n);
    assert.equal(kinds(buy.events), "pending_new new fill");
    assert.equal(formatFixed(venue.cash), "98999.9");
    accepted(venue.submit(request("sell 10 OPEN"), NOON_US + 2));
    assert.equal(formatFixed(venue.cash), "99999.8");
    assert.equal(venue.positionOf("OPEN"), 0n);
  });

  it("a limit rests until the quote reaches it and then trades at the quote or better", () => {
    const venue = venueWith();
    venue.onQuote(1, 99.99, 100.01, NOON_US);
    const buy = accepted(venue.submit(request("buy 10 OPEN 99.5"), NOON_US));
    assert.equal(kinds(buy.events), "pending_new new");
    assert.equal(kinds(venue.onQuote(1, 99.5, 99.51, NOON_US + 1)), "");
    const [fill] = venue.onQuote(1, 99.3, 99.4, NOON_US + 2);
    assert.equal(fill?.kind, "fill");
    assert.equal(formatFixed(fill?.execution?.price ?? 0n), "99.4");
    assert.equal(fill?.order.status, "filled");
  });

  it("trades when the limit equals the touch, decimals that doubles cannot hold included", () => {
    const venue = venueWith();
    venue.onQuote(1, 0, 0, NOON_US);
    for (const price of ["157.07", "0.3001", "64.1", "33.33", "1.01"]) {
      const order = accepted(venue.submit(request(`buy 1 OPEN ${price}`), NOON_US)).order;
      venue.onQuote(1, 0, Number(price), NOON_US);
      assert.equal(venue.order(order.id)?.status, "filled", price);
      venue.onQuote(1, 0, 0, NOON_US);
    }
  });

  it("does nothing against an empty side", () => {
    const venue = venueWith();
    venue.onTrade(1, 100, NOON_US);
    assert.equal(kinds(accepted(venue.submit(request("buy 1 OPEN"), NOON_US)).events), "pending_new new");
    assert.equal(kinds(venue.onQuote(1, 99, 0, NOON_US)), "");
    assert.equal(kinds(venue.onQuote(1, 99, 100, NOON_US)), "fill");
  });

  it("an immediate-or-cancel order that cannot trade is cancelled at once", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    const order = accepted(venue.submit(request("buy 1 OPEN 99.5", { timeInForce: "ioc" }), NOON_US));
    assert.equal(kinds(order.events), "pending_new new canceled");
  });

  it("splits fills by a seeded draw that a second run repeats", () => {
    const run = () => {
      const venue = venueWith({ fill: quoteFill({ partialRate: 0.5, seed: 3 }) });
      const events: VenueEvent[] = [];
      for (let i = 0; i < 50; i++) {
        const order = { ...request(`${i % 2 === 0 ? "buy" : "sell"} 100 OPEN`), clientOrderId: `c${i}` };
        events.push(...venue.onQuote(1, 99, 100, NOON_US + i * 100));
        const submitted = accepted(venue.submit(order, NOON_US + i * 100));
        events.push(...submitted.events);
        for (let n = 1; venue.order(submitted.order.id)?.status !== "filled"; n++) {
          events.push(...venue.onQuote(1, 99, 100, NOON_US + i * 100 + n));
        }
      }
      return events;
    };
    const events = run();
    assert.deepEqual(run(), events);
    const partial = events.filter((event) => event.kind === "partial_fill");
    assert.ok(partial.length > 20 && partial.length < 100);
    for (const { execution } of partial) assert.equal((execution?.quantity ?? 0n) % fixed("1"), 0n);
  });

  it("adds the models: fee, latency, slippage, cents", () => {
    const venue = venueWith({
      fee: feePerShare(fixed("0.005")),
      latency: constantLatency(1000),
      slippage: slippageBps(fixed("10")),
      cashRounding: "cents",
    });
    venue.onQuote(1, 99.99, 100.01, NOON_US);
    const order = accepted(venue.submit(request("buy 3 OPEN"), NOON_US));
    assert.equal(kinds(order.events), "pending_new");
    assert.equal(kinds(venue.onTime(NOON_US + 999)), "");
    const events = venue.onTime(NOON_US + 1000);
    assert.equal(kinds(events), "new fill");
    // 100.01 + 0.10001 rounded up to the cent is 100.12; 3 × 100.12 + 0.015 = 300.375, half-even in cents 300.38.
    assert.equal(formatFixed(events[1]?.execution?.price ?? 0n), "100.12");
    assert.equal(formatFixed(venue.cash), "99699.62");
  });

  it("takes a crypto fee from the coins that a buy receives", () => {
    const venue = venueWith({ fee: feeBps(fixed("25"), true) });
    venue.onQuote(3, 39_990, 40_000, NOON_US);
    accepted(venue.submit(request("buy 1 BTC/USD"), NOON_US));
    assert.equal(formatFixed(venue.positionOf("BTC/USD")), "0.9975");
    assert.equal(formatFixed(venue.cash), "60000");
  });
});

describe("sessions", () => {
  it("queues a day order before the session, opens it with the session and trades on the first quote of it", () => {
    const venue = venueWith();
    venue.onQuote(0, 150, 150.1, OPEN_US - 60_000_000);
    const queued = accepted(venue.submit(request("buy 1 XXX"), OPEN_US - 30_000_000));
    assert.equal(queued.order.status, "accepted");
    assert.equal(kinds(queued.events), "accepted");
    assert.equal(kinds(venue.onQuote(0, 149, 149.1, OPEN_US - 1)), "");
    assert.equal(kinds(venue.onTrade(0, 149, OPEN_US)), "new");
    const [fill] = venue.onQuote(0, 158, 158.1, OPEN_US + 5);
    assert.equal(formatFixed(fill?.execution?.price ?? 0n), "158.1");
  });

  it("expires what is left of a day order at the close, keeps a good-till-cancelled one, and trades neither after", () => {
    const venue = venueWith();
    venue.onQuote(0, 150, 150.1, NOON_US);
    const day = accepted(venue.submit(request("buy 1 XXX 140"), NOON_US)).order;
    const gtc = accepted(venue.submit(request("buy 1 XXX 141", { timeInForce: "gtc" }), NOON_US)).order;
    assert.equal(day.expiresAtUs, CLOSE_US);
    const events = venue.onQuote(0, 139, 139.1, CLOSE_US);
    assert.deepEqual(
      events.map((event) => [event.kind, event.order.id]),
      [["expired", day.id]],
    );
    assert.equal(venue.order(gtc.id)?.status, "new");
    assert.equal(kinds(venue.onQuote(0, 139, 139.1, us("2018-01-03T14:30:00Z"))), "fill");
  });

  it("refuses an immediate-or-cancel order outside the session", () => {
    const venue = venueWith();
    venue.onQuote(0, 150, 150.1, CLOSE_US + 1);
    assert.match(
      refused(venue.submit(request("buy 1 XXX", { timeInForce: "ioc" }), CLOSE_US + 1)).message,
      /market hours/,
    );
  });

  it("holds orders during a halt and trades them on the next quote after it", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    venue.onHalt(1, true, NOON_US + 1);
    assert.equal(kinds(accepted(venue.submit(request("buy 1 OPEN"), NOON_US + 2)).events), "pending_new new");
    assert.equal(kinds(venue.onQuote(1, 98, 99, NOON_US + 3)), "");
    assert.equal(kinds(venue.onHalt(1, false, NOON_US + 4)), "");
    assert.equal(kinds(venue.onQuote(1, 97, 98, NOON_US + 5)), "fill");
  });
});

describe("refusals in Alpaca's words", () => {
  it("never takes a client order id twice, whatever became of the first", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    const order = request("buy 1 OPEN 50");
    venue.cancel(accepted(venue.submit(order, NOON_US)).order.id, NOON_US);
    const refusal = refused(venue.submit(order, NOON_US));
    assert.deepEqual(
      [refusal.status, refusal.code, refusal.message],
      [422, 40010001, "client_order_id must be unique"],
    );
  });

  it("keeps a client order id for ever although the order itself is forgotten", () => {
    const venue = venueWith({ retainedOrders: 2 });
    venue.onQuote(1, 99, 100, NOON_US);
    const first = request("buy 1 OPEN");
    accepted(venue.submit(first, NOON_US));
    for (let i = 0; i < 5; i++) accepted(venue.submit(request("buy 1 OPEN"), NOON_US));
    assert.equal(venue.orderByClientId(first.clientOrderId), undefined);
    assert.equal(refused(venue.submit(first, NOON_US)).code, 40010001);
  });

  it("knows prices below a cent", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    assert.equal(
      refused(venue.submit(request("buy 1 OPEN 290.123"), NOON_US)).message,
      "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
    );
    accepted(venue.submit(request("buy 1 OPEN 0.9999"), NOON_US));
    assert.equal(refused(venue.submit(request("buy 1 OPEN 0.99991"), NOON_US)).code, 42210000);
  });

  it("reserves what open sells are closing", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    accepted(venue.submit(request("buy 3 OPEN"), NOON_US));
    const resting = accepted(venue.submit(request("sell 2 OPEN 120"), NOON_US)).order;
    assert.equal(venue.availableOf("OPEN"), fixed("1"));
    const refusal = refused(venue.submit(request("sell 3 OPEN 130"), NOON_US));
    assert.deepEqual(
      [refusal.status, refusal.code, refusal.message, refusal.extra],
      [
        403,
        40310000,
        "insufficient qty available for order (requested: 3, available: 1)",
        { available: "1", existing_qty: "3", held_for_orders: "2", related_orders: [resting.id], symbol: "OPEN" },
      ],
    );
    venue.cancel(resting.id, NOON_US);
    assert.equal(venue.availableOf("OPEN"), fixed("3"));
  });

  it("shorts from flat only what may be shorted", () => {
    const venue = venueWith();
    for (const index of [1, 2, 3]) venue.onQuote(index, 99, 100, NOON_US);
    assert.equal(kinds(accepted(venue.submit(request("sell 1 OPEN"), NOON_US)).events), "pending_new new fill");
    assert.equal(venue.positionOf("OPEN"), -fixed("1"));
    assert.equal(refused(venue.submit(request("sell 1 HARD"), NOON_US)).message, 'asset "HARD" cannot be sold short');
    assert.match(refused(venue.submit(request("sell 1 BTC/USD"), NOON_US)).message, /^insufficient balance for BTC/);
    assert.match(refused(venue.submit(request("buy 2 OPEN"), NOON_US)).message, /^insufficient qty/);
    venue.configure({ noShorting: true });
    assert.match(refused(venue.submit(request("sell 1 OPEN"), NOON_US)).message, /not allowed to short/);
  });

  it("opens one way only from flat", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    const buy = accepted(venue.submit(request("buy 1 OPEN 90"), NOON_US)).order;
    assert.equal(
      refused(venue.submit(request("sell 1 OPEN 110"), NOON_US)).message,
      "cannot open a short sell while a long buy order is open",
    );
    venue.cancel(buy.id, NOON_US);
    accepted(venue.submit(request("sell 1 OPEN 110"), NOON_US));
    assert.equal(
      refused(venue.submit(request("buy 1 OPEN 90"), NOON_US)).message,
      "cannot open a long buy while a short sell order is open",
    );
  });

  it("checks buying power with the margin multiplier and what open orders hold", () => {
    const venue = venueWith({ settings: { maxMarginMultiplier: 2 } });
    venue.onQuote(1, 99, 100, NOON_US);
    accepted(venue.submit(request("buy 1500 OPEN 100"), NOON_US));
    const refusal = refused(venue.submit(request("buy 501 OPEN 100"), NOON_US));
    assert.equal(refusal.message, "insufficient buying power");
    // 1,500 shares are marked at the middle of 99 and 100: equity 99,250 × 2 − 149,250.
    assert.deepEqual(refusal.extra, { buying_power: "49250", cost_basis: "50100" });
    accepted(venue.submit(request("buy 492 OPEN 90"), NOON_US));
  });

  it("allows crypto for cash only, from ten dollars, never as a day order", () => {
    const venue = venueWith();
    venue.onQuote(3, 39_990, 40_000, NOON_US);
    assert.equal(refused(venue.submit(request("buy 2.6 BTC/USD"), NOON_US)).message, "insufficient buying power");
    assert.equal(
      refused(venue.submit(request("buy 0.0002 BTC/USD"), NOON_US)).message,
      "cost basis must be >= minimal amount of order 10",
    );
    assert.equal(
      refused(venue.submit(request("buy 1 BTC/USD", { timeInForce: "day" }), NOON_US)).message,
      "invalid crypto time_in_force",
    );
  });

  it("refuses fractions where the asset has none and keeps them to the day where it has", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    venue.onQuote(4, 99, 100, NOON_US);
    assert.equal(refused(venue.submit(request("buy 0.5 OPEN"), NOON_US)).message, 'asset "OPEN" is not fractionable');
    accepted(venue.submit(request("buy 0.5 PART"), NOON_US));
    assert.equal(
      refused(venue.submit(request("buy 0.5 PART", { timeInForce: "gtc" }), NOON_US)).message,
      "fractional orders must be DAY orders",
    );
  });

  it("blocks new orders while trading is suspended, but no cancel", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    const order = accepted(venue.submit(request("buy 1 OPEN 90"), NOON_US)).order;
    venue.configure({ suspendTrade: true });
    assert.equal(refused(venue.submit(request("buy 1 OPEN"), NOON_US)).status, 403);
    assert.ok(venue.cancel(order.id, NOON_US).ok);
  });

  it("answers a cancel of the unknown and of the final", () => {
    const venue = venueWith();
    venue.onQuote(1, 99, 100, NOON_US);
    const unknown = venue.cancel("nothing", NOON_US);
    assert.ok(!unknown.ok && unknown.refusal.status === 404);
    const filled = accepted(venue.submit(request("buy 1 OPEN"), NOON_US)).order;
    const late = venue.cancel(filled.id, NOON_US);
    assert.ok(!late.ok);
    assert.deepEqual([late.refusal.status, late.refusal.message], [422, 'order is already in "filled" state']);
  });
});

describe("the wash-trade rule", () => {
  const opposite: readonly [string, string, string | null][] = [
    // resting order, new order, reason of the refusal
    ["buy 1 OPEN 90", "sell 1 OPEN 110", null],
    ["buy 1 OPEN 90", "sell 1 OPEN 90", "opposite side limit order exists"],
    ["buy 1 OPEN 90", "sell 1 OPEN 80", "opposite side limit order exists"],
    ["buy 1 OPEN 90", "sell 1 OPEN", "opposite side limit order exists"],
    ["buy 1 OPEN 90", "buy 1 OPEN", null],
    ["sell 1 OPEN 110", "buy 1 OPEN", "opposite side limit order exists"],
    ["sell 1 OPEN 110", "buy 1 OPEN 110", "opposite side limit order exists"],
    ["sell 1 OPEN 110", "buy 1 OPEN 109.99", null],
    ["buy 1 OPEN", "sell 1 OPEN 200", "opposite side market/stop order exists"],
    ["sell 1 OPEN", "buy 1 OPEN 1", "opposite side market/stop order exists"],
  ];
  for (const [resting, incoming, reason] of opposite) {
    it(`${resting}, then ${incoming}: ${reason ?? "allowed"}`, () => {
      const venue = venueWith();
      // A long position, so that no sell fails for lack of shares; then no quote, so that nothing trades.
      venue.onQuote(1, 99, 100, NOON_US);
      accepted(venue.submit(request("buy 10 OPEN"), NOON_US));
      venue.onQuote(1, 0, 0, NOON_US);
      venue.onTrade(1, 100, NOON_US);
      const first = accepted(venue.submit(request(resting), NOON_US)).order;
      const result = venue.submit(request(incoming), NOON_US);
      if (reason === null) return void accepted(result);
      assert.deepEqual(refused(result).extra, { existing_order_id: first.id, reject_reason: reason });
      assert.equal(refused(result).message, "potential wash trade detected. use complex orders");
    });
  }
});

describe("rebuilding from events", () => {
  it("gives the same account, the same orders and the same next decisions", () => {
    const original = venueWith();
    const events: VenueEvent[] = [];
    const both = (run: (venue: Venue) => readonly VenueEvent[]) => events.push(...run(original));
    both((venue) => venue.onQuote(1, 99, 100, NOON_US));
    both((venue) => accepted(venue.submit(request("buy 10 OPEN"), NOON_US)).events);
    both((venue) => accepted(venue.submit(request("sell 4 OPEN 105"), NOON_US)).events);
    both((venue) => accepted(venue.submit(request("buy 4 OPEN 95"), NOON_US)).events);

    const rebuilt = venueWith();
    for (const event of events) rebuilt.replay(event);
    rebuilt.observe(1, { bid: 99, ask: 100 }, NOON_US);
    assert.equal(rebuilt.cash, original.cash);
    assert.deepEqual([...rebuilt.orders()], [...original.orders()]);
    assert.deepEqual(rebuilt.figures(), original.figures());
    const next = (venue: Venue) => [
      ...venue.onQuote(1, 105, 106, NOON_US + 1),
      ...venue.onTime(us("2018-01-03T00:00:00Z")),
    ];
    assert.deepEqual(next(rebuilt), next(original));
  });
});
