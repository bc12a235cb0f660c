import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { NewOrderRequest, ReplaceOrderRequest } from "../../src/api/bot-port.ts";
import { isRefusal, type ManualOrderContext, manualIntent, replacementIntent } from "../../src/bot/manual-order.ts";
import { formatFixed, parseFixed } from "../../src/core/fixed.ts";
import { equity } from "../../src/core/market/instrument.ts";
import { journalledOrder } from "../../src/orders/journal-rules.ts";
import type { JournalOrder, OrderIntent } from "../../src/orders/journal.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");

const MARKET: NewOrderRequest = {
  idempotencyKey: "key",
  keyId: "desk",
  symbol: "AAPL",
  side: "buy",
  type: "market",
  timeInForce: "day",
  quantity: "10",
  limitPrice: null,
  stopPrice: null,
  trailPrice: null,
  trailPercent: null,
  extendedHours: false,
  orderClass: "simple",
  takeProfitPrice: null,
  stopLossPrice: null,
  stopLossLimitPrice: null,
};

function context(overrides: Partial<ManualOrderContext> = {}): ManualOrderContext {
  return {
    bookId: "book",
    instrument: equity(0, "AAPL"),
    mark: fixed("100"),
    position: 0n,
    collarBps: 300,
    venueTimeUs: 1.5,
    ...overrides,
  };
}

function accepted(request: Partial<NewOrderRequest>, overrides: Partial<ManualOrderContext> = {}): OrderIntent {
  const intent = manualIntent({ ...MARKET, ...request }, context(overrides));
  assert.ok(
    !isRefusal(intent),
    JSON.stringify(intent, (_key, v: unknown) => (typeof v === "bigint" ? String(v) : v)),
  );
  return intent;
}

function refusedAs(request: Partial<NewOrderRequest>, overrides: Partial<ManualOrderContext> = {}): string {
  const refusal = manualIntent({ ...MARKET, ...request }, context(overrides));
  assert.ok(isRefusal(refusal), "it was taken");
  return `${refusal.code} ${refusal.field ?? ""}`;
}

describe("an order by hand becomes an intent", () => {
  it("that reserves what it may cost at worst", () => {
    const worst = (request: Partial<NewOrderRequest>) => formatFixed(accepted(request).worstPrice);
    // The mark and 3 %.
    assert.equal(worst({}), "103");
    assert.equal(worst({ type: "limit", limitPrice: "99.5" }), "99.5");
    // A buy stop becomes a stop-limit up to 4 % above its stop.
    assert.equal(worst({ type: "stop", stopPrice: "110" }), "114.4");
    assert.equal(worst({ type: "stop_limit", stopPrice: "110", limitPrice: "111" }), "111");
    // The mark and the trail, and 3 % of both: 102 × 1.03 and 101.5 × 1.03 = 104.545, up to the cent.
    assert.equal(worst({ type: "trailing_stop", trailPercent: "2" }), "105.06");
    assert.equal(worst({ type: "trailing_stop", trailPrice: "1.5" }), "104.55");
  });

  it("that is known to reduce or not by what is held by hand", () => {
    const position = fixed("10");
    assert.equal(accepted({ side: "sell" }, { position }).reducing, true);
    assert.equal(accepted({ side: "sell", quantity: "11" }, { position }).reducing, false);
    assert.equal(accepted({}, { position }).reducing, false);
  });

  it("with exits wherever they are, and a take-profit of an OCO away from the market", () => {
    const bracket = accepted({ orderClass: "bracket", takeProfitPrice: "150", stopLossPrice: "50" });
    assert.deepEqual([bracket.takeProfitPrice, bracket.stopLossPrice], [fixed("150"), fixed("50")]);
    accepted({ side: "sell", type: "limit", orderClass: "oco", limitPrice: "150", stopLossPrice: "50" });
  });

  it("or is refused with the field as the request names it", () => {
    assert.equal(refusedAs({ quantity: "0.5" }, { instrument: equity(0, "AAPL") }), "QUANTITY_INCREMENT quantity");
    assert.equal(refusedAs({ type: "limit", limitPrice: "100.001" }), "PRICE_INCREMENT limit_price");
    assert.equal(refusedAs({ type: "limit", limitPrice: "103.01" }), "PRICE_COLLAR limit_price");
    assert.equal(
      refusedAs({ type: "stop_limit", stopPrice: "110", limitPrice: "114" }),
      "PRICE_COLLAR limit_price",
      "more than 3 % from its stop",
    );
    const bracket = { orderClass: "bracket", stopLossPrice: "50" } as const;
    assert.equal(refusedAs({ ...bracket, takeProfitPrice: "150.001" }), "PRICE_INCREMENT take_profit.limit_price");
    assert.equal(refusedAs({ ...bracket, takeProfitPrice: "40" }), "ORDER_INVALID take_profit.limit_price");
    assert.equal(refusedAs({ timeInForce: "ioc", type: "stop", stopPrice: "110" }), "ORDER_INVALID time_in_force");
    assert.equal(refusedAs({ extendedHours: true }), "ORDER_INVALID extended_hours");
    assert.equal(refusedAs({ type: "trailing_stop" }), "ORDER_INVALID trail_price");
    assert.equal(refusedAs({}, { mark: null }), "QUOTE_MISSING type");
    assert.equal(refusedAs({}, { instrument: undefined }), "SYMBOL_UNKNOWN symbol");
  });
});

