/** Each fault as a client meets it, over real sockets; what the ledger says of it is asked through the state. */
import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { after, afterEach, before, describe, test } from "node:test";
import { createSimulator, type Simulator } from "../../../src/simulator/simulator.ts";
import { type Body, call, dataStream, HEADERS, KEYS, order, Peer, tradeStream } from "../client.ts";

const BASE = { ...KEYS, port: 0, haltRate: 0, startTime: "2026-03-02T15:00:00Z", speed: 50 };
const SUBMIT = "POST /v2/orders";

let simulator: Simulator;
let port: number;

before(async () => {
  simulator = await createSimulator(BASE);
  port = await simulator.listen();
  const stream = await dataStream(port, "/v2/sip", { quotes: ["DEMO"] });
  await stream.find((message) => message.T === "q" && message.S === "DEMO");
  await stream.close();
});

afterEach(async () => {
  await call(port, "DELETE", "/simulator/faults");
  await call(port, "DELETE", "/v2/orders");
});

after(() => simulator.close());

const set = async (fault: object): Promise<number> => {
  const { status, body } = await call(port, "POST", "/simulator/faults", fault);
  assert.equal(status, 200, JSON.stringify(body));
  return body.ids[0];
};

const byClientId = (id: string) => call(port, "GET", `/v2/orders:by_client_order_id?client_order_id=${id}`);

/** A resting order, whatever becomes of the answer. */
const rest = (id: string) => order(port, "buy 1 DEMO 1", { client_order_id: id });

/** A POST whose connection breaks: the bytes that came before, or the error. */
function raw(id: string): Promise<{ readonly text: string; readonly broken: boolean }> {
  const body = JSON.stringify({
    symbol: "DEMO",
    qty: "1",
    side: "buy",
    type: "limit",
    limit_price: "1",
    time_in_force: "day",
    client_order_id: id,
  });
  return new Promise((resolve) => {
    const request = httpRequest({ port, path: "/v2/orders", method: "POST", headers: HEADERS, agent: false });
    let text = "";
    request.on("error", () => resolve({ text, broken: true }));
    request.on("response", (response) => {
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      response.on("error", () => {});
      response.on("close", () => resolve({ text, broken: !response.complete }));
    });
    request.end(body);
  });
}

