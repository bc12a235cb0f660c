import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { applyFill, FLAT } from "../../../src/core/accounting/position-book.ts";
import { RoundTrips, winRate } from "../../../src/core/accounting/round-trips.ts";
import { FIXED_ONE, parseFixed } from "../../../src/core/fixed.ts";

const fixed = (text: string): bigint => parseFixed(text, "amount");

it("a trip ends when the position is flat again, and its fees count", () => {
  const trips = new RoundTrips();
  assert.equal(trips.fill(0n, fixed("10"), 0n, fixed("1")), null);
  assert.equal(trips.fill(fixed("10"), fixed("4"), fixed("6"), fixed("1")), null);
  assert.equal(trips.fill(fixed("4"), 0n, fixed("4"), fixed("1")), fixed("7"));
  assert.deepEqual(trips.counts, { closed: 1, won: 1, profit: fixed("7") });
});

it("a profit that fees eat is no win", () => {
  const trips = new RoundTrips();
  trips.fill(0n, fixed("1"), 0n, fixed("1"));
  trips.fill(fixed("1"), 0n, fixed("2"), fixed("1"));
  assert.deepEqual(trips.counts, { closed: 1, won: 0, profit: 0n });
});

it("a fill that turns the position ends one trip and begins another, and its fee is shared", () => {
  const trips = new RoundTrips();
  trips.fill(0n, fixed("10"), 0n, 0n);
  // 40 sold: 10 end the trip, 30 begin the next; a fee of 4 is shared 1 to 3.
  assert.equal(trips.fill(fixed("10"), fixed("-30"), fixed("5"), fixed("4")), fixed("4"));
  assert.equal(trips.fill(fixed("-30"), 0n, fixed("1"), 0n), fixed("-2"));
  assert.deepEqual(trips.counts, { closed: 2, won: 1, profit: fixed("2") });
});

it("all profits of closed trips together are what was realised less fees, whenever flat", () => {
  const step = fc.record({
    side: fc.constantFrom("buy" as const, "sell" as const),
    quantity: fc.bigInt({ min: 1n, max: 5n }),
    price: fc.bigInt({ min: 1n, max: 50n }),
    fee: fc.bigInt({ min: 0n, max: FIXED_ONE }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const trips = new RoundTrips();
      let position = FLAT;
      for (const { side, quantity, price, fee } of steps) {
        const fill = { side, quantity: quantity * FIXED_ONE, price: price * FIXED_ONE, fee, feeQuantity: 0n };
        const change = applyFill(position, fill);
        trips.fill(position.quantity, change.position.quantity, change.realised, fee);
        position = change.position;
        if (position.quantity === 0n) assert.equal(trips.counts.profit, position.realised - position.fees);
      }
    }),
  );
});

it("the win rate is a percentage over all positions, and none before the first trip", () => {
  assert.equal(winRate([{ closed: 0, won: 0, profit: 0n }]), null);
  assert.equal(
    winRate([
      { closed: 3, won: 1, profit: 0n },
      { closed: 1, won: 1, profit: 0n },
    ]),
    50,
  );
});
