/**
 * From the bytes of a frame in the main thread's handler to the intent in the main thread's hands, at a steady pace:
 *
 *   pacer thread ─▶ frame: scanner ─▶ sequencer ─▶ hub ─▶ inbound ring ─▶ engine worker ─▶ intent ring ─▶ pump
 *
 * All of it the bot's own classes; only the strategy is made for measuring. Ten quotes a frame over a hundred
 * instruments, an intent on every hundredth quote, each filled at once. Number and order of the intents are checked.
 */
import { Worker } from "node:worker_threads";
import { InboundHub } from "../src/bot/inbound-hub.ts";
import { IntentPump } from "../src/bot/intent-pump.ts";
import { parseFixed } from "../src/core/fixed.ts";
import { equity } from "../src/core/market/instrument.ts";
import { CONTROL_RESUME, RecordBuffer } from "../src/core/market/record.ts";
import { DEFAULT_LIMITS } from "../src/core/risk/limits.ts";
import { InboundSequencer } from "../src/feed/inbound-sequencer.ts";
import { FrameScanner, SCAN_DONE } from "../src/feed/msgpack-scanner.ts";
import { RecordScratch } from "../src/feed/record-scratch.ts";
import type { DecodedOrder } from "../src/orders/intent-decoder.ts";
import { EnginePool } from "../src/workers/engine-pool.ts";
import { EngineThreads } from "../src/workers/engine-threads.ts";
import { encodeQuotes } from "./frames.ts";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer } from "./harness.ts";
import type { Pace } from "./pacer.ts";

const INSTRUMENTS = 100;
const QUOTES_PER_FRAME = 10;
const QUOTES_PER_INTENT = 100;
const START_US = 1_795_444_200_000_000;
const WARM_UP_SECONDS = 1;
const SECONDS = 3;
const RATES = [100_000, 10_000];
const QUICK_RATE = 2_000;
const QUICK_SECONDS = 0.3;

const wallUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

export const tickToIntent: Benchmark = {
  name: "tick-to-intent",
  description: "from a frame's bytes through both rings and a real engine worker back to the main thread",
  async run(options) {
    const results: BenchResult[] = [];
    for (const rate of options.quick ? [QUICK_RATE] : RATES) results.push(...(await measure(rate, options)));
    return results;
  },
};

async function measure(quotesPerSecond: number, options: BenchOptions): Promise<BenchResult[]> {
  const warmUp = options.quick ? 0 : quotesPerSecond * WARM_UP_SECONDS;
  const quotes = warmUp + quotesPerSecond * (options.quick ? QUICK_SECONDS : SECONDS);
  options.progress(`making ${quotes} quotes`);
  const frames = makeFrames(quotes, quotesPerSecond);
  options.progress(`${quotesPerSecond} quotes/s`);
  const path = new Path();
  try {
    await path.start();
    await play(frames, quotesPerSecond / QUOTES_PER_FRAME, path);
    await path.finish(quotes / QUOTES_PER_INTENT);
  } finally {
    await path.stop();
  }
  const latenciesUs = path.latenciesUs.slice(warmUp / QUOTES_PER_INTENT).sort((a, b) => a - b);
  const at = (share: number) => latenciesUs[Math.floor(latenciesUs.length * share)] ?? Number.NaN;
  const note = `${quotesPerSecond / 1000}k quotes/s, ${latenciesUs.length} intents`;
  return [
    { name: `p50 at ${quotesPerSecond} quotes/s`, value: at(0.5), unit: "us", checked: true, note },
    { name: `p99 at ${quotesPerSecond} quotes/s`, value: at(0.99), unit: "us", checked: true, note },
  ];
}

/** The bot's path from frame to intent, with one engine worker. */
class Path {
  readonly latenciesUs: number[] = [];
  readonly #threads: EngineThreads;
  readonly #pool: EnginePool;
  readonly #hub: InboundHub;
  readonly #pump: IntentPump;
  readonly #sequencer: InboundSequencer;
  readonly #scratch = new RecordScratch(4096);
  readonly #scanner: FrameScanner;
  readonly #positions = Array.from({ length: INSTRUMENTS }, () => 0n);
  #fault: Error | null = null;
  #wake: () => void = () => {};
  #lastTriggerUs = 0;

