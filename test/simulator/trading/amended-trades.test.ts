import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Body, order, tradeStream } from "../client.ts";
import { refusal, start } from "./venue.ts";

describe("trades that are amended on demand", () => {
  it("are told on the stream with the execution that they amend, and change order, position, cash and activities", async (t) => {
    const venue = await start(t);
    const stream = await tradeStream(venue.port);
    t.after(() => stream.socket.terminate());
    const kept = (await order(venue.port, "buy 10 ACME")).body.id;
    const undone = (await order(venue.port, "buy 5 ACME")).body.id;
    const fillOf = async (id: string): Promise<Body> =>
      (await stream.find((message) => message.data?.event === "fill" && message.data.order.id === id)).data;
    const [first, second] = [await fillOf(kept), await fillOf(undone)];

    const corrected = await venue.post(`/simulator/trades/${first.execution_id}/correct`, { price: "99.51" });
    assert.deepEqual([corrected.status, corrected.body.id, corrected.body.filled_avg_price], [200, kept, "99.51"]);
    const busted = await venue.post(`/simulator/trades/${second.execution_id}/bust`, {});
    assert.deepEqual([busted.status, busted.body.id, busted.body.filled_qty], [200, undone, "0"]);

    const correction = (await stream.find((message) => message.data?.event === "trade_correct")).data;
    assert.deepEqual(
      [correction.previous_execution_id, correction.price, correction.qty, correction.position_qty],
      [first.execution_id, "99.51", "10", "15"],
    );
    const bust = (await stream.find((message) => message.data?.event === "trade_bust")).data;
    assert.deepEqual([bust.previous_execution_id, bust.qty, bust.position_qty], [second.execution_id, "5", "10"]);

    const position = (await venue.get("/v2/positions/ACME")).body;
    assert.deepEqual([position.qty, position.qty_available], ["10", "10"]);
    assert.equal((await venue.get("/v2/account")).body.cash, "99004.9");
    const fills = (await venue.get("/v2/account/activities/FILL")).body;
    assert.deepEqual(
      fills.map((fill: Body) => [fill.order_id, fill.qty, fill.price]),
      [[kept, "10", "99.51"]],
    );
  });

  it("are refused where there is no such trade or no price", async (t) => {
    const venue = await start(t);
    const nobody = "00000000-0000-4000-8000-000000000000";
    assert.deepEqual(refusal(await venue.post(`/simulator/trades/${nobody}/bust`, {})).slice(0, 2), [404, 40410000]);
    for (const body of [{}, { price: "0" }, { price: "much" }]) {
      const answer = await venue.post(`/simulator/trades/${nobody}/correct`, body);
      assert.deepEqual([answer.status, answer.body.code], [422, 40010001]);
    }
  });
});
