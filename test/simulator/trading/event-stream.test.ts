import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import Fastify from "fastify";
import { type EventFeed, type FeedItem, streamEvents, Watchers } from "../../../src/simulator/trading/event-stream.ts";
import { eventUlid } from "../../../src/simulator/trading/ulid.ts";

const TEXT = "x".repeat(1000);
const TIME_US = Date.parse("2018-01-02T15:00:00Z") * 1000;

/** A log that keeps so many, and everybody who watches it. */
class Log implements EventFeed {
  readonly #kept: number;
  readonly #watchers = new Watchers();
  readonly watch = this.#watchers.watch;
  #items: FeedItem[] = [];
  #count = 0;

  constructor(kept: number) {
    this.#kept = kept;
  }

  add(count: number): void {
    for (let i = 0; i < count; i++) {
      const number = ++this.#count;
      this.#items.push({
        id: eventUlid(TIME_US, number),
        number,
        timeUs: TIME_US,
        body: () => ({ number, text: TEXT }),
      });
    }
    this.#items = this.#items.slice(-this.#kept);
    this.#watchers.wake();
  }

  after(id: string): readonly FeedItem[] {
    return this.#items.filter((item) => item.id > id);
  }

  committed(): Promise<void> {
    return Promise.resolve();
  }

  nowUs(): number {
    return TIME_US + 1;
  }
}

async function open(t: TestContext, log: Log, query: string): Promise<IncomingMessage> {
  const app = Fastify();
  app.get("/events", (request, reply) => streamEvents(request, reply, log));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  const request = get({ port, path: `/events?${query}` });
  request.on("error", () => {});
  t.after(() => {
    request.destroy();
    return app.close();
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

interface Read {
  readonly numbers: number[];
  dropped: number;
}

/** Reads until the event with this number. */
async function readTo(response: IncomingMessage, last: number): Promise<Read> {
  const read: Read = { numbers: [], dropped: 0 };
  let text = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    text += String(chunk);
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      read.dropped += Number(/^: you are reading too slowly, dropped (\d+) messages$/.exec(part)?.[1] ?? 0);
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) read.numbers.push(JSON.parse(data).number);
    }
    if (read.numbers.at(-1) === last) return read;
  }
  return read;
}

describe("a stream of server-sent events", () => {
  it("gives a long past whole to whoever reads it", async (t) => {
    const log = new Log(20_000);
    log.add(20_000);
    const response = await open(t, log, "since=2018-01-02");
    const { numbers, dropped } = await readTo(response, 20_000);
    assert.deepEqual([numbers.length, numbers[0], dropped], [20_000, 1, 0]);
  });

  it("tells a client that did not read what it has missed, and goes on", async (t) => {
    const log = new Log(1000);
    log.add(1);
    const response = await open(t, log, "since=2018-01-02");
    response.pause();
    // Far more than a megabyte and the sockets' own buffers hold.
    for (let i = 0; i < 40; i++) {
      log.add(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { numbers, dropped } = await readTo(response, 40_001);
    assert.ok(dropped > 0);
    assert.equal(numbers.length + dropped, 40_001);
    assert.ok(numbers.every((number, place) => place === 0 || number > (numbers[place - 1] as number)));
  });
});
