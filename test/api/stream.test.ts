import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { after, afterEach, before, describe, it, mock } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import WebSocket, { type RawData } from "ws";
import type { FacesConfig } from "../../src/api/faces-config.ts";
import { Stream } from "../../src/api/stream.ts";
import { bearer, CONFIG, log, MemoryKeys } from "./harness.ts";
import { MemoryBot, order, quote, signal } from "./memory-bot.ts";

type Message = Record<string, unknown> & { type: string };

/** A client whose messages are taken one by one, in order. */
class TestClient {
  readonly socket: WebSocket;
  readonly #messages: Message[] = [];
  readonly #waiting: ((message: Message) => void)[] = [];

  constructor(port: number, protocols: string[] = [], headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/stream`, protocols, { headers });
    this.socket.on("message", (data: RawData, binary: boolean) => {
      const message = (binary ? decode(data as Buffer) : JSON.parse((data as Buffer).toString())) as Message;
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#messages.push(message);
      else waiter(message);
    });
  }

  next(): Promise<Message> {
    const message = this.#messages.shift();
    return message === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(message);
  }

  /** The next message of the type; others before it are passed over. */
  async take(type: string): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (message.type === type) return message;
    }
  }

  send(message: unknown): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  async closed(): Promise<[code: number, reason: string]> {
    const [code, reason] = (await once(this.socket, "close")) as [number, Buffer];
    return [code, String(reason)];
  }
}

interface StreamUnderTest {
  readonly bot: MemoryBot;
  readonly keys: MemoryKeys;
  readonly stream: Stream;
  readonly port: number;
  client(protocols?: string[], headers?: Record<string, string>): TestClient;
}

async function streamUnderTest(changes: Partial<FacesConfig> = {}): Promise<StreamUnderTest> {
  const bot = new MemoryBot();
  const keys = new MemoryKeys();
  const stream = new Stream({ bot, keys, config: { ...CONFIG, ...changes }, log });
  stream.server.listen(0, "127.0.0.1");
  await once(stream.server, "listening");
  const { port } = stream.server.address() as AddressInfo;
  return { bot, keys, stream, port, client: (protocols, headers) => new TestClient(port, protocols, headers) };
}

/** The status with which an upgrade is refused. */
async function refusal(client: TestClient): Promise<number> {
  client.socket.on("error", () => {});
  const [, response] = (await once(client.socket, "unexpected-response")) as [unknown, { statusCode: number }];
  client.socket.terminate();
  return response.statusCode;
}

describe("the stream", () => {
  let under: StreamUnderTest;
  before(async () => {
    under = await streamUnderTest();
  });
  after(() => under.stream.close());
  const clients: TestClient[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.socket.terminate();
  });
  const open = (protocols?: string[], headers?: Record<string, string>): TestClient => {
    const client = under.client(protocols, headers);
    clients.push(client);
    return client;
  };
  const subscribed = async (channels: string[], protocols?: string[]): Promise<[TestClient, Message]> => {
    const client = open(protocols);
    const hello = await client.take("hello");
    client.send({ action: "subscribe", channels });
    return [client, hello];
  };

  it("says hello with its generation and channels", async () => {
    const hello = await open().next();
    assert.equal(hello.type, "hello");
    assert.match(String(hello["generation"]), /^[0-9a-f]{16}$/);
    assert.deepEqual(hello["channels"], ["quotes", "signals", "orders", "fills", "pnl"]);
    assert.equal(hello["key_needed"], false);
  });

  it("sends a snapshot of each channel and then confirms", async () => {
    const [client, hello] = await subscribed(["orders", "pnl"]);
    const orders = await client.next();
    assert.equal(orders.type, "snapshot");
    assert.equal(orders["channel"], "orders");
    assert.equal(orders["generation"], hello["generation"]);
    assert.equal((orders["items"] as unknown[]).length, 5);
    const pnl = await client.next();
    assert.equal(pnl["channel"], "pnl");
    assert.deepEqual(await client.next(), { type: "subscribed", channels: ["orders", "pnl"] });
  });

  it("numbers changes on from the snapshot, channel by channel", async () => {
    const [client] = await subscribed(["signals"]);
    const snapshot = await client.take("snapshot");
    await client.take("subscribed");
    under.bot.emit(quote("AAPL", 1, 2));
    const first = Number(snapshot["number"]) + 1;
    for (const id of [7, 8]) under.bot.emit({ channel: "signals", key: null, data: signal(id) });
    const seen: { number: number; data: { id: number } }[] = [];
    while (seen.length < 2) seen.push(...((await client.take("changes"))["changes"] as typeof seen));
    assert.deepEqual(
      seen.map((change) => [change.number, change.data.id]),
      [
        [first, 7],
        [first + 1, 8],
      ],
    );
  });

  it("sends a late subscriber nothing that its snapshot has already", async () => {
    const [early] = await subscribed(["quotes"]);
    await early.take("subscribed");
    under.bot.emit(quote("AAPL", 10, 11));
    under.bot.emit(quote("AAPL", 12, 13));
    const [late] = await subscribed(["quotes"]);
    const snapshot = await late.take("snapshot");
    await late.take("subscribed");
    under.bot.emit(quote("AAPL", 14, 15));
    const { changes } = (await late.take("changes")) as unknown as {
      changes: { number: number; data: { bid: number } }[];
    };
    assert.equal(changes[0]?.number, Number(snapshot["number"]) + 1);
    assert.equal(changes[0]?.data.bid, 14);
  });

  it("keeps only the latest change of a key within a batch", async () => {
    const [client] = await subscribed(["quotes"]);
    await client.take("subscribed");
    for (let i = 1; i <= 50; i++) under.bot.emit(quote("AAPL", i, i + 1));
    under.bot.emit(quote("MSFT", 7, 8));
    const bids = new Map<string, number>();
    const numbers: number[] = [];
    while (bids.get("MSFT") !== 7) {
      const { changes } = (await client.take("changes")) as unknown as {
        changes: { number: number; key: string; data: { bid: number } }[];
      };
      for (const change of changes) {
        bids.set(change.key, change.data.bid);
        numbers.push(change.number);
      }
    }
    assert.equal(bids.get("AAPL"), 50);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    assert.ok(numbers.length < 51);
  });

  it("begins a new generation with snapshots, and forgets what waits, when the events do not join", async () => {
    const client = under.client();
    const hello = await client.next();
    client.send({ action: "subscribe", channels: ["quotes", "signals"] });
    await client.take("subscribed");
    under.bot.emit(quote("AAPL", 1, 2));
    await client.take("changes");
    // The first of these goes out at the end of the window of the one before, if at all.
    under.bot.emit(quote("AAPL", 3, 4));
    under.bot.restart();
    const snapshots = [await client.take("snapshot"), await client.take("snapshot")];
    for (const [i, channel] of ["quotes", "signals"].entries()) {
      const { generation, number, items } = snapshots[i] as Message & { readonly items: unknown[] };
      assert.equal(snapshots[i]?.["channel"], channel);
      assert.notEqual(generation, hello["generation"]);
      assert.equal(number, 0);
      assert.ok(items.length > 0);
    }
    under.bot.emit(quote("AAPL", 5, 6));
    const { generation, changes } = await client.take("changes");
    assert.equal(generation, snapshots[0]?.["generation"]);
    assert.deepEqual(changes, [{ number: 1, key: "AAPL", data: quote("AAPL", 5, 6).data }]);
    const late = under.client();
    assert.equal((await late.next())["generation"], generation);
  });

  it("speaks MessagePack to clients that ask for it", async () => {
    const client = open(["msgpack"]);
    const hello = await client.next();
    assert.equal(client.socket.protocol, "msgpack");
    assert.equal(hello.type, "hello");
    client.socket.send(encode({ action: "subscribe", channels: ["orders"] }));
    await client.take("subscribed");
    const changed = order(4, { state: "filled" });
    under.bot.emit({ channel: "orders", key: "order-4", data: changed });
    const message = await client.take("changes");
    assert.deepEqual((message["changes"] as { data: unknown }[])[0]?.data, changed);
  });

  it("stops a channel that is unsubscribed", async () => {
    const [client] = await subscribed(["quotes", "signals"]);
    await client.take("subscribed");
    client.send({ action: "unsubscribe", channels: ["quotes"] });
    assert.deepEqual((await client.take("subscribed"))["channels"], ["signals"]);
    under.bot.emit(quote("AAPL", 1, 2));
    under.bot.emit({ channel: "signals", key: null, data: signal(9) });
    assert.equal((await client.next())["channel"], "signals");
  });

  it("answers malformed messages with a code and goes on", async () => {
    const client = open();
    await client.take("hello");
    const cases: [unknown, string][] = [
      ["{", "STREAM_MALFORMED"],
      ["[]", "STREAM_MALFORMED"],
      ["null", "STREAM_MALFORMED"],
      [{}, "STREAM_ACTION_UNKNOWN"],
      [{ action: "buy" }, "STREAM_ACTION_UNKNOWN"],
      [{ action: "subscribe" }, "STREAM_CHANNELS_INVALID"],
      [{ action: "subscribe", channels: [] }, "STREAM_CHANNELS_INVALID"],
      [{ action: "subscribe", channels: ["orders", "books"] }, "STREAM_CHANNELS_INVALID"],
      [{ action: "subscribe", channels: ["orders"], since: 3 }, "STREAM_FIELD_UNKNOWN"],
      [{ action: "auth", key: 7 }, "STREAM_KEY_INVALID"],
      [{ action: "auth", key: "atb_unknown" }, "KEY_INVALID"],
    ];
    for (const [message, code] of cases) {
      client.send(message);
      const reply = await client.next();
      assert.equal(reply.type, "error");
      assert.equal(reply["code"], code, JSON.stringify(message));
    }
    client.send({ action: "subscribe", channels: ["pnl"] });
    await client.take("subscribed");
  });

  it("ends a client that sends too much at once or too many messages", async () => {
    const large = open();
    await large.take("hello");
    large.send("x".repeat(17 * 1024));
    assert.equal((await large.closed())[0], 1009);
    const chatty = open();
    await chatty.take("hello");
    for (let i = 0; i < 200; i++) chatty.send("{}");
    assert.equal((await chatty.closed())[0], 1008);
  });

  it("refuses other hosts, other origins, other paths and bad keys before the upgrade", async () => {
    assert.equal(await refusal(open([], { host: "evil.example" })), 421);
    assert.equal(await refusal(open([], { origin: "http://evil.example" })), 403);
    assert.equal(await refusal(open([], { authorization: "Bearer atb_unknown" })), 401);
    const other = new WebSocket(`ws://127.0.0.1:${under.port}/stream?key=atb_admin`);
    other.on("error", () => {});
    const [, response] = (await once(other, "unexpected-response")) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 404);
    other.terminate();
  });

  it("takes pages of its own host on another port", async () => {
    const client = open([], { origin: "http://127.0.0.1:8000" });
    assert.equal((await client.next()).type, "hello");
  });

  it("tells plain HTTP what it is", async () => {
    const reply = await fetch(`http://127.0.0.1:${under.port}/stream`);
    assert.equal(reply.status, 426);
  });
});

