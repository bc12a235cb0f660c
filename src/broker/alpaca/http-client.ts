/**
 * One HTTP exchange with Alpaca, over kept-alive connections: `node:http`, because it costs less per call than fetch, and
 * because it never follows a redirect with our keys. Every exchange has a deadline and ends in a value. Main thread.
 */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { VenueCount } from "./budget.ts";

export type HttpOutcome =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: string;
      /** Alpaca's `X-Request-ID`, for the log and their support. */
      readonly requestId: string | null;
      readonly retryAfterMs: number | null;
      /** The venue's `X-RateLimit-*` count; null when it gives none. */
      readonly count: VenueCount | null;
    }
  /** `sent` is false only when the request provably never left: no connection was made. */
  | { readonly kind: "failed"; readonly cause: string; readonly sent: boolean };

export interface HttpCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly body?: object;
  readonly deadlineMs: number;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** Idle connections are given up before the usual servers do, so that a POST rarely meets a dying one. */
const IDLE_SOCKET_MS = 15_000;
const MAX_RETRY_AFTER_MS = 60_000;

export class HttpClient {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: 8, timeout: IDLE_SOCKET_MS });
  readonly #https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 8, timeout: IDLE_SOCKET_MS });

  constructor(headers: Readonly<Record<string, string>>) {
    this.#headers = headers;
  }

  /** At the deadline the connection is destroyed: nothing of the request can leave any more. */
  exchange(call: HttpCall): Promise<HttpOutcome> {
    return new Promise((resolve) => {
      const secure = call.url.protocol === "https:";
      const text = call.body === undefined ? null : JSON.stringify(call.body);
      const signal = AbortSignal.timeout(call.deadlineMs);
      const request = (secure ? httpsRequest : httpRequest)(call.url, {
        method: call.method,
        agent: secure ? this.#https : this.#http,
        headers: { ...this.#headers, accept: "application/json", ...bodyHeaders(text) },
        signal,
      });
      let sent = false;
      request.on("socket", (socket) => {
        whenConnected(socket, secure, () => {
          sent = true;
        });
      });
      request.on("response", (response) => readAnswer(response, signal, resolve));
      request.on("error", (error) => resolve(failure(error, signal, sent)));
      request.end(text ?? undefined);
    });
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** Before a connection stands (and its certificate is accepted) not a byte of the request goes out. */
function whenConnected(socket: Socket, secure: boolean, connected: () => void): void {
  if (socket.connecting) socket.once(secure ? "secureConnect" : "connect", connected);
  else connected();
}

function bodyHeaders(text: string | null): Record<string, string> {
  if (text === null) return {};
  return { "content-type": "application/json", "content-length": String(Buffer.byteLength(text)) };
}

function readAnswer(response: IncomingMessage, signal: AbortSignal, resolve: (outcome: HttpOutcome) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else response.destroy(new Error(`the answer exceeds ${MAX_BODY_BYTES} bytes`));
  });
  response.on("error", (error) => resolve(failure(error, signal, true)));
  response.on("end", () =>
    resolve({
      kind: "answer",
      status: response.statusCode ?? 0,
      body: Buffer.concat(chunks).toString("utf8"),
      requestId: header(response, "x-request-id"),
      retryAfterMs: retryAfterMs(response),
      count: venueCount(response),
    }),
  );
  response.on("close", () => {
    if (!response.complete) resolve(failure(new Error("the answer was cut off"), signal, true));
  });
}

function failure(error: Error, signal: AbortSignal, sent: boolean): HttpOutcome {
  return {
    kind: "failed",
    cause: signal.aborted ? "no answer before the deadline" : error.message || error.name,
    sent,
  };
}

function header(response: IncomingMessage, name: string): string | null {
  const value = response.headers[name];
  return typeof value === "string" ? value : null;
}

/** `Retry-After` in seconds, else the reset of the rate limit. */
function retryAfterMs(response: IncomingMessage): number | null {
  const seconds = numberIn(response, "retry-after");
  return seconds === null ? resetInMs(response) : clampDelay(seconds * 1000);
}

function venueCount(response: IncomingMessage): VenueCount | null {
  const limit = numberIn(response, "x-ratelimit-limit");
  const remaining = numberIn(response, "x-ratelimit-remaining");
  const reset = resetInMs(response);
  return limit === null || remaining === null || reset === null ? null : { limit, remaining, resetInMs: reset };
}

/** The reset is in epoch seconds by their clock, and so is the answer's date. */
function resetInMs(response: IncomingMessage): number | null {
  const resetSeconds = numberIn(response, "x-ratelimit-reset");
  const dateMs = Date.parse(header(response, "date") ?? "");
  return resetSeconds === null || Number.isNaN(dateMs) ? null : clampDelay(resetSeconds * 1000 - dateMs);
}

function numberIn(response: IncomingMessage, name: string): number | null {
  const text = header(response, name);
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

function clampDelay(delayMs: number): number {
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, delayMs));
}
