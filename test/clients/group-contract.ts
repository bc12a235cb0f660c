/** Bracket, one-cancels-other and one-triggers-other orders, as every client for shares must be able to use them. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BUY, type Connect, openDesk, quiet, refusal, SELL } from "./desk.ts";
import type { SeenOrder } from "./trading-client.ts";

const profitLeg = ({ legs }: SeenOrder) => legs.find(({ type }) => type === "limit") as SeenOrder;
const lossLeg = ({ legs }: SeenOrder) => legs.find(({ type }) => type !== "limit") as SeenOrder;

const BRACKET = {
  ...BUY,
  type: "market",
  order_class: "bracket",
  take_profit: { limit_price: "102" },
  stop_loss: { stop_price: "99" },
} as const;

export function groupedOrders(connect: Connect): void {
  it("takes the profit of a bracket and cancels its stop", async (t) => {
    const { venue, client, update } = await openDesk(t, connect, quiet().quote("ACME", 102, 102.02));
    const entry = await client.submit(BRACKET);
    assert.deepEqual([entry.orderClass, entry.legs.length], ["bracket", 2]);
    const [profit, loss] = [profitLeg(entry), lossLeg(entry)];
    assert.deepEqual([profit.side, profit.limitPrice, loss.side, loss.stopPrice], ["sell", "102", "sell", "99"]);
    await update(entry.id, "fill");
    await update(profit.id, "new");
    await update(loss.id, "new");
    await venue.play(1);
    assert.equal((await update(profit.id, "fill")).price, "102");
    assert.equal((await update(loss.id, "canceled")).order.status, "canceled");
    assert.deepEqual(await client.positions(), []);
    const nested = await client.order(entry.id);
    assert.deepEqual(
      [nested.status, profitLeg(nested).status, lossLeg(nested).status],
      ["filled", "filled", "canceled"],
    );
  });

  it("stops the loss of a bracket and cancels its profit; legs are held until the entry fills", async (t) => {
    const script = quiet().quote("ACME", 99.98, 100).quote("ACME", 98.98, 99).trade("ACME", 99);
    const { venue, client, update } = await openDesk(t, connect, script);
    const stop = { stop_price: "99", limit_price: "98.5" };
    const entry = await client.submit({ ...BRACKET, type: "limit", limit_price: "100", stop_loss: stop });
    await update(entry.id, "new");
    const held = await client.order(entry.id);
    assert.deepEqual(
      held.legs.map(({ status }) => status),
      ["held", "held"],
    );
    assert.deepEqual([lossLeg(held).type, lossLeg(held).limitPrice], ["stop_limit", "98.5"]);
    await venue.play(1);
    await update(entry.id, "fill");
    await venue.play(2);
    assert.equal((await update(lossLeg(held).id, "fill")).price, "98.98");
    await update(profitLeg(held).id, "canceled");
  });

  it("cancels a whole bracket by its entry", async (t) => {
    const { client, update } = await openDesk(t, connect, quiet());
    const entry = await client.submit({ ...BRACKET, type: "limit", limit_price: "99.5" });
    await update(entry.id, "new");
    await client.cancel(entry.id);
    await update(entry.id, "canceled");
    for (const { id } of entry.legs) await update(id, "canceled");
  });

  it("refuses a bracket whose profit is on the wrong side with 422", async (t) => {
    const { client } = await openDesk(t, connect, quiet());
    const wrong = { ...BRACKET, take_profit: { limit_price: "98" } };
    assert.equal((await refusal(client.submit(wrong))).status, 422);
  });

  it("closes a position by whichever of two orders comes first", async (t) => {
    const { venue, client, submit, update } = await openDesk(t, connect, quiet().quote("ACME", 102, 102.02));
    await submit({ ...BUY, type: "market" }, "fill");
    const { take_profit, stop_loss } = BRACKET;
    const parent = await client.submit({ ...SELL, type: "limit", order_class: "oco", take_profit, stop_loss });
    assert.deepEqual([parent.orderClass, parent.limitPrice, parent.legs.length], ["oco", "102", 1]);
    const [loss] = parent.legs;
    assert.deepEqual([loss?.type, loss?.stopPrice], ["stop", "99"]);
    await update(parent.id, "new");
    await venue.play(1);
    assert.equal((await update(parent.id, "fill")).price, "102");
    await update(loss?.id ?? "", "canceled");
    assert.deepEqual(await client.positions(), []);
  });

  it("closes a position by its stop and cancels the other", async (t) => {
    const script = quiet().quote("ACME", 98.98, 99).trade("ACME", 99);
    const { venue, client, submit, update } = await openDesk(t, connect, script);
    await submit({ ...BUY, type: "market" }, "fill");
    const { take_profit, stop_loss } = BRACKET;
    const parent = await client.submit({ ...SELL, type: "limit", order_class: "oco", take_profit, stop_loss });
    await venue.play(2);
    assert.equal((await update(parent.legs[0]?.id ?? "", "fill")).price, "98.98");
    await update(parent.id, "canceled");
  });

  it("adds a stop to an entry, and a profit to another", async (t) => {
    const script = quiet().quote("ACME", 98.98, 99).trade("ACME", 99);
    const { venue, client, update } = await openDesk(t, connect, script);
    const { take_profit, stop_loss } = BRACKET;
    const guarded = await client.submit({ ...BUY, type: "market", order_class: "oto", stop_loss });
    assert.deepEqual([guarded.orderClass, guarded.legs.length], ["oto", 1]);
    await update(guarded.id, "fill");
    await venue.play(2);
    assert.equal((await update(guarded.legs[0]?.id ?? "", "fill")).price, "98.98");
    const hopeful = await client.submit({ ...BUY, type: "market", order_class: "oto", take_profit });
    await update(hopeful.id, "fill");
    const [profit] = (await client.order(hopeful.id)).legs;
    assert.deepEqual([profit?.type, profit?.limitPrice, profit?.status], ["limit", "102", "new"]);
  });
}
