/**
 * Alpaca's market-data stream: one WebSocket with the MessagePack codec, authenticated, subscribed and kept open, its
 * frames scanned into records. Owned by the main thread of whoever holds the feed. It decides nothing about the data.
 */
import { encode } from "@msgpack/msgpack";
import type { RecordBuffer } from "../core/market/record.ts";
import { PersistentSocket } from "../broker/alpaca/persistent-socket.ts";
import { type Log, silentLog, systemTimers, type Timers } from "../broker/alpaca/timers.ts";
import { type ControlMessage, FrameScanner, SCAN_FULL, SCAN_MALFORMED } from "./msgpack-scanner.ts";
import { RecordScratch } from "./record-scratch.ts";

export type StreamState =
  | "connecting"
  | "authenticated"
  | "streaming"
  /** No frame and no pong for the stale time; the socket is still open. */
  | "stale"
  /** 406: another connection of the account holds the stream; tried again until it is free. */
  | "refused"
  | "closed";

export type StreamChannel = "trades" | "quotes" | "bars" | "updatedBars" | "statuses" | "lulds";

export const STOCK_CHANNELS: readonly StreamChannel[] = ["trades", "quotes", "statuses"];
/** Crypto has no halts. */
export const CRYPTO_CHANNELS: readonly StreamChannel[] = ["trades", "quotes"];

export interface AlpacaStreamHandler {
  /** Records of one frame (or a part of it), in order; valid during the call only. */
  frame(records: RecordBuffer, count: number): void;
  /** Subscribed: data follows. What was missed since the last connection must be had from REST. */
  connected(): void;
  disconnected(cause: string): void;
  stale(isStale: boolean): void;
  /** A malformed frame was cut short: any instrument may have lost a trade. */
  gap?(): void;
  stateChanged?(state: StreamState): void;
}

export interface AlpacaStreamOptions {
  /** Full address, such as `wss://stream.data.alpaca.markets/v2/iex`. */
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly instruments: readonly { readonly symbol: string; readonly index: number }[];
  readonly channels?: readonly StreamChannel[];
  readonly timers?: Timers;
  readonly random?: () => number;
  /** Epoch microseconds by this machine's clock, for the receive stamps. */
  readonly wallUs?: () => number;
  readonly log?: Log;
  readonly staleMs?: number;
  /** After how long without data an open connection is opened anew, ms; a quiet market is asked ever more rarely. */
  readonly muteMs?: number;
}

/** Counts since construction. */
export interface StreamCounters {
  readonly frames: number;
  readonly malformedFrames: number;
  readonly unknownSymbols: number;
  readonly connections: number;
}

const SCRATCH_RECORDS = 4096;
const MALFORMED_LOG_INTERVAL_MS = 60_000;
const MUTE_MS = 60_000;
/** The venue frees a dead session within about 90 s: keep asking often enough to have the stream soon after. */
const REFUSED_RETRY_MAX_MS = 16_000;
const ERROR_AUTH_ALREADY = 403;
const ERROR_CONNECTION_LIMIT = 406;

export class AlpacaStream {
  readonly #options: AlpacaStreamOptions;
  readonly #handler: AlpacaStreamHandler;
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #wallUs: () => number;
  readonly #socket: PersistentSocket;
  readonly #scanner: FrameScanner;
  readonly #scratch = new RecordScratch(SCRATCH_RECORDS);
  #state: StreamState = "connecting";
  #connected = false;
  #frames = 0;
  #malformedFrames = 0;
  #malformedUnlogged = 0;
  #lastMalformedLogMs = Number.NEGATIVE_INFINITY;
  #connections = 0;

