/**
 * A WebSocket that is opened again whenever it ends: backoff with jitter, a deadline for becoming ready, a watchdog on
 * the monotonic clock. It knows nothing of what is said on it; a `SocketProtocol` does. Main thread.
 */
import { WebSocket } from "ws";
import { systemTimers, type Timers } from "./timers.ts";

/** The conversation held on the socket. Called on the main thread, never after `close`. */
export interface SocketProtocol {
  /** A connection stands; now authenticate. Call `ready` when the stream serves. */
  opened(): void;
  message(data: Buffer, isBinary: boolean): void;
  /** The connection (or the attempt) is over; another one follows by itself. */
  closed(cause: string): void;
  /** No frame and no pong for the stale time, or some again. Only between `ready` and `closed`. */
  stale(isStale: boolean): void;
}

export interface PersistentSocketOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timers?: Timers;
  /** 0..1, for the jitter. */
  readonly random?: () => number;
  /** Handshake, authentication and subscription must be done within this. */
  readonly readyTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  readonly staleMs?: number;
  /** A socket silent for this long is given up. */
  readonly deadMs?: number;
  /**
   * So is one that answers pings but on which nothing is said for this long, twice as long each time until something is:
   * a market may be quiet. Absent: never.
   */
  readonly muteMs?: number;
}

const BACKOFF_MIN_MS = 1000;
const BACKOFF_MAX_MS = 64_000;
const CHECK_INTERVAL_MS = 250;
/** A check this late means that this process was held up, not the venue: judge at the next one. */
const LATE_CHECK_MS = 750;
const CLOSE_GRACE_MS = 1000;
const MUTE_DOUBLINGS_MAX = 6;
/** Least pause after a handshake that was refused for coming too often. */
const BUSY_MIN_MS = 5000;
const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

export class PersistentSocket {
  readonly #options: PersistentSocketOptions;
  readonly #protocol: SocketProtocol;
  readonly #timers: Timers;
  readonly #random: () => number;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #closed = false;
  #ready = false;
  #stale = false;
  #lastActivityMs = 0;
  #lastPingMs = 0;
  #lastSaidMs = 0;
  #mutes = 0;
  #lastCheckMs = 0;
  #cancelRetry: () => void = () => {};
  #cancelDeadline: () => void = () => {};
  #cancelCheck: () => void = () => {};

  constructor(options: PersistentSocketOptions, protocol: SocketProtocol) {
    this.#options = options;
    this.#protocol = protocol;
    this.#timers = options.timers ?? systemTimers;
    this.#random = options.random ?? Math.random;
  }

  /** Opens the first connection; once only. */
  start(): void {
    this.#connect();
  }

  /** Sends when the connection stands, else does nothing (a new connection starts from the beginning anyway). */
  send(data: string | Uint8Array): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  /** The protocol is through its hello: backoff starts anew, the watchdog begins. */
  ready(): void {
    this.#attempt = 0;
    this.#ready = true;
    this.#cancelDeadline();
    this.#lastCheckMs = this.#timers.nowMs();
    this.#lastSaidMs = this.#lastCheckMs;
    this.#scheduleCheck();
  }

  /** What the stream is for was said on it. */
  said(): void {
    this.#lastSaidMs = this.#timers.nowMs();
    this.#mutes = 0;
  }

