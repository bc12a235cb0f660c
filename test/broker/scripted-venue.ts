/**
 * A small HTTP and WebSocket server on loopback whose every answer the test writes: faults included that no good server
 * would ever make.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
}

export type ScriptedAnswer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> }
  /** Accepts and never answers. */
  | "hang"
  /** Resets the connection before an answer. */
  | "reset"
  /** Announces a body, sends half of it and resets. */
  | "cut";

export class ScriptedVenue {
  readonly requests: ScriptedRequest[] = [];
  answer: (request: ScriptedRequest) => ScriptedAnswer = () => ({ status: 500, body: "no script" });
  /** Called for each WebSocket with the number of the connection, from 0. */
  stream: (socket: WebSocket, connection: number, request: IncomingMessage) => void = () => {};
  /** When set, upgrades are answered with this HTTP status. */
  upgradeStatus: number | null = null;
  /** Header lines of that answer, each with its line end. */
  upgradeHeaders = "";
  connections = 0;
  /** TCP connections so far. */
  socketsOpened = 0;
  readonly #http: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #raw = new Set<Socket>();

  private constructor() {
    this.#http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const url = new URL(request.url ?? "/", "http://venue");
        const body = Buffer.concat(chunks).toString("utf8");
        const scripted = {
          method: request.method ?? "",
          path: url.pathname,
          query: url.searchParams,
          body,
          headers: request.headers,
        };
        this.requests.push(scripted);
        const answer = this.answer(scripted);
        if (answer === "hang") return;
        if (answer === "reset") {
          request.socket.resetAndDestroy();
          return;
        }
        if (answer === "cut") {
          response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
          response.write('{"id":', () => request.socket.resetAndDestroy());
          return;
        }
        const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
        response.writeHead(answer.status, { "x-request-id": "req-1", ...answer.headers });
        response.end(answer.status === 204 ? undefined : text);
      });
    });
    this.#http.on("connection", (socket) => {
      this.socketsOpened += 1;
      this.#raw.add(socket);
      socket.on("close", () => this.#raw.delete(socket));
    });
    this.#http.on("upgrade", (request, socket, head) => {
      if (this.upgradeStatus !== null) {
        socket.end(`HTTP/1.1 ${this.upgradeStatus} Refused\r\n${this.upgradeHeaders}Connection: close\r\n\r\n`);
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.stream(webSocket, this.connections++, request),
      );
    });
  }

  static async open(): Promise<ScriptedVenue> {
    const venue = new ScriptedVenue();
    venue.#http.listen(0, "127.0.0.1");
    await once(venue.#http, "listening");
    return venue;
  }

  /** Resolves when the connection of the next request has ended. */
  nextSocketEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.#http.once("request", (request: IncomingMessage) => request.socket.once("close", () => resolve()));
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get streamUrl(): string {
    return `ws://127.0.0.1:${this.port}/stream`;
  }

  async close(): Promise<void> {
    for (const socket of this.#raw) socket.destroy();
    this.#http.close();
    await once(this.#http, "close");
  }
}
