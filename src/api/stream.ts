/**
 * The stream face: accepts WebSocket connections on `/stream`, checks who connects, speaks the protocol of
 * `stream/protocol.ts`, and keeps slow or silent readers from costing memory. Main thread.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyBaseLogger } from "fastify";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { CodedError } from "../core/errors.ts";
import { bearerToken, type Caller, HostPolicy, type KeyVerifier, NO_KEY_YET } from "./access.ts";
import type { BotPort } from "./bot-port.ts";
import type { FacesConfig } from "./faces-config.ts";
import { PROBLEM_TYPE, ProblemError } from "./problem.ts";
import { CLOSE_POLICY, CLOSE_RESTARTING, StreamClient } from "./stream/client.ts";
import { CHANNELS, type ClientMessage, Encoded, parseClientMessage } from "./stream/protocol.ts";
import { Publisher } from "./stream/publisher.ts";

const PATH = "/stream";
const PAYLOAD_BYTES_MAX = 16 * 1024;
const CLIENTS_MAX = 2_000;
const REQUEST_MS_MAX = 10_000;
const AUTH_MS_MAX = 5_000;
const SWEEP_MS = 1_000;
const PING_SWEEPS = 15;
const VERIFY_SWEEPS = 60;
/** Messages that a client may send between two sweeps. */
const MESSAGES_PER_SWEEP_MAX = 50;

export interface StreamDependencies {
  readonly bot: BotPort;
  readonly keys: KeyVerifier;
  readonly config: FacesConfig;
  readonly log: FastifyBaseLogger;
}