describe("the stream where reads need a key", () => {
  let under: StreamUnderTest;
  before(async () => {
    under = await streamUnderTest({ requireKeyForReads: true });
  });
  after(() => under.stream.close());

  it("wants one before anything else", async () => {
    const client = under.client();
    assert.equal((await client.next())["key_needed"], true);
    client.send({ action: "subscribe", channels: ["pnl"] });
    assert.equal((await client.next())["code"], "KEY_REQUIRED");
    client.send({ action: "auth", key: "atb_viewer" });
    client.send({ action: "subscribe", channels: ["pnl"] });
    assert.deepEqual(await client.next(), { type: "authenticated", role: "viewer" });
    assert.equal((await client.next()).type, "snapshot");
    client.socket.terminate();
  });

  it("takes nobody while there is none at all", async () => {
    under.keys.areMade = false;
    const client = under.client();
    assert.equal(await refusal(client), 401);
    under.keys.areMade = true;
  });

  it("takes it from the upgrade request as well", async () => {
    const client = under.client([], bearer("viewer"));
    assert.equal((await client.next())["key_needed"], false);
    client.send({ action: "subscribe", channels: ["pnl"] });
    assert.equal((await client.next()).type, "snapshot");
    client.socket.terminate();
  });
});

describe("the stream as time passes", () => {
  let under: StreamUnderTest;
  before(async () => {
    mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
    under = await streamUnderTest({ requireKeyForReads: true });
  });
  after(async () => {
    await under.stream.close();
    mock.timers.reset();
  });

  it("ends a client that shows no key within five seconds", async () => {
    const client = under.client();
    await client.take("hello");
    const closed = client.closed();
    mock.timers.tick(4_999);
    client.send({});
    await client.take("error");
    mock.timers.tick(1);
    assert.deepEqual(await closed, [1008, "no key within 5 s"]);
  });

  it("ends a client whose key is revoked within a minute", async () => {
    const client = under.client([], bearer("viewer"));
    await client.take("hello");
    const closed = client.closed();
    under.keys.revoke("atb_viewer");
    for (let quarter = 0; quarter < 4; quarter++) {
      // An answer shows that the pong before it has arrived as well.
      client.send({});
      await client.take("error");
      mock.timers.tick(15_000);
    }
    assert.deepEqual(await closed, [1008, "key revoked"]);
  });

  it("ends a client that answers no ping", async () => {
    const silent = connect(under.port, "127.0.0.1");
    silent.write(upgradeRequest(bearer("trader")));
    await once(silent, "data");
    mock.timers.tick(15_000);
    const closed = once(silent, "close");
    mock.timers.tick(15_000);
    await closed;
    assert.equal(under.stream.counts().clients, 0);
  });
});

