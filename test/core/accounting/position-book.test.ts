import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { applyFill, FLAT, type Fill, type Position, unrealisedAt } from "../../../src/core/accounting/position-book.ts";
import { FIXED_ONE, parseFixed } from "../../../src/core/fixed.ts";

const fixed = (text: string): bigint => parseFixed(text, "amount");

function fill(side: "buy" | "sell", quantity: string, price: string, fee = "0", feeQuantity = "0"): Fill {
  return { side, quantity: fixed(quantity), price: fixed(price), fee: fixed(fee), feeQuantity: fixed(feeQuantity) };
}

function after(...fills: Fill[]): Position {
  return fills.reduce<Position>((position, next) => applyFill(position, next).position, FLAT);
}

describe("worked examples", () => {
  it("average cost of two buys, and the profit of a partial sale", () => {
    // 100 at 10 and 100 at 12: cost 2,200. 50 sold at 13: cost 550 released, 650 − 550 = 100 realised.
    const position = after(fill("buy", "100", "10"), fill("buy", "100", "12"), fill("sell", "50", "13", "1.5"));
    assert.deepEqual(position, {
      quantity: fixed("150"),
      cost: fixed("1650"),
      realised: fixed("100"),
      fees: fixed("1.5"),
    });
    assert.equal(unrealisedAt(position, fixed("12")), fixed("150"));
  });

  it("a short is bought back at a profit, and turned long by one fill", () => {
    // Short 10 at 50, then buy 25 at 40: 10 closed for +100, 15 long at 40.
    const position = after(fill("sell", "10", "50"), fill("buy", "25", "40"));
    assert.deepEqual(position, { quantity: fixed("15"), cost: fixed("600"), realised: fixed("100"), fees: 0n });
  });

  it("a third of an odd cost is released to the last digit, and nothing is left when flat", () => {
    const fills = [
      fill("buy", "3", "0.333333333"),
      fill("sell", "1", "1"),
      fill("sell", "1", "1"),
      fill("sell", "1", "1"),
    ];
    const position = after(...fills);
    assert.deepEqual([position.quantity, position.cost], [0n, 0n]);
    assert.equal(position.realised, fixed("3") - fixed("0.999999999"));
  });

  it("a fee in kind takes quantity at the fill's price and counts as a fee", () => {
    const change = applyFill(FLAT, fill("buy", "2", "100", "0", "0.005"));
    assert.deepEqual(change.position, {
      quantity: fixed("1.995"),
      cost: fixed("199.5"),
      realised: 0n,
      fees: fixed("0.5"),
    });
    assert.equal(change.cashFlow, fixed("-200"));
  });
});

describe("invariants over random fills", () => {
  const amount = (max: bigint) => fc.bigInt({ min: 1n, max });
  const anyFill: fc.Arbitrary<Fill> = fc
    .record({
      side: fc.constantFrom("buy" as const, "sell" as const),
      quantity: amount(50n * FIXED_ONE),
      price: amount(900n * FIXED_ONE),
      fee: fc.bigInt({ min: -FIXED_ONE, max: FIXED_ONE }),
      part: fc.integer({ min: 0, max: 9 }),
    })
    .map(({ part, ...rest }) => ({ ...rest, feeQuantity: (rest.quantity * BigInt(part)) / 1_000n }));
  const anyFills = fc.array(anyFill, { maxLength: 60 });

  it("cash flows are realised less cost less fees, to the last digit", () => {
    fc.assert(
      fc.property(anyFills, amount(900n * FIXED_ONE), (fills, mark) => {
        let position = FLAT;
        let cash = 0n;
        let realised = 0n;
        for (const next of fills) {
          const change = applyFill(position, next);
          position = change.position;
          cash += change.cashFlow;
          realised += change.realised;
          assert.equal(cash, position.realised - position.cost - position.fees);
        }
        assert.equal(realised, position.realised);
        const value = unrealisedAt(position, mark) + position.cost;
        assert.equal(cash + value, position.realised + unrealisedAt(position, mark) - position.fees);
      }),
    );
  });

  it("quantity is the sum of fills less fees in kind, cost has its sign, and flat costs nothing", () => {
    fc.assert(
      fc.property(anyFills, (fills) => {
        let position = FLAT;
        let quantity = 0n;
        for (const next of fills) {
          quantity += (next.side === "buy" ? next.quantity : -next.quantity) - next.feeQuantity;
          position = applyFill(position, next).position;
          assert.equal(position.quantity, quantity);
          if (quantity === 0n) assert.equal(position.cost, 0n);
          else assert.ok(position.cost === 0n || position.cost > 0n === quantity > 0n);
        }
      }),
    );
  });

  it("opening realises nothing, and a close at average cost realises at most rounding", () => {
    fc.assert(
      fc.property(amount(1_000n), amount(1_000n), (quantity, price) => {
        const units = { quantity: quantity * FIXED_ONE, price: price * FIXED_ONE, fee: 0n, feeQuantity: 0n };
        const opened = applyFill(FLAT, { side: "buy", ...units });
        assert.equal(opened.realised, 0n);
        const closed = applyFill(opened.position, { side: "sell", ...units });
        assert.deepEqual(closed.position, FLAT);
      }),
    );
  });
});

it("names the field of a fill that cannot be, and an amount that leaves the range", () => {
  assert.throws(() => applyFill(FLAT, fill("buy", "0", "1")), { code: "FILL_INVALID", field: "quantity" });
  assert.throws(() => applyFill(FLAT, fill("buy", "1", "0")), { code: "FILL_INVALID", field: "price" });
  assert.throws(() => applyFill(FLAT, fill("buy", "1", "1", "0", "1")), { code: "FILL_INVALID", field: "feeQuantity" });
  assert.throws(() => applyFill(FLAT, fill("buy", "9000000000", "9000000000")), { code: "FIXED_RANGE" });
});
