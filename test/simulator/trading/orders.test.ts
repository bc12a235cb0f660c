import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Body } from "../client.ts";
import { market, refusal, start, type Venue } from "./venue.ts";

const LIMIT = { symbol: "ACME", qty: "10", side: "buy", type: "limit", time_in_force: "day", limit_price: "95" };

async function posted(venue: Venue, fields: object): Promise<Body> {
  const answer = await venue.post("/v2/orders", { ...LIMIT, ...fields });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

async function refused(venue: Venue, fields: object): Promise<[number, number, string]> {
  return refusal(await venue.post("/v2/orders", { ...LIMIT, ...fields }));
}

describe("the form of an order's request", () => {
  it("is refused in words where a field is missing, of a wrong type, or excluded by another", async (t) => {
    const venue = await start(t);
    const malformed: readonly [object, string][] = [
      [{ notional: "100" }, "only one of qty or notional is accepted"],
      [{ qty: null }, "qty or notional is required"],
      [{ symbol: null }, "symbol is required"],
      [{ symbol: 7 }, "symbol is required"],
      [{ side: null }, "side is required"],
      [{ type: "" }, "type is required"],
      [{ time_in_force: null }, "time_in_force is required"],
      [{ qty: "ten" }, "qty must be a decimal number with at most 9 decimals"],
      [{ qty: "1e1" }, "qty must be a decimal number with at most 9 decimals"],
      [{ qty: "0.0000000001" }, "qty must be a decimal number with at most 9 decimals"],
      [{ limit_price: true }, "limit_price must be a decimal number with at most 9 decimals"],
      [{ stop_price: {} }, "stop_price must be a decimal number with at most 9 decimals"],
      [{ trail_percent: [] }, "trail_percent must be a decimal number with at most 9 decimals"],
      [{ client_order_id: 7 }, "client_order_id must be a string"],
      [{ extended_hours: "yes" }, "extended_hours must be true or false"],
      [{ take_profit: "110" }, "take_profit must be an object"],
      [{ take_profit: {} }, "take_profit.limit_price is required"],
      [
        { take_profit: { limit_price: "high" } },
        "take_profit.limit_price must be a decimal number with at most 9 decimals",
      ],
      [{ stop_loss: [] }, "stop_loss must be an object"],
      [{ stop_loss: { limit_price: "90" } }, "stop_loss.stop_price is required"],
    ];
    for (const [fields, message] of malformed) {
      assert.deepEqual(await refused(venue, fields), [422, 40010001, message], JSON.stringify(fields));
    }
    const unknown: readonly [object, string][] = [
      [{ side: "hold" }, 'invalid side "hold": allowed are buy, sell'],
      [{ type: "iceberg" }, 'invalid type "iceberg": allowed are market, limit, stop, stop_limit, trailing_stop'],
      [{ time_in_force: "gtd" }, 'invalid time_in_force "gtd": allowed are day, gtc, opg, cls, ioc, fok'],
      [{ order_class: "ladder" }, 'invalid order_class "ladder": allowed are simple, bracket, oco, oto'],
      [
        { position_intent: "flat" },
        'invalid position_intent "flat": allowed are buy_to_open, buy_to_close, sell_to_open, sell_to_close',
      ],
    ];
    for (const [fields, message] of unknown) {
      assert.deepEqual(await refused(venue, fields), [422, 42210000, message], JSON.stringify(fields));
    }
    assert.deepEqual(await refused(venue, { order_class: "mleg", legs: [] }), [
      403,
      40310000,
      "account not eligible to trade option contracts",
    ]);
    assert.equal((await venue.get("/v2/orders?status=all")).body.length, 0);
  });

  it("may be anything at all without harm", async (t) => {
    const venue = await start(t);
    for (const body of [[], "text", 7, true]) {
      const answer = await venue.post("/v2/orders", body as object);
      assert.deepEqual(refusal(answer), [422, 40010001, "request body format is invalid"]);
    }
    const nothing = await venue.post("/v2/orders", {});
    assert.equal(nothing.status, 422);
  });

  it("takes the same amounts as strings and as numbers, and a symbol by any of its names", async (t) => {
    const venue = await start(t);
    const text = await posted(venue, { qty: "10", limit_price: "95.25" });
    const number = await posted(venue, { qty: 10, limit_price: 95.25 });
    assert.deepEqual([text.qty, text.limit_price], [number.qty, number.limit_price]);
    const pair = { symbol: "BTC/USD", qty: "0.01", limit_price: "9000", time_in_force: "gtc" };
    const { id } = (await venue.get("/v2/assets/BTC%2FUSD")).body;
    for (const symbol of ["BTC/USD", "BTCUSD", id]) {
      assert.equal((await posted(venue, { ...pair, symbol })).symbol, "BTC/USD");
    }
  });

  it("ignores what Alpaca ignores: nulls, empty strings, routing instructions and unknown fields", async (t) => {
    const venue = await start(t);
    const order = await posted(venue, {
      order_class: "",
      take_profit: null,
      stop_loss: null,
      legs: null,
      client_order_id: "",
      advanced_instructions: { algorithm: "TWAP" },
      colour: "red",
    });
    assert.deepEqual([order.order_class, order.limit_price], ["", "95"]);
    assert.match(order.client_order_id, /^[0-9a-f-]{36}$/);
  });
});

describe("client order ids", () => {
  it("are kept, found, unique for ever and at most 128 characters", async (t) => {
    const venue = await start(t);
    const longest = "x".repeat(128);
    const order = await posted(venue, { client_order_id: longest });
    const path = `/v2/orders:by_client_order_id?client_order_id=${longest}`;
    assert.deepEqual((await venue.get(path)).body.id, order.id);
    await venue.delete(`/v2/orders/${order.id}`);
    assert.deepEqual(await refused(venue, { client_order_id: longest }), [
      422,
      40010001,
      "client_order_id must be unique",
    ]);
    const tooLong = await refused(venue, { client_order_id: `${longest}x` });
    assert.deepEqual(tooLong.slice(0, 2), [422, 40010001]);
    const odd = await posted(venue, { client_order_id: "a/b c:d_e.ä" });
    const encoded = encodeURIComponent("a/b c:d_e.ä");
    assert.equal((await venue.get(`/v2/orders:by_client_order_id?client_order_id=${encoded}`)).body.id, odd.id);
    assert.deepEqual(refusal(await venue.get("/v2/orders:by_client_order_id?client_order_id=none")), [
      404,
      40410000,
      "order not found for none",
    ]);
    assert.equal((await venue.get("/v2/orders:by_client_order_id")).status, 422);
  });
});

describe("the list of orders", () => {
  async function listed(t: Parameters<typeof start>[0]): Promise<{
    venue: Venue;
    ids: Record<string, string>;
    names: (query: string) => Promise<string[]>;
  }> {
    const venue = await start(
      t,
      market((script) => script.wait(60).trade("ACME", 100).wait(60).trade("ACME", 100)),
    );
    const ids: Record<string, string> = {};
    const post = async (name: string, fields: object): Promise<void> => {
      ids[name] = (await posted(venue, { client_order_id: name, ...fields })).id;
    };
    await post("filled", { type: "market", limit_price: null });
    await venue.play(1);
    await post("canceled", {});
    await venue.delete(`/v2/orders/${ids["canceled"]}`);
    await post("sell", { side: "sell", limit_price: "120" });
    await venue.play(1);
    await post("pair", { symbol: "BTC/USD", qty: "0.01", limit_price: "9000", time_in_force: "gtc" });
    const names = async (query: string): Promise<string[]> =>
      (await venue.get(`/v2/orders?${query}`)).body.map((order: Body) => order.client_order_id);
    return { venue, ids, names };
  }

  it("is filtered by status, side, symbols and class, newest first unless asked otherwise", async (t) => {
    const { names } = await listed(t);
    assert.deepEqual(await names(""), ["pair", "sell"]);
    assert.deepEqual(await names("status=closed"), ["canceled", "filled"]);
    assert.deepEqual(await names("status=all"), ["pair", "sell", "canceled", "filled"]);
    assert.deepEqual(await names("status=all&direction=asc"), ["filled", "canceled", "sell", "pair"]);
    assert.deepEqual(await names("status=all&side=sell"), ["sell"]);
    assert.deepEqual(await names("status=all&symbols=BTCUSD"), ["pair"]);
    assert.deepEqual(await names("status=all&symbols=BTC/USD,ACME&side=buy"), ["pair", "canceled", "filled"]);
    assert.deepEqual(await names("status=all&symbols=NONE"), []);
    assert.deepEqual(await names("status=all&asset_class=crypto"), ["pair"]);
    assert.deepEqual(await names("status=all&asset_class=us_equity&asset_class=crypto&limit=2"), ["pair", "sell"]);
    assert.deepEqual(await names("status=all&asset_class=us_option"), []);
    for (const yes of ["true", "True", "1"]) assert.deepEqual(await names(`nested=${yes}`), ["pair", "sell"]);
  });

  it("is cut by time and by order, both ends excluded", async (t) => {
    const { venue, ids, names } = await listed(t);
    const submitted = (await venue.get(`/v2/orders/${ids["sell"]}`)).body.submitted_at;
    assert.deepEqual(await names(`status=all&after=${submitted}`), ["pair"]);
    assert.deepEqual(await names(`status=all&until=${submitted}`), ["filled"]);
    assert.deepEqual(await names(`status=all&after_order_id=${ids["canceled"]}`), ["pair", "sell"]);
    assert.deepEqual(await names(`status=all&before_order_id=${ids["canceled"]}`), ["filled"]);
  });

  it("refuses parameters that do not fit", async (t) => {
    const { venue, ids } = await listed(t);
    const ask = async (query: string): Promise<[number, number, string]> =>
      refusal(await venue.get(`/v2/orders?${query}`));
    const said = (message: string): [number, number, string] => [422, 40010001, message];
    assert.deepEqual(await ask("limit=501"), said("limit must be 1 to 500"));
    assert.deepEqual(await ask("limit=0"), said("limit must be 1 to 500"));
    assert.deepEqual(await ask("status=pending"), said("status must be one of open, closed, all"));
    assert.deepEqual(await ask("status=open&status=closed"), said("status may be given once"));
    assert.deepEqual(await ask("side=long"), said("side must be one of buy, sell"));
    assert.deepEqual(await ask("nested=maybe"), said("nested must be true or false"));
    assert.deepEqual(await ask("after=noon"), said("after must be an RFC 3339 time or a date such as 2018-01-02"));
    const both = `before_order_id=${ids["sell"]}&after_order_id=${ids["sell"]}`;
    assert.deepEqual(await ask(both), said("before_order_id and after_order_id are mutually exclusive"));
    assert.deepEqual(
      await ask(`after_order_id=${ids["sell"]}&until=2018-01-03`),
      said("after_order_id and until are mutually exclusive"),
    );
    assert.deepEqual(await ask("after_order_id=none"), said("after_order_id must be the id of an order"));
  });
});

describe("one order", () => {
  it("is looked up by its id in any case, and refused by any other", async (t) => {
    const venue = await start(t);
    const { id } = await posted(venue, {});
    assert.equal((await venue.get(`/v2/orders/${id.toUpperCase()}`)).body.id, id);
    const nobody = "00000000-0000-4000-8000-000000000000";
    for (const ask of [venue.get, venue.delete]) {
      assert.deepEqual(refusal(await ask(`/v2/orders/${nobody}`)), [404, 40410000, `order not found for ${nobody}`]);
      assert.deepEqual(refusal(await ask("/v2/orders/nonsense")), [422, 40010001, "order_id must be a UUID"]);
    }
  });

  it("is cancelled once: 204, then 422 with its state", async (t) => {
    const venue = await start(t);
    const { id } = await posted(venue, {});
    assert.equal((await venue.delete(`/v2/orders/${id}`)).status, 204);
    const order = (await venue.get(`/v2/orders/${id}`)).body;
    assert.deepEqual([order.status, order.canceled_at], ["canceled", order.updated_at]);
    assert.deepEqual(refusal(await venue.delete(`/v2/orders/${id}`)), [
      422,
      42210000,
      'order is already in "canceled" state',
    ]);
    const filled = await posted(venue, { type: "market", limit_price: null });
    assert.deepEqual(refusal(await venue.delete(`/v2/orders/${filled.id}`)), [
      422,
      42210000,
      'order is already in "filled" state',
    ]);
  });

  it("is cancelled with all the others: 207 with a row for each", async (t) => {
    const venue = await start(t);
    const ids = [(await posted(venue, {})).id, (await posted(venue, { limit_price: "94" })).id];
    const answer = await venue.delete("/v2/orders");
    assert.equal(answer.status, 207);
    assert.deepEqual(
      answer.body.map((row: Body) => [row.id, row.status]),
      ids.map((id) => [id, 200]),
    );
    assert.deepEqual((await venue.delete("/v2/orders")).body, []);
  });
});
