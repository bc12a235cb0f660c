/**
 * The account's `trade_updates` stream, server side: authentication, listening, and one connection for the account, which
 * keeps its place until it is closed or found dead. Main thread of the simulator.
 *
 * S sends nothing before the first answer:
 *   C {"action":"authenticate","data":{"key_id","secret_key"}} or {"action":"auth","key","secret"}
 *   S {"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}, or "unauthorized"
 *   C {"action":"listen","data":{"streams":["trade_updates"]}}; the list replaces the one before
 *   S {"stream":"listening","data":{"streams":[…]}}, without the names it does not know
 *   S {"stream":"trade_updates","data":{…}}
 *   S {"action":"error","data":{"error_message":"…"}}, then the connection is closed
 */
import type { IncomingMessage } from "node:http";
import type { RawData, WebSocket } from "ws";
import type { StreamGate } from "../faults/stream-gate.ts";
import { readTradeFrame, type TradeFrameCodec, tradeFrame } from "./stream-frame.ts";

export interface TradeStreamOptions {
  readonly keyId: string;
  readonly secret: string;
  readonly authTimeoutMs: number;
  /** Where faults take hold of updates. */
  readonly gate: StreamGate;
  /** Of clients that do not ask for MessagePack. */
  readonly frames: "binary" | "text";
}

const STREAM = "trade_updates";
/** Bytes that may wait for a client before it is cut off: it does not read. */
const BACKLOG_BYTES = 16 << 20;

export class TradeStreams {
  readonly #options: TradeStreamOptions;
  #holder: TradeConnection | null = null;

  constructor(options: TradeStreamOptions) {
    this.#options = options;
  }

  accept(socket: WebSocket, request: IncomingMessage): void {
    const msgpack = request.headers["content-type"]?.includes("msgpack") === true;
    const codec = msgpack ? "msgpack" : this.#options.frames;
    const connection = new TradeConnection(socket, codec, this.#options, () => {
      if ((this.#holder !== null && this.#holder !== connection) || this.#options.gate.holdsSlot) return false;
      this.#holder = connection;
      return true;
    });
    socket.on("close", () => {
      if (this.#holder === connection) this.#holder = null;
    });
  }

  /** Sends an update to the listener, if there is one. */
  send(data: object): void {
    this.#holder?.update(data);
  }

  /** Updates sent to the connection that is there now. */
  get sent(): number {
    return this.#holder?.sent ?? 0;
  }
}

class TradeConnection {
  readonly #socket: WebSocket;
  readonly #codec: TradeFrameCodec;
  readonly #options: TradeStreamOptions;
  readonly #claim: () => boolean;
  readonly #deadline: NodeJS.Timeout;
  #authorised = false;
  #listening = false;
  sent = 0;

  constructor(socket: WebSocket, codec: TradeFrameCodec, options: TradeStreamOptions, claim: () => boolean) {
    this.#socket = socket;
    this.#codec = codec;
    this.#options = options;
    this.#claim = claim;
    this.#deadline = setTimeout(() => this.#refuse("auth timeout"), options.authTimeoutMs);
    socket.on("message", (data, isBinary) => this.#message(data, isBinary));
    socket.on("close", () => clearTimeout(this.#deadline));
  }

  update(data: object): void {
    if (!this.#listening) return;
    const { gate } = this.#options;
    if (gate.isArmed) gate.pass(this.#socket, data, (passed) => this.#deliver(passed));
    else this.#deliver(data);
  }

  #deliver(data: object): void {
    this.sent++;
    this.#send({ stream: STREAM, data });
  }

  #message(data: RawData, isBinary: boolean): void {
    const request = readTradeFrame(data as Buffer, isBinary);
    if (request === null) return this.#refuse("invalid syntax");
    const details = fieldsOf(request["data"]);
    if (request["action"] === "authenticate") this.#authenticate(details["key_id"], details["secret_key"]);
    else if (request["action"] === "auth") this.#authenticate(request["key"], request["secret"]);
    else if (request["action"] === "listen") this.#listen(details["streams"]);
    else this.#refuse("invalid syntax");
  }

  #authenticate(key: unknown, secret: unknown): void {
    if (key !== this.#options.keyId || secret !== this.#options.secret) {
      return this.#authorization("unauthorized", "authenticate");
    }
    if (!this.#claim()) return this.#refuse("connection limit exceeded", 406);
    clearTimeout(this.#deadline);
    this.#authorised = true;
    this.#authorization("authorized", "authenticate");
  }

  #listen(streams: unknown): void {
    if (!this.#authorised) return this.#authorization("unauthorized", "listen");
    this.#listening = Array.isArray(streams) && streams.includes(STREAM);
    this.#send({ stream: "listening", data: { streams: this.#listening ? [STREAM] : [] } });
  }

  #authorization(status: string, action: string): void {
    this.#send({ stream: "authorization", data: { status, action } });
  }

  #refuse(message: string, code?: number): void {
    this.#send({ action: "error", data: { error_message: message, ...(code === undefined ? {} : { code }) } });
    this.#socket.close(1008, message);
  }

  /** A frozen connection is a paused one: nothing leaves. */
  #send(message: object): void {
    const { readyState, OPEN, isPaused, bufferedAmount } = this.#socket;
    if (readyState !== OPEN || isPaused) return;
    if (bufferedAmount > BACKLOG_BYTES) this.#socket.terminate();
    else this.#socket.send(tradeFrame(message, this.#codec));
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
