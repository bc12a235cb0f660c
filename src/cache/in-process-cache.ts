/**
 * The cache where there is no Redis: one replica, which has nobody to tell. Members of one exchange, all in this process,
 * hear each other as replicas do through Redis, only at once and without loss.
 */
import { randomBytes } from "node:crypto";
import type { StreamEvent } from "../api/bot-port.ts";
import { type Cache, type CacheReading, MIRROR_MS_MAX, type MirrorState, type OwnerState } from "./cache.ts";
import { Listeners } from "./listeners.ts";
import type { Message } from "./message.ts";
import { Mirror } from "./mirror.ts";

type Told = Exclude<Message, { readonly kind: "released" }>;

/** Where members meet, and the latest state for those that come later. */
export class InProcessExchange {
  readonly members = new Set<InProcessCache>();
  latest: { readonly message: Told; readonly atMs: number } | null = null;
}

export class InProcessCache implements Cache {
  readonly #exchange: InProcessExchange;
  readonly #nowMs: () => number;
  readonly #publisher = randomBytes(8).toString("hex");
  readonly #events: Listeners<StreamEvent>;
  readonly #restarts: Listeners<void>;
  readonly #releases: Listeners<void>;
  readonly #mirror: Mirror;
  readonly #expiry: NodeJS.Timeout;
  #generation: bigint | null = null;
  #number = 0;

  /** `nowMs` is monotonic; `onFault` hears of listeners that threw. */
  constructor(nowMs: () => number, onFault: (error: unknown) => void, exchange = new InProcessExchange()) {
    this.#nowMs = nowMs;
    this.#events = new Listeners(onFault);
    this.#restarts = new Listeners(onFault);
    this.#releases = new Listeners(onFault);
    this.#mirror = new Mirror({
      nowMs,
      onEvent: (event) => this.#events.call(event),
      onRestart: () => this.#restarts.call(),
    });
    this.#expiry = setInterval(() => this.#mirror.expire(), MIRROR_MS_MAX / 10).unref();
    this.#exchange = exchange;
    exchange.members.add(this);
    this.#catchUp();
  }

  lead(generation: bigint): void {
    this.#generation = generation;
    this.#mirror.clear();
  }

  follow(): void {
    this.#generation = null;
    this.#catchUp();
  }

  publish(event: StreamEvent): void {
    this.#tell((head) => ({ ...head, kind: "events", events: [event] }));
  }

  setState(state: OwnerState): void {
    const message = this.#tell((head) => ({ ...head, kind: "state", state }));
    if (message !== null) this.#exchange.latest = { message, atMs: this.#nowMs() };
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
    for (const member of this.#others()) member.#releases.call();
  }

  onReleased(listener: () => void): () => void {
    return this.#releases.add(listener);
  }

  health(): null {
    return null;
  }

  reading(): CacheReading {
    return {
      state: null,
      publishedMessages: 0,
      publishedEvents: 0,
      lostMessages: 0,
      receivedMessages: 0,
      droppedMessages: 0,
      gaps: this.#mirror.gaps,
      mirrorAgeMs: this.#mirror.ageMs,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry);
    this.#exchange.members.delete(this);
  }

  #others(): InProcessCache[] {
    return [...this.#exchange.members].filter((member) => member !== this);
  }

  #tell(message: (head: { publisher: string; generation: bigint; number: number }) => Told): Told | null {
    if (this.#generation === null) return null;
    const others = this.#others();
    this.#number++;
    const told = message({ publisher: this.#publisher, generation: this.#generation, number: this.#number });
    for (const member of others) if (member.#generation === null) member.#mirror.take(told);
    return told;
  }

  #catchUp(): void {
    const { latest } = this.#exchange;
    if (latest === null || latest.message.publisher === this.#publisher) return;
    this.#mirror.take(latest.message, this.#nowMs() - latest.atMs);
  }
}