  /** Opens nothing; call `start`. */
  constructor(options: AlpacaStreamOptions, handler: AlpacaStreamHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#timers = options.timers ?? systemTimers;
    this.#log = options.log ?? silentLog;
    this.#wallUs = options.wallUs ?? systemWallUs;
    this.#scanner = new FrameScanner({
      instruments: options.instruments,
      control: (message) => this.#control(message),
    });
    this.#socket = new PersistentSocket(
      {
        url: options.url,
        headers: { "Content-Type": "application/msgpack" },
        timers: this.#timers,
        ...(options.random === undefined ? {} : { random: options.random }),
        ...(options.staleMs === undefined ? {} : { staleMs: options.staleMs }),
        muteMs: options.muteMs ?? MUTE_MS,
      },
      {
        opened: () => {},
        message: (data, isBinary) => this.#message(data, isBinary),
        closed: (cause) => this.#lost(cause),
        stale: (isStale) => this.#staled(isStale),
      },
    );
  }

  get state(): StreamState {
    return this.#state;
  }

  get counters(): StreamCounters {
    return {
      frames: this.#frames,
      malformedFrames: this.#malformedFrames,
      unknownSymbols: this.#scanner.unknownSymbolCount,
      connections: this.#connections,
    };
  }

  start(): void {
    this.#socket.start();
  }

  async close(): Promise<void> {
    this.#setState("closed");
    await this.#socket.close();
  }

  #message(data: Buffer, isBinary: boolean): void {
    this.#frames++;
    if (!isBinary) {
      this.#textMessage(data);
      return;
    }
    const scratch = this.#scratch;
    scratch.clear();
    let status = this.#scanner.scan(data, this.#wallUs(), scratch);
    while (status === SCAN_FULL) {
      this.#handler.frame(scratch.records, scratch.count);
      scratch.clear();
      status = this.#scanner.resume(scratch);
    }
    if (scratch.count > 0) {
      this.#socket.said();
      this.#handler.frame(scratch.records, scratch.count);
    }
    if (status === SCAN_MALFORMED) this.#malformed(`at byte ${this.#scanner.faultOffset} of ${data.length}`);
  }

  /** With our codec only control messages (errors before it is agreed on) can come as text. */
  #textMessage(data: Buffer): void {
    let messages: unknown;
    try {
      messages = JSON.parse(data.toString("utf8"));
    } catch {
      messages = null;
    }
    if (!Array.isArray(messages)) {
      this.#malformed("text that is no JSON array");
      return;
    }
    for (const message of messages as unknown[]) {
      if (message !== null && typeof message === "object") this.#control(message as ControlMessage);
    }
  }

  #malformed(detail: string): void {
    this.#malformedFrames++;
    this.#malformedUnlogged++;
    const nowMs = this.#timers.nowMs();
    if (nowMs - this.#lastMalformedLogMs >= MALFORMED_LOG_INTERVAL_MS) {
      this.#log.warn({ frames: this.#malformedUnlogged, detail }, "malformed market-data frames skipped");
      this.#lastMalformedLogMs = nowMs;
      this.#malformedUnlogged = 0;
    }
    this.#handler.gap?.();
  }

  #control(message: ControlMessage): void {
    const text = String(message["msg"]);
    switch (message["T"]) {
      case "success":
        if (text === "connected") this.#authenticate();
        else if (text === "authenticated") this.#subscribe();
        break;
      case "subscription":
        this.#subscribed();
        break;
      case "error":
        this.#refused(Number(message["code"]), text);
        break;
      default:
        this.#log.info({ message }, "market-data stream: control message of no use");
    }
  }

  #authenticate(): void {
    this.#send({ action: "auth", key: this.#options.keyId, secret: this.#options.secretKey });
  }

  #subscribe(): void {
    this.#setState("authenticated");
    const symbols = this.#options.instruments.map((instrument) => instrument.symbol);
    const request: Record<string, unknown> = { action: "subscribe" };
    for (const channel of this.#options.channels ?? STOCK_CHANNELS) request[channel] = symbols;
    this.#send(request);
  }

  #send(request: object): void {
    this.#socket.send(encode(request));
  }

  #subscribed(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#connections++;
    this.#socket.ready();
    this.#setState("streaming");
    this.#handler.connected();
  }

  /** Every error but "already authenticated" leaves a connection that serves nothing or not all: start over. */
  #refused(code: number, text: string): void {
    if (code === ERROR_AUTH_ALREADY) return;
    this.#log.warn({ code, text }, "market-data stream refused");
    if (code === ERROR_CONNECTION_LIMIT) this.#setState("refused");
    this.#socket.drop(`error ${code}: ${text}`, code === ERROR_CONNECTION_LIMIT ? REFUSED_RETRY_MAX_MS : undefined);
  }

  #lost(cause: string): void {
    const wasConnected = this.#connected;
    this.#connected = false;
    if (this.#state !== "refused") this.#setState("connecting");
    this.#log.info({ cause, wasConnected }, "market-data stream lost");
    this.#handler.disconnected(cause);
  }

  #staled(isStale: boolean): void {
    this.#setState(isStale ? "stale" : "streaming");
    this.#handler.stale(isStale);
  }

  #setState(state: StreamState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    this.#handler.stateChanged?.(state);
  }
}

function systemWallUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}
