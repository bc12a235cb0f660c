/**
 * Numbers the bot's events and hands them to the clients in batches: the first event after a pause goes out at once, those of
 * the next `WINDOW_MS` together, so that a thousand clients cost a thousand sends a window and not a thousand an event. When
 * the bot says that its events do not join those before, a new generation begins and every client gets snapshots.
 */
import { randomBytes } from "node:crypto";
import type { BotPort, StreamChannel, StreamEvent } from "../bot-port.ts";
import { Backlog } from "./backlog.ts";
import type { StreamClient } from "./client.ts";
import { CHANNELS, Encoded } from "./protocol.ts";

const WINDOW_MS = 20;

interface ChannelState {
  number: number;
  readonly waiting: Backlog;
  readonly readers: Set<StreamClient>;
}

export class Publisher {
  /** Random, so that a client sees that other events are numbered: another process's, or after a gap. */
  #generation = newGeneration();
  readonly #bot: BotPort;
  readonly #channels: ReadonlyMap<StreamChannel, ChannelState>;
  readonly #ends: readonly (() => void)[];
  #flushedAtMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(bot: BotPort) {
    this.#bot = bot;
    this.#channels = new Map(
      CHANNELS.map((channel) => [channel, { number: 0, waiting: new Backlog(), readers: new Set<StreamClient>() }]),
    );
    this.#ends = [bot.subscribe((event) => this.#publish(event)), bot.onRestart(() => this.#restart())];
  }

  get generation(): string {
    return this.#generation;
  }

  /** Adds the client to the channel and sends it a snapshot, with which everything it gets later joins without a gap. */
  join(client: StreamClient, channel: StreamChannel): void {
    if (!client.open) return;
    const state = this.#state(channel);
    this.#flushChannel(channel, state, performance.now());
    client.forget(channel);
    client.subscriptions.add(channel);
    state.readers.add(client);
    client.send(this.#snapshot(channel, state.number));
  }

  leave(client: StreamClient, channel: StreamChannel): void {
    client.forget(channel);
    this.#state(channel).readers.delete(client);
  }

  /** Ends the subscription to the bot; nothing is sent any more. */
  close(): void {
    for (const end of this.#ends) end();
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const state of this.#channels.values()) state.readers.clear();
  }

  #restart(): void {
    this.#generation = newGeneration();
    for (const [channel, state] of this.#channels) {
      state.number = 0;
      state.waiting.take();
      if (state.readers.size === 0) continue;
      const snapshot = this.#snapshot(channel, 0);
      for (const client of state.readers) {
        client.dropWaiting(channel);
        client.send(snapshot);
      }
    }
  }

  #snapshot(channel: StreamChannel, number: number): Encoded {
    const items = this.#bot.snapshot(channel).map(({ key, data }) => ({ key, data }));
    return new Encoded({ type: "snapshot", channel, generation: this.#generation, number, items });
  }

  #publish(event: StreamEvent): void {
    const state = this.#state(event.channel);
    state.number++;
    if (state.readers.size === 0) return;
    state.waiting.add({ number: state.number, key: event.key, data: event.data });
    this.#timer ??= setTimeout(() => this.#flush(), Math.max(0, this.#flushedAtMs + WINDOW_MS - performance.now()));
  }

  #flush(): void {
    this.#timer = null;
    const nowMs = performance.now();
    this.#flushedAtMs = nowMs;
    for (const [channel, state] of this.#channels) this.#flushChannel(channel, state, nowMs);
  }

  #flushChannel(channel: StreamChannel, state: ChannelState, nowMs: number): void {
    if (state.waiting.empty) return;
    const changes = state.waiting.take();
    const encoded = new Encoded({ type: "changes", channel, generation: this.generation, changes });
    for (const client of state.readers) {
      client.catchUp(this.generation);
      client.deliver(channel, changes, encoded, nowMs);
    }
  }

  #state(channel: StreamChannel): ChannelState {
    const state = this.#channels.get(channel);
    if (state === undefined) throw new RangeError(`unknown channel ${channel}`);
    return state;
  }
}

function newGeneration(): string {
  return randomBytes(8).toString("hex");
}
