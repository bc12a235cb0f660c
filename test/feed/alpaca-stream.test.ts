import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";
import { decode } from "@msgpack/msgpack";
import type { WebSocket } from "ws";
import { KIND_QUOTE, LANE_A, type RecordBuffer } from "../../src/core/market/record.ts";
import { AlpacaStream, type AlpacaStreamHandler, type StreamState } from "../../src/feed/alpaca-stream.ts";
import { ManualTimers } from "../broker/manual-timers.ts";
import { ScriptedVenue } from "../broker/scripted-venue.ts";
import { encodeFrame, quote } from "./frame-encoder.ts";

type Event = readonly [string, ...unknown[]];

/** Notes what a stream reports and lets a test wait for it. */
class Notes implements AlpacaStreamHandler {
  readonly events: Event[] = [];
  #wake: () => void = () => {};

  frame(records: RecordBuffer, count: number): void {
    for (let slot = 0; slot < count; slot++) {
      assert.equal(records.kind(slot), KIND_QUOTE);
      this.#note("quote", records.instrument(slot), records.lane(slot, LANE_A));
    }
  }
  connected(): void {
    this.#note("connected");
  }
  disconnected(cause: string): void {
    this.#note("disconnected", cause);
  }
  stale(isStale: boolean): void {
    this.#note("stale", isStale);
  }
  gap(): void {
    this.#note("gap");
  }
  stateChanged(state: StreamState): void {
    this.#note("state", state);
  }

