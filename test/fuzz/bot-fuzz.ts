/** Hostile answers and frames against the bot's side, over real sockets: every call ends in a value, every stream goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { decode } from "@msgpack/msgpack";
import type { WebSocket } from "ws";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import type { Timers } from "../../src/broker/alpaca/timers.ts";
import type { NewOrder, TradeUpdate } from "../../src/broker/broker.ts";
import { FIXED_ONE } from "../../src/core/fixed.ts";
import { KIND_CORRECTION, LANE_A, RECORD_LANES, type RecordBuffer } from "../../src/core/market/record.ts";
import { AlpacaStream } from "../../src/feed/alpaca-stream.ts";
import { FrameScanner, SCAN_FULL } from "../../src/feed/msgpack-scanner.ts";
import { RecordScratch } from "../../src/feed/record-scratch.ts";
import { SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { ScriptedVenue } from "../broker/scripted-venue.ts";
import { encodeFrame, quote, trade } from "../feed/frame-encoder.ts";
import { orderBody } from "../broker/wire-samples.ts";
import { GREEDY_HEADERS, greedyMsgpack, Hostile, nestedJson } from "./hostile.ts";

const KEYS = { keyId: "key", secretKey: "secret" };
const STATUSES = [200, 200, 200, 200, 201, 204, 207, 301, 400, 403, 404, 408, 422, 429, 500, 503];
const ORDER: NewOrder = {
  ...SIMPLE_TERMS,
  clientOrderId: "mine",
  symbol: "AAPL",
  side: "buy",
  type: "limit",
  timeInForce: "day",
  quantity: FIXED_ONE,
  notional: null,
  limitPrice: FIXED_ONE,
};
const REPLACEMENT = {
  clientOrderId: "mine",
  quantity: null,
  limitPrice: FIXED_ONE,
  stopPrice: null,
  trail: null,
  timeInForce: null,
};

/** No pause is ever waited for, and no budget ever used up. */
function impatientTimers(): Timers {
  let nowMs = 0;
  return {
    nowMs: () => (nowMs += 61_000),
    after(_delayMs, work) {
      const due = setImmediate(work);
      return () => clearImmediate(due);
    },
  };
}

function brokerAt(venue: ScriptedVenue, timers: Timers): AlpacaBroker {
  return new AlpacaBroker({
    baseUrl: venue.httpUrl,
    dataUrl: venue.httpUrl,
    streamUrl: venue.streamUrl,
    ...KEYS,
    timers,
  });
}

const SAMPLES: readonly Record<string, unknown>[] = [
  { ...orderBody(), client_order_id: "mine" },
  { id: "a", status: "ACTIVE", cash: "1", equity: "1", last_equity: "1", buying_power: "1" },
  { symbol: "AAPL", qty: "1", side: "long", avg_entry_price: "1", current_price: "1", asset_class: "us_equity" },
  {
    timestamp: "2026-03-02T15:00:00Z",
    is_open: true,
    next_open: "2026-03-02T15:00:00Z",
    next_close: "2026-03-02T15:00:00Z",
  },
  { bars: { AAPL: [{ t: "2026-03-02T15:00:00Z", o: 1, h: 1, l: 1, c: 1, v: 1 }] }, next_page_token: null },
  {
    order_id: "o",
    symbol: "AAPL",
    side: "buy",
    qty: "1",
    price: "1",
    cum_qty: "1",
    transaction_time: "2026-03-02T15:00:00Z",
    id: "1",
  },
  { code: 40010001, message: "client_order_id must be unique" },
  { code: 40310000, message: "insufficient buying power" },
];

function hostileBody(hostile: Hostile): string {
  const sample = hostile.pick(SAMPLES);
  switch (hostile.random.integer(0, 4)) {
    case 0:
      return hostile.json(sample);
    case 1:
      return JSON.stringify([hostile.spoiled(sample), sample]);
    case 2:
      return hostile.damaged(Buffer.from(JSON.stringify(sample))).toString("utf8");
    case 3:
      return nestedJson(hostile.random.integer(1, 50_000));
    default:
      return JSON.stringify(hostile.spoiled(sample));
  }
}