export class Stream {
  readonly server: Server;
  readonly #dependencies: StreamDependencies;
  readonly #policy: HostPolicy;
  readonly #publisher: Publisher;
  readonly #clients = new Set<StreamClient>();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: PAYLOAD_BYTES_MAX,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered].find((name) => name === "json" || name === "msgpack") ?? false,
  });
  readonly #sweeper: NodeJS.Timeout;
  #sweeps = 0;
  #cut = 0;
  #draining = false;

  constructor(dependencies: StreamDependencies) {
    this.#dependencies = dependencies;
    this.#policy = new HostPolicy(dependencies.config.allowedHosts, dependencies.config.allowedOrigins);
    this.#publisher = new Publisher(dependencies.bot);
    this.server = createServer(
      { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX },
      (_request, response) => {
        response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
        response.end(`This port speaks WebSocket at ${PATH}.\n`);
      },
    );
    this.server.on("upgrade", (request, socket, head) => {
      void this.#upgrade(request, socket, head);
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Connected clients, and how many were cut for being too slow since start. */
  counts(): { readonly clients: number; readonly cut: number } {
    return { clients: this.#clients.size, cut: this.#cut };
  }

  /** Takes no new clients and closes those that are there with 1012, each at a random moment of its part of `spreadMs`. */
  async drain(spreadMs: number): Promise<void> {
    this.#draining = true;
    const clients = [...this.#clients];
    const closings = clients.map((client, i) => closeAfter(client, (spreadMs * (i + Math.random())) / clients.length));
    await Promise.all(closings);
  }

  /** Ends everything at once. */
  async close(): Promise<void> {
    this.#draining = true;
    clearInterval(this.#sweeper);
    this.#publisher.close();
    for (const client of this.#clients) client.socket.terminate();
    this.#sockets.close();
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    try {
      const [caller, key] = await this.#admit(request);
      socket.off("error", onError);
      this.#sockets.handleUpgrade(request, socket, head, (ws) => {
        const client = this.#accept(ws, caller, key);
        socket.on("drain", () => client.catchUp(this.#publisher.generation));
      });
    } catch (error) {
      if (error instanceof ProblemError) return refuse(socket, error);
      this.#dependencies.log.error({ err: error }, "stream upgrade failed");
      refuse(socket, new ProblemError(503, "KEY_UNVERIFIED", "the key could not be verified; try again"));
    }
  }

  /** The caller and key shown in the upgrade request (null for none), or a throw with the refusal. */
  async #admit(request: IncomingMessage): Promise<[Caller | null, string | null]> {
    const { host, origin, authorization } = request.headers;
    if (!this.#policy.hostAllowed(host, request.socket.localAddress))
      throw new ProblemError(421, "HOST_NOT_ALLOWED", "the Host header names no host that this bot serves");
    if (!this.#policy.streamOriginAllowed(origin, host))
      throw new ProblemError(403, "ORIGIN_NOT_ALLOWED", "pages of this origin may not read here");
    if (request.url !== PATH)
      throw new ProblemError(404, "ROUTE_NOT_FOUND", `the stream is at ${PATH}, without a query`);
    if (this.#dependencies.config.requireKeyForReads && !(await this.#dependencies.keys.exist()))
      throw new ProblemError(401, "KEY_NEEDED", NO_KEY_YET);
    if (this.#draining || this.#clients.size >= CLIENTS_MAX) {
      throw new ProblemError(503, "STREAM_FULL", "no more clients are taken here now");
    }
    if (authorization === undefined) return [null, null];
    const key = bearerToken(authorization);
    const caller = key === null ? null : await this.#dependencies.keys.verify(key);
    if (caller === null)
      throw new ProblemError(401, "KEY_INVALID", "the key is malformed, unknown, expired or revoked");
    return [caller, key];
  }

  #accept(socket: WebSocket, caller: Caller | null, key: string | null): StreamClient {
    const client = new StreamClient(socket, socket.protocol === "msgpack" ? "msgpack" : "json");
    client.caller = caller;
    client.key = key;
    this.#clients.add(client);
    const keyNeeded = this.#keyNeeded(client);
    const deadline = keyNeeded ? setTimeout(() => this.#endUnauthenticated(client), AUTH_MS_MAX) : undefined;
    socket.on("message", (data) => {
      this.#receive(client, toBytes(data));
    });
    socket.on("pong", () => {
      client.alive = true;
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearTimeout(deadline);
      this.#remove(client);
    });
    const { generation } = this.#publisher;
    client.send(new Encoded({ type: "hello", generation, channels: CHANNELS, key_needed: keyNeeded }));
    return client;
  }

  #keyNeeded(client: StreamClient): boolean {
    return this.#dependencies.config.requireKeyForReads && client.caller === null;
  }

  #endUnauthenticated(client: StreamClient): void {
    if (this.#keyNeeded(client)) client.close(CLOSE_POLICY, "no key within 5 s");
  }

  #receive(client: StreamClient, data: Uint8Array): void {
    if (++client.received > MESSAGES_PER_SWEEP_MAX) client.close(CLOSE_POLICY, "too many messages");
    if (client.open) client.enqueue(() => this.#answer(client, data));
  }

  async #answer(client: StreamClient, data: Uint8Array): Promise<void> {
    try {
      await this.#act(client, parseClientMessage(data, client.encoding));
    } catch (error) {
      const known = error instanceof CodedError;
      if (!known) this.#dependencies.log.error({ err: error }, "stream message failed");
      const code = known ? error.code : "INTERNAL";
      const message = known ? error.message : "unexpected failure";
      client.send(new Encoded({ type: "error", code, message }));
    }
  }

  async #act(client: StreamClient, message: ClientMessage): Promise<void> {
    if (message.action === "auth") return this.#authenticate(client, message.key);
    if (this.#keyNeeded(client)) throw new CodedError("KEY_REQUIRED", 'send {"action":"auth","key":"atb_…"} first');
    for (const channel of message.channels) {
      if (message.action === "subscribe") this.#publisher.join(client, channel);
      else this.#publisher.leave(client, channel);
    }
    client.send(
      new Encoded({ type: "subscribed", channels: CHANNELS.filter((name) => client.subscriptions.has(name)) }),
    );
  }

  async #authenticate(client: StreamClient, key: string): Promise<void> {
    const token = bearerToken(`Bearer ${key}`);
    const caller = token === null ? null : await this.#dependencies.keys.verify(token);
    if (caller === null) throw new CodedError("KEY_INVALID", "the key is malformed, unknown, expired or revoked");
    client.caller = caller;
    client.key = token;
    client.send(new Encoded({ type: "authenticated", role: caller.role }));
  }

  /** Once a second: catches readers up, cuts stuck ones, pings, and looks again at keys that may have been revoked. */
  #sweep(): void {
    this.#sweeps++;
    const nowMs = performance.now();
    for (const client of this.#clients) {
      client.received = 0;
      client.catchUp(this.#publisher.generation);
      client.cutIfStuck(nowMs);
      if (this.#sweeps % PING_SWEEPS === 0) ping(client);
      if (this.#sweeps % VERIFY_SWEEPS === 0) void this.#verifyAgain(client);
    }
  }

  async #verifyAgain(client: StreamClient): Promise<void> {
    if (client.key === null) return;
    try {
      if ((await this.#dependencies.keys.verify(client.key)) === null) client.close(CLOSE_POLICY, "key revoked");
    } catch (error) {
      // The store can't be asked: the key was good when shown, and reading loses nothing.
      this.#dependencies.log.warn({ err: error }, "stream key could not be verified again");
    }
  }

  #remove(client: StreamClient): void {
    this.#clients.delete(client);
    if (client.wasCut) this.#cut++;
    for (const channel of CHANNELS) this.#publisher.leave(client, channel);
  }
}

function refuse(socket: Duplex, problem: ProblemError): void {
  const body = JSON.stringify(problem.document());
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** A peer that answered no ping since the last one is gone. */
function ping(client: StreamClient): void {
  if (!client.alive) return client.socket.terminate();
  client.alive = false;
  client.socket.ping();
}

/** Closes the client after the delay; resolves once its socket is closed, by force 2 s later at the latest. */
async function closeAfter(client: StreamClient, delayMs: number): Promise<void> {
  const { socket } = client;
  if (socket.readyState === socket.CLOSED) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  let force: NodeJS.Timeout | undefined;
  socket.once("close", () => resolve());
  const timer = setTimeout(() => {
    client.close(CLOSE_RESTARTING, "draining");
    force = setTimeout(() => socket.terminate(), 2_000);
  }, delayMs);
  await promise;
  clearTimeout(timer);
  clearTimeout(force);
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}
