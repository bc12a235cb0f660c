/**
 * The cache over Redis: one channel and one key per book. The owner publishes numbered messages on one connection, events
 * in batches, its state once a second and also into the key for replicas that start; the others listen on another one.
 * What cannot be sent at once is dropped, and the receivers see the gap.
 */
import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import type { PartHealth, StreamEvent } from "../api/bot-port.ts";
import type { CacheReading } from "../api/metrics/metrics.ts";
import type { RedisConfig } from "../config/config.ts";
import { type Cache, MIRROR_MS_MAX, type MirrorState, type OwnerState } from "./cache.ts";
import { Listeners } from "./listeners.ts";
import { decodeMessage, encodeMessage, type Message } from "./message.ts";
import { Mirror } from "./mirror.ts";
import { Outbox } from "./outbox.ts";
import { RedisConnection } from "./redis-connection.ts";
import { describeFault, faultOf, type RedisFault } from "./redis-fault.ts";

/** The first event after a pause goes out at once, those of the next window together, ms. */
const WINDOW_MS = 50;
/** Messages that may wait for Redis's answer; more are dropped. */
const UNANSWERED_MAX = 64;
const EXPIRE_EVERY_MS = 500;

/** Where faults are seen: each comes and goes by itself. */
type Place = "publisher" | "subscriber" | "write";

export interface RedisCacheOptions {
  readonly config: RedisConfig;
  /** Random, of the database: replicas of one book hear each other and nobody else. */
  readonly bookId: string;
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  /** Hears of listeners that threw. */
  readonly onListenerFault: (error: unknown) => void;
  /** Called once per change; null when all is well. Nothing is told while it connects for the first time. */
  readonly onFault: (fault: RedisFault | null) => void;
}

export class RedisCache implements Cache {
  readonly #options: RedisCacheOptions;
  readonly #channel: string;
  readonly #key: string;
  readonly #me = randomBytes(8).toString("hex");
  readonly #events: Listeners<StreamEvent>;
  readonly #restarts: Listeners<void>;
  readonly #releases: Listeners<void>;
  readonly #mirror: Mirror;
  readonly #outbox = new Outbox();
  readonly #publisher: RedisConnection;
  readonly #subscriber: RedisConnection;
  readonly #expiry: NodeJS.Timeout;
  readonly #faults = new Map<Place, RedisFault>();
  /** Of which nothing has been heard yet. */
  readonly #connecting = new Set<Place>(["publisher", "subscriber"]);
  readonly #totals = { publishedMessages: 0, publishedEvents: 0, lostMessages: 0, received: 0, dropped: 0 };
  /** As it was last told; nothing has been told at first. */
  #shownFault: RedisFault | null | undefined;
  #generation: bigint | null = null;
  #number = 0;
  #unanswered = 0;
  #flushedAtMs = Number.NEGATIVE_INFINITY;
  #flusher: NodeJS.Timeout | null = null;