describe("a change by hand becomes an intent", () => {
  const NOTHING: ReplaceOrderRequest = {
    idempotencyKey: "change",
    keyId: "desk",
    quantity: null,
    limitPrice: null,
    stopPrice: null,
    trail: null,
    timeInForce: null,
  };
  const old = (request: Partial<NewOrderRequest>, overrides: Partial<JournalOrder> = {}): JournalOrder => ({
    ...journalledOrder(accepted(request), undefined, 0),
    ...overrides,
  });
  const change = (order: JournalOrder, request: Partial<ReplaceOrderRequest>) =>
    replacementIntent(order, { ...NOTHING, ...request }, context());

  it("with an id that follows from order and key, and everything that does not change", () => {
    const limit = old({ type: "limit", limitPrice: "99", timeInForce: "gtc" });
    const [first, again, other] = ["change", "change", "another"].map((idempotencyKey) =>
      change(limit, { idempotencyKey, limitPrice: "99.5", quantity: "12" }),
    ) as [OrderIntent, OrderIntent, OrderIntent];
    assert.equal(first.clientOrderId, again.clientOrderId);
    assert.notEqual(first.clientOrderId, other.clientOrderId);
    const { replaces, limitPrice, quantity, timeInForce, worstPrice } = first;
    assert.deepEqual(
      { replaces, limitPrice, quantity, timeInForce, worstPrice },
      {
        replaces: limit.clientOrderId,
        limitPrice: fixed("99.5"),
        quantity: fixed("12"),
        timeInForce: "gtc",
        worstPrice: fixed("99.5"),
      },
    );
  });

  it("that keeps the kind of a trail", () => {
    const trailing = old({ type: "trailing_stop", trailPercent: "2" });
    const intent = change(trailing, { trail: "3" }) as OrderIntent;
    assert.deepEqual([intent.trailPercent, intent.trailPrice], [fixed("3"), null]);
  });

  it("or is refused", () => {
    const code = (order: JournalOrder, request: Partial<ReplaceOrderRequest>) => {
      const refusal = change(order, request);
      return isRefusal(refusal) ? refusal.code : "taken";
    };
    const limit = old({ type: "limit", limitPrice: "99" });
    assert.equal(code(limit, {}), "NOTHING_CHANGED");
    assert.equal(code(limit, { limitPrice: "99" }), "NOTHING_CHANGED");
    assert.equal(code(limit, { stopPrice: "90" }), "STOP_PRICE_NOT_ALLOWED");
    assert.equal(code(limit, { trail: "1" }), "TRAIL_NOT_ALLOWED");
    assert.equal(code(limit, { limitPrice: "120" }), "PRICE_COLLAR");
    assert.equal(code({ ...limit, instanceId: "ema" }, { limitPrice: "98" }), "NOT_BY_HAND");
    const bracket = old({ orderClass: "bracket", takeProfitPrice: "150", stopLossPrice: "50" });
    assert.equal(code(bracket, { quantity: "12" }), "NOT_REPLACEABLE");
    assert.equal(code({ ...limit, orderClass: "bracket", parentId: "p" }, { limitPrice: "98" }), "taken", "an exit");
  });
});