  constructor() {
    const instruments = Array.from({ length: INSTRUMENTS }, (_, index) => equity(index, symbolOf(index)));
    const instances = instruments.map(({ index }) => ({
      index,
      id: `turner-${index}`,
      strategy: "turner-bench",
      // One intent in a hundred quotes, spread evenly: the phases follow one another as the instruments do.
      parameters: { period: QUOTES_PER_INTENT, phase: index },
      instruments: [index],
      capital: parseFixed("10000", "capital"),
      execution: { type: "market" } as const,
    }));
    const limits = { ...DEFAULT_LIMITS, repeatedExecutionsPerMinute: 1000 };
    const undeliverable = () => this.#fail(new Error("the engine worker did not keep up: an account record was lost"));
    this.#hub = new InboundHub({ routes: instruments.map(() => [0]), wallUs, onUndeliverable: undeliverable });
    this.#threads = new EngineThreads({
      count: 1,
      heap: null,
      workerFile: new URL("./tick-engine-worker.ts", import.meta.url).href,
    });
    this.#pool = new EnginePool({
      threads: this.#threads,
      specs: [{ instruments, instances, limits }],
      spin: 0,
      onDeath: (_worker, error) => this.#fail(error as Error),
    });
    this.#pump = new IntentPump({
      onIntent: (intent) => {
        if (intent.kind === "order") this.#onOrder(intent);
      },
      onRecord: () => {},
    });
    this.#scanner = new FrameScanner({ instruments, control: () => {} });
    this.#sequencer = new InboundSequencer(
      { append: (records, slot) => this.#hub.market(records, slot) },
      RecordBuffer.allocate(1),
    );
  }

  /** Resolves when the worker's engine reads its ring: what comes before waits for its start. */
  async start(): Promise<void> {
    const worker = this.#pool.start(0, [], null);
    this.#hub.attach(worker);
    this.#pump.attach(worker);
    for (let index = 0; index < INSTRUMENTS; index++) this.#hub.control(0, CONTROL_RESUME, index, 0, 0);
    await this.#pool.drained();
  }

  frame(bytes: Uint8Array): void {
    const scratch = this.#scratch;
    scratch.clear();
    if (this.#scanner.scan(bytes, wallUs(), scratch) !== SCAN_DONE) throw new Error("a frame was not read to its end");
    for (let slot = 0; slot < scratch.count; slot++) this.#sequencer.append(scratch.records, slot);
    this.#hub.flush();
  }

  /** Resolves when so many intents have come; throws when the path failed or quotes were conflated on the way. */
  async finish(intents: number): Promise<void> {
    await this.#pool.drained();
    this.#pump.drain();
    while (this.latenciesUs.length < intents && this.#fault === null && this.#hub.conflated === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#fault !== null) throw this.#fault;
    checkAnswer("conflated quotes (the machine did not keep the pace)", this.#hub.conflated, 0);
    checkAnswer("intents", this.latenciesUs.length, intents);
  }

  async stop(): Promise<void> {
    this.#hub.stop();
    await this.#pool.stop();
    await this.#threads.close();
  }

  #onOrder(order: DecodedOrder): void {
    this.latenciesUs.push(wallUs() - order.triggerReceivedTimeUs);
    if (order.triggerVenueTimeUs <= this.#lastTriggerUs) {
      this.#fail(
        new Error("the intents are out of order: a wish waited for the order before it, so the pace was not kept"),
      );
    }
    this.#lastTriggerUs = order.triggerVenueTimeUs;
    const { owner } = order;
    const signed = order.side === "buy" ? order.quantity : -order.quantity;
    const position = (this.#positions[owner.instrumentIndex] as bigint) + signed;
    this.#positions[owner.instrumentIndex] = position;
    this.#hub.fill(owner, signed, parseFixed("100", "price"), position, order.triggerVenueTimeUs);
    this.#hub.done(owner, order.triggerVenueTimeUs);
    this.#wake();
  }

  #fail(error: Error): void {
    this.#fault ??= error;
    this.#wake();
  }
}

/** Hands the frames to the path as the pacer says that they are due. */
async function play(frames: readonly Uint8Array[], framesPerSecond: number, path: Path): Promise<void> {
  const pacer = new Worker(new URL("./pacer.ts", import.meta.url));
  try {
    await new Promise<void>((resolve, reject) => {
      let next = 0;
      pacer.on("error", reject);
      pacer.on("message", (due: number) => {
        try {
          for (const end = next + due; next < end; next++) path.frame(frames[next] as Uint8Array);
        } catch (error) {
          reject(error as Error);
        }
        if (next === frames.length) resolve();
      });
      pacer.postMessage({ framesPerSecond, frames: frames.length } satisfies Pace);
    });
  } finally {
    await pacer.terminate();
  }
}

function symbolOf(index: number): string {
  return `SY${index.toString().padStart(2, "0")}`;
}

/** Quotes of all instruments in turn, their venue time going on at the pace. */
function makeFrames(quotes: number, quotesPerSecond: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let first = 0; first < quotes; first += QUOTES_PER_FRAME) {
    const messages = Array.from({ length: QUOTES_PER_FRAME }, (_, i) => {
      const number = first + i;
      const bid = 100 + (number % 7) / 100;
      const timeUs = START_US + Math.floor((number * 1e6) / quotesPerSecond);
      return { symbol: symbolOf(number % INSTRUMENTS), bid, ask: bid + 0.01, timeUs };
    });
    frames.push(encodeQuotes(messages));
  }
  return frames;
}
