import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { isUlid } from "../../../src/simulator/trading/ulid.ts";
import { type Body, KEYS, order, Peer, tradeStream } from "../client.ts";
import { start } from "./venue.ts";

const AUTHENTICATE = { action: "authenticate", data: { key_id: KEYS.keyId, secret_key: KEYS.secret } };
const LISTEN = { action: "listen", data: { streams: ["trade_updates"] } };

function connect(port: number, headers: Record<string, string> = {}, read?: (data: Buffer) => Body[]): Promise<Peer> {
  return Peer.open(`ws://127.0.0.1:${port}/stream`, headers, read);
}

describe("the trade-update stream's messages", () => {
  it("tell a fill with every field: this execution, the position after it, and the whole order", async (t) => {
    const venue = await start(t);
    const stream = await tradeStream(venue.port);
    const posted = (await order(venue.port, "buy 3 ACME", { client_order_id: "mine" })).body;
    const { data } = await stream.find((message) => message.data?.event === "fill");
    await stream.close();
    assert.ok(isUlid(data.event_id));
    assert.match(data.execution_id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(data, {
      event: "fill",
      event_id: data.event_id,
      execution_id: data.execution_id,
      timestamp: data.timestamp,
      at: data.timestamp,
      price: "100.01",
      qty: "3",
      position_qty: "3",
      order: data.order,
    });
    const byId = (await venue.get(`/v2/orders/${posted.id}`)).body;
    assert.deepEqual(data.order, byId);
    const { created_at: created, updated_at: updated, filled_at: filled, expires_at: expires, ...fields } = data.order;
    for (const time of [created, updated, filled]) assert.match(time, /^2018-01-02T15:00:00\.\d{6}Z$/);
    assert.match(expires, /^2018-01-02T21:00:00\.000000Z$/);
    assert.deepEqual(fields, {
      id: posted.id,
      client_order_id: "mine",
      submitted_at: created,
      expired_at: null,
      canceled_at: null,
      failed_at: null,
      replaced_at: null,
      replaced_by: null,
      replaces: null,
      asset_id: (await venue.get("/v2/assets/ACME")).body.id,
      symbol: "ACME",
      asset_class: "us_equity",
      notional: null,
      qty: "3",
      filled_qty: "3",
      filled_avg_price: "100.01",
      order_class: "",
      order_type: "market",
      type: "market",
      side: "buy",
      position_intent: "buy_to_open",
      time_in_force: "day",
      limit_price: null,
      stop_price: null,
      status: "filled",
      extended_hours: false,
      legs: null,
      trail_percent: null,
      trail_price: null,
      hwm: null,
      subtag: null,
      source: null,
    });
  });

  it("have ids that only grow, and a timestamp on every event", async (t) => {
    const venue = await start(t);
    const stream = await tradeStream(venue.port);
    for (let i = 0; i < 3; i++) await order(venue.port, "buy 1 ACME");
    const { id } = (await order(venue.port, "buy 1 ACME 50")).body;
    await venue.delete(`/v2/orders/${id}`);
    await stream.find((message) => message.data?.event === "canceled");
    await stream.close();
    const updates = stream.messages.filter((message) => message.stream === "trade_updates");
    const ids: string[] = updates.map((message) => message.data.event_id);
    assert.deepEqual(ids.toSorted(), ids);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(updates.every((message) => typeof message.data.timestamp === "string"));
    for (const { data } of updates.filter((message) => message.data.event !== "fill")) {
      assert.deepEqual([data.execution_id, data.price, data.qty, data.position_qty], Array(4).fill(undefined));
    }
  });
});

describe("the trade-update stream's frames", () => {
  it("are JSON in binary frames, or in text frames when told to", async (t) => {
    for (const frames of ["binary", "text"]) {
      const venue = await start(t, undefined, { tradeFrames: frames });
      const stream = await tradeStream(venue.port);
      await order(venue.port, "buy 1 ACME");
      await stream.find((message) => message.data?.event === "fill");
      await stream.close();
      assert.ok(stream.binary.every((binary) => binary === (frames === "binary")));
    }
  });

  it("are MessagePack for a client that says so in its upgrade, which may answer in either", async (t) => {
    const venue = await start(t);
    const read = (data: Buffer): Body[] => [decode(data)];
    const peer = await connect(venue.port, { "Content-Type": "application/msgpack" }, read);
    peer.socket.send(encode(AUTHENTICATE));
    peer.send(LISTEN);
    await peer.find((message) => message.stream === "listening");
    await order(venue.port, "buy 1 ACME");
    const { data } = await peer.find((message) => message.data?.event === "fill");
    await peer.close();
    assert.ok(peer.binary.every((binary) => binary));
    assert.deepEqual(
      [data.price, data.qty, data.order.status, data.order.limit_price],
      ["100.01", "1", "filled", null],
    );
  });

  it("are read as JSON from binary frames too", async (t) => {
    const venue = await start(t);
    const peer = await connect(venue.port);
    peer.socket.send(Buffer.from(` ${JSON.stringify(AUTHENTICATE)}`));
    assert.equal((await peer.find(() => true)).data.status, "authorized");
    await peer.close();
  });
});

describe("the trade-update stream's conversation", () => {
  it("takes the newest list of streams and leaves out the names that it does not know", async (t) => {
    const venue = await start(t);
    const peer = await connect(venue.port);
    peer.send(AUTHENTICATE);
    const lists = [["trade_updates", "account_updates", "trade_updates"], [], "trade_updates", ["trade_updates"]];
    for (const streams of lists) peer.send({ action: "listen", data: { streams } });
    await peer.find((message) => message.stream === "listening" && peer.messages.length === 5);
    assert.deepEqual(
      peer.messages.slice(1).map((message) => message.data.streams),
      [["trade_updates"], [], [], ["trade_updates"]],
    );
    await peer.close();
  });

  it("tells nothing to a client that has stopped listening", async (t) => {
    const venue = await start(t);
    const stream = await tradeStream(venue.port);
    stream.send({ action: "listen", data: { streams: [] } });
    await stream.find((message) => message.stream === "listening" && message.data.streams.length === 0);
    const silent = stream.messages.length;
    await order(venue.port, "buy 1 ACME");
    stream.send(LISTEN);
    await stream.find(() => stream.messages.length > silent);
    assert.equal(stream.messages[silent].stream, "listening");
    await stream.close();
  });

  it("takes both forms of authentication and refuses wrong keys without closing", async (t) => {
    const venue = await start(t);
    const wrong = [
      { action: "authenticate", data: { key_id: KEYS.keyId, secret_key: "wrong" } },
      { action: "authenticate" },
      { action: "authenticate", data: null },
      { action: "auth", key: KEYS.keyId, secret: null },
      LISTEN,
    ];
    const peer = await connect(venue.port);
    for (const message of wrong) peer.send(message);
    peer.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
    await peer.find((message) => message.data.status === "authorized");
    assert.deepEqual(
      peer.messages.map((message) => [message.stream, message.data.status, message.data.action]),
      [
        ...Array.from({ length: 4 }, () => ["authorization", "unauthorized", "authenticate"]),
        ["authorization", "unauthorized", "listen"],
        ["authorization", "authorized", "authenticate"],
      ],
    );
    await peer.close();
  });

  it("says what is wrong before it closes: bad syntax, an unknown action, a second connection", async (t) => {
    const venue = await start(t);
    const holder = await tradeStream(venue.port);
    const frames: readonly (string | Buffer)[] = [
      "nonsense",
      "[]",
      '"text"',
      "null",
      '{"action":"dance"}',
      Buffer.from([0xc1]),
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (const frame of frames) {
      const peer = await connect(venue.port);
      peer.socket.send(frame);
      assert.deepEqual(await peer.find(() => true), { action: "error", data: { error_message: "invalid syntax" } });
      assert.equal(await peer.closed, 1008);
    }
    const second = await connect(venue.port);
    second.send(AUTHENTICATE);
    assert.deepEqual((await second.find(() => true)).data, { error_message: "connection limit exceeded", code: 406 });
    assert.equal(await second.closed, 1008);
    holder.send(LISTEN);
    await holder.find((message) => message.stream === "listening");
    await holder.close();
  });

  it("keeps the place of a connection that is half dead until it is found dead", async (t) => {
    const venue = await start(t, undefined, { deadConnectionSeconds: 1 });
    const mute = new WebSocket(`ws://127.0.0.1:${venue.port}/stream`, { autoPong: false });
    await once(mute, "open");
    mute.send(JSON.stringify(AUTHENTICATE));
    await once(mute, "message");
    const refused = await connect(venue.port);
    refused.send(AUTHENTICATE);
    assert.equal((await refused.find(() => true)).data.code, 406);
    assert.equal((await once(mute, "close"))[0], 1006);
    await (await tradeStream(venue.port)).close();
  });

  it("answers pings", async (t) => {
    const venue = await start(t);
    const peer = await connect(venue.port);
    const pong = new Promise((resolve) => peer.socket.once("pong", (data) => resolve(data.toString())));
    peer.socket.ping("are you there");
    assert.equal(await pong, "are you there");
    await peer.close();
  });
});
