/**
 * The simulator: Alpaca's wire protocol in front of a venue, on one port. `createSimulator` builds it without listening.
 * It runs on the main thread of a process of its own, or in process in tests.
 *
 * Besides the protocol: `/simulator/state`, `/simulator/ledger` (the account as the ledger has it), `/simulator/faults`
 * (what is to go wrong), corporate actions and amended trades on demand, and the lockstep socket. These ask for keys as soon as the simulator listens on anything but loopback.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { basename } from "node:path";
import type { Duplex } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { CodedError } from "../core/errors.ts";
import { formatFixed } from "../core/fixed.ts";
import { isFinal } from "../venue/order.ts";
import { type SimulatorConfig, simulatorConfig, venueInstrument } from "./config.ts";
import { corporateActionRoutes } from "./corporate-action-routes.ts";
import { MarketData } from "./data/market-data.ts";
import { type NewsArticle, readNews } from "./data/news.ts";
import { PLAN_LIMITS } from "./data/plan.ts";
import { dataRoutes, isDataPath } from "./data/rest/data-routes.ts";
import { dataEndpoint } from "./data/stream/endpoint.ts";
import { DEMONSTRATION_INSTRUMENTS, syntheticInstrument } from "./demonstration-market.ts";
import { Exchange } from "./exchange.ts";
import { Faults } from "./faults/faults.ts";
import type { CurrentLists } from "./faults/lagging-lists.ts";
import { Ledger } from "./ledger.ts";
import { Lockstep } from "./lockstep.ts";
import { MarketDriver } from "./market-driver.ts";
import type { MarketSource } from "./market-source.ts";
import { RecordedMarket } from "./recorded-market.ts";
import { SyntheticMarket } from "./synthetic/synthetic-market.ts";
import { readTls, type TlsFiles } from "./tls.ts";
import { tradeAmendmentRoutes } from "./trade-amendment-routes.ts";
import { Watchers } from "./trading/event-stream.ts";
import { InstrumentDirectory } from "./trading/instrument-directory.ts";
import { parseJsonExactly } from "./trading/json-body.ts";
import { positionList } from "./trading/positions.ts";
import { RequestLimit } from "./trading/request-limit.ts";
import { tradingRoutes } from "./trading/routes.ts";
import { TradeStreams } from "./trading/trade-stream.ts";
import { eventUlid } from "./trading/ulid.ts";
import { wireOrder, wireTradeUpdate } from "./trading/wire-order.ts";
import { VenuePace } from "./venue-pace.ts";
import { WireError } from "./wire-error.ts";
import { rfc3339 } from "./wire-time.ts";

export interface SimulatorHooks {
  /** The ledger cannot be written or the data cannot be read: nothing leaves any more, and the process should end. */
  readonly onFailure?: (error: Error) => void;
}

export interface Simulator {
  readonly config: SimulatorConfig;
  /** Starts to listen and to play; resolves to the port. Throws `SIMULATOR_LISTEN` when the port is not to be had. */
  listen(): Promise<number>;
  /** For how long nobody has been connected and nothing was asked, ms. */
  idleMs(): number;
  close(): Promise<void>;
}

const AUTH_TIMEOUT_MS = 10_000;
const PING_MS = 10_000;
const BODY_BYTES = 64 * 1024;
/** Of a client's message: subscriptions name thousands of symbols. */
const MESSAGE_BYTES = 1024 * 1024;

