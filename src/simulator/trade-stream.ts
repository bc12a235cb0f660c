/**
 * The account's `trade_updates` stream, server side: authentication, listening, one connection for the account, JSON in
 * binary frames as the paper venue sends it. Main thread of the simulator.
 */
import type { RawData, WebSocket } from "ws";
import type { StreamGate } from "./faults/stream-gate.ts";

export interface TradeStreamOptions {
  readonly keyId: string;
  readonly secret: string;
  readonly authTimeoutMs: number;
  /** Where faults take hold of updates. */
  readonly gate: StreamGate;
}

const STREAM = "trade_updates";

export class TradeStreams {
  readonly #options: TradeStreamOptions;
  #holder: TradeConnection | null = null;

  constructor(options: TradeStreamOptions) {
    this.#options = options;
  }

  accept(socket: WebSocket): void {
    const connection = new TradeConnection(socket, this.#options, () => {
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
  readonly #options: TradeStreamOptions;
  readonly #claim: () => boolean;
  readonly #deadline: NodeJS.Timeout;
  #authorised = false;
  #listening = false;
  sent = 0;

  constructor(socket: WebSocket, options: TradeStreamOptions, claim: () => boolean) {
    this.#socket = socket;
    this.#options = options;
    this.#claim = claim;
    this.#deadline = setTimeout(() => this.#refuse("auth timeout"), options.authTimeoutMs);
    socket.on("message", (data) => this.#message(data));
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

  #message(data: RawData): void {
    let request: { action?: unknown; key?: unknown; secret?: unknown; data?: Record<string, unknown> | null };
    try {
      request = JSON.parse((data as Buffer).toString("utf8"));
      if (typeof request !== "object" || request === null) throw new TypeError("no object");
    } catch {
      return this.#refuse("invalid syntax");
    }
    if (request.action === "authenticate") this.#authenticate(request.data?.["key_id"], request.data?.["secret_key"]);
    else if (request.action === "auth") this.#authenticate(request.key, request.secret);
    else if (request.action === "listen") this.#listen(request.data?.["streams"]);
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

  /** The list replaces the one before; unknown names are left out of the answer. */
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
    if (this.#socket.readyState === this.#socket.OPEN && !this.#socket.isPaused)
      this.#socket.send(Buffer.from(JSON.stringify(message)));
  }
}
