/**
 * Market-data messages that the simulator serves in MessagePack to one and to 20 clients, and its memory after many of
 * them. In lockstep, so that every client gets every message, and none before all have subscribed: a step is 10,000 ticks and
 * goes on when all clients have read it. The clients share the process that measures; they count and do not decode.
 */
import { decode } from "@msgpack/msgpack";
import type { WebSocket } from "ws";
import { type Benchmark, type BenchResult, checkAnswer } from "./harness.ts";
import { KEYS, SimulatorProcess } from "./simulator-process.ts";

const STEP_TICKS = 10_000;
const CLIENTS = 20;
const FEED = "/v2/sip";
const TICKS = { one: 1_000_000, many: 200_000, memory: 10_000_000 };
const QUICK_TICKS = { one: 2000, many: 1000, memory: 3000 };
/** Shares only, so that a client of the stock stream gets every tick. */
const INSTRUMENTS = ["AAAA", "BBBB", "CCCC", "DDDD"].map((symbol) => ({ symbol, calendar: "always" as const }));

export const simulatorData: Benchmark = {
  name: "simulator-data",
  description: "market data served by the simulator in MessagePack, and its memory after 10 million messages",
  async run(options) {
    const ticks = options.quick ? QUICK_TICKS : TICKS;
    options.progress(`${ticks.one} messages to one client`);
    const one = await serve(1, ticks.one);
    options.progress(`${ticks.many} messages to each of ${CLIENTS} clients`);
    const many = await serve(CLIENTS, ticks.many);
    options.progress(`memory over ${ticks.memory} messages`);
    const memory = await serve(1, ticks.memory, ticks.memory / 10);
    return [
      rate("served to 1 client", one.messagesPerSecond),
      rate(`served to ${CLIENTS} clients, sum`, many.messagesPerSecond),
      ...memoryResults(memory.rssBytes, ticks.memory),
    ];
  },
};

function rate(name: string, messagesPerSecond: number): BenchResult {
  return { name, value: messagesPerSecond / 1e6, unit: "M/s", checked: true };
}

function memoryResults([early = Number.NaN, late = Number.NaN]: readonly number[], ticks: number): BenchResult[] {
  const result = (value: number, messages: number): BenchResult => ({
    name: `resident after ${messages / 1e6} M messages`,
    value: value / 1e6,
    unit: "MB",
    checked: true,
  });
  return [result(early, ticks / 10), result(late, ticks)];
}

interface Served {
  /** To all clients together. */
  readonly messagesPerSecond: number;
  /** After `memoryTicks` and at the end. */
  readonly rssBytes: readonly number[];
}

async function serve(clients: number, ticks: number, memoryTicks = ticks): Promise<Served> {
  const simulator = await SimulatorProcess.start({
    speed: "lockstep",
    ticksPerStep: Math.min(STEP_TICKS, memoryTicks),
    tickLimit: ticks,
    startTime: "2026-03-02T15:00:00Z",
    instruments: INSTRUMENTS,
    dataConnections: clients,
  });
  try {
    const feeds = await Promise.all(Array.from({ length: clients }, () => Feed.open(simulator, FEED)));
    const rssBytes: number[] = [];
    const startMs = performance.now();
    for await (const played of barriers(simulator, feeds)) {
      if (played === memoryTicks || played === ticks) rssBytes.push((await simulator.memory()).rssBytes);
    }
    const seconds = (performance.now() - startMs) / 1000;
    checkFeeds(feeds, ticks);
    return { messagesPerSecond: (clients * ticks) / seconds, rssBytes };
  } finally {
    await simulator.stop();
  }
}

/** Acknowledges a step when every feed has read all of it; yields the ticks played so far. */
async function* barriers(simulator: SimulatorProcess, feeds: readonly Feed[]): AsyncGenerator<number> {
  const lockstep = await simulator.socket("/simulator/lockstep");
  const messages = (async function* () {
    const queue: Buffer[] = [];
    let wake = () => {};
    lockstep.on("message", (data: Buffer) => {
      queue.push(data);
      wake();
    });
    for (;;) {
      const data = queue.shift();
      if (data !== undefined) yield JSON.parse(data.toString()) as { step?: number; market?: number };
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  })();
  for await (const { step, market } of messages) {
    if (step === undefined) break;
    const ticks = (market ?? 0) / feeds.length;
    await Promise.all(feeds.map((feed) => feed.read(ticks)));
    yield ticks;
    lockstep.send(JSON.stringify({ step, trade_updates: 0 }));
  }
  lockstep.terminate();
}

/** All have read as many messages, and the same one last. */
function checkFeeds(feeds: readonly Feed[], ticks: number): void {
  const last = JSON.stringify(feeds[0]?.last());
  for (const feed of feeds) {
    checkAnswer("messages read", feed.messages, ticks);
    if (JSON.stringify(feed.last()) !== last) throw new Error(`a client's last message is not ${last}`);
    feed.close();
  }
}

class Feed {
  messages = 0;
  readonly #socket: WebSocket;
  #lastFrame: Uint8Array = new Uint8Array();
  #awaited: { readonly messages: number; readonly reached: () => void } | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(simulator: SimulatorProcess, path: string): Promise<Feed> {
    const headers = { "Content-Type": "application/msgpack" };
    const socket = await simulator.socket(path, headers);
    const feed = new Feed(socket);
    const subscribed = new Promise<void>((resolve) => {
      socket.on("message", (data: Buffer) => {
        const [first] = decode(data) as { T: string }[];
        if (first?.T !== "subscription") return;
        socket.removeAllListeners("message").on("message", (frame: Buffer) => feed.#frame(frame));
        resolve();
      });
    });
    socket.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
    const all = ["*"];
    const ticks = { trades: all, quotes: all, statuses: all, lulds: all, imbalances: all };
    socket.send(JSON.stringify({ action: "subscribe", ...ticks }));
    await subscribed;
    return feed;
  }

  #frame(frame: Buffer): void {
    this.messages += arrayLength(frame);
    this.#lastFrame = frame;
    if (this.#awaited !== null && this.messages >= this.#awaited.messages) this.#awaited.reached();
  }

  /** Resolves when so many messages have been read. */
  read(messages: number): Promise<void> {
    if (this.messages >= messages) return Promise.resolve();
    return new Promise((resolve) => {
      this.#awaited = { messages, reached: resolve };
    });
  }

  last(): unknown {
    return (decode(this.#lastFrame) as unknown[]).at(-1);
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** Of a MessagePack array, from its header: fixarray, array 16 or array 32. */
function arrayLength(frame: Buffer): number {
  const head = frame.readUInt8(0);
  if (head >> 4 === 0x9) return head & 0x0f;
  return head === 0xdc ? frame.readUInt16BE(1) : frame.readUInt32BE(1);
}
