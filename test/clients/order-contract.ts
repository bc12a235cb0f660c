/** What every trading client must be able to do with orders for shares; the prices are written down in each test's script. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { BUY, type Connect, openDesk, quiet, refusal, SELL } from "./desk.ts";

/** Market and limit orders, their life and their refusals. */
export function simpleOrders(connect: Connect): void {
  it("buys at the ask with a market order and sees position and cash", async (t) => {
    const { client, submit, update, events } = await openDesk(t, connect, quiet());
    const order = await submit({ ...BUY, type: "market", client_order_id: "first" }, "fill");
    assert.deepEqual(
      [order.status, order.qty, order.filledQty, order.averagePrice, order.clientOrderId],
      ["filled", "10", "10", "100.02", "first"],
    );
    const fill = await update(order.id, "fill");
    assert.deepEqual([fill.price, fill.qty, fill.positionQty], ["100.02", "10", "10"]);
    assert.deepEqual(events(order.id).slice(-2), ["new", "fill"]);
    assert.deepEqual(await client.positions(), [
      { symbol: "ACME", side: "long", qty: "10", available: "10", entryPrice: "100.02" },
    ]);
    // 100,000 − 10 × 100.02
    assert.equal(await client.cash(), "98999.8");
  });

  it("watches orders in text frames as well, as the live venue sends them", async (t) => {
    const { submit } = await openDesk(t, connect, quiet(), { tradeFrames: "text" });
    assert.equal((await submit({ ...BUY, type: "market" }, "fill")).status, "filled");
  });

  it("rests a limit order and fills it when the ask comes down to it", async (t) => {
    const { venue, client, submit, update } = await openDesk(t, connect, quiet().quote("ACME", 99.48, 99.5));
    const order = await submit({ ...BUY, type: "limit", limit_price: "99.5" }, "new");
    assert.deepEqual([order.status, order.limitPrice, order.averagePrice], ["new", "99.5", null]);
    assert.deepEqual(
      (await client.orders("open")).map(({ id }) => id),
      [order.id],
    );
    await venue.play(1);
    assert.equal((await update(order.id, "fill")).price, "99.5");
    assert.deepEqual(await client.orders("open"), []);
  });

  it("cancels a resting order, and is told when there is no such order", async (t) => {
    const { client, submit, update } = await openDesk(t, connect, quiet());
    const order = await submit({ ...BUY, type: "limit", limit_price: "99" }, "new");
    await client.cancel(order.id);
    assert.equal((await update(order.id, "canceled")).order.status, "canceled");
    assert.equal((await client.order(order.id)).status, "canceled");
    const unknown = "00000000-0000-4000-8000-000000000000";
    const { status, code } = await refusal(client.order(unknown));
    assert.deepEqual([status, code], [404, 40410000]);
  });

  it("cancels every open order at once", async (t) => {
    const { client, submit, update } = await openDesk(t, connect, quiet());
    const ids: string[] = [];
    for (const limit of ["97", "98", "99"]) {
      ids.push((await submit({ ...BUY, type: "limit", limit_price: limit }, "new")).id);
    }
    await client.cancelAll();
    for (const id of ids) await update(id, "canceled");
    assert.deepEqual(await client.orders("open"), []);
    assert.deepEqual(
      (await client.orders("closed")).map(({ id }) => id),
      ids.toReversed(),
    );
  });

  it("finds an order by the client's id, and refuses the id a second time", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    const order = await submit({ ...BUY, type: "limit", limit_price: "99", client_order_id: "one-only" }, "new");
    assert.equal((await client.orderByClientId("one-only")).id, order.id);
    const again = await refusal(client.submit({ ...BUY, type: "market", client_order_id: "one-only" }));
    assert.deepEqual([again.status, again.code], [422, 40010001]);
    assert.match(again.message, /client_order_id must be unique/);
  });

  it("refuses more than the account can pay for, or sell, with 403", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    const dear = await refusal(client.submit({ ...BUY, qty: "5000", type: "market" }));
    assert.deepEqual([dear.status, dear.code], [403, 40310000]);
    await submit({ ...BUY, type: "market" }, "fill");
    const much = await refusal(client.submit({ ...SELL, qty: "11", type: "market" }));
    assert.deepEqual([much.status, much.code], [403, 40310000]);
    assert.match(much.message, /insufficient qty available for order \(requested: 11, available: 10\)/);
  });

  it("refuses a price of more than two decimals with 422", async (t) => {
    const { client } = await openDesk(t, connect, quiet());
    const refused = await refusal(client.submit({ ...BUY, type: "limit", limit_price: "99.123" }));
    assert.deepEqual([refused.status, refused.code], [422, 42210000]);
    assert.match(refused.message, /sub-penny increment does not fulfill minimum pricing criteria/);
  });

  it("sells short and buys back", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    await submit({ ...SELL, type: "market" }, "fill");
    const [short] = await client.positions();
    assert.deepEqual([short?.side, short?.qty, short?.entryPrice], ["short", "-10", "100"]);
    await submit({ ...BUY, type: "market" }, "fill");
    assert.deepEqual(await client.positions(), []);
    // 100,000 + 10 × 100.00 − 10 × 100.02
    assert.equal(await client.cash(), "99999.8");
  });

  it("replaces a resting order by one of another price and quantity, which fills", async (t) => {
    const { venue, client, submit, update } = await openDesk(t, connect, quiet().quote("ACME", 99.68, 99.7));
    const first = await submit({ ...BUY, type: "limit", limit_price: "99.5" }, "new");
    const second = await client.replace(first.id, { qty: "15", limit_price: "99.7", client_order_id: "second" });
    assert.deepEqual(
      [second.replaces, second.qty, second.limitPrice, second.clientOrderId],
      [first.id, "15", "99.7", "second"],
    );
    assert.notEqual(second.id, first.id);
    const { order: old } = await update(first.id, "replaced");
    assert.deepEqual([old.status, old.replacedBy], ["replaced", second.id]);
    await update(second.id, "new");
    await venue.play(1);
    const fill = await update(second.id, "fill");
    assert.deepEqual([fill.price, fill.qty], ["99.7", "15"]);
    const [newest, oldest] = await client.orders("closed");
    assert.deepEqual(
      [newest?.id, newest?.status, oldest?.id, oldest?.status],
      [second.id, "filled", first.id, "replaced"],
    );
  });

  it("refuses to cancel or replace what is filled with 422", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    const { id } = await submit({ ...BUY, type: "market" }, "fill");
    for (const call of [client.cancel(id), client.replace(id, { qty: "20" })]) {
      const { status, code } = await refusal(call);
      assert.deepEqual([status, code], [422, 42210000]);
    }
  });

  it("refuses an order against one of its own with 403", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    await submit({ ...BUY, type: "market" }, "fill");
    await submit({ ...BUY, type: "limit", limit_price: "99" }, "new");
    const { status, code, message } = await refusal(client.submit({ ...SELL, type: "market" }));
    assert.deepEqual([status, code], [403, 40310000]);
    assert.match(message, /potential wash trade detected. use complex orders/);
  });

  it("keeps shares that a resting sell order holds, and says so", async (t) => {
    const { client, submit } = await openDesk(t, connect, quiet());
    await submit({ ...BUY, type: "market" }, "fill");
    await submit({ ...SELL, qty: "4", type: "limit", limit_price: "105" }, "new");
    assert.equal((await client.positions())[0]?.available, "6");
    const { message } = await refusal(client.submit({ ...SELL, type: "market" }));
    assert.match(message, /insufficient qty available for order \(requested: 10, available: 6\)/);
  });

  it("closes a position, and all positions and orders at once", async (t) => {
    const { client, submit, update } = await openDesk(t, connect, quiet());
    await submit({ ...BUY, type: "market" }, "fill");
    const closing = await client.closePosition("ACME");
    assert.deepEqual([closing.side, closing.type, closing.qty], ["sell", "market", "10"]);
    await update(closing.id, "fill");
    assert.deepEqual(await client.positions(), []);
    const none = await refusal(client.closePosition("ACME"));
    assert.deepEqual([none.status, none.code], [404, 40410000]);
    await submit({ ...BUY, type: "market" }, "fill");
    await client.closeAllPositions();
    await update((await client.orders("all"))[0]?.id ?? "", "fill");
    assert.deepEqual(await client.positions(), []);
  });
}