  /** Resolves when the event was noted, now or later, after those that earlier calls returned. */
  async next(name: string): Promise<Event> {
    for (;;) {
      const at = this.events.findIndex(([event]) => event === name);
      if (at !== -1) return this.events.splice(0, at + 1)[at] as Event;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #note(...event: Event): void {
    this.events.push(event);
    this.#wake();
  }
}

let venue: ScriptedVenue;
let timers: ManualTimers;
let notes: Notes;
let stream: AlpacaStream;
let log: string[];

beforeEach(async () => {
  venue = await ScriptedVenue.open();
  timers = new ManualTimers();
  notes = new Notes();
  log = [];
  stream = new AlpacaStream(
    {
      url: venue.streamUrl,
      keyId: "key",
      secretKey: "secret",
      instruments: [
        { symbol: "AAPL", index: 3 },
        { symbol: "MSFT", index: 4 },
      ],
      timers,
      random: () => 0,
      log: { info: () => {}, warn: (_fields, text) => log.push(text) },
    },
    notes,
  );
});

afterEach(async () => {
  await stream.close();
  await venue.close();
});

const send = (socket: WebSocket, ...messages: object[]): void => socket.send(encodeFrame(messages));

/** Greets, authenticates and acknowledges the subscription; then calls `serve`. */
function serveStream(serve: (socket: WebSocket) => void, seen: unknown[] = []): (socket: WebSocket) => void {
  return (socket) => {
    send(socket, { T: "success", msg: "connected" });
    socket.on("message", (data: Buffer) => {
      const request = decode(data) as Record<string, unknown>;
      seen.push(request);
      if (request["action"] === "auth") send(socket, { T: "success", msg: "authenticated" });
      else {
        send(socket, { T: "subscription", trades: request["trades"], quotes: request["quotes"] });
        serve(socket);
      }
    });
  };
}

describe("market-data stream", () => {
  test("asks for MessagePack, authenticates, subscribes and hands records on", async () => {
    const seen: unknown[] = [];
    let contentType: string | undefined;
    venue.stream = (socket, _connection, request) => {
      contentType = request.headers["content-type"];
      serveStream((served) => send(served, quote("MSFT"), quote("ZZZZ")), seen)(socket);
    };
    stream.start();
    assert.deepEqual(await notes.next("state"), ["state", "authenticated"]);
    assert.deepEqual(await notes.next("state"), ["state", "streaming"]);
    assert.deepEqual(await notes.next("quote"), ["quote", 4, 189.12]);
    assert.equal(contentType, "application/msgpack");
    const symbols = ["AAPL", "MSFT"];
    assert.deepEqual(seen, [
      { action: "auth", key: "key", secret: "secret" },
      { action: "subscribe", trades: symbols, quotes: symbols, statuses: symbols },
    ]);
    assert.equal(stream.counters.unknownSymbols, 1);
    assert.equal(stream.state, "streaming");
  });

  test("a lost connection is opened and subscribed again after the backoff", async () => {
    venue.stream = (socket, connection) =>
      serveStream((served) => (connection === 0 ? served.terminate() : send(served, quote("AAPL"))))(socket);
    stream.start();
    await notes.next("connected");
    await notes.next("disconnected");
    assert.equal(stream.state, "connecting");
    assert.deepEqual(timers.delaysMs, [1000]);
    timers.advance(1000);
    await notes.next("connected");
    assert.deepEqual(await notes.next("quote"), ["quote", 3, 189.12]);
    assert.equal(stream.counters.connections, 2);
  });

  test("the backoff doubles up to 64 s while the venue refuses the handshake", async () => {
    venue.upgradeStatus = 503;
    stream.start();
    const delaysMs: number[] = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      assert.match(String((await notes.next("disconnected"))[1]), /HTTP 503/);
      const delayMs = timers.delaysMs[0] as number;
      delaysMs.push(delayMs);
      timers.advance(delayMs);
    }
    assert.deepEqual(delaysMs, [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]);
  });

  test("406 is reported and tried again at least every 16 s until the slot is free", async () => {
    venue.stream = (socket, connection) => {
      if (connection < 7) send(socket, { T: "error", code: 406, msg: "connection limit exceeded" });
      else serveStream(() => {})(socket);
    };
    stream.start();
    const delaysMs: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      assert.match(String((await notes.next("disconnected"))[1]), /406/);
      assert.equal(stream.state, "refused");
      delaysMs.push(timers.delaysMs[0] as number);
      timers.advance(delaysMs[attempt] as number);
    }
    await notes.next("connected");
    assert.deepEqual(delaysMs, [1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
    assert.equal(stream.state, "streaming");
  });

  test("a venue that never greets is given up after ten seconds", async () => {
    const open = new Promise<void>((resolve) => {
      venue.stream = () => resolve();
    });
    stream.start();
    await open;
    timers.advance(9999);
    assert.equal(notes.events.length, 0);
    timers.advance(1);
    assert.deepEqual(await notes.next("disconnected"), ["disconnected", "not ready in time"]);
  });

  test("silence makes it stale after two seconds, a frame fresh again, long silence ends it", async () => {
    const sockets: WebSocket[] = [];
    venue.stream = serveStream((socket) => {
      // A venue that is mute: no pongs either.
      socket.pong = () => {};
      (socket as unknown as { _autoPong: boolean })._autoPong = false;
      sockets.push(socket);
    });
    stream.start();
    await notes.next("connected");
    timers.advance(2000);
    assert.equal(stream.state, "streaming");
    timers.advance(250);
    assert.deepEqual(await notes.next("stale"), ["stale", true]);
    assert.equal(stream.state, "stale");
    send(sockets[0] as WebSocket, quote("AAPL"));
    assert.deepEqual(await notes.next("stale"), ["stale", false]);
    await notes.next("quote");
    assert.equal(stream.state, "streaming");
    timers.advance(10_250);
    assert.match(String((await notes.next("disconnected"))[1]), /silent/);
  });

  test("pongs alone keep it fresh", async () => {
    const sockets: WebSocket[] = [];
    venue.stream = serveStream((socket) => sockets.push(socket));
    stream.start();
    await notes.next("connected");
    for (let second = 0; second < 5; second++) {
      const pinged = once(sockets[0] as WebSocket, "ping");
      timers.advance(1000);
      await pinged;
      // The answer to our own ping has been read once an echo behind it has.
      send(sockets[0] as WebSocket, quote("AAPL", { bp: second }));
      assert.deepEqual(await notes.next("quote"), ["quote", 3, second]);
    }
    assert.equal(stream.state, "streaming");
  });

  test("a socket that answers pings and says nothing is opened anew, ever more rarely, until something is said", async () => {
    const sockets: WebSocket[] = [];
    venue.stream = serveStream((socket) => sockets.push(socket));
    stream.start();
    const muteUntilMs = async (limitMs: number) => {
      await notes.next("connected");
      const socket = sockets.at(-1) as WebSocket;
      for (let passedMs = 0; passedMs < limitMs; passedMs += 1000) {
        // Every ping is answered before more time passes.
        const pinged = once(socket, "ping");
        timers.advance(1000);
        await pinged;
        socket.ping();
        await once(socket, "pong");
      }
      assert.equal(stream.state, "streaming");
      timers.advance(1000);
      assert.match(String((await notes.next("disconnected"))[1]), /^mute for/);
      timers.advance(1000);
    };
    await muteUntilMs(60_000);
    await muteUntilMs(120_000);
    await notes.next("connected");
    send(sockets.at(-1) as WebSocket, quote("AAPL"));
    await notes.next("quote");
    timers.advance(1000);
    sockets.at(-1)?.terminate();
    await notes.next("disconnected");
    timers.advance(1000);
    await muteUntilMs(60_000);
  });

  test("malformed frames are counted, reported as a gap, logged once a minute, and skipped", async () => {
    venue.stream = serveStream((socket) => {
      for (let i = 0; i < 3; i++) socket.send(Uint8Array.of(0x91, 0xc1));
      socket.send("no JSON");
      send(socket, quote("AAPL"));
    });
    stream.start();
    await notes.next("gap");
    assert.deepEqual(await notes.next("quote"), ["quote", 3, 189.12]);
    assert.equal(stream.counters.malformedFrames, 4);
    assert.deepEqual(log, ["malformed market-data frames skipped"]);
  });

  test("a frame larger than the scratch buffer arrives whole and in order", async () => {
    const count = 5000;
    venue.stream = serveStream((socket) => {
      send(socket, ...Array.from({ length: count }, (_, i) => quote("AAPL", { bp: i })));
    });
    stream.start();
    for (let i = 0; i < count; i++) assert.deepEqual(await notes.next("quote"), ["quote", 3, i]);
  });

  test("closing ends it for good", async () => {
    venue.stream = serveStream(() => {});
    stream.start();
    await notes.next("connected");
    await stream.close();
    assert.equal(stream.state, "closed");
    assert.deepEqual(timers.delaysMs, []);
  });
});
