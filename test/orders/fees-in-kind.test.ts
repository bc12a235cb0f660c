import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TradeUpdate } from "../../src/broker/broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import { FeesInKind } from "../../src/orders/fees-in-kind.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");

function fill(quantity: string, positionAfter: string | null, overrides: { symbol?: string; side?: "sell" } = {}) {
  const order = { symbol: overrides.symbol ?? "BTC/USD", side: overrides.side ?? "buy" };
  const positionQuantity = positionAfter === null ? null : fixed(positionAfter);
  return { order, quantity: fixed(quantity), positionQuantity } as TradeUpdate;
}

const held = (symbol: string, quantity: string) => ({
  symbol,
  quantity: fixed(quantity),
  averageEntryPrice: 0n,
  currentPrice: null,
});

describe("a fee in kind", () => {
  test("is what a purchase did not add to the position", () => {
    const fees = new FeesInKind();
    fees.note([held("BTC/USD", "0.5")]);
    // 25 basis points: 1 × 0.9975.
    assert.equal(fees.of(fill("1", "1.4975")), fixed("0.0025"));
    assert.equal(fees.of(fill("0.4", "1.8965")), fixed("0.001"));
    assert.equal(fees.of(fill("1.8965", "0", { side: "sell" })), 0n);
    assert.equal(fees.of(fill("2", "1.995")), fixed("0.005"));
  });

  test("of a pair that is bought for the first time counts from nothing", () => {
    const fees = new FeesInKind();
    fees.note([]);
    assert.equal(fees.of(fill("1", "0.9975")), fixed("0.0025"));
  });

  test("is not guessed: without the position before, for shares, or where the difference is no fee", () => {
    const fees = new FeesInKind();
    assert.equal(fees.of(fill("1", "0.9975")), 0n);
    assert.equal(fees.of(fill("1", "1.995")), fixed("0.0025"));
    assert.equal(fees.of(fill("1", "1.995")), 0n, "told twice");
    assert.equal(fees.of(fill("1", null)), 0n);
    fees.note([held("AAPL", "5")]);
    assert.equal(fees.of(fill("1", "5.9975", { symbol: "AAPL" })), 0n);
    // A sale of 0.0001 was not heard of: 0.0025 + 0.0001 is at none of the broker's rates.
    assert.equal(fees.of(fill("1", "2.9924")), 0n);
    fees.forget();
    assert.equal(fees.of(fill("1", "4")), 0n);
  });
});
