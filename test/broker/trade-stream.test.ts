import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { WebSocket } from "ws";
import { SymbolNames } from "../../src/broker/alpaca/symbols.ts";
import { silentLog } from "../../src/broker/alpaca/timers.ts";
import { TradeStream } from "../../src/broker/alpaca/trade-stream.ts";
import type { TradeUpdate, TradeUpdateHandler } from "../../src/broker/broker.ts";
import { ManualTimers } from "./manual-timers.ts";
import { ScriptedVenue } from "./scripted-venue.ts";
import { orderBody } from "./wire-samples.ts";

class Notes implements TradeUpdateHandler {
  readonly events: string[] = [];
  readonly updates: TradeUpdate[] = [];
  #wake: () => void = () => {};

  connected(): void {
    this.#note("connected");
  }
  disconnected(cause: string): void {
    this.#note(`disconnected: ${cause}`);
  }
  update(update: TradeUpdate): void {
    this.updates.push(update);
    this.#note("update");
  }

  async next(prefix: string): Promise<string> {
    for (;;) {
      const at = this.events.findIndex((event) => event.startsWith(prefix));
      if (at !== -1) return this.events.splice(0, at + 1)[at] as string;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #note(event: string): void {
    this.events.push(event);
    this.#wake();
  }
}

let venue: ScriptedVenue;
let timers: ManualTimers;
let notes: Notes;
let stream: TradeStream;

beforeEach(async () => {
  venue = await ScriptedVenue.open();
  timers = new ManualTimers();
  notes = new Notes();
  stream = new TradeStream(
    {
      url: venue.streamUrl,
      keyId: "key",
      secretKey: "secret",
      names: new SymbolNames(["BTC/USD"]),
      log: silentLog,
      timers,
      random: () => 0,
    },
    notes,
  );
});

afterEach(async () => {
  await stream.close();
  await venue.close();
});

/** Says nothing before it is spoken to, as Alpaca does; answers in binary frames when asked to. */
function serve(
  onListen: (say: (message: unknown) => void, socket: WebSocket) => void,
  binary = false,
  seen: unknown[] = [],
) {
  return (socket: WebSocket): void => {
    const say = (message: unknown): void => {
      const text = JSON.stringify(message);
      socket.send(binary ? Buffer.from(text) : text);
    };
    socket.on("message", (data: Buffer) => {
      const request = JSON.parse(data.toString("utf8")) as { action: string };
      seen.push(request);
      if (request.action === "authenticate") {
        say({ stream: "authorization", data: { status: "authorized", action: "authenticate" } });
        return;
      }
      say({ stream: "listening", data: { streams: ["trade_updates"] } });
      onListen(say, socket);
    });
  };
}

const fill = (overrides: Record<string, unknown> = {}): object => ({
  stream: "trade_updates",
  data: {
    event: "partial_fill",
    execution_id: "2f63ea93",
    price: "179.08",
    qty: "4",
    position_qty: "-6",
    timestamp: "2026-11-23T14:30:00.5Z",
    order: orderBody({ filled_qty: "7.50", filled_avg_price: "179.0812345678", status: "partially_filled" }),
    ...overrides,
  },
});

describe("trade-update stream", () => {
  for (const binary of [false, true]) {
    test(`authenticates, listens and reads updates in ${binary ? "binary" : "text"} frames`, async () => {
      const seen: unknown[] = [];
      venue.stream = serve((say) => say(fill()), binary, seen);
      stream.start();
      await notes.next("connected");
      await notes.next("update");
      assert.deepEqual(seen, [
        { action: "authenticate", data: { key_id: "key", secret_key: "secret" } },
        { action: "listen", data: { streams: ["trade_updates"] } },
      ]);
      const update = notes.updates[0];
      assert.equal(update?.event, "partial_fill");
      assert.equal(update?.executionId, "61e69015-8549-4bfd-b9c3-01e75843f47d@7.5");
      assert.equal(update?.price, 179_080_000_000n);
      assert.equal(update?.quantity, 4_000_000_000n);
      assert.equal(update?.positionQuantity, -6_000_000_000n);
      assert.equal(update?.order.filledAveragePrice, 179_081_234_568n);
      assert.equal(update?.venueTimeUs, Date.parse("2026-11-23T14:30:00.5Z") * 1000);
      assert.equal(stream.state, "listening");
    });
  }

  test("events without a fill have no execution, unknown ones are passed on, heartbeats are not read", async () => {
    venue.stream = serve((say, socket) => {
      socket.send(Uint8Array.of(1));
      say({ stream: "trade_updates", data: { event: "restated", order: orderBody(), at: "2026-11-23T14:31:00Z" } });
      say({ stream: "news_of_the_future", data: {} });
      say(fill({ event: "fill", order: orderBody({ symbol: "BTCUSD", asset_class: "crypto", filled_qty: 1 }) }));
    });
    stream.start();
    await notes.next("update");
    await notes.next("update");
    assert.equal(notes.updates[0]?.executionId, null);
    assert.equal(notes.updates[0]?.venueTimeUs, Date.parse("2026-11-23T14:31:00Z") * 1000);
    assert.equal(notes.updates[1]?.order.symbol, "BTC/USD");
    assert.equal(notes.updates[1]?.order.filledQuantity, 1_000_000_000n);
  });

  const unreadable: [string, unknown][] = [
    ["no JSON", "{oops"],
    ["an update without its order", { stream: "trade_updates", data: { event: "fill" } }],
    ["a fill without its price", fill({ price: null })],
    ["a list", []],
  ];
  for (const [label, message] of unreadable) {
    test(`${label} is a lost update: the connection starts over, to be reconciled`, async () => {
      let connections = 0;
      venue.stream = serve((say, socket) => {
        if (connections++ > 0) return;
        if (typeof message === "string") socket.send(message);
        else say(message);
      });
      stream.start();
      await notes.next("connected");
      assert.match(await notes.next("disconnected"), /unreadable message/);
      timers.advance(1000);
      await notes.next("connected");
      assert.equal(notes.updates.length, 0);
    });
  }

  const refusals: [string, unknown][] = [
    ["unauthorised", { stream: "authorization", data: { status: "unauthorized", action: "authenticate" } }],
    ["an error before the close", { action: "error", data: { error_message: "internal server error" } }],
    ["406", { T: "error", code: 406, msg: "connection limit exceeded" }],
  ];
  for (const [label, message] of refusals) {
    test(`${label} is a refusal, tried again`, async () => {
      venue.stream = (socket, connection) => {
        if (connection > 0) serve(() => {})(socket);
        else socket.once("message", () => socket.send(JSON.stringify(message)));
      };
      stream.start();
      await notes.next("disconnected");
      assert.equal(stream.state, "refused");
      timers.advance(1000);
      await notes.next("connected");
      assert.equal(stream.state, "listening");
    });
  }

  test("a handshake refused with 429 is tried again after five seconds, or what the venue asks for", async () => {
    venue.upgradeStatus = 429;
    stream.start();
    await notes.next("disconnected: handshake answered with HTTP 429");
    assert.deepEqual(timers.delaysMs, [5000]);
    venue.upgradeHeaders = "Retry-After: 20\r\n";
    timers.advance(5000);
    await notes.next("disconnected");
    assert.deepEqual(timers.delaysMs, [20_000]);
    venue.upgradeStatus = null;
    venue.stream = serve(() => {});
    timers.advance(20_000);
    await notes.next("connected");
  });

  test("a slot that a half-dead connection holds is asked for until it is free, every 16 s at most", async () => {
    let refusedMs = 0;
    venue.stream = (socket) => {
      if (refusedMs >= 90_000) serve(() => {})(socket);
      else
        socket.once("message", () =>
          socket.send(JSON.stringify({ T: "error", code: 406, msg: "connection limit exceeded" })),
        );
    };
    stream.start();
    while (refusedMs < 90_000) {
      await notes.next("disconnected");
      const delayMs = timers.delaysMs.at(-1) as number;
      assert.ok(delayMs >= 1000 && delayMs <= 16_000, String(delayMs));
      refusedMs += delayMs;
      timers.advance(delayMs);
    }
    await notes.next("connected");
    assert.equal(stream.state, "listening");
  });

  test("a venue that is gone is asked again and again", async () => {
    venue.upgradeStatus = 503;
    stream.start();
    await notes.next("disconnected");
    venue.upgradeStatus = null;
    venue.stream = serve(() => {});
    timers.advance(1000);
    await notes.next("connected");
  });
});