  /** Ends this connection and tries again after the backoff, kept within the two delays. */
  drop(cause: string, maxDelayMs: number = BACKOFF_MAX_MS, minDelayMs: number = BACKOFF_MIN_MS): void {
    if (this.#closed || this.#socket === null) return;
    this.#abandon();
    const delayMs = Math.max(minDelayMs, this.#backoffMs(maxDelayMs));
    this.#cancelRetry = this.#timers.after(delayMs, () => this.#connect());
    this.#protocol.closed(cause);
  }

  /** Ends it for good; resolves when the peer has answered the close or a second has passed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const socket = this.#socket;
    this.#socket = null;
    this.#cancelTimers();
    if (socket === null) return;
    silence(socket);
    if (socket.readyState !== WebSocket.OPEN) {
      socket.terminate();
      return;
    }
    await new Promise<void>((resolve) => {
      const cancel = this.#timers.after(CLOSE_GRACE_MS, () => {
        socket.terminate();
        resolve();
      });
      socket.once("close", () => {
        cancel();
        resolve();
      });
      socket.close(1000);
    });
  }

  #connect(): void {
    if (this.#closed) return;
    this.#ready = false;
    this.#stale = false;
    this.#touch();
    const socket = new WebSocket(this.#options.url, {
      headers: { ...this.#options.headers },
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD_BYTES,
      followRedirects: false,
    });
    this.#socket = socket;
    this.#cancelDeadline = this.#timers.after(this.#options.readyTimeoutMs ?? 10_000, () =>
      this.drop("not ready in time"),
    );
    socket.on("open", () => this.#protocol.opened());
    socket.on("message", (data, isBinary) => {
      this.#touch();
      this.#protocol.message(data as Buffer, isBinary);
    });
    socket.on("pong", () => this.#touch());
    socket.on("ping", () => this.#touch());
    socket.on("unexpected-response", (request, response) => {
      request.destroy();
      const minDelayMs = response.statusCode === 429 ? busyMs(response.headers["retry-after"]) : BACKOFF_MIN_MS;
      this.drop(`handshake answered with HTTP ${response.statusCode}`, BACKOFF_MAX_MS, minDelayMs);
    });
    socket.on("error", (error) => this.drop(error.message));
    socket.on("close", (code, reason) => this.drop(`closed with ${code} ${reason.toString("utf8")}`.trimEnd()));
  }

  #abandon(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    this.#cancelTimers();
    if (socket === null) return;
    silence(socket);
    socket.terminate();
  }

  #cancelTimers(): void {
    this.#cancelRetry();
    this.#cancelDeadline();
    this.#cancelCheck();
  }

  /** Between one second and `maxDelayMs`, doubling, with up to half of it taken off by chance. */
  #backoffMs(maxDelayMs: number): number {
    const fullMs = Math.min(maxDelayMs, BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.min(this.#attempt, 16));
    this.#attempt++;
    return Math.max(BACKOFF_MIN_MS, fullMs * (1 - this.#random() / 2));
  }

  #touch(): void {
    this.#lastActivityMs = this.#timers.nowMs();
    if (this.#stale) this.#setStale(false);
  }

  #setStale(isStale: boolean): void {
    this.#stale = isStale;
    this.#protocol.stale(isStale);
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#timers.after(CHECK_INTERVAL_MS, () => this.#check());
  }

  #check(): void {
    if (!this.#ready) return;
    const nowMs = this.#timers.nowMs();
    const late = nowMs - this.#lastCheckMs > LATE_CHECK_MS;
    this.#lastCheckMs = nowMs;
    const silentMs = nowMs - this.#lastActivityMs;
    if (nowMs - this.#lastPingMs >= (this.#options.pingIntervalMs ?? 1000)) {
      this.#lastPingMs = nowMs;
      if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.ping();
    }
    if (!late && silentMs > (this.#options.deadMs ?? 10_000)) {
      this.drop(`silent for ${Math.round(silentMs)} ms`);
      return;
    }
    const muteMs = nowMs - this.#lastSaidMs;
    if (!late && this.#options.muteMs !== undefined && muteMs > this.#options.muteMs * 2 ** this.#mutes) {
      this.#mutes = Math.min(this.#mutes + 1, MUTE_DOUBLINGS_MAX);
      this.drop(`mute for ${Math.round(muteMs)} ms`);
      return;
    }
    if (!late && !this.#stale && silentMs > (this.#options.staleMs ?? 2000)) this.#setStale(true);
    this.#scheduleCheck();
  }
}

/** What a 429 asks for, in seconds, within what we wait at most. */
function busyMs(retryAfter: string | undefined): number {
  const askedMs = Number(retryAfter) * 1000;
  return Number.isFinite(askedMs) ? Math.min(BACKOFF_MAX_MS, Math.max(BUSY_MIN_MS, askedMs)) : BUSY_MIN_MS;
}

/** No event of an abandoned socket reaches anybody; its late errors are nobody's. */
function silence(socket: WebSocket): void {
  socket.removeAllListeners();
  socket.on("error", () => {});
}
