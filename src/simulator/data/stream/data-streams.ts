/**
 * Every market-data stream and who is connected to it: places on the endpoints, and messages from the market to those
 * who want them, encoded once per codec. Messages leave in frames when the owner says `flush`. Main thread of the
 * simulator.
 */
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { StreamGate } from "../../faults/stream-gate.ts";
import { DataConnection } from "./data-connection.ts";
import { type DataChannel, type DataEndpoint, type FeedSource, MARKET_SOURCES } from "./endpoint.ts";
import { NEWS } from "../message/messages.ts";
import type { NewsArticle } from "../news.ts";
import { JsonCodec, MsgpackCodec, type StreamCodec } from "./stream-codec.ts";
import type { AnyMessage } from "./stream-message.ts";
import type { StreamSettings } from "./stream-settings.ts";
import { CHANNEL_BIT, type SubscriptionChange } from "./subscription.ts";

export interface DataStreamsOptions {
  readonly settings: StreamSettings;
  /** Where faults take hold of frames. */
  readonly gate: StreamGate;
  /** What an endpoint's source shows. */
  readonly instruments: (source: FeedSource) => readonly Instrument[];
  /** Somebody has asked for more. */
  readonly onSubscribed: (connection: DataConnection, change: SubscriptionChange) => void;
}

export class DataStreams {
  readonly #options: DataStreamsOptions;
  readonly #json = new JsonCodec();
  readonly #msgpack = new MsgpackCodec();
  readonly #codecs: readonly StreamCodec[] = [this.#json, this.#msgpack];
  /** Those that are authenticated, by what their endpoint shows. */
  readonly #holders = new Map<FeedSource, DataConnection[]>();

  constructor(options: DataStreamsOptions) {
    this.#options = options;
  }

  accept(socket: WebSocket, request: IncomingMessage, endpoint: DataEndpoint): void {
    const { settings, gate, instruments, onSubscribed } = this.#options;
    new DataConnection({
      socket,
      request,
      endpoint,
      codec: request.headers["content-type"] === "application/msgpack" ? this.#msgpack : this.#json,
      instruments: instruments(endpoint.source),
      settings,
      gate,
      claim: (newcomer) => this.#claim(newcomer),
      closed: (gone) => this.#remove(gone),
      subscribed: onSubscribed,
    });
  }

  publish(source: FeedSource, message: AnyMessage): void {
    const holders = this.#holders.get(source);
    if (holders === undefined) return;
    const bit = CHANNEL_BIT[message.channel];
    const { index, symbol } = message.instrument;
    for (const codec of this.#codecs) {
      let isEncoded = false;
      for (const connection of holders) {
        if (connection.codec !== codec || !connection.wants(bit, index, message.timeUs)) continue;
        if (!isEncoded) codec.encode(message.shape, symbol, message.value);
        isEncoded = true;
        connection.append();
      }
    }
  }

  /** To one connection only, whatever it has subscribed to. */
  deliver(connection: DataConnection, message: AnyMessage): void {
    connection.codec.encode(message.shape, message.instrument.symbol, message.value);
    connection.append();
  }

  publishNews(article: NewsArticle): void {
    for (const connection of this.#holders.get("news") ?? []) {
      if (!connection.wantsAny("news", article.symbols)) continue;
      connection.codec.encode(NEWS, null, article);
      connection.append();
    }
  }

  flush(): void {
    for (const holders of this.#holders.values()) for (const connection of holders) connection.flush();
  }

  /** Nothing more will come, because the market cannot go on. */
  fail(): void {
    for (const holders of this.#holders.values()) for (const connection of holders) connection.fail();
  }

  has(source: FeedSource): boolean {
    return this.#holders.has(source);
  }

  /** Whether anybody has subscribed to the channel. */
  isWanted(channel: DataChannel): boolean {
    return [...this.#holders.values()].some((holders) => holders.some((connection) => connection.isOn(channel)));
  }

  /** Messages of the simulated market sent to the connections that are there now. */
  get sent(): number {
    return this.#market().reduce((sum, connection) => sum + connection.sent, 0);
  }

  /** Whether anybody listens to the simulated market. */
  get subscribed(): boolean {
    return this.#market().some((connection) => connection.subscribed);
  }

  /** Bytes that the slowest reader has still to take. */
  get backlogBytes(): number {
    return this.#market().reduce((most, connection) => Math.max(most, connection.backlogBytes), 0);
  }

  #market(): readonly DataConnection[] {
    return MARKET_SOURCES.flatMap((source) => this.#holders.get(source) ?? []);
  }

  #claim(newcomer: DataConnection): boolean {
    if (this.#options.gate.holdsSlot) return false;
    const { endpoint } = newcomer;
    const holders = this.#holders.get(endpoint.source) ?? [];
    const onPath = holders.filter((holder) => holder.endpoint === endpoint).length;
    if (onPath >= this.#options.settings.connectionLimit) return false;
    this.#holders.set(endpoint.source, [...holders, newcomer]);
    return true;
  }

  #remove(gone: DataConnection): void {
    const { source } = gone.endpoint;
    const left = (this.#holders.get(source) ?? []).filter((holder) => holder !== gone);
    if (left.length === 0) this.#holders.delete(source);
    else this.#holders.set(source, left);
  }
}
