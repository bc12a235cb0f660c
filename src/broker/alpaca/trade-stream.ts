/**
 * The account's `trade_updates` stream: authenticated, listening, kept open. Main thread. There is no replay: whatever
 * passed while it was not listening must be reconciled by REST, which `connected` asks for.
 */
import type { TradeUpdateHandler } from "../broker.ts";
import { PersistentSocket } from "./persistent-socket.ts";
import { readTradeUpdate } from "./readers.ts";
import type { SymbolNames } from "./symbols.ts";
import { type Log, systemTimers, type Timers } from "./timers.ts";
import { parseWire, wireArray, wireObject, type WireObject } from "./wire.ts";

export type TradeStreamState = "connecting" | "authenticated" | "listening" | "stale" | "refused" | "closed";

export interface TradeStreamOptions {
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly names: SymbolNames;
  readonly log: Log;
  readonly timers?: Timers;
  readonly random?: () => number;
}

const STREAM = "trade_updates";
/** A half-dead connection holds the account's only slot for about 90 s: keep asking. */
const REFUSED_RETRY_MAX_MS = 16_000;

export class TradeStream {
  readonly #options: TradeStreamOptions;
  readonly #handler: TradeUpdateHandler;
  readonly #socket: PersistentSocket;
  #state: TradeStreamState = "connecting";
  #listening = false;

  constructor(options: TradeStreamOptions, handler: TradeUpdateHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#socket = new PersistentSocket(
      {
        url: options.url,
        timers: options.timers ?? systemTimers,
        ...(options.random === undefined ? {} : { random: options.random }),
      },
      {
        opened: () => this.#authenticate(),
        message: (data) => this.#message(data),
        closed: (cause) => this.#lost(cause),
        stale: (isStale) => this.#setState(isStale ? "stale" : "listening"),
      },
    );
  }

  get state(): TradeStreamState {
    return this.#state;
  }

  start(): void {
    this.#socket.start();
  }

  async close(): Promise<void> {
    this.#setState("closed");
    await this.#socket.close();
  }

  #authenticate(): void {
    const { keyId, secretKey } = this.#options;
    this.#send({ action: "authenticate", data: { key_id: keyId, secret_key: secretKey } });
  }

  #send(request: object): void {
    this.#socket.send(JSON.stringify(request));
  }

  /** JSON in text or binary frames; a single byte is the venue's heartbeat. */
  #message(data: Buffer): void {
    if (data.length <= 1) return;
    try {
      this.#dispatch(wireObject(parseWire(data.toString("utf8")), "message"));
    } catch (error) {
      // An update that cannot be read is a lost update: start over, so that REST tells what it was.
      this.#options.log.warn({ error: (error as Error).message }, "unreadable message on the trade-update stream");
      this.#socket.drop(`unreadable message: ${(error as Error).message}`);
    }
  }

  #dispatch(message: WireObject): void {
    switch (message["stream"]) {
      case STREAM:
        this.#handler.update(readTradeUpdate(wireObject(message["data"], "data"), this.#options.names));
        break;
      case "authorization":
        this.#authorised(wireObject(message["data"], "data"));
        break;
      case "listening":
        this.#heard(wireObject(message["data"], "data"));
        break;
      default:
        if (message["action"] === "error" || message["T"] === "error") this.#refused(JSON.stringify(message));
    }
  }

  #authorised(data: WireObject): void {
    if (data["status"] !== "authorized") {
      this.#refused(`not authorised: ${JSON.stringify(data)}`);
      return;
    }
    this.#setState("authenticated");
    this.#send({ action: "listen", data: { streams: [STREAM] } });
  }

  #heard(data: WireObject): void {
    if (!wireArray(data["streams"], "streams").includes(STREAM)) {
      this.#refused("the stream is not served to this account");
      return;
    }
    if (this.#listening) return;
    this.#listening = true;
    this.#socket.ready();
    this.#setState("listening");
    this.#handler.connected();
  }

  #refused(cause: string): void {
    this.#setState("refused");
    this.#socket.drop(cause, REFUSED_RETRY_MAX_MS);
  }

  #lost(cause: string): void {
    this.#listening = false;
    if (this.#state !== "refused") this.#setState("connecting");
    this.#options.log.info({ cause }, "trade-update stream lost");
    this.#handler.disconnected(cause);
  }

  #setState(state: TradeStreamState): void {
    if (this.#state !== "closed") this.#state = state;
  }
}
