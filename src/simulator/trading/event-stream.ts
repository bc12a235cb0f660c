/**
 * Server-sent events: what has happened since a moment, and then what happens, until the client goes or a moment comes.
 * Main thread of the simulator.
 *
 *   id: 01ARYZ6S41…
 *   data: {…}
 *
 * `since` or `since_id` (exclusive) ask for the past, `until` or `until_id` (inclusive) for an end. Nothing is written to a
 * client that does not read; when it has read too slowly for what is kept, a comment says how many events it has missed.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { malformed } from "../wire-error.ts";
import { QueryParameters } from "./query.ts";
import { isUlid } from "./ulid.ts";

export interface FeedItem {
  /** A ULID. */
  readonly id: string;
  /** Counts the feed's events without a gap. */
  readonly number: number;
  /** Venue time, epoch microseconds. */
  readonly timeUs: number;
  readonly body: () => object;
}

export interface EventFeed {
  /** Those that are kept and whose ids come after this one, in the order of their ids. */
  after(id: string): readonly FeedItem[];
  /** Calls back when there may be new ones, until the returned function is called. */
  watch(wake: () => void): () => void;
  /** Resolves when everything so far may be told. */
  committed(): Promise<void>;
  nowUs(): number;
}

/** Those that want to hear when something has happened. */
export class Watchers {
  readonly #wakes = new Set<() => void>();

  /** Calls back until the returned function is called. */
  readonly watch = (wake: () => void): (() => void) => {
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  };

  wake(): void {
    for (const wake of this.#wakes) wake();
  }
}

/** Bytes that may wait for a reader. */
const BACKLOG_BYTES = 1 << 20;
/** Ends come by time, too. */
const IDLE_MS = 500;

/** Where a client wants to begin and to end. */
interface Span {
  readonly sinceId: string | null;
  readonly sinceUs: number;
  readonly untilId: string | null;
  readonly untilUs: number;
}

/** Answers a request with the feed. Throws 422 for parameters that do not go together. */
export function streamEvents(request: FastifyRequest, reply: FastifyReply, feed: EventFeed): FastifyReply {
  const query = new QueryParameters(request.query);
  const span = spanOf(query, feed.nowUs());
  reply.hijack();
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
  });
  reply.raw.flushHeaders();
  new EventStream(reply.raw, feed, span).start();
  return reply;
}

function spanOf(query: QueryParameters, nowUs: number): Span {
  query.atMost(1, ["since", "since_id"]);
  query.atMost(1, ["until", "until_id"]);
  const sinceUs = query.timeUs("since");
  const untilUs = query.timeUs("until");
  const sinceId = ulidOf(query, "since_id");
  const untilId = ulidOf(query, "until_id");
  if (untilUs !== null && sinceUs === null) throw malformed("since is required with until");
  if (untilId !== null && sinceId === null) throw malformed("since_id is required with until_id");
  return {
    sinceId,
    sinceUs: sinceId === null ? (sinceUs ?? nowUs) : Number.NEGATIVE_INFINITY,
    untilId,
    untilUs: untilUs ?? Number.POSITIVE_INFINITY,
  };
}

function ulidOf(query: QueryParameters, name: string): string | null {
  const id = query.text(name);
  if (id !== null && !isUlid(id)) throw malformed(`${name} must be a ULID`);
  return id;
}

class EventStream {
  readonly #response: ServerResponse;
  readonly #feed: EventFeed;
  readonly #span: Span;
  /** Of the last event that was looked at. */
  #last: { readonly id: string; readonly number: number | null };
  #busy = false;

  constructor(response: ServerResponse, feed: EventFeed, span: Span) {
    this.#response = response;
    this.#feed = feed;
    this.#span = span;
    this.#last = { id: span.sinceId ?? "", number: null };
  }

  start(): void {
    const wake = () => void this.#advance();
    const unwatch = this.#feed.watch(wake);
    const timer = setInterval(wake, IDLE_MS);
    this.#response.on("drain", wake);
    this.#response.on("error", () => this.#response.destroy());
    this.#response.on("close", () => {
      unwatch();
      clearInterval(timer);
    });
    wake();
  }

  async #advance(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    const items = this.#feed.after(this.#last.id);
    const nowUs = this.#feed.nowUs();
    await this.#feed.committed();
    this.#busy = false;
    for (const item of items) {
      if (this.#response.writableEnded || this.#response.writableLength > BACKLOG_BYTES) return;
      this.#pass(item);
    }
    if (nowUs > this.#span.untilUs) this.#response.end();
  }

  #pass(item: FeedItem): void {
    const { sinceUs, untilUs, untilId } = this.#span;
    const missed = this.#last.number === null ? 0 : item.number - this.#last.number - 1;
    this.#last = item;
    if (missed > 0) this.#response.write(`: you are reading too slowly, dropped ${missed} messages\n\n`);
    const isPast = item.timeUs < sinceUs;
    const isBehind = item.timeUs > untilUs || (untilId !== null && item.id > untilId);
    if (!isPast && !isBehind) this.#response.write(`id: ${item.id}\ndata: ${JSON.stringify(item.body())}\n\n`);
    if (isBehind || item.id === untilId) this.#response.end();
  }
}