/** Throws `SIMULATOR_CONFIG`, what the recorded files' reader throws, and `LEDGER_*` for a ledger that does not fit. */
export async function createSimulator(input: unknown, hooks: SimulatorHooks = {}): Promise<Simulator> {
  const config = simulatorConfig(input);
  const tls = readTls(config);
  const source = await openSource(config);
  const news = await readNews(config.newsFile);
  const onFailure = hooks.onFailure ?? (() => {});
  const { ledger, lines } = await Ledger.open(config.ledgerFile, onFailure);
  const startUs = source.startUs ?? (config.startTime === null ? Date.now() : Date.parse(config.startTime)) * 1000;
  try {
    const { instruments } = source;
    const market = marketName(config, source);
    const fill = config.fill ?? { model: source.barsOnly ? ("path" as const) : ("quote" as const) };
    const exchange = new Exchange({ config, instruments, market, fill, ledger, lines, startUs });
    return new SimulatorServer(config, tls, source, news, exchange, startUs, onFailure);
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

async function openSource(config: SimulatorConfig): Promise<MarketSource> {
  if (config.replay.length > 0) {
    return RecordedMarket.open({
      files: config.replay,
      quoteExchange: config.quoteExchange,
      barStamp: config.barStamp,
      instruments: config.instruments,
    });
  }
  const given = config.instruments.length > 0 ? config.instruments : DEMONSTRATION_INSTRUMENTS;
  return new SyntheticMarket({
    seed: config.seed,
    instruments: given.map((instrument, index) => syntheticInstrument(instrument, venueInstrument(instrument, index))),
    haltRate: config.haltRate,
    correctionRate: config.correctionRate,
    tickLimit: config.tickLimit,
  });
}

/** What a ledger is bound to: positions in the order of ticks must mean the same at every start. */
function marketName(config: SimulatorConfig, source: MarketSource): string {
  if (source.tickCount === null) return `synthetic market, seed ${config.seed}`;
  const files = config.replay.map((file) => basename(file)).join(", ");
  const quotes = config.quoteExchange === null ? "" : `, quotes of ${config.quoteExchange}`;
  return `${files}${quotes}, ${source.tickCount} ticks`;
}

class SimulatorServer implements Simulator {
  readonly config: SimulatorConfig;
  readonly #exchange: Exchange;
  readonly #directory: InstrumentDirectory;
  readonly #app: FastifyInstance;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES, perMessageDeflate: true });
  readonly #data: MarketData;
  readonly #trades: TradeStreams;
  readonly #watchers = new Watchers();
  readonly #lockstep: Lockstep;
  readonly #faults: Faults;
  readonly #pace: VenuePace;
  readonly #driver: MarketDriver;
  readonly #limit: RequestLimit;
  readonly #dataLimit: RequestLimit;
  readonly #stop = new AbortController();
  readonly #onFailure: (error: Error) => void;
  #pings: NodeJS.Timeout | null = null;
  #usedAtMs = performance.now();
  #running: Promise<void> = Promise.resolve();

  constructor(
    config: SimulatorConfig,
    tls: TlsFiles | null,
    source: MarketSource,
    news: readonly NewsArticle[],
    exchange: Exchange,
    startUs: number,
    onFailure: (error: Error) => void,
  ) {
    this.config = config;
    this.#exchange = exchange;
    this.#onFailure = onFailure;
    const { keyId, secret } = config;
    const keys = { keyId, secret, authTimeoutMs: AUTH_TIMEOUT_MS };
    this.#directory = new InstrumentDirectory(source.instruments);
    this.#faults = new Faults({
      seed: config.seed,
      script: config.faults,
      nowUs: () => this.#pace.nowUs(),
      current: currentLists(exchange, this.#directory),
      deadConnectionMs: config.deadConnectionSeconds * 1000,
    });
    const { dataGate, tradeGate } = this.#faults;
    this.#trades = new TradeStreams({ ...keys, gate: tradeGate, frames: config.tradeFrames });
    this.#lockstep = new Lockstep(
      () => this.#trades.sent,
      () => this.#data.streams.sent,
    );
    const speed = typeof config.speed === "number" ? config.speed : null;
    this.#pace = new VenuePace(speed, Math.max(startUs, exchange.recoveredTimeUs), () => performance.now());
    this.#data = new MarketData({
      source,
      config,
      news,
      gate: dataGate,
      startUs: source.startUs ?? this.#pace.nowUs(),
      authTimeoutMs: AUTH_TIMEOUT_MS,
      onSubscribed: () => this.#driver.subscribed(),
    });
    this.#driver = new MarketDriver({
      config,
      source,
      exchange,
      data: this.#data,
      lockstep: this.#lockstep,
      pace: this.#pace,
      signal: this.#stop.signal,
    });
    exchange.onEvent = (event, number) => {
      if (event.kind === "amended") return;
      const update = wireTradeUpdate(event, this.#directory, eventUlid(event.timeUs, number));
      this.#trades.send(this.#faults.tell(update));
      this.#watchers.wake();
    };
    this.#limit = new RequestLimit(config.requestsPerMinute, () => Date.now());
    const { dataPlan, dataRequestsPerMinute = PLAN_LIMITS[dataPlan].requestsPerMinute } = config;
    this.#dataLimit = new RequestLimit(dataRequestsPerMinute, () => Date.now());
    this.#app = this.#routes(tls);
  }

  async listen(): Promise<number> {
    await this.#exchange.ledger.committed();
    await this.#open();
    this.#pings = setInterval(() => this.#ping(), Math.min(PING_MS, (this.config.deadConnectionSeconds * 1000) / 2));
    this.#running = this.#driver.run().catch((error: Error) => {
      this.#data.streams.fail();
      this.#onFailure(error);
    });
    const address = this.#app.server.address();
    return typeof address === "object" && address !== null ? address.port : this.config.port;
  }

  async #open(): Promise<void> {
    const { host, port } = this.config;
    try {
      await this.#app.listen({ host, port });
    } catch (cause) {
      const inUse = (cause as NodeJS.ErrnoException).code === "EADDRINUSE";
      const fault = inUse ? `port ${port} on ${host} is in use; choose another` : (cause as Error).message;
      throw new CodedError("SIMULATOR_LISTEN", `SIMULATOR_LISTEN_PORT: ${fault}`, { field: "port", cause });
    }
  }

  idleMs(): number {
    if (this.#sockets.clients.size > 0) this.#usedAtMs = performance.now();
    return performance.now() - this.#usedAtMs;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#pings !== null) clearInterval(this.#pings);
    await this.#running;
    this.#data.close();
    for (const socket of this.#sockets.clients) socket.close(1001, "the simulator is ending");
    await this.#app.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#exchange.markPosition(this.#pace.nowUs());
    await this.#exchange.ledger.close();
  }

  #routes(tls: TlsFiles | null): FastifyInstance {
    const options = {
      bodyLimit: BODY_BYTES,
      forceCloseConnections: true,
      requestIdHeader: false,
      genReqId: () => randomUUID(),
    } as const;
    // Apart from the socket nothing differs, but the types do.
    const app = tls === null ? fastify(options) : (fastify({ ...options, https: tls }) as unknown as FastifyInstance);
    const nowUs = () => this.#pace.nowUs();
    app.addHook("onRequest", async (request, reply) => {
      this.#usedAtMs = performance.now();
      reply.header("x-request-id", request.id);
      // Version 3 of Alpaca's JavaScript client names an empty type on DELETE.
      if (request.headers["content-type"] === "") delete request.raw.headers["content-type"];
      this.#authorize(request);
      this.#countRequest(request, reply);
    });
    // An answer may show what has just happened: it leaves only after that is on the disk.
    app.addHook("onSend", async () => {
      await this.#exchange.ledger.committed();
    });
    app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
      if (error instanceof WireError) return reply.code(error.status).send(error.body);
      const status = error.statusCode ?? 500;
      if (status < 500) return reply.code(400).send({ code: 40010001, message: "request body format is invalid" });
      this.#onFailure(error);
      return reply.code(500).send({ code: 50010000, message: "internal server error occurred" });
    });
    // Clients name the type on requests without a body, too.
    app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, text, done) => {
      try {
        done(null, text === "" ? undefined : parseJsonExactly(text as string));
      } catch (error) {
        done(Object.assign(error as Error, { statusCode: 400 }));
      }
    });
    app.setNotFoundHandler((_request, reply) =>
      reply.code(404).send({ code: 40410000, message: "endpoint not found." }),
    );
    this.#faults.routes(app);
    corporateActionRoutes(app, this.#exchange, nowUs);
    tradeAmendmentRoutes(app, { exchange: this.#exchange, directory: this.#directory, nowUs });
    tradingRoutes(app, { exchange: this.#exchange, directory: this.#directory, nowUs, watch: this.#watchers.watch });
    dataRoutes(app, this.#data.routes(nowUs));
    app.get("/simulator/state", () => this.#state());
    app.get("/simulator/ledger", () => this.#summary());
    app.server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    return app;
  }

  /** Market data of crypto needs no keys. */
  #authorize(request: FastifyRequest): void {
    const path = request.url.split("?")[0] as string;
    if (path.startsWith("/v1beta3/crypto/")) return;
    if (path.startsWith("/simulator/") && isLoopback(this.config.host)) return;
    if (this.#hasKeys(request.headers)) return;
    if (isDataPath(path)) throw new WireError(401, null, "unauthorized.");
    throw new WireError(401, 40110000, "request is not authorized");
  }

  #countRequest(request: FastifyRequest, reply: FastifyReply): void {
    const path = request.url.split("?")[0] as string;
    const isData = isDataPath(path);
    if (!isData && !/^\/v\d/.test(path)) return;
    const { allowed, headers } = (isData ? this.#dataLimit : this.#limit).take();
    reply.headers(headers);
    if (!allowed)
      throw isData
        ? new WireError(429, null, "too many requests.")
        : new WireError(429, 42910000, "rate limit exceeded");
  }

  #hasKeys(headers: IncomingMessage["headers"]): boolean {
    return headers["apca-api-key-id"] === this.config.keyId && headers["apca-api-secret-key"] === this.config.secret;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? "/").split("?")[0] as string;
    const isLockstep = path === "/simulator/lockstep";
    if (isLockstep && this.config.speed !== "lockstep") return refuseUpgrade(socket, "409 Conflict");
    if (isLockstep && !isLoopback(this.config.host) && !this.#hasKeys(request.headers)) {
      return refuseUpgrade(socket, "401 Unauthorized");
    }
    const endpoint = dataEndpoint(path);
    if (!isLockstep && path !== "/stream" && endpoint === undefined) return refuseUpgrade(socket, "404 Not Found");
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      this.#watch(ws);
      if (isLockstep) this.#lockstep.accept(ws);
      else if (endpoint === undefined) this.#trades.accept(ws, request);
      else this.#data.streams.accept(ws, request, endpoint);
    });
  }

  /** A peer that answers no ping for the set time is dead and gives its place up. */
  #watch(socket: WebSocket): void {
    let heardMs = performance.now();
    const heard = () => {
      heardMs = performance.now();
    };
    socket.on("pong", heard);
    socket.on("message", heard);
    socket.on("error", () => socket.terminate());
    const timer = setInterval(() => {
      if (performance.now() - heardMs > this.config.deadConnectionSeconds * 1000) socket.terminate();
    }, 1000);
    socket.on("close", () => clearInterval(timer));
  }

  /** A paused socket is a frozen connection: nothing leaves. */
  #ping(): void {
    for (const socket of this.#sockets.clients) {
      if (socket.readyState === socket.OPEN && !socket.isPaused) socket.ping();
    }
  }

  #state(): Record<string, unknown> {
    return {
      time: rfc3339(this.#pace.nowUs()),
      speed: this.config.speed,
      progress: this.#driver.progress,
      done: this.#driver.done,
      account_id: this.#exchange.head.accountId,
    };
  }

  /** The account as the ledger has it, with a hash over every event so far that tells two histories apart. */
  #summary(): Record<string, unknown> {
    const { venue, fills } = this.#exchange;
    const orders = [...venue.orders()];
    return {
      account_id: this.#exchange.head.accountId,
      orders: orders.length,
      open_orders: orders.filter((order) => !isFinal(order.status)).length,
      fills: fills.length,
      events: this.#exchange.eventCount,
      cash: formatFixed(venue.cash),
      positions: Object.fromEntries(
        [...venue.positions()].map(([symbol, held]) => [symbol, formatFixed(held.quantity)]),
      ),
      tick: this.#exchange.position,
      hash: this.#exchange.historyHash(),
    };
  }
}

/** What lists that lag behind will go on showing. */
function currentLists(exchange: Exchange, directory: InstrumentDirectory): CurrentLists {
  return {
    orders: () => [...exchange.venue.orders()].map((order) => wireOrder(order, directory)),
    positions: () => positionList(exchange, directory),
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
