/**
 * The market-data stream, server side: authentication, subscriptions, one connection per endpoint, JSON or MessagePack.
 * Messages are collected and leave in batches when the owner says `flush`. Main thread of the simulator.
 */
import type { IncomingMessage } from "node:http";
import { decode } from "@msgpack/msgpack";
import type { RawData, WebSocket } from "ws";
import type { Instrument } from "../core/market/instrument.ts";
import type { StreamGate } from "./faults/stream-gate.ts";
import { JSON_CODEC, type MarketCodec, type MarketMessage, MSGPACK_CODEC } from "./market-message.ts";

export const STOCK_CHANNELS = [
  "trades",
  "quotes",
  "bars",
  "updatedBars",
  "dailyBars",
  "statuses",
  "lulds",
  "corrections",
  "cancelErrors",
] as const;
export const CRYPTO_CHANNELS = ["trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"] as const;

export type DataChannel = (typeof STOCK_CHANNELS)[number] | (typeof CRYPTO_CHANNELS)[number] | "imbalances";

export interface DataStreamOptions {
  readonly keyId: string;
  readonly secret: string;
  readonly authTimeoutMs: number;
  /** Where faults take hold of frames. */
  readonly gate: StreamGate;
  /** A subscription was made: somebody listens now. */
  readonly onSubscribed: () => void;
}

const FRAME_MESSAGES = 512;
const ERRORS = {
  400: "invalid syntax",
  401: "not authenticated",
  402: "auth failed",
  403: "already authenticated",
  404: "auth timeout",
  406: "connection limit exceeded",
  410: "invalid subscribe action for this feed",
} as const;

/** Every endpoint of the stream and who holds it. */
export class DataStreams {
  readonly #options: DataStreamOptions;
  readonly #holders = new Map<string, DataConnection>();
  readonly #connections = new Set<DataConnection>();

  constructor(options: DataStreamOptions) {
    this.#options = options;
  }

  accept(socket: WebSocket, request: IncomingMessage, path: string): void {
    // ccxt names an older version, and no location.
    const crypto = /^\/v1beta\d\/crypto(\/|$)/.test(path);
    const connection = new DataConnection(socket, request, crypto, this.#options, {
      claim: (self) => this.#claim(path, self),
      closed: (self) => {
        this.#connections.delete(self);
        if (this.#holders.get(path) === self) this.#holders.delete(path);
      },
    });
    this.#connections.add(connection);
  }

  /** To everybody who has subscribed; `make` builds the message at most once. */
  push(channel: DataChannel, instrument: Instrument, make: () => MarketMessage): void {
    let message: MarketMessage | null = null;
    for (const connection of this.#holders.values()) {
      if (!connection.wants(channel, instrument)) continue;
      message ??= make();
      connection.push(message);
    }
  }

