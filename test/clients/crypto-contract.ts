/** Orders for crypto pairs, as every client of Alpaca's own must be able to use them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Connect, openDesk, refusal } from "./desk.ts";
import { MarketScript } from "./scripted-venue.ts";

const PAIR = "BTC/USD";
const SETTINGS = { instruments: [{ symbol: PAIR }] };
const BUY = { symbol: PAIR, side: "buy", qty: "0.5", time_in_force: "gtc" } as const;
const SELL = { ...BUY, side: "sell" } as const;

const quiet = () => new MarketScript().quote(PAIR, 10_000, 10_010, 5);

export function cryptoOrders(connect: Connect): void {
  it("buys a pair by quantity and by money; the position has no slash", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet(), SETTINGS);
    const order = await submit({ ...BUY, type: "market" }, "fill");
    assert.deepEqual([order.symbol, order.averagePrice, order.timeInForce], [PAIR, "10010", "gtc"]);
    const { qty: _, ...rest } = BUY;
    const bought = await submit({ ...rest, type: "market", notional: "2002" }, "fill");
    // 2002 / 10,010
    assert.equal(bought.filledQty, "0.2");
    const [position] = await client.positions();
    assert.deepEqual([position?.symbol, position?.qty, position?.entryPrice], ["BTCUSD", "0.7", "10010"]);
  });

  it("takes the fee of a purchase in coins", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet(), { ...SETTINGS, fee: { model: "crypto_tiers" } });
    const order = await submit({ ...BUY, type: "market" }, "fill");
    assert.equal(order.filledQty, "0.5");
    // 0.5 less the taker's 0.25 %
    assert.equal((await client.positions())[0]?.qty, "0.49875");
    const { message } = await refusal(client.submit({ ...SELL, type: "market" }));
    assert.match(message, /insufficient balance for BTC \(requested: 0.5, available: 0.49875\)/);
  });

  it("replaces a limit order, and stops with a limit", async (t) => {
    const script = quiet().quote(PAIR, 9800, 9810, 5).trade(PAIR, 9800, 1);
    const { venue, client, submit, update } = await openDesk(t, connect, script, SETTINGS);
    const low = await submit({ ...BUY, type: "limit", limit_price: "9000" }, "new");
    const { id } = await client.replace(low.id, { limit_price: "10010" });
    await update(id, "fill");
    const stop = { ...SELL, type: "stop_limit", stop_price: "9850", limit_price: "9700" } as const;
    const guarded = await submit(stop, "new");
    await venue.play(2);
    assert.equal((await update(guarded.id, "fill")).price, "9800");
    assert.deepEqual(await client.positions(), []);
  });

  it("fills immediately or cancels, and knows no day, no stop and no short sale", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet(), SETTINGS);
    const low = { ...BUY, type: "limit", limit_price: "9000", time_in_force: "ioc" } as const;
    assert.equal((await submit(low, "canceled")).filledQty, "0");
    const day = await refusal(client.submit({ ...BUY, type: "market", time_in_force: "day" }));
    assert.deepEqual([day.status, day.code], [422, 42210000]);
    assert.match(day.message, /invalid crypto time_in_force/);
    const stop = await refusal(client.submit({ ...BUY, type: "stop", stop_price: "11000" }));
    assert.equal(stop.status, 422);
    const short = await refusal(client.submit({ ...SELL, type: "market" }));
    assert.deepEqual([short.status, short.code], [403, 40310000]);
  });

  it("refuses an order for less than ten dollars with 403", async (t) => {
    const { client } = await openDesk(t, connect, quiet(), SETTINGS);
    const { status, code, message } = await refusal(client.submit({ ...BUY, qty: "0.0009", type: "market" }));
    assert.deepEqual([status, code], [403, 40310000]);
    assert.match(message, /cost basis must be >= minimal amount of order 10/);
  });
}
