import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Body, order } from "../client.ts";
import { market, refusal, start } from "./venue.ts";

/** Later the same day ACME trades at 110, and the next day at 121. */
const RISING = market((script) =>
  script.wait(60).trade("ACME", 110).wait(86_400).quote("ACME", 120.99, 121.01).trade("ACME", 121),
);

describe("positions", () => {
  it("have every field, as fractions where Alpaca has them", async (t) => {
    const venue = await start(t, RISING);
    await order(venue.port, "buy 10 ACME");
    await venue.play(1);
    const position = (await venue.get("/v2/positions/ACME")).body;
    assert.deepEqual(position, {
      asset_id: (await venue.get("/v2/assets/ACME")).body.id,
      symbol: "ACME",
      exchange: "NASDAQ",
      asset_class: "us_equity",
      asset_marginable: true,
      avg_entry_price: "100.01",
      qty: "10",
      qty_available: "10",
      side: "long",
      market_value: "1100",
      cost_basis: "1000.1",
      unrealized_pl: "99.9",
      // 99.9 / 1,000.10
      unrealized_plpc: "0.099890011",
      unrealized_intraday_pl: "99.9",
      unrealized_intraday_plpc: "0.099890011",
      current_price: "110",
      // Nothing has closed yet.
      lastday_price: "110",
      change_today: "0",
    });
    assert.deepEqual((await venue.get("/v2/positions")).body, [position]);
  });

  it("count the day's profit from the close before for what was held then, from the entry for the rest", async (t) => {
    const venue = await start(t, RISING);
    await order(venue.port, "buy 10 ACME");
    await venue.play(2);
    await order(venue.port, "buy 2 ACME");
    await venue.play(1);
    const position = (await venue.get("/v2/positions/ACME")).body;
    // 12 for 10 × 100.01 + 2 × 121.01 = 1,242.12, or 103.51 each, are worth 12 × 121 = 1,452.
    assert.deepEqual([position.qty, position.cost_basis, position.avg_entry_price], ["12", "1242.12", "103.51"]);
    assert.deepEqual([position.market_value, position.unrealized_pl], ["1452", "209.88"]);
    // Of the day: 10 from 110, 2 from the entry of 103.51, a base of 1,307.02.
    assert.deepEqual(
      [position.lastday_price, position.unrealized_intraday_pl, position.unrealized_intraday_plpc],
      ["110", "144.98", "0.110924087"],
    );
    assert.equal(position.change_today, "0.1");
    const account = (await venue.get("/v2/account")).body;
    // 100,000 − 1,000.10 + 1,100 at the close, of which 30 % had to be kept.
    assert.deepEqual(
      [account.last_equity, account.last_maintenance_margin, account.balance_asof],
      ["100099.9", "330", "2018-01-02"],
    );
  });

  it("of a short sale have a negative quantity, value and cost", async (t) => {
    const venue = await start(t, RISING);
    await order(venue.port, "sell 10 ACME");
    await venue.play(1);
    const position = (await venue.get("/v2/positions/ACME")).body;
    assert.deepEqual(
      [position.side, position.qty, position.qty_available, position.market_value, position.cost_basis],
      ["short", "-10", "-10", "-1100", "-999.9"],
    );
    assert.deepEqual([position.unrealized_pl, position.unrealized_plpc], ["-100.1", "-0.100110011"]);
  });

  it("of a pair are found without the slash and by id only", async (t) => {
    const venue = await start(t);
    await order(venue.port, "buy 0.01 BTC/USD");
    const position = (await venue.get("/v2/positions/BTCUSD")).body;
    assert.deepEqual([position.symbol, position.exchange, position.asset_marginable], ["BTCUSD", "CRYPTO", false]);
    assert.deepEqual((await venue.get(`/v2/positions/${position.asset_id}`)).body, position);
    for (const name of ["BTC%2FUSD", "ACME", "NONE"]) {
      assert.deepEqual(refusal(await venue.get(`/v2/positions/${name}`)), [404, 40410000, "position does not exist"]);
    }
  });
});