  flush(): void {
    for (const connection of this.#holders.values()) connection.flush();
  }

  /** Market messages sent to the connections that are there now. */
  get sent(): number {
    let sent = 0;
    for (const connection of this.#holders.values()) sent += connection.sent;
    return sent;
  }

  get subscribed(): boolean {
    for (const connection of this.#holders.values()) if (connection.subscribed) return true;
    return false;
  }

  /** Bytes that the slowest reader has still to take. */
  get backlogBytes(): number {
    let most = 0;
    for (const connection of this.#holders.values()) most = Math.max(most, connection.backlogBytes);
    return most;
  }

  #claim(path: string, connection: DataConnection): boolean {
    const holder = this.#holders.get(path);
    if ((holder !== undefined && holder !== connection) || this.#options.gate.holdsSlot) return false;
    this.#holders.set(path, connection);
    return true;
  }
}

interface Owner {
  /** Takes the endpoint for the connection; false when somebody has it. */
  claim(connection: DataConnection): boolean;
  closed(connection: DataConnection): void;
}

class DataConnection {
  readonly #socket: WebSocket;
  readonly #options: DataStreamOptions;
  readonly #owner: Owner;
  readonly #codec: MarketCodec;
  readonly #crypto: boolean;
  readonly #channels: readonly DataChannel[];
  readonly #symbols = new Map<DataChannel, Set<string>>();
  readonly #deadline: NodeJS.Timeout;
  #authenticated = false;
  #batch: MarketMessage[] = [];
  sent = 0;

  constructor(socket: WebSocket, request: IncomingMessage, crypto: boolean, options: DataStreamOptions, owner: Owner) {
    this.#socket = socket;
    this.#options = options;
    this.#owner = owner;
    this.#crypto = crypto;
    this.#codec = request.headers["content-type"] === "application/msgpack" ? MSGPACK_CODEC : JSON_CODEC;
    this.#channels = crypto ? CRYPTO_CHANNELS : STOCK_CHANNELS;
    for (const channel of this.#channels) this.#symbols.set(channel, new Set());
    this.#deadline = setTimeout(() => this.#end(404), options.authTimeoutMs);
    socket.on("message", (data) => this.#message(data));
    socket.on("close", () => {
      clearTimeout(this.#deadline);
      owner.closed(this);
    });
    this.#control({ T: "success", msg: "connected" });
    const { "apca-api-key-id": key, "apca-api-secret-key": secret } = request.headers;
    if (key !== undefined && secret !== undefined) this.#authenticate(key, secret);
  }

  get subscribed(): boolean {
    for (const symbols of this.#symbols.values()) if (symbols.size > 0) return true;
    return false;
  }

  get backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  wants(channel: DataChannel, instrument: Instrument): boolean {
    if ((instrument.assetClass === "crypto") !== this.#crypto) return false;
    const symbols = this.#symbols.get(channel);
    return symbols !== undefined && (symbols.has(instrument.symbol) || symbols.has("*"));
  }

  push(message: MarketMessage): void {
    this.#batch.push(message);
    if (this.#batch.length >= FRAME_MESSAGES) this.flush();
  }

  flush(): void {
    if (this.#batch.length === 0) return;
    const { gate } = this.#options;
    if (gate.isArmed) gate.pass(this.#socket, this.#batch, (passed) => this.#deliver(passed));
    else this.#deliver(this.#batch);
    this.#batch = [];
  }

  #deliver(batch: readonly MarketMessage[]): void {
    this.sent += batch.length;
    this.#send(batch);
  }

  #message(data: RawData): void {
    const request = this.#read(data);
    if (request === null) return this.#error(400);
    switch (request["action"]) {
      case "auth":
        return this.#authenticated ? this.#error(403) : this.#authenticate(request["key"], request["secret"]);
      case "subscribe":
      case "unsubscribe":
        return this.#authenticated ? this.#subscribe(request, request["action"] === "subscribe") : this.#error(401);
      default:
        return this.#error(400);
    }
  }

  #read(data: RawData): Record<string, unknown> | null {
    try {
      const bytes = data as Buffer;
      const value: unknown =
        this.#codec.binary && bytes[0] !== OPENING_BRACE ? decode(bytes) : JSON.parse(bytes.toString("utf8"));
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  #authenticate(key: unknown, secret: unknown): void {
    if (key !== this.#options.keyId || secret !== this.#options.secret) return this.#end(402);
    if (!this.#owner.claim(this)) return this.#error(406);
    clearTimeout(this.#deadline);
    this.#authenticated = true;
    this.#control({ T: "success", msg: "authenticated" });
  }

  #subscribe(request: Record<string, unknown>, adds: boolean): void {
    const changes: [DataChannel, readonly string[]][] = [];
    for (const [name, value] of Object.entries(request)) {
      if (name === "action") continue;
      if (!(this.#channels as readonly string[]).includes(name)) return this.#error(410);
      if (!Array.isArray(value) || value.some((symbol) => typeof symbol !== "string")) return this.#error(400);
      changes.push([name as DataChannel, value as string[]]);
    }
    for (const [channel, symbols] of changes)
      for (const each of withImplied(channel)) this.#change(each, symbols, adds);
    this.#control({ T: "subscription", ...this.#state() });
    if (adds) this.#options.onSubscribed();
  }

  #change(channel: DataChannel, symbols: readonly string[], adds: boolean): void {
    const set = this.#symbols.get(channel);
    for (const symbol of symbols) {
      if (adds) set?.add(symbol);
      else set?.delete(symbol);
    }
  }

  #state(): Record<string, string[]> {
    return Object.fromEntries([...this.#symbols].map(([channel, symbols]) => [channel, [...symbols]]));
  }

  #error(code: keyof typeof ERRORS): void {
    this.#control({ T: "error", code, msg: ERRORS[code] });
  }

  #end(code: keyof typeof ERRORS): void {
    this.#error(code);
    this.#socket.close(1008, ERRORS[code]);
  }

  #control(message: object): void {
    this.flush();
    this.#send([message]);
  }

  /** A frozen connection is a paused one: nothing leaves. */
  #send(messages: readonly object[]): void {
    if (this.#socket.readyState === this.#socket.OPEN && !this.#socket.isPaused) {
      this.#socket.send(this.#codec.encode(messages), { binary: this.#codec.binary });
    }
  }
}

const OPENING_BRACE = 0x7b;

/** Trades bring their corrections along. */
function withImplied(channel: DataChannel): readonly DataChannel[] {
  return channel === "trades" ? ["trades", "corrections", "cancelErrors"] : [channel];
}