  constructor(options: RedisCacheOptions) {
    this.#options = options;
    const { config, bookId, nowMs, onListenerFault } = options;
    this.#channel = `algo-trading-bot:${bookId}:stream`;
    this.#key = `algo-trading-bot:${bookId}:state`;
    this.#events = new Listeners(onListenerFault);
    this.#restarts = new Listeners(onListenerFault);
    this.#releases = new Listeners(onListenerFault);
    this.#mirror = new Mirror({
      nowMs,
      onEvent: (event) => this.#events.call(event),
      onRestart: () => this.#restarts.call(),
    });
    this.#publisher = new RedisConnection({
      config,
      name: "algo-trading-bot-publisher",
      onReady: () => this.#setFault("publisher", null),
      onFault: (fault) => this.#setFault("publisher", fault),
    });
    this.#subscriber = new RedisConnection({
      config,
      name: "algo-trading-bot-subscriber",
      onReady: (client) => void this.#listen(client),
      onFault: (fault) => this.#setFault("subscriber", fault),
    });
    this.#expiry = setInterval(() => this.#mirror.expire(), EXPIRE_EVERY_MS).unref();
  }

  lead(generation: bigint): void {
    this.#generation = generation;
    this.#mirror.clear();
  }

  follow(): void {
    this.#generation = null;
    this.#outbox.take();
    this.#setFault("write", null);
  }

  publish(event: StreamEvent): void {
    if (this.#generation === null) return;
    if (!this.#outbox.add(event)) this.#lose();
    this.#flusher ??= setTimeout(
      () => this.#flush(),
      Math.max(0, this.#flushedAtMs + WINDOW_MS - this.#options.nowMs()),
    );
  }

  setState(state: OwnerState): void {
    if (this.#generation === null) return;
    // The state has what waits in it; sent before, it is not taken for a change after it.
    this.#flush();
    const bytes = this.#send({ ...this.#head(this.#generation), kind: "state", state });
    if (bytes !== null) void this.#keep(bytes);
  }

  onEvent(listener: (event: StreamEvent) => void): () => void {
    return this.#events.add(listener);
  }

  onRestart(listener: () => void): () => void {
    return this.#restarts.add(listener);
  }

  latest(): MirrorState | null {
    return this.#mirror.latest();
  }

  async hintReleased(): Promise<void> {
    const message = { kind: "released", publisher: this.#me, generation: this.#generation ?? 0n, number: 0 } as const;
    const bytes = encodeMessage(message);
    if (bytes !== null) await this.#publisher.ready?.publish(this.#channel, Buffer.from(bytes)).catch(() => undefined);
  }

  onReleased(listener: () => void): () => void {
    return this.#releases.add(listener);
  }

  health(): PartHealth {
    const fault = this.#fault;
    if (fault === null) return { name: "redis", ok: true, state: "ok", detail: "connected" };
    return { name: "redis", ok: true, state: "degraded", detail: describeFault(fault) };
  }

  reading(): CacheReading {
    const { received, dropped, ...published } = this.#totals;
    return {
      state: this.#fault ?? "ok",
      ...published,
      receivedMessages: received,
      droppedMessages: dropped,
      gaps: this.#mirror.gaps,
      mirrorAgeMs: this.#mirror.ageMs,
    };
  }

  async close(): Promise<void> {
    this.#generation = null;
    if (this.#flusher !== null) clearTimeout(this.#flusher);
    clearInterval(this.#expiry);
    this.#publisher.close();
    this.#subscriber.close();
  }

  get #fault(): RedisFault | null {
    const known = this.#faults.get("publisher") ?? this.#faults.get("subscriber") ?? this.#faults.get("write");
    return known ?? (this.#connecting.size > 0 ? "unreachable" : null);
  }

  #setFault(place: Place, fault: RedisFault | null): void {
    this.#connecting.delete(place);
    if (fault === null) this.#faults.delete(place);
    else this.#faults.set(place, fault);
    const shown = this.#fault;
    const isStillConnecting = this.#faults.size === 0 && this.#connecting.size > 0;
    if (shown === this.#shownFault || isStillConnecting) return;
    this.#shownFault = shown;
    this.#options.onFault(shown);
  }

  #head(generation: bigint): { readonly publisher: string; readonly generation: bigint; readonly number: number } {
    this.#number++;
    return { publisher: this.#me, generation, number: this.#number };
  }

  #flush(): void {
    if (this.#flusher !== null) clearTimeout(this.#flusher);
    this.#flusher = null;
    if (this.#generation === null || this.#outbox.empty) return;
    this.#flushedAtMs = this.#options.nowMs();
    const events = this.#outbox.take();
    if (this.#send({ ...this.#head(this.#generation), kind: "events", events }) !== null) {
      this.#totals.publishedEvents += events.length;
    }
  }

  /** The bytes that were sent; null when they were not. */
  #send(message: Message): Buffer | null {
    const client = this.#publisher.ready;
    if (client === null || this.#unanswered >= UNANSWERED_MAX) return this.#lose();
    const bytes = encodeMessage(message);
    if (bytes === null) return this.#lose();
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#totals.publishedMessages++;
    void this.#await(client.publish(this.#channel, buffer));
    return buffer;
  }

  /** A number that is used up without a message: the others see a gap. */
  #lose(): null {
    this.#totals.lostMessages++;
    return null;
  }

  async #await(answer: Promise<unknown>): Promise<void> {
    this.#unanswered++;
    try {
      await answer;
    } catch {
      // The connection says itself what is wrong with it; others find the gap.
      this.#totals.lostMessages++;
    } finally {
      this.#unanswered--;
    }
  }

  async #keep(bytes: Buffer): Promise<void> {
    try {
      await this.#publisher.ready?.set(this.#key, bytes, "PX", MIRROR_MS_MAX);
      this.#setFault("write", null);
    } catch (error) {
      const fault = faultOf(error);
      if (this.#generation !== null && fault !== "unreachable") this.#setFault("write", fault);
      // The Sentinels have made another one the master.
      if (fault === "read_only" && this.#options.config.url === null) this.#publisher.reconnect();
    }
  }

  /** Reads the key and listens to the channel, in one go so that little can happen in between. */
  async #listen(client: Redis): Promise<void> {
    const { nowMs } = this.#options;
    client.removeAllListeners("messageBuffer");
    client.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => this.#receive(bytes));
    const askedAtMs = nowMs();
    try {
      const [kept, leftMs] = await Promise.all([
        client.getBuffer(this.#key),
        client.pttl(this.#key),
        client.subscribe(this.#channel),
      ]);
      this.#setFault("subscriber", null);
      if (kept !== null) this.#receive(kept, MIRROR_MS_MAX - leftMs + (nowMs() - askedAtMs));
    } catch (error) {
      this.#setFault("subscriber", faultOf(error));
      this.#subscriber.reconnect();
    }
  }

  #receive(bytes: Buffer, ageMs = 0): void {
    if (this.#generation !== null) return;
    this.#totals.received++;
    const message = decodeMessage(bytes);
    if (message === null) this.#totals.dropped++;
    else if (message.publisher === this.#me) return;
    else if (message.kind === "released") this.#releases.call();
    else if (!this.#mirror.take(message, ageMs)) this.#totals.dropped++;
  }
}