describe("faults of requests", () => {
  test("drop_request: nothing is done and the connection ends", async () => {
    await set({ fault: "drop_request", where: SUBMIT, times: 1 });
    assert.deepEqual(await raw("drop-request"), { text: "", broken: true });
    assert.equal((await byClientId("drop-request")).status, 404);
  });

  test("drop_answer: the order is in and the connection ends without an answer", async () => {
    await set({ fault: "drop_answer", where: SUBMIT, times: 1 });
    assert.deepEqual(await raw("drop-answer"), { text: "", broken: true });
    assert.equal((await byClientId("drop-answer")).body.status, "new");
  });

  test("accept_late: the connection ends, and the order enters later", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "accept_late", where: SUBMIT, times: 1, delayMs: 300 });
    assert.deepEqual(await raw("late"), { text: "", broken: true });
    assert.equal((await byClientId("late")).status, 404);
    await stream.find((m) => m.data?.event === "new" && m.data.order.client_order_id === "late");
    assert.equal((await byClientId("late")).body.status, "new");
    await stream.close();
  });

  test("slow_answer: the order is in before the answer is", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "slow_answer", where: SUBMIT, times: 1, delayMs: 300 });
    let answered = false;
    const answer = rest("slow").then((got) => {
      answered = true;
      return got;
    });
    await stream.find((m) => m.data?.order?.client_order_id === "slow");
    assert.equal(answered, false);
    assert.equal((await answer).status, 200);
    await stream.close();
  });

  test("rate_limit and error_before do nothing; error_after has done it", async () => {
    await set([
      { fault: "rate_limit", where: SUBMIT, times: 2 },
      { fault: "error_before", where: SUBMIT, times: 1, status: 503 },
      { fault: "error_after", where: SUBMIT, times: 1, status: 504 },
    ]);
    const statuses: number[] = [];
    for (const id of ["storm-1", "storm-2", "before", "after", "healed"]) statuses.push((await rest(id)).status);
    assert.deepEqual(statuses, [429, 429, 503, 504, 200]);
    const known: number[] = [];
    for (const id of ["storm-1", "storm-2", "before", "after"]) known.push((await byClientId(id)).status);
    assert.deepEqual(known, [404, 404, 404, 200]);
  });

  test("truncate_answer: half of the answer, then the connection breaks", async () => {
    await set({ fault: "truncate_answer", where: SUBMIT, times: 1 });
    const { text, broken } = await raw("truncated");
    assert.equal(broken, true);
    assert.match(text, /^\{"id":"/);
    assert.throws(() => JSON.parse(text));
    assert.equal((await byClientId("truncated")).body.status, "new");
  });

  test("malformed_answer: the status of success and nothing that is an order", async () => {
    await set({ fault: "malformed_answer", where: SUBMIT });
    for (let i = 0; i < 7; i++) {
      const { text, broken } = await raw(`malformed-${i}`);
      assert.equal(broken, false);
      assert.ok(!text.includes(`malformed-${i}`), text);
    }
    assert.equal((await byClientId("malformed-6")).body.status, "new");
  });

  test("lag: lists and look-ups show what was; when it ends they show what is", async () => {
    const before_ = (await rest("lag-before")).body.id;
    const fault = await set({ fault: "lag", where: "GET /v2/*", lagMs: 60_000 });
    await call(port, "DELETE", `/v2/orders/${before_}`);
    const later = (await rest("lag-later")).body.id;
    await order(port, "buy 2 DEMO");
    assert.equal((await byClientId("lag-later")).status, 404);
    assert.equal((await call(port, "GET", `/v2/orders/${later}`)).status, 404);
    const ids = (rows: Body[]) => rows.map((row) => row.client_order_id);
    assert.deepEqual(ids((await call(port, "GET", "/v2/orders")).body), ["lag-before"]);
    assert.equal((await call(port, "GET", `/v2/orders/${before_}`)).body.status, "new");
    assert.ok(!ids((await call(port, "GET", "/v2/orders?status=all")).body).includes("lag-later"));
    const lagged = (await call(port, "GET", "/v2/positions")).body;
    const fills = (await call(port, "GET", "/v2/account/activities/FILL")).body.length;
    await call(port, "DELETE", `/simulator/faults/${fault}`);
    assert.equal((await byClientId("lag-later")).status, 200);
    assert.deepEqual(ids((await call(port, "GET", "/v2/orders")).body), ["lag-later"]);
    const now = (await call(port, "GET", "/v2/positions")).body;
    assert.equal(Number(now[0].qty) - Number(lagged[0]?.qty ?? 0), 2);
    assert.equal((await call(port, "GET", "/v2/account/activities/FILL")).body.length, fills + 1);
  });

  test("clock_skew: the clock and the events are off, the account is not", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "clock_skew", skewMs: -3_600_000 });
    const clock = Date.parse((await call(port, "GET", "/v2/clock")).body.timestamp);
    const { time } = (await call(port, "GET", "/simulator/state")).body;
    // At fifty times real time an hour of venue time is 72 s of a test.
    assert.ok(Date.parse(time) - clock >= 3_600_000 && Date.parse(time) - clock < 2 * 3_600_000);
    const submitted = Date.parse((await rest("skewed")).body.submitted_at);
    const { data } = await stream.find((m) => m.data?.order?.client_order_id === "skewed");
    assert.equal(submitted - Date.parse(data.order.submitted_at), 3_600_000);
    assert.ok(submitted - Date.parse(data.timestamp) >= 3_600_000 - 1);
    await stream.close();
  });
});

