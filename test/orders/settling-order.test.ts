import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerOrder } from "../../src/broker/broker.ts";
import { formatFixed, parseFixed } from "../../src/core/fixed.ts";
import type { JournalOrder } from "../../src/orders/journal.ts";
import { isSettlingOrder, settlingOrders } from "../../src/orders/settling-order.ts";

const amount = (text: string) => parseFixed(text, "amount");

function unknown(symbol: string, worst: string, mid: string | null): JournalOrder {
  return {
    clientOrderId: "atb-1",
    symbol,
    side: "sell",
    type: "market",
    timeInForce: "day",
    quantity: amount("7"),
    worstPrice: amount(worst),
    midAtDecision: mid === null ? null : amount(mid),
  } as JournalOrder;
}

function terms(symbol: string, worst: string, mid: string | null): readonly unknown[] {
  return allTerms(symbol, worst, mid)[0] as unknown[];
}

function allTerms(symbol: string, worst: string, mid: string | null): readonly unknown[][] {
  const orders = settlingOrders(unknown(symbol, worst, mid));
  return orders.map(({ side, type, timeInForce, quantity, limitPrice }) => [
    side,
    type,
    timeInForce,
    formatFixed(quantity as bigint),
    formatFixed(limitPrice as bigint),
  ]);
}

describe("the order that settles an unknown one", () => {
  test("is a buy at a hundredth of the price, on a valid increment, of twice the least cost", () => {
    // 187.12 / 100 = 1.8712, in cents 1.87; 2 / 1.87 = 1.07 shares.
    assert.deepEqual(terms("AAPL", "187.12", null), ["buy", "limit", "day", "2", "1.87"]);
    // 0.5 / 100 = 0.005, below a dollar four decimals are allowed; 2 / 0.005 = 400.
    assert.deepEqual(terms("PENY", "0.5", null), ["buy", "limit", "day", "400", "0.005"]);
    // 60,123 / 100 = 601.23; 20 / 601.23 = 0.033265….
    assert.deepEqual(terms("BTC/USD", "60123", null), ["buy", "limit", "gtc", "0.03327", "601.23"]);
    // 0.00001 / 100 = 0.0000001; 20 / 0.0000001 = 200 million.
    assert.deepEqual(terms("SHIB/USD", "0.00001", null), ["buy", "limit", "gtc", "200000000", "0.0000001"]);
  });

  test("goes by the mid where the limit is far above it", () => {
    assert.equal(terms("AAPL", "10000", "100").at(-1), "1");
    assert.equal(terms("AAPL", "90", "100").at(-1), "0.9");
  });

  test("is, where the broker refuses that, a sale of one share far above the price", () => {
    assert.deepEqual(allTerms("AAPL", "103", "100")[1], ["sell", "limit", "day", "1", "309.01"]);
    // All that is known is a limit, which may be far below the market.
    assert.deepEqual(allTerms("AAPL", "10", null)[1], ["sell", "limit", "day", "1", "1000.01"]);
    assert.equal(allTerms("BTC/USD", "60123", null).length, 1);
  });

  test("is recognised by what it asks", () => {
    const order = unknown("AAPL", "187.12", null);
    const [found, other] = settlingOrders(order).map((each) => ({ ...each, id: "1" }) as unknown as BrokerOrder);
    assert.ok(found !== undefined && other !== undefined);
    assert.equal(isSettlingOrder(found, order), true);
    assert.equal(isSettlingOrder(other, order), true);
    assert.equal(isSettlingOrder({ ...found, limitPrice: amount("1.88") }, order), false);
    assert.equal(isSettlingOrder({ ...found, side: "sell" }, order), false);
  });
});
