/**
 * The table of Alpaca's errors, row by row: what each answer to an order means here. Status, number and fields of the body
 * decide; where the texts had to, other words for the same thing are tried as well.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import type { NewOrder, SubmitOutcome } from "../../src/broker/broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import { SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { ScriptedVenue } from "./scripted-venue.ts";

const ORDER: NewOrder = {
  ...SIMPLE_TERMS,
  notional: null,
  clientOrderId: "atb-1",
  symbol: "AAPL",
  side: "buy",
  type: "limit",
  timeInForce: "day",
  quantity: parseFixed("10", "test"),
  limitPrice: parseFixed("189.12", "test"),
};

let venue: ScriptedVenue;
let broker: AlpacaBroker;

before(async () => {
  venue = await ScriptedVenue.open();
  broker = new AlpacaBroker({
    baseUrl: venue.httpUrl,
    dataUrl: venue.httpUrl,
    streamUrl: venue.streamUrl,
    keyId: "key",
    secretKey: "secret",
    budget: { orders: 1000 },
  });
});

after(async () => {
  await broker.close();
  await venue.close();
});

async function answered(status: number, body: unknown): Promise<SubmitOutcome> {
  venue.answer = () => ({ status, body });
  return broker.submit(ORDER, 5000);
}

type Row = readonly [status: number, body: Record<string, unknown>, code: string];

const REJECTED: readonly Row[] = [
  // 400 and 422 with 40010001
  [422, { code: 40010001, message: "qty or notional is required" }, "BROKER_INVALID_ORDER"],
  [422, { code: 40010001, message: "only one of qty or notional is accepted" }, "BROKER_INVALID_ORDER"],
  [400, { code: 40010001, message: "qty must be integer" }, "BROKER_INVALID_ORDER"],
  // 401, 403 of keys
  [401, { code: 40110000, message: "request is not authorized" }, "BROKER_NOT_AUTHORIZED"],
  [401, { message: "unauthorized." }, "BROKER_NOT_AUTHORIZED"],
  [403, { message: "forbidden." }, "BROKER_NOT_AUTHORIZED"],
  // 403 with 40310000, told apart by fields
  [
    403,
    { code: 40310000, message: "insufficient buying power", buying_power: "1", cost_basis: "2" },
    "BROKER_BUYING_POWER",
  ],
  [403, { code: 40310000, message: "other words", buying_power: "1", cost_basis: "2" }, "BROKER_BUYING_POWER"],
  [
    403,
    {
      code: 40310000,
      message: "insufficient qty available for order (requested: 3, available: 0)",
      available: "0",
      existing_qty: "3",
      held_for_orders: "3",
      related_orders: ["x"],
      symbol: "F",
    },
    "BROKER_QUANTITY_AVAILABLE",
  ],
  [403, { code: 40310000, message: "other words", held_for_orders: "3" }, "BROKER_QUANTITY_AVAILABLE"],
  [
    403,
    {
      code: 40310000,
      message: "potential wash trade detected. use complex orders",
      existing_order_id: "x",
      reject_reason: "opposite side market/stop order exists",
    },
    "BROKER_WASH_TRADE",
  ],
  [
    403,
    { code: 40310000, message: "other words", reject_reason: "opposite side limit order exists" },
    "BROKER_WASH_TRADE",
  ],
  // 403 with 40310000, told apart by texts alone
  [403, { code: 40310000, message: "potential wash trade detected. use complex orders" }, "BROKER_WASH_TRADE"],
  [403, { code: 40310000, message: "insufficient buying power" }, "BROKER_BUYING_POWER"],
  [
    403,
    { code: 40310000, message: "insufficient balance for ETH (requested: 2, available: 1)" },
    "BROKER_QUANTITY_AVAILABLE",
  ],
  [403, { code: 40310000, message: "cost basis must be >= minimal amount of order 1" }, "BROKER_MINIMUM_NOTIONAL"],
  [403, { code: 40310000, message: "cost basis must be >= minimal amount of order 10" }, "BROKER_MINIMUM_NOTIONAL"],
  [403, { code: 40310000, message: 'asset "X" is not fractionable' }, "BROKER_FRACTIONAL"],
  [403, { code: 40310000, message: "account is not allowed to short" }, "BROKER_SHORT_SALE"],
  [403, { code: 40310000, message: "new orders are rejected by user request" }, "BROKER_ACCOUNT_RESTRICTED"],
  [403, { code: 40310000, message: "account is restricted to liquidation only" }, "BROKER_ACCOUNT_RESTRICTED"],
  [403, { code: 40310000, message: "trading is blocked" }, "BROKER_ACCOUNT_RESTRICTED"],
  [403, { code: 40310000, message: "bracket orders must be entry orders" }, "BROKER_ORDER_CLASS"],
  [
    403,
    { code: 40310000, message: "account not eligible to trade uncovered option contracts" },
    "BROKER_NOT_PERMITTED",
  ],
  [403, { code: 40310000, message: "something that nobody has seen yet" }, "BROKER_NOT_PERMITTED"],
  [403, { code: 40310100, message: "trade denied due to pattern day trading protection" }, "BROKER_DAY_TRADING"],
  // 404
  [404, { code: 40410000, message: "asset not found" }, "BROKER_ASSET"],
  [404, { code: 40410000, message: "order not found for 61e69015" }, "BROKER_ORDER_NOT_FOUND"],
  // 422 with 42210000
  [
    422,
    {
      code: 42210000,
      message: "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria",
    },
    "BROKER_PRICE_INCREMENT",
  ],
  [
    422,
    { code: 42210000, message: "stop price must be less than current price", stop_price: "2", market_price: "1" },
    "BROKER_STOP_PRICE",
  ],
  [422, { code: 42210000, message: "other words", stop_price: "2", market_price: "1" }, "BROKER_STOP_PRICE"],
  [422, { code: 42210000, message: 'order is already in "filled" state' }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "cannot replace order in accepted status" }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "order parameters are not changed" }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "order already replaced" }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "qty must be > filled_qty" }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "order chain not fully replaced" }, "BROKER_NOT_REPLACEABLE"],
  [422, { code: 42210000, message: "fractional orders must be DAY orders" }, "BROKER_FRACTIONAL"],
  [422, { code: 42210000, message: "fractional orders must be simple orders" }, "BROKER_FRACTIONAL"],
  [422, { code: 42210000, message: "bracket orders must be entry orders" }, "BROKER_ORDER_CLASS"],
  [422, { code: 42210000, message: "invalid crypto time_in_force" }, "BROKER_TIME_IN_FORCE"],
  [422, { code: 42210000, message: "extended hours order must be DAY limit orders" }, "BROKER_TIME_IN_FORCE"],
  [422, { code: 42210000, message: "asset ZZZ is not tradable" }, "BROKER_ASSET"],
  [422, { code: 42210000, message: 'asset "ZZZ" not found' }, "BROKER_ASSET"],
  [422, { code: 42210000, message: 'asset "X" cannot be sold short' }, "BROKER_SHORT_SALE"],
  [422, { code: 42210000, message: "only day orders are allowed for hard-to-borrow asset X" }, "BROKER_SHORT_SALE"],
  [
    422,
    { code: 42210000, message: "unable to open new notional orders while having open closing position orders" },
    "BROKER_ORDER_REFUSED",
  ],
  [418, { code: 41810000, message: "a refusal of the future" }, "BROKER_ORDER_REFUSED"],
];

describe("an order that is answered with", () => {
  for (const [status, body, code] of REJECTED) {
    test(`${status} ${JSON.stringify(body).slice(0, 90)} is rejected as ${code}`, async () => {
      const outcome = await answered(status, body);
      assert.deepEqual(outcome, { kind: "rejected", code, message: `${String(body["message"])} (request req-1)` });
    });
  }

  for (const message of [
    "client_order_id must be unique",
    "Client_Order_ID is taken",
    "duplicate order",
    "id must be unique",
  ]) {
    test(`422 40010001 "${message}" is a duplicate: the order may be there`, async () => {
      assert.deepEqual(await answered(422, { code: 40010001, message }), { kind: "duplicate" });
    });
  }

  for (const body of [
    { code: 42910000, message: "rate limit exceeded" },
    { message: "too many requests." },
    "",
    "<html>",
  ]) {
    test(`429 ${JSON.stringify(body)} may be sent again`, async () => {
      const alone = new AlpacaBroker({
        baseUrl: venue.httpUrl,
        dataUrl: venue.httpUrl,
        streamUrl: venue.streamUrl,
        keyId: "key",
        secretKey: "secret",
      });
      venue.answer = () => ({ status: 429, body });
      assert.deepEqual(await alone.submit(ORDER, 5000), { kind: "retry_later", afterMs: 1000 });
      await alone.close();
    });
  }

  const unknown: [number, unknown][] = [
    [500, { code: 50010000, message: "internal server error" }],
    [500, ""],
    [503, { code: 50310000, message: "service unavailable" }],
    [504, "<html>gateway time-out</html>"],
    [408, { message: "request timeout" }],
    [403, "<html>blocked by a proxy</html>"],
    [422, "not JSON"],
    [422, { code: 42210000 }],
    [302, ""],
    [200, { message: "fine" }],
  ];
  for (const [status, body] of unknown) {
    test(`${status} ${JSON.stringify(body)} has an unknown outcome`, async () => {
      assert.equal((await answered(status, body)).kind, "unknown");
    });
  }
});
