import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createSimulator } from "../../../src/simulator/simulator.ts";
import { Arrivals } from "../../clients/arrivals.ts";
import { type Body, call, HEADERS, KEYS, order, tradeStream } from "../client.ts";
import { market, refusal, start } from "./venue.ts";

const TRADES = "/v2/events/trades";
const ACTIVITIES = "/v2beta1/events/activities";

/** An open stream of server-sent events, read by the rules of the specification: `data` lines, an empty line after each. */
interface Events {
  readonly arrivals: Arrivals<Body>;
  readonly response: IncomingMessage;
  readonly ended: Promise<void>;
}

async function listen(t: TestContext, port: number, path: string): Promise<Events> {
  const request = get({ port, path, headers: HEADERS });
  t.after(() => request.destroy());
  request.on("error", () => {});
  const response = await new Promise<IncomingMessage>((resolve) => request.on("response", resolve));
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "text/event-stream");
  assert.match(String(response.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
  const arrivals = new Arrivals<Body>();
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const data = text
        .slice(0, end)
        .split("\n")
        .find((line) => line.startsWith("data: "));
      if (data !== undefined) arrivals.add(JSON.parse(data.slice("data: ".length)));
      text = text.slice(end + 2);
    }
  });
  const ended = new Promise<void>((resolve) => response.on("close", resolve));
  return { arrivals, response, ended };
}

describe("trade events as server-sent events", () => {
  it("are the messages of the trade-update stream, from the past and as they come", async (t) => {
    const venue = await start(t);
    const stream = await tradeStream(venue.port);
    await order(venue.port, "buy 1 ACME");
    const past = await listen(t, venue.port, `${TRADES}?since=2018-01-02`);
    await past.arrivals.find((event) => event.event === "fill");
    await order(venue.port, "buy 2 ACME");
    await past.arrivals.find((event) => event.event === "fill" && event.qty === "2");
    await stream.find((message) => message.data?.event === "fill" && message.data.qty === "2");
    await stream.close();
    const told = stream.messages.filter((message) => message.stream === "trade_updates").map(({ data }) => data);
    assert.deepEqual(past.arrivals.all, told);

    const [first, second] = told;
    const after = await listen(t, venue.port, `${TRADES}?since_id=${first.event_id}&until_id=${second.event_id}`);
    await after.ended;
    assert.deepEqual(after.arrivals.all, [second]);
  });

  it("without a beginning are those of the future only", async (t) => {
    const venue = await start(
      t,
      market((script) => script.wait(60).trade("ACME", 100)),
    );
    await order(venue.port, "buy 1 ACME");
    await venue.play(1);
    const events = await listen(t, venue.port, TRADES);
    await order(venue.port, "buy 2 ACME");
    await events.arrivals.find((event) => event.event === "fill");
    assert.ok(events.arrivals.all.every((event) => event.order.qty === "2"));
  });

  it("end when the venue's time has passed the end", async (t) => {
    const venue = await start(
      t,
      market((script) => script.wait(60).trade("ACME", 100)),
    );
    await order(venue.port, "buy 1 ACME");
    const events = await listen(t, venue.port, `${TRADES}?since=2018-01-02&until=2018-01-02T15:00:30Z`);
    await venue.play(1);
    await events.ended;
    assert.equal(events.arrivals.all.at(-1).event, "fill");
  });

  it("refuse parameters that do not go together", async (t) => {
    const venue = await start(t);
    const ask = async (query: string): Promise<[number, number, string]> =>
      refusal(await venue.get(`${TRADES}?${query}`));
    const said = (message: string): [number, number, string] => [422, 40010001, message];
    const id = "01ARYZ6S410000000000000001";
    assert.deepEqual(await ask(`since=2018-01-02&since_id=${id}`), said("since and since_id are mutually exclusive"));
    assert.deepEqual(await ask("until=2018-01-02"), said("since is required with until"));
    assert.deepEqual(await ask(`until_id=${id}`), said("since_id is required with until_id"));
    assert.deepEqual(await ask("since_id=first"), said("since_id must be a ULID"));
    assert.deepEqual(await ask("since=first"), said("since must be an RFC 3339 time or a date such as 2018-01-02"));
  });

  it("of before a restart are still there", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "events-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const config = { ...KEYS, port: 0, ledgerFile: join(directory, "ledger.jsonl"), startTime: "2026-03-02T15:00:00Z" };
    const first = await createSimulator(config);
    const stream = await tradeStream(await first.listen());
    const { port } = new URL(stream.socket.url);
    const { id } = (await order(Number(port), "buy 1 DEMO 10")).body;
    await call(Number(port), "DELETE", `/v2/orders/${id}`);
    await stream.find((message) => message.data?.event === "canceled");
    await stream.close();
    await first.close();
    const second = await createSimulator(config);
    t.after(() => second.close());
    const events = await listen(t, await second.listen(), `${TRADES}?since=2026-03-01`);
    await events.arrivals.find((event) => event.event === "canceled");
    const told = stream.messages.filter((message) => message.stream === "trade_updates").map(({ data }) => data);
    assert.deepEqual(events.arrivals.all, told);
  });
});

describe("activity events as server-sent events", () => {
  it("have the documented fields of a fill", async (t) => {
    const venue = await start(t);
    const { id } = (await order(venue.port, "buy 2 ACME", { client_order_id: "mine" })).body;
    const events = await listen(t, venue.port, `${ACTIVITIES}?since=2018-01-02`);
    const fill = await events.arrivals.find(() => true);
    const [activity] = (await venue.get("/v2/account/activities/FILL")).body;
    assert.ok(activity.id.endsWith(`::${fill.ref_id}`));
    assert.deepEqual(fill, {
      at: activity.transaction_time,
      event_id: fill.event_id,
      activity_type: "FILL",
      executed_at: activity.transaction_time,
      // Two days in 2018.
      settle_date: "2018-01-04",
      status: "executed",
      currency: "USD",
      ref_id: fill.ref_id,
      net_amount: "-200.02",
      price: "100.01",
      qty: "2",
      details: {
        asset_id: (await venue.get("/v2/assets/ACME")).body.id,
        client_order_id: "mine",
        cum_qty: "2",
        execution_type: "fill",
        leaves_qty: "0",
        order_id: id,
        order_status: "filled",
        side: "buy",
        symbol: "ACME",
      },
    });
  });
});
