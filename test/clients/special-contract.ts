/** Fractions, amounts of money, sessions and times in force, as every client for shares must be able to use them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BUY, type Connect, openDesk, quiet, refusal } from "./desk.ts";
import { MarketScript } from "./scripted-venue.ts";

/** From 10:00 in New York back to 08:00, before the session, and to 09:20, before the auction's deadline. */
const AT_EIGHT = -2 * 3600;
const BEFORE_OPEN = -40 * 60;

const FRACTIONABLE = { instruments: [{ symbol: "ACME", fractionable: true }] };

export function specialOrders(connect: Connect): void {
  it("buys for an amount of money, and a fraction of a share", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet(), FRACTIONABLE);
    const { qty: _, ...rest } = BUY;
    const bought = await submit({ ...rest, type: "market", notional: "5001" }, "fill");
    // 5001 / 100.02
    assert.deepEqual([bought.notional, bought.qty, bought.filledQty], ["5001", null, "50"]);
    const half = await submit({ ...BUY, qty: "0.5", type: "market" }, "fill");
    assert.equal(half.filledQty, "0.5");
    assert.equal((await client.positions())[0]?.qty, "50.5");
    // 100,000 − 50.5 × 100.02
    assert.equal(await client.cash(), "94948.99");
  });

  it("refuses a fraction that is not for the day with 422", async (t) => {
    const { client } = await openDesk(t, connect, quiet(), FRACTIONABLE);
    const order = { ...BUY, qty: "0.5", type: "limit", limit_price: "99", time_in_force: "gtc" } as const;
    const { status, code, message } = await refusal(client.submit(order));
    assert.deepEqual([status, code], [422, 42210000]);
    assert.match(message, /fractional orders must be DAY orders/);
  });

  it("fills immediate-or-cancel and fill-or-kill orders at once or never", async (t) => {
    const { submit } = await openDesk(t, connect, quiet());
    for (const time_in_force of ["ioc", "fok"] as const) {
      const low = await submit({ ...BUY, type: "limit", limit_price: "100.01", time_in_force }, "canceled");
      assert.deepEqual([low.status, low.filledQty, low.timeInForce], ["canceled", "0", time_in_force]);
      const high = await submit({ ...BUY, type: "limit", limit_price: "100.02", time_in_force }, "fill");
      assert.equal(high.averagePrice, "100.02");
    }
  });

  it("queues an order before the session and fills it at the opening", async (t) => {
    const script = new MarketScript()
      .wait(AT_EIGHT)
      .quote("ACME", 100, 100.02)
      .wait(2 * 3600)
      .quote("ACME", 101, 101.02);
    const { venue, client, update } = await openDesk(t, connect, script);
    const order = await client.submit({ ...BUY, type: "market" });
    assert.equal(order.status, "accepted");
    await venue.play(1);
    assert.equal((await update(order.id, "fill")).price, "101.02");
  });

  it("fills a limit order for extended hours before the session, and nothing else", async (t) => {
    const script = new MarketScript().wait(AT_EIGHT).quote("ACME", 100, 100.02);
    const { client, submit } = await openDesk(t, connect, script);
    const early = { ...BUY, type: "limit", limit_price: "100.02", extended_hours: true } as const;
    const filled = await submit(early, "fill");
    assert.deepEqual([filled.extendedHours, filled.averagePrice], [true, "100.02"]);
    const market = { ...BUY, type: "market", extended_hours: true } as const;
    const { status, message } = await refusal(client.submit(market));
    assert.equal(status, 422);
    assert.match(message, /extended hours order must be DAY limit orders/);
  });

  it("trades in the opening and in the closing auction", async (t) => {
    const script = new MarketScript().wait(BEFORE_OPEN).quote("ACME", 100, 100.02);
    script
      .wait(10 * 60)
      .quote("ACME", 101, 101.02)
      .trade("ACME", 101.5, 1000, "O");
    script
      .wait(6.5 * 3600)
      .quote("ACME", 103, 103.02)
      .trade("ACME", 103.5, 1000, "6")
      .quote("ACME", 103, 103.02);
    const { venue, client, update } = await openDesk(t, connect, script);
    const opening = await client.submit({ ...BUY, type: "market", time_in_force: "opg" });
    const closing = await client.submit({ ...BUY, type: "market", time_in_force: "cls" });
    assert.deepEqual([opening.timeInForce, closing.timeInForce], ["opg", "cls"]);
    await venue.play(5);
    assert.equal((await update(opening.id, "fill")).price, "101.5");
    assert.equal((await update(closing.id, "fill")).price, "103.5");
  });

  it("keeps an order that is good till cancelled over the night and lets the day's expire", async (t) => {
    const script = quiet()
      .wait(24 * 3600)
      .quote("ACME", 98.98, 99);
    const { venue, submit, update } = await openDesk(t, connect, script);
    const day = await submit({ ...BUY, type: "limit", limit_price: "99" }, "new");
    const gtc = await submit({ ...BUY, type: "limit", limit_price: "99", time_in_force: "gtc" }, "new");
    await venue.play(1);
    assert.equal((await update(day.id, "expired")).order.status, "expired");
    assert.equal((await update(gtc.id, "fill")).price, "99");
  });
}