describe("a stream that ends", () => {
  it("closes its clients with 1012 spread over the time, and takes no new ones", async () => {
    const under = await streamUnderTest();
    const clients = [under.client(), under.client(), under.client()];
    for (const client of clients) await client.take("hello");
    assert.equal(under.stream.counts().clients, 3);
    const closed = Promise.all(clients.map((client) => client.closed()));
    await under.stream.drain(60);
    assert.deepEqual(
      (await closed).map(([code]) => code),
      [1012, 1012, 1012],
    );
    assert.equal(under.stream.counts().clients, 0);
    assert.equal(await refusal(under.client()), 503);
    await under.stream.close();
  });

  it("leaves no listener at the bot", async () => {
    const under = await streamUnderTest();
    assert.equal(under.bot.listeners, 1);
    await under.stream.close();
    assert.equal(under.bot.listeners, 0);
  });
});

describe("a reader that does not read", () => {
  it("is cut with 1013 once too many events without a key wait, while others go on", async () => {
    const under = await streamUnderTest();
    const good = under.client();
    await good.take("hello");
    good.send({ action: "subscribe", channels: ["fills"] });
    await good.take("subscribed");

    const stuck = connect(under.port, "127.0.0.1");
    stuck.write(upgradeRequest());
    await once(stuck, "data");
    stuck.write(textFrame(JSON.stringify({ action: "subscribe", channels: ["signals"] })));
    await once(stuck, "data");
    stuck.pause();

    const reason = "x".repeat(4_000);
    let id = 100;
    while (under.stream.counts().cut === 0 && under.stream.counts().clients === 2) {
      for (let i = 0; i < 200; i++) under.bot.emit({ channel: "signals", key: null, data: signal(id++, { reason }) });
      await new Promise((resolve) => setTimeout(resolve, 25));
      assert.ok(id < 20_000, "it was never cut");
      if (stuck.destroyed) break;
    }
    stuck.destroy();
    while (under.stream.counts().clients > 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(under.stream.counts().cut, 1);
    under.bot.emit({
      channel: "fills",
      key: null,
      data: (await under.bot.trades({ symbol: null }, { limit: 1, before: null }))[0]!,
    });
    assert.equal((await good.take("changes"))["channel"], "fills");
    good.socket.terminate();
    await under.stream.close();
  });
});

function upgradeRequest(headers: Record<string, string> = {}): string {
  const lines = ["GET /stream HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"];
  lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "", "");
  for (const [name, value] of Object.entries(headers)) lines.splice(1, 0, `${name}: ${value}`);
  return lines.join("\r\n");
}

/** A masked text frame (mask of zeros) of less than 126 bytes. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}
