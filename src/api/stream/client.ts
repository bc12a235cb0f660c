/**
 * One connected reader of the stream: its subscriptions, whether it keeps up, and what waits for it while it doesn't. The
 * publisher decides what to send; this class decides whether it can be sent now.
 */
import type { WebSocket } from "ws";
import type { Caller } from "../access.ts";
import type { StreamChannel } from "../bot-port.ts";
import { Backlog } from "./backlog.ts";
import { type Change, Encoded, type Encoding } from "./protocol.ts";

/** Above this many unsent bytes changes wait and conflate. */
const BEHIND_BYTES = 64 * 1024;
/** Above this many unsent bytes (snapshots asked for but not read) the reader is cut at once. */
const CUT_BYTES = 1024 * 1024;
/** A reader that stays behind for this long is cut. */
const BEHIND_MS_MAX = 5_000;

/** A cut reader that doesn't answer the close is ended after this long. */
const CLOSE_MS_MAX = 2_000;

/** WebSocket close codes. */
export const CLOSE_RESTARTING = 1012;
export const CLOSE_TRY_LATER = 1013;
export const CLOSE_POLICY = 1008;

export class StreamClient {
  readonly socket: WebSocket;
  readonly encoding: Encoding;
  readonly subscriptions = new Set<StreamChannel>();
  /** Null until a key was shown. */
  caller: Caller | null = null;
  /** The key, kept to be verified again; null without one. */
  key: string | null = null;
  /** False between a ping and its pong. */
  alive = true;
  /** Messages received since the last sweep. */
  received = 0;
  /** True once it was cut for not reading. */
  wasCut = false;
  #work: Promise<void> = Promise.resolve();
  readonly #backlogs = new Map<StreamChannel, Backlog>();
  #behindSinceMs: number | null = null;

  constructor(socket: WebSocket, encoding: Encoding) {
    this.socket = socket;
    this.encoding = encoding;
  }

  get open(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  /** Runs what the client asked for one after the other, in the order in which it asked. `task` must not throw. */
  enqueue(task: () => Promise<void>): void {
    this.#work = this.#work.then(task);
  }

  /** Sends now, whatever waits; for replies and snapshots. */
  send(message: Encoded): void {
    if (!this.open) return;
    this.socket.send(message.as(this.encoding), { binary: this.encoding === "msgpack" });
    if (this.socket.bufferedAmount > CUT_BYTES) this.cut("unread snapshots");
  }

  /** Sends the changes, or keeps them (latest by key) while the reader is behind. `nowMs` is monotonic. */
  deliver(channel: StreamChannel, changes: readonly Change[], encoded: Encoded, nowMs: number): void {
    if (!this.open) return;
    if (this.#behindSinceMs === null && this.socket.bufferedAmount <= BEHIND_BYTES) {
      this.send(encoded);
      return;
    }
    this.#behindSinceMs ??= nowMs;
    const backlog = this.#backlogs.get(channel) ?? new Backlog();
    this.#backlogs.set(channel, backlog);
    for (const change of changes) backlog.add(change);
    if (backlog.overflowed) this.cut("too many unread events");
  }

  /** Sends what waited once the reader has caught up. */
  catchUp(generation: string): void {
    if (this.#behindSinceMs === null || !this.open || this.socket.bufferedAmount > BEHIND_BYTES) return;
    this.#behindSinceMs = null;
    for (const [channel, backlog] of this.#backlogs) {
      if (backlog.empty) continue;
      this.send(new Encoded({ type: "changes", channel, generation, changes: backlog.take() }));
    }
  }

  /** Cuts a reader that has been behind for too long. */
  cutIfStuck(nowMs: number): void {
    if (this.#behindSinceMs !== null && nowMs - this.#behindSinceMs >= BEHIND_MS_MAX) this.cut("reader too slow");
  }

  forget(channel: StreamChannel): void {
    this.subscriptions.delete(channel);
    this.dropWaiting(channel);
  }

  /** What waits for the reader is void. */
  dropWaiting(channel: StreamChannel): void {
    this.#backlogs.delete(channel);
  }

  /** Closes with 1013 and drops what waits. A peer that doesn't read can't answer the close either, so it is ended soon. */
  cut(reason: string): void {
    if (!this.open) return;
    this.wasCut = true;
    this.close(CLOSE_TRY_LATER, reason);
    this.#backlogs.clear();
    setTimeout(() => this.socket.terminate(), CLOSE_MS_MAX).unref();
  }

  close(code: number, reason: string): void {
    if (this.open) this.socket.close(code, reason);
  }
}
