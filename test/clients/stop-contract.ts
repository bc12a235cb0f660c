/** Stop, stop-limit and trailing-stop orders, as every client for shares must be able to use them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BUY, type Connect, openDesk, quiet, refusal, SELL } from "./desk.ts";

export function stopOrders(connect: Connect): void {
  it("sells at the bid when a trade reaches the stop", async (t) => {
    const script = quiet().quote("ACME", 99.1, 99.12).trade("ACME", 99.1).quote("ACME", 98.98, 99).trade("ACME", 99);
    const { venue, submit, update } = await openDesk(t, connect, script);
    await submit({ ...BUY, type: "market" }, "fill");
    const stop = await submit({ ...SELL, type: "stop", stop_price: "99" }, "new");
    assert.deepEqual([stop.type, stop.stopPrice, stop.limitPrice], ["stop", "99", null]);
    await venue.play(4);
    const fill = await update(stop.id, "fill");
    assert.deepEqual([fill.price, fill.positionQty, fill.order.type], ["98.98", "0", "stop"]);
  });

  it("buys at the ask when a trade reaches the stop", async (t) => {
    const script = quiet().quote("ACME", 101, 101.02).trade("ACME", 101);
    const { venue, submit, update } = await openDesk(t, connect, script);
    const stop = await submit({ ...BUY, type: "stop", stop_price: "101" }, "new");
    await venue.play(2);
    assert.equal((await update(stop.id, "fill")).price, "101.02");
  });

  it("rests a stop-limit order at its limit once the stop is reached, and replaces both prices before", async (t) => {
    const script = quiet().quote("ACME", 98.5, 98.52).trade("ACME", 98.5).quote("ACME", 98.9, 98.92);
    const { venue, client, submit, update } = await openDesk(t, connect, script);
    await submit({ ...BUY, type: "market" }, "fill");
    const first = await submit({ ...SELL, type: "stop_limit", stop_price: "98", limit_price: "97.9" }, "new");
    assert.deepEqual([first.stopPrice, first.limitPrice], ["98", "97.9"]);
    const { id } = await client.replace(first.id, { stop_price: "99", limit_price: "98.9" });
    await update(id, "new");
    await venue.play(2);
    const triggered = await client.order(id);
    assert.deepEqual([triggered.status, triggered.filledQty], ["new", "0"]);
    await venue.play(1);
    assert.equal((await update(id, "fill")).price, "98.9");
  });

  it("trails the highest trade by a price", async (t) => {
    const script = quiet().trade("ACME", 100).trade("ACME", 102).quote("ACME", 100.98, 101).trade("ACME", 101);
    const { venue, client, submit, update } = await openDesk(t, connect, script);
    await submit({ ...BUY, type: "market" }, "fill");
    await venue.play(1);
    const trailing = await submit({ ...SELL, type: "trailing_stop", trail_price: "1" }, "new");
    assert.deepEqual(
      [trailing.trailPrice, trailing.trailPercent, trailing.hwm, trailing.stopPrice],
      ["1", null, "100", "99"],
    );
    await venue.play(1);
    const raised = await client.order(trailing.id);
    assert.deepEqual([raised.hwm, raised.stopPrice], ["102", "101"]);
    await venue.play(2);
    assert.equal((await update(trailing.id, "fill")).price, "100.98");
  });

  it("trails the lowest trade by a percentage, and takes another one", async (t) => {
    const script = quiet().trade("ACME", 100).trade("ACME", 98).quote("ACME", 99.94, 99.96).trade("ACME", 99.96);
    const { venue, client, submit, update } = await openDesk(t, connect, script);
    await venue.play(1);
    const first = await submit({ ...BUY, type: "trailing_stop", trail_percent: "1" }, "new");
    assert.deepEqual([first.trailPercent, first.trailPrice, first.hwm, first.stopPrice], ["1", null, "100", "101"]);
    const { id } = await client.replace(first.id, { trail: "2" });
    assert.equal((await update(id, "new")).order.trailPercent, "2");
    await venue.play(1);
    // 98 × 1.02
    assert.equal((await client.order(id)).stopPrice, "99.96");
    await venue.play(2);
    assert.equal((await update(id, "fill")).price, "99.96");
  });

  it("refuses a stop on the wrong side of the market with 422", async (t) => {
    const { venue, client, submit } = await openDesk(t, connect, quiet().trade("ACME", 100));
    await submit({ ...BUY, type: "market" }, "fill");
    await venue.play(1);
    const { status, code, message } = await refusal(client.submit({ ...SELL, type: "stop", stop_price: "101" }));
    assert.deepEqual([status, code], [422, 42210000]);
    assert.match(message, /stop price must be less than current price/);
  });
}