describe("faults of streams", () => {
  const isNew = (id: string) => (m: Body) => m.data?.event === "new" && m.data.order.client_order_id === id;
  const told = (stream: Peer) => stream.messages.flatMap((m) => m.data?.order?.client_order_id ?? []);

  test("a message is lost, doubled, or comes behind those after it", async () => {
    const stream = await tradeStream(port);
    // Every order here has two messages: pending_new and new.
    await set([
      { fault: "lose", where: "trade_updates", times: 2 },
      { fault: "duplicate", where: "trade_updates", times: 2 },
      { fault: "reorder", where: "trade_updates", times: 2 },
      { fault: "delay", where: "trade_updates", skip: 2, times: 2, delayMs: 300 },
    ]);
    for (const id of ["lost", "doubled", "reordered", "next", "delayed", "last"]) await rest(id);
    await stream.find(isNew("delayed"));
    const twice = (...ids: string[]) => [...ids, ...ids];
    assert.deepEqual(told(stream), [
      ...twice("doubled", "doubled"),
      ...twice("reordered", "next"),
      ...twice("last"),
      ...twice("delayed"),
    ]);
    await stream.close();
  });

  test("a reordered message with none behind it comes all the same", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "reorder", where: "trade_updates", times: 1, delayMs: 50 });
    await rest("alone");
    await stream.find(isNew("alone"));
    await stream.close();
  });

  test("cut: the connection ends in place of the message, and its slot is free", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "cut", where: "trade_updates", times: 1 });
    await rest("cut");
    assert.equal(await stream.closed, 1006);
    assert.deepEqual(told(stream), []);
    const again = await tradeStream(port);
    await again.close();
  });

  test("freeze: silent, without pongs, holding the slot against newcomers until it thaws", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "freeze", where: "trade_updates", times: 1 });
    await rest("frozen");
    await rest("behind");
    let ponged = false;
    stream.socket.on("pong", () => {
      ponged = true;
    });
    stream.socket.ping();
    const newcomer = await Peer.open(`ws://127.0.0.1:${port}/stream`);
    newcomer.send({ action: "authenticate", data: { key_id: KEYS.keyId, secret_key: KEYS.secret } });
    const refusal = await newcomer.find((m) => m.action === "error");
    assert.equal(refusal.data.code, 406);
    await newcomer.closed;
    assert.deepEqual([told(stream), ponged], [[], false]);
    const pong = new Promise((resolve) => stream.socket.once("pong", resolve));
    await call(port, "DELETE", "/simulator/faults");
    await pong;
    await rest("thawed");
    await stream.find(isNew("thawed"));
    await stream.close();
  });

  test("a frozen connection whose client has gone holds its slot until it is thawed", async () => {
    const stream = await tradeStream(port);
    await set({ fault: "freeze", where: "trade_updates", times: 1 });
    await rest("left");
    stream.socket.terminate();
    await stream.closed;
    const newcomer = await Peer.open(`ws://127.0.0.1:${port}/stream`);
    newcomer.send({ action: "authenticate", data: { key_id: KEYS.keyId, secret_key: KEYS.secret } });
    await newcomer.find((m) => m.action === "error");
    await newcomer.closed;
    await call(port, "DELETE", "/simulator/faults");
    await (await tradeStream(port)).close();
  });

  test("hold_slot: newcomers of the market-data stream are refused with 406 as often as told", async () => {
    await set({ fault: "hold_slot", where: "market_data", times: 1 });
    const refused = await Peer.open(`ws://127.0.0.1:${port}/v2/sip`);
    refused.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
    const error = await refused.find((m) => m.T === "error");
    assert.equal(error.code, 406);
    await refused.close();
    const stream = await dataStream(port, "/v2/sip", { quotes: ["DEMO"] });
    await stream.close();
  });

  test("market data can be frozen and cut as well", async () => {
    const stream = await dataStream(port, "/v2/sip", { quotes: ["DEMO"] });
    await set([
      { fault: "lose", where: "market_data", times: 2 },
      { fault: "cut", where: "market_data", times: 1 },
    ]);
    assert.equal(await stream.closed, 1006);
  });
});

describe("the administrative endpoint", () => {
  test("lists, counts and ends faults one by one", async () => {
    const id = await set({ fault: "error_before", where: "GET /v2/clock", times: 1 });
    assert.equal((await call(port, "GET", "/v2/clock")).status, 500);
    assert.equal((await call(port, "GET", "/v2/clock")).status, 200);
    const { faults } = (await call(port, "GET", "/simulator/faults")).body;
    assert.deepEqual(faults, [
      {
        id,
        fault: "error_before",
        where: "GET /v2/clock",
        probability: 1,
        skip: 0,
        times: 1,
        from: null,
        until: null,
        status: 500,
        seen: 2,
        struck: 1,
      },
    ]);
    assert.deepEqual((await call(port, "DELETE", `/simulator/faults/${id}`)).body, { cleared: 1 });
    assert.equal((await call(port, "DELETE", `/simulator/faults/${id}`)).status, 404);
  });

  test("a list with a mistake in it sets nothing and names the field", async () => {
    const answer = await call(port, "POST", "/simulator/faults", [
      { fault: "lose", where: "trade_updates" },
      { fault: "delay", where: "trade_updates" },
    ]);
    assert.deepEqual([answer.status, answer.body.code], [422, 40010001]);
    assert.match(answer.body.message, /^delayMs: /);
    assert.deepEqual((await call(port, "GET", "/simulator/faults")).body, { faults: [] });
  });

  test("no fault strikes what the simulator is asked about itself", async () => {
    await set({ fault: "drop_request", where: "GET /*" });
    assert.equal((await call(port, "GET", "/simulator/ledger")).status, 200);
    assert.equal((await call(port, "GET", "/simulator/faults")).status, 200);
  });
});

test("a script in the configuration strikes from the first request on", async () => {
  const scripted = await createSimulator({
    ...BASE,
    faults: [{ fault: "rate_limit", where: "GET /v2/account", times: 1 }],
  });
  const at = await scripted.listen();
  assert.equal((await call(at, "GET", "/v2/account")).status, 429);
  assert.equal((await call(at, "GET", "/v2/account")).status, 200);
  await scripted.close();
  await assert.rejects(createSimulator({ ...BASE, faults: [{ fault: "lose" }] }), /faults\.0\.where/);
});
