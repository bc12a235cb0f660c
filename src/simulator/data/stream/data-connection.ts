/**
 * One client of a market-data stream: authentication, subscription, and its messages in frames. It encodes nothing
 * itself: what it sends has been encoded once for all clients of its codec. Main thread of the simulator.
 */
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { StreamGate } from "../../faults/stream-gate.ts";
import { readMessagePack } from "../../message-pack.ts";
import { type DataChannel, type DataEndpoint, isInPlan, isOvernight } from "./endpoint.ts";
import { Frame } from "./frame.ts";
import type { StreamCodec } from "./stream-codec.ts";
import { type StreamErrorCode, STREAM_ERRORS, streamError } from "./stream-error.ts";
import type { StreamSettings } from "./stream-settings.ts";
import { readChange, Subscription, type SubscriptionChange } from "./subscription.ts";

const FRAME_MESSAGES = 512;
const FRAME_BYTES = 64 * 1024;
/** A slow client may still read that it is one. */
const SLOW_CLIENT_GRACE_MS = 2000;
const OPENING_BRACE = 0x7b;

export interface DataConnectionOptions {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly endpoint: DataEndpoint;
  readonly codec: StreamCodec;
  /** Those that the endpoint shows. */
  readonly instruments: readonly Instrument[];
  readonly settings: StreamSettings;
  /** Where faults take hold of frames. */
  readonly gate: StreamGate;
  /** Takes a place on the endpoint; false when there is none. */
  readonly claim: (connection: DataConnection) => boolean;
  readonly closed: (connection: DataConnection) => void;
  readonly subscribed: (connection: DataConnection, change: SubscriptionChange) => void;
}

export class DataConnection {
  readonly endpoint: DataEndpoint;
  readonly codec: StreamCodec;
  readonly #options: DataConnectionOptions;
  readonly #socket: WebSocket;
  readonly #subscription: Subscription;
  readonly #frame: Frame;
  readonly #deadline: NodeJS.Timeout;
  #authenticated = false;
  #slow = false;
  /** Market messages that have left. */
  sent = 0;

  constructor(options: DataConnectionOptions) {
    const { socket, request, endpoint, codec, settings } = options;
    this.#options = options;
    this.#socket = socket;
    this.endpoint = endpoint;
    this.codec = codec;
    this.#subscription = new Subscription(endpoint.channels, options.instruments);
    this.#frame = new Frame(codec);
    this.#deadline = setTimeout(() => this.#end(404), settings.authTimeoutMs);
    socket.on("message", (data) => this.#message(data as Buffer));
    socket.on("close", () => {
      clearTimeout(this.#deadline);
      options.closed(this);
    });
    this.#control({ T: "success", msg: "connected" });
    const keys = headerKeys(request);
    if (keys !== null) this.#authenticate(keys.key, keys.secret);
  }

  get subscribed(): boolean {
    return !this.#subscription.isEmpty;
  }

  /** Bytes that the reader has still to take. */
  get backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  isOn(channel: DataChannel): boolean {
    return this.#subscription.isOn(channel);
  }

  wants(channelBit: number, index: number, timeUs: number): boolean {
    if (!this.#subscription.wants(channelBit, index)) return false;
    return !this.endpoint.overnightOnly || isOvernight(timeUs);
  }

  wantsAny(channel: DataChannel, symbols: readonly string[]): boolean {
    return this.#subscription.wantsAny(channel, symbols);
  }

  /** Adds the message that the codec has encoded last. */
  append(): void {
    if (this.#slow) return;
    this.#frame.append();
    if (this.#frame.count >= FRAME_MESSAGES || this.#frame.size >= FRAME_BYTES) this.flush();
  }

  flush(): void {
    const { count } = this.#frame;
    if (count === 0) return;
    const frame = { bytes: this.#frame.take(), count };
    const { gate } = this.#options;
    if (gate.isArmed) gate.pass(this.#socket, frame, (passed) => this.#deliver(passed));
    else this.#deliver(frame);
  }

  #deliver(frame: { readonly bytes: Buffer; readonly count: number }): void {
    this.sent += frame.count;
    this.#send(frame.bytes);
    if (this.backlogBytes > this.#options.settings.slowClientBytes) this.#cut();
  }

  /** The market has come to an unplanned end. */
  fail(): void {
    this.#error(500);
  }

  #message(data: Buffer): void {
    const request = this.#read(data);
    if (request === null) return this.#error(400);
    switch (request["action"]) {
      case "auth":
        return this.#authenticated ? this.#error(403) : this.#authenticate(request["key"], request["secret"]);
      case "subscribe":
      case "unsubscribe":
        return this.#authenticated ? this.#subscribe(request) : this.#error(401);
      default:
        return this.#error(400);
    }
  }

  /** MessagePack where that was negotiated; JSON is understood everywhere. */
  #read(data: Buffer): Record<string, unknown> | null {
    try {
      const isPacked = this.codec.binary && data[0] !== OPENING_BRACE;
      const value: unknown = isPacked ? readMessagePack(data) : JSON.parse(data.toString("utf8"));
      return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
    } catch {
      return null;
    }
  }

  #authenticate(key: unknown, secret: unknown): void {
    const { settings, claim } = this.#options;
    if (key !== settings.keyId || secret !== settings.secret) return this.#end(402);
    if (!isInPlan(this.endpoint, settings.plan)) return this.#end(409);
    if (!claim(this)) return this.#error(406);
    clearTimeout(this.#deadline);
    this.#authenticated = true;
    this.#control({ T: "success", msg: "authenticated" });
  }

  #subscribe(request: Record<string, unknown>): void {
    if (this.endpoint.source === "options" && !this.codec.binary) return this.#error(412);
    const change = readChange(request, this.endpoint);
    if (typeof change === "number") return this.#error(change);
    const { symbolLimit } = this.#options.settings;
    const isLimited = symbolLimit !== null && this.endpoint.source !== "crypto";
    if (change.adds && isLimited && this.#subscription.countAfter(change) > symbolLimit) return this.#error(405);
    this.#subscription.apply(change);
    this.#control({ T: "subscription", ...this.#subscription.state() });
    if (change.adds) this.#options.subscribed(this, change);
  }

  /** Nothing more is kept for it than what it has left unread. */
  #cut(): void {
    this.#slow = true;
    this.#end(407);
    setTimeout(() => this.#socket.terminate(), SLOW_CLIENT_GRACE_MS).unref();
  }

  #error(code: StreamErrorCode): void {
    this.#control(streamError(code));
  }

  #end(code: StreamErrorCode): void {
    this.#error(code);
    this.#socket.close(1008, STREAM_ERRORS[code]);
  }

  #control(message: object): void {
    if (!this.#slow) this.flush();
    this.#send(this.codec.control(message));
  }

  /** A frozen connection is a paused one: nothing leaves. */
  #send(frame: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN || this.#socket.isPaused) return;
    this.#socket.send(frame, { binary: this.codec.binary });
  }
}

/** Alpaca's two headers, or the same pair as basic authorization; null when neither is there. */
function headerKeys(request: IncomingMessage): { readonly key: string; readonly secret: string } | null {
  const { "apca-api-key-id": key, "apca-api-secret-key": secret, authorization } = request.headers;
  if (typeof key === "string" && typeof secret === "string") return { key, secret };
  const basic = /^Basic ([A-Za-z0-9+/=]+)$/.exec(authorization ?? "")?.[1];
  if (basic === undefined) return null;
  const pair = Buffer.from(basic, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return { key: pair.slice(0, Math.max(0, colon)), secret: pair.slice(colon + 1) };
}
