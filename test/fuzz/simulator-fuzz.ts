/** Hostile requests and frames against a simulator over real sockets: it answers in its own words and lives on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { encode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { call, HEADERS, KEYS } from "../simulator/client.ts";
import { GREEDY_HEADERS, greedyMsgpack, Hostile, nestedJson } from "./hostile.ts";

const ORDER = {
  symbol: "DEMO",
  qty: "1",
  side: "buy",
  type: "limit",
  time_in_force: "day",
  limit_price: "1",
  stop_price: "2",
  trail_percent: "1",
  order_class: "bracket",
  take_profit: { limit_price: "3" },
  stop_loss: { stop_price: "0.5" },
  extended_hours: false,
  client_order_id: "fuzz",
};
const PATHS = [
  "/v2/orders",
  "/v2/orders/00000000-0000-4000-8000-000000000000",
  "/v2/orders:by_client_order_id",
  "/v2/positions",
  "/v2/positions/DEMO",
  "/v2/account",
  "/v2/account/configurations",
  "/v2/account/activities",
  "/v2/account/activities/FILL",
  "/v2/account/portfolio/history",
  "/v2/assets",
  "/v2/assets/BTC%2FUSD",
  "/v2/clock",
  "/v2/calendar",
  "/v2/watchlists",
  "/v2/stocks/bars",
  "/v2/stocks/DEMO/trades",
  "/v2/stocks/quotes/latest",
  "/v2/stocks/snapshots",
  "/v1beta3/crypto/us/bars",
  "/v1beta3/crypto/us/latest/orderbooks",
  "/v1beta1/news",
  "/simulator/faults",
];
const PARAMETERS = [
  "status",
  "limit",
  "after",
  "until",
  "direction",
  "symbols",
  "start",
  "end",
  "timeframe",
  "page_token",
  "page_size",
  "activity_types",
  "client_order_id",
  "nested",
  "qty",
  "percentage",
  "period",
  "sort",
  "feed",
];
const VALUES = [
  "",
  "1",
  "-1",
  "1e9",
  "99999999999999999999",
  "asc",
  "all",
  "2026-03-02",
  "2026-02-30T00:00:00Z",
  "%00",
  "DEMO,DEMO",
  "1Min",
  "0Min",
  "999Month",
  "%F0%9F%92%B8",
  "a".repeat(2000),
  "..%2f..%2f",
  "null",
  "true",
];

export class FuzzedSimulator {
  readonly #simulator: Simulator;
  readonly port: number;
  readonly failures: Error[];

  private constructor(simulator: Simulator, port: number, failures: Error[]) {
    this.#simulator = simulator;
    this.port = port;
    this.failures = failures;
  }

  static async open(): Promise<FuzzedSimulator> {
    const failures: Error[] = [];
    const simulator = await createSimulator(
      { ...KEYS, port: 0, haltRate: 0, startTime: "2026-03-02T15:00:00Z" },
      { onFailure: (error) => failures.push(error) },
    );
    return new FuzzedSimulator(simulator, await simulator.listen(), failures);
  }

  close(): Promise<void> {
    return this.#simulator.close();
  }

  /** Still there, for everybody else. */
  async assertLives(): Promise<void> {
    assert.deepEqual(this.failures, []);
    assert.equal((await call(this.port, "GET", "/v2/account")).status, 200);
  }

  async rest(seed: number, rounds: number): Promise<void> {
    const hostile = new Hostile(seed);
    for (let round = 0; round < rounds; round++) {
      const method = hostile.pick(["GET", "POST", "PATCH", "PUT", "DELETE"]);
      const path = round % 3 === 0 ? "/v2/orders" : hostile.pick(PATHS);
      const query = Array.from(
        { length: hostile.random.integer(0, 4) },
        () => `${hostile.pick(PARAMETERS)}=${hostile.pick(VALUES)}`,
      );
      const url = `http://127.0.0.1:${this.port}${path}?${query.join("&")}`;
      const body = method === "GET" ? null : hostile.json(ORDER);
      const answer = await fetch(url, { method, headers: HEADERS, ...(body === null ? {} : { body }) });
      const text = await answer.text();
      const asked = `round ${round}: ${method} ${path}?${query.join("&")} ${(body ?? "").slice(0, 200)}`;
      assert.deepEqual(this.failures, [], asked);
      assert.ok(answer.status < 500, `${asked} → ${answer.status} ${text}`);
      if (answer.status >= 400)
        assert.equal(typeof (JSON.parse(text) as { message?: unknown }).message, "string", asked);
    }
    await this.assertLives();
  }

  /** What is no HTTP at all. */
  async tcp(seed: number, rounds: number): Promise<void> {
    const hostile = new Hostile(seed);
    const good = Buffer.from(`POST /v2/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`);
    for (let round = 0; round < rounds; round++) {
      const socket = connect(this.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      socket.end(round % 2 === 0 ? hostile.bytes(500) : hostile.damaged(good));
      await once(socket, "close");
    }
    await this.assertLives();
  }

  async stream(path: string, seed: number, rounds: number): Promise<void> {
    const hostile = new Hostile(seed);
    for (let round = 0; round < rounds; round++) {
      const headers = hostile.random.next() < 0.5 ? { "content-type": "application/msgpack" } : {};
      const frames = Array.from({ length: hostile.random.integer(1, 4) }, () => hostileFrame(hostile));
      await this.#send(path, headers, frames, hostile.random.next() < 0.5);
      assert.deepEqual(this.failures, [], `round ${round} of ${path}`);
    }
    await this.assertLives();
    await this.#serves(path);
  }

  /** Frames of 60 kB that ask for as much memory as they can; returns by how many bytes the process has grown. */
  async greed(path: string): Promise<number> {
    const before = process.memoryUsage().rss;
    let most = 0;
    for (const header of GREEDY_HEADERS) {
      const frame = greedyMsgpack(header, Math.floor(60_000 / header.length));
      await this.#send(path, { "content-type": "application/msgpack" }, [frame], false);
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    await this.assertLives();
    await this.#serves(path);
    return most;
  }

  async #send(
    path: string,
    headers: object,
    frames: readonly (string | Buffer)[],
    authenticates: boolean,
  ): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`, { headers: { ...headers } });
    socket.on("error", () => {});
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await Promise.race([once(socket, "open"), closed]);
    if (socket.readyState === socket.OPEN) {
      if (authenticates) socket.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
      for (const frame of frames) socket.send(frame);
      // An answer to a ping behind them: they have been read, or the connection is over.
      const read = new Promise((resolve) => socket.once("pong", resolve));
      if (socket.readyState === socket.OPEN) socket.ping();
      await Promise.race([read, closed]);
    }
    socket.terminate();
    await closed;
  }

  /** A good client is served as if nothing had been. */
  async #serves(path: string): Promise<void> {
    for (;;) {
      const socket = new WebSocket(`ws://127.0.0.1:${this.port}${path}`);
      await once(socket, "open");
      const said: string[] = [];
      const done = new Promise<void>((resolve) => {
        socket.on("message", (data: Buffer) => {
          said.push(data.toString("utf8"));
          if (/authenticated|authorized|limit exceeded/.test(said.at(-1) as string)) resolve();
        });
      });
      socket.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
      await done;
      socket.terminate();
      await once(socket, "close");
      // The connection before may not have been seen to end yet.
      if (!said.at(-1)?.includes("limit exceeded")) return;
    }
  }
}

const GOOD_FRAMES = [
  { action: "auth", key: KEYS.keyId, secret: KEYS.secret },
  { action: "authenticate", data: { key_id: KEYS.keyId, secret_key: KEYS.secret } },
  { action: "listen", data: { streams: ["trade_updates"] } },
  { action: "subscribe", trades: ["DEMO"], quotes: ["*"], bars: ["DEMO"] },
  { action: "unsubscribe", trades: ["DEMO"] },
];

function hostileFrame(hostile: Hostile): string | Buffer {
  const good = hostile.pick(GOOD_FRAMES);
  switch (hostile.random.integer(0, 6)) {
    case 0:
      return hostile.bytes(300);
    case 1:
      return hostile.damaged(encode(good));
    case 2:
      return Buffer.from(encode(hostile.spoiled(good)));
    case 3:
      return nestedJson(hostile.random.integer(1, 30_000));
    case 4:
      return Buffer.alloc(hostile.random.integer(1, 60_000), hostile.pick([0x91, 0x81, 0x80, 0xc1, 0xd6, 0x7b]));
    case 5:
      return Buffer.alloc(hostile.pick([65_536, 65_537, 200_000]), 0x20);
    default:
      return hostile.json(good);
  }
}