/** Every call of the adapter against answers of any status with any body. */
export async function fuzzAdapter(seed: number, rounds: number): Promise<void> {
  const hostile = new Hostile(seed);
  const venue = await ScriptedVenue.open();
  const broker = brokerAt(venue, impatientTimers());
  let last: { status: number; body: string } = { status: 0, body: "" };
  venue.answer = () => {
    last = { status: hostile.pick(STATUSES), body: hostileBody(hostile) };
    return hostile.random.integer(0, 30) === 0 ? hostile.pick(["reset", "cut"] as const) : last;
  };
  const reads = [
    () => broker.account(),
    () => broker.positions(),
    () => broker.clock(),
    () => broker.asset("AAPL"),
    () => broker.order("o"),
    () => broker.orderByClientId("mine"),
    () => broker.ordersSince(0),
    () => broker.openOrders(),
    () => broker.fillsSince(0),
    () => broker.activitiesSince(0),
    () => broker.bars("AAPL", 60, 0, 60e6),
  ];
  const commands = [
    () => broker.cancel("o"),
    () => broker.cancelAll(),
    () => broker.suspendTrade(true),
    () => broker.closePosition("AAPL", null),
  ];
  try {
    for (let round = 0; round < rounds; round++) {
      const kinds = [(await hostile.pick(reads)()).kind, (await hostile.pick(commands)()).kind];
      const known = ["ok", "not_found", "failed", "requested", "not_cancelable", "rejected"];
      assert.ok(
        kinds.every((kind) => known.includes(kind)),
        kinds.join(),
      );
      const sent = round % 2 === 0 ? await broker.submit(ORDER, 4000) : await broker.replace("o", REPLACEMENT, 4000);
      const about = `round ${round}: HTTP ${last.status} ${last.body.slice(0, 200)} → ${sent.kind}`;
      if (sent.kind === "accepted") assert.ok(last.status < 300 && sent.order.clientOrderId === "mine", about);
      else if (sent.kind === "rejected" || sent.kind === "duplicate") {
        assert.ok(last.status >= 400 && last.status < 500 && last.status !== 408 && last.status !== 429, about);
        assert.equal(typeof (JSON.parse(last.body) as { message: unknown }).message, "string", about);
      } else if (sent.kind === "retry_later") assert.equal(last.status, 429, about);
      else assert.equal(sent.kind, "unknown", about);
    }
  } finally {
    await broker.close();
    await venue.close();
  }
}

/** An answer that never ends is given up before it fills the memory; returns by how many bytes the process has grown. */
export async function endlessAnswer(): Promise<{ readonly cause: string; readonly grownBytes: number }> {
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  const server = createServer((_request, response) => {
    response.on("error", () => {});
    const write = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once("drain", write);
    };
    write();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const broker = new AlpacaBroker({
    baseUrl: url,
    dataUrl: url,
    streamUrl: "ws://127.0.0.1:1/",
    ...KEYS,
    readDeadlineMs: 60_000,
  });
  const before = process.memoryUsage().rss;
  const outcome = await broker.account();
  const grownBytes = process.memoryUsage().rss - before;
  await broker.close();
  server.closeAllConnections();
  server.close();
  assert.equal(outcome.kind, "failed");
  return { cause: outcome.kind === "failed" ? outcome.cause : "", grownBytes };
}

const UPDATE = { event: "new", timestamp: "2026-03-02T15:00:00Z", order: orderBody() };

function hostileUpdate(hostile: Hostile): string | Buffer {
  const message = { stream: "trade_updates", data: UPDATE };
  switch (hostile.random.integer(0, 5)) {
    case 0:
      return hostile.bytes(300);
    case 1:
      return hostile.damaged(Buffer.from(JSON.stringify(message)));
    case 2:
      return JSON.stringify({ stream: "trade_updates", data: hostile.spoiled(UPDATE) });
    case 3:
      return JSON.stringify({ stream: "trade_updates", data: { ...UPDATE, order: hostile.spoiled(UPDATE.order) } });
    case 4:
      return nestedJson(hostile.random.integer(1, 50_000));
    default:
      return hostile.json(message);
  }
}

/** Hostile frames on the trade-update stream: each is an update, of no use, or ends the connection; then it comes back. */
export async function fuzzTradeStream(seed: number, rounds: number): Promise<void> {
  const hostile = new Hostile(seed);
  const venue = await ScriptedVenue.open();
  const timers = impatientTimers();
  // The watchdog must not run away: only what was asked for by a drop is done at once.
  const broker = brokerAt(venue, {
    nowMs: () => performance.now(),
    after: (ms, work) => (ms < 3000 ? timers.after(ms, work) : () => {}),
  });
  let left = rounds;
  let current: WebSocket | null = null;
  venue.stream = (socket) => {
    current = socket;
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const request = JSON.parse(data.toString("utf8")) as { action: string };
      if (request.action === "authenticate") {
        socket.send(
          JSON.stringify({ stream: "authorization", data: { status: "authorized", action: "authenticate" } }),
        );
        return;
      }
      socket.send(JSON.stringify({ stream: "listening", data: { streams: ["trade_updates"] } }));
      feed(socket);
    });
  };
  const feed = (socket: WebSocket): void => {
    for (let burst = 0; burst < 5 && left > 0; burst++, left--) socket.send(hostileUpdate(hostile));
    const order = { ...orderBody(), client_order_id: left > 0 ? "marker" : "last" };
    socket.send(JSON.stringify({ stream: "trade_updates", data: { ...UPDATE, order } }));
  };
  const updates: TradeUpdate[] = [];
  await new Promise<void>((resolve) => {
    broker.watch({
      connected: () => {},
      disconnected: () => {},
      update(update) {
        updates.push(update);
        if (update.order.clientOrderId === "marker") feed(current as WebSocket);
        if (update.order.clientOrderId === "last") resolve();
      },
    });
  });
  for (const { order, quantity } of updates) {
    assert.equal(typeof order.id, "string");
    assert.equal(typeof order.filledQuantity, "bigint");
    assert.ok(quantity === null || typeof quantity === "bigint");
  }
  await broker.close();
  await venue.close();
}