describe("closing a position", () => {
  it("sends a market order against all of it, a quantity or a percentage of it", async (t) => {
    const venue = await start(t);
    await order(venue.port, "buy 10 ACME");
    const part = (await venue.delete("/v2/positions/ACME?qty=3")).body;
    assert.deepEqual(
      [part.symbol, part.side, part.type, part.time_in_force, part.qty, part.position_intent],
      ["ACME", "sell", "market", "day", "3", "sell_to_close"],
    );
    assert.equal((await venue.get("/v2/positions/ACME")).body.qty, "7");
    // Half of 7 in whole shares.
    const half = (await venue.delete("/v2/positions/ACME?percentage=50")).body;
    assert.ok(["3", "3.5"].includes(half.qty), half.qty);
    const rest = await venue.delete("/v2/positions/ACME");
    assert.equal(rest.status, 200);
    assert.equal((await venue.get("/v2/positions/ACME")).status, 404);
  });

  it("buys a short position back", async (t) => {
    const venue = await start(t);
    await order(venue.port, "sell 10 ACME");
    const closing = (await venue.delete("/v2/positions/ACME")).body;
    assert.deepEqual([closing.side, closing.qty, closing.position_intent], ["buy", "10", "buy_to_close"]);
  });

  it("is refused while an open order holds the shares, with what it says of them", async (t) => {
    const venue = await start(t);
    await order(venue.port, "buy 3 ACME");
    const { id } = (await order(venue.port, "sell 3 ACME 120")).body;
    assert.equal((await venue.get("/v2/positions/ACME")).body.qty_available, "0");
    const answer = await venue.delete("/v2/positions/ACME");
    assert.deepEqual(
      [answer.status, answer.body],
      [
        403,
        {
          available: "0",
          code: 40310000,
          existing_qty: "3",
          held_for_orders: "3",
          message: "insufficient qty available for order (requested: 3, available: 0)",
          related_orders: [id],
          symbol: "ACME",
        },
      ],
    );
  });

  it("refuses sizes that make no sense and positions that are not there", async (t) => {
    const venue = await start(t);
    await order(venue.port, "buy 10 ACME");
    const close = async (query: string): Promise<[number, number, string]> =>
      refusal(await venue.delete(`/v2/positions/ACME?${query}`));
    const said = (message: string): [number, number, string] => [422, 40010001, message];
    assert.deepEqual(await close("qty=1&percentage=10"), said("qty and percentage are mutually exclusive"));
    assert.deepEqual(await close("qty=0"), said("qty must be > 0"));
    assert.deepEqual(await close("qty=x"), said("qty must be a decimal number with at most 9 decimals"));
    assert.deepEqual(await close("percentage=101"), said("percentage must be between 0 and 100"));
    assert.equal((await close("qty=11"))[0], 403);
    assert.deepEqual(refusal(await venue.delete("/v2/positions/NONE")), [404, 40410000, "position does not exist"]);
  });

  it("of all of them answers 207 with a row for each, the refused ones too", async (t) => {
    const venue = await start(t);
    await order(venue.port, "buy 3 ACME");
    await order(venue.port, "buy 0.01 BTC/USD");
    await order(venue.port, "sell 3 ACME 120");
    const kept = await venue.delete("/v2/positions");
    assert.equal(kept.status, 207);
    const rows = kept.body.map((row: Body) => [row.symbol, row.status, row.body.side ?? row.body.code]);
    assert.deepEqual(rows, [
      ["ACME", 403, 40310000],
      ["BTCUSD", 200, "sell"],
    ]);
    const freed = await venue.delete("/v2/positions?cancel_orders=true");
    assert.deepEqual(
      freed.body.map((row: Body) => [row.symbol, row.status, row.body.qty]),
      [["ACME", 200, "3"]],
    );
    assert.deepEqual((await venue.get("/v2/positions")).body, []);
    assert.deepEqual((await venue.get("/v2/orders")).body, []);
  });
});