const INSTRUMENTS = [
  { symbol: "AAPL", index: 3 },
  { symbol: "BTC/USD", index: 4 },
];

function hostileFrame(hostile: Hostile): Buffer {
  const messages = [quote("AAPL"), trade("AAPL"), quote("BTC/USD"), { T: "error", code: 406, msg: "x" }];
  switch (hostile.random.integer(0, 5)) {
    case 0:
      return hostile.bytes(400);
    case 1:
      return Buffer.from(encodeFrame([hostile.spoiled(hostile.pick(messages)), quote("AAPL")]));
    case 2: {
      const header = hostile.pick(GREEDY_HEADERS);
      return greedyMsgpack(header, hostile.random.integer(1, 2000));
    }
    case 3:
      return Buffer.alloc(hostile.random.integer(1, 5000), hostile.pick([0x91, 0x81, 0xc1, 0xd6, 0xc7]));
    case 4:
      return Buffer.from(encodeFrame(hostile.value()));
    default:
      return hostile.damaged(encodeFrame(messages.slice(0, hostile.random.integer(1, 4))));
  }
}

/** Hostile frames straight into the scanner: it ends, it never throws, and its records are whole. */
export function fuzzScanner(seed: number, rounds: number): void {
  const hostile = new Hostile(seed);
  const scratch = new RecordScratch(16);
  const scanner = new FrameScanner({ instruments: INSTRUMENTS, control: () => {} });
  for (let round = 0; round < rounds; round++) {
    const frame = hostileFrame(hostile);
    scratch.clear();
    let status = scanner.scan(frame, 1, scratch);
    for (let parts = 0; status === SCAN_FULL; parts++) {
      assert.ok(parts <= frame.length, `round ${round} does not end`);
      checkRecords(scratch.records, scratch.count);
      scratch.clear();
      status = scanner.resume(scratch);
    }
    checkRecords(scratch.records, scratch.count);
  }
}

function checkRecords(records: RecordBuffer, count: number): void {
  for (let slot = 0; slot < count; slot++) {
    assert.ok(records.instrument(slot) === 3 || records.instrument(slot) === 4);
    if (records.kind(slot) === KIND_CORRECTION) continue;
    for (let lane = LANE_A; lane < RECORD_LANES; lane++) assert.ok(Number.isFinite(records.lane(slot, lane)));
  }
}

/** Hostile frames through the stream client: whatever they do to a connection, good data comes through in the end. */
export async function fuzzMarketStream(seed: number, rounds: number): Promise<void> {
  const hostile = new Hostile(seed);
  const venue = await ScriptedVenue.open();
  let left = rounds;
  let current: WebSocket | null = null;
  const timers = impatientTimers();
  const feed = (socket: WebSocket): void => {
    for (let burst = 0; burst < 10 && left > 0; burst++, left--) socket.send(hostileFrame(hostile));
    socket.send(encodeFrame([quote("AAPL", { bp: left > 0 ? 1 : 2 })]));
  };
  venue.stream = (socket) => {
    current = socket;
    socket.on("error", () => {});
    socket.send(encodeFrame([{ T: "success", msg: "connected" }]));
    socket.on("message", (data: Buffer) => {
      const request = decode(data) as { action: string };
      if (request.action === "auth") socket.send(encodeFrame([{ T: "success", msg: "authenticated" }]));
      else {
        socket.send(encodeFrame([{ T: "subscription", trades: [], quotes: [] }]));
        feed(socket);
      }
    });
  };
  await new Promise<void>((resolve) => {
    const stream = new AlpacaStream(
      {
        url: venue.streamUrl,
        ...KEYS,
        instruments: INSTRUMENTS,
        timers: {
          nowMs: () => performance.now(),
          after: (ms, work) => (ms > 500 && ms < 3000 ? timers.after(ms, work) : () => {}),
        },
      },
      {
        frame(records, count) {
          checkRecords(records, count);
          const price = records.lane(count - 1, LANE_A);
          if (price === 1) feed(current as WebSocket);
          if (price === 2) void stream.close().then(resolve);
        },
        connected: () => {},
        disconnected: () => {},
        stale: () => {},
      },
    );
    stream.start();
  });
  await venue.close();
}
