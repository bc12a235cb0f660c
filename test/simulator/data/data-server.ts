/** The market-data side alone, on real sockets, with a market that a test plays by hand. */
import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import { WebSocketServer } from "ws";
import { cryptoPair, equity, type Instrument } from "../../../src/core/market/instrument.ts";
import { simulatorConfig, type SimulatorConfigInput } from "../../../src/simulator/config.ts";
import { MarketData } from "../../../src/simulator/data/market-data.ts";
import type { NewsArticle } from "../../../src/simulator/data/news.ts";
import { dataRoutes } from "../../../src/simulator/data/rest/data-routes.ts";
import { type DataEndpoint, dataEndpoint } from "../../../src/simulator/data/stream/endpoint.ts";
import { FaultPlan } from "../../../src/simulator/faults/fault-plan.ts";
import { StreamGate } from "../../../src/simulator/faults/stream-gate.ts";
import type { MarketSource, MarketTick, QuoteTick, TradeTick } from "../../../src/simulator/market-source.ts";
import { WireError } from "../../../src/simulator/wire-error.ts";
import { type Body, KEYS } from "../client.ts";

export const STOCK = equity(0, "ACME");
export const OTHER = equity(1, "ZEBRA");
export const COIN = cryptoPair(2, "BTC/USD");
/** Tuesday, 10:00 in New York. */
export const START_US = Date.parse("2026-03-03T15:00:00Z") * 1000;
export const SECOND_US = 1_000_000;
export const MINUTE_US = 60 * SECOND_US;

/** Ticks as a recorded file would give them. */
class ScriptedSource implements MarketSource {
  readonly instruments = [STOCK, OTHER, COIN];
  readonly barsOnly = false;
  readonly startUs: number;
  readonly #ticks: readonly MarketTick[];

  constructor(ticks: readonly MarketTick[], startUs: number) {
    this.#ticks = ticks;
    this.startUs = startUs;
  }

  get tickCount(): number {
    return this.#ticks.length;
  }

  async *ticks(): AsyncGenerator<readonly MarketTick[], void, void> {
    yield this.#ticks;
  }
}

export interface DataServerOptions {
  readonly config?: SimulatorConfigInput;
  readonly news?: readonly NewsArticle[];
  readonly startUs?: number;
  readonly authTimeoutMs?: number;
}

export class DataServer {
  readonly data: MarketData;
  readonly #played: MarketTick[] = [];
  readonly #app: FastifyInstance;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  nowUs: number;
  /** Times that somebody has subscribed. */
  subscriptions = 0;

  private constructor(options: DataServerOptions) {
    const { startUs = START_US, news = [], authTimeoutMs = 10_000 } = options;
    this.nowUs = startUs;
    const plan = new FaultPlan({ seed: 1, script: [], nowUs: () => this.nowUs });
    this.data = new MarketData({
      source: new ScriptedSource(this.#played, startUs),
      config: simulatorConfig({ ...KEYS, ...options.config }),
      news,
      gate: new StreamGate(plan, "market_data", 1000),
      startUs,
      authTimeoutMs,
      onSubscribed: () => this.subscriptions++,
    });
    this.#app = fastify();
    this.#app.setErrorHandler((error, _request, reply) => {
      if (error instanceof WireError) return reply.code(error.status).send(error.body);
      throw error;
    });
    dataRoutes(
      this.#app,
      this.data.routes(() => this.nowUs),
    );
    this.#app.server.on("upgrade", (request, socket, head) => {
      const endpoint = dataEndpoint(request.url ?? "") as DataEndpoint;
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.data.streams.accept(ws, request, endpoint));
    });
  }

  static async start(options: DataServerOptions = {}): Promise<DataServer> {
    const server = new DataServer(options);
    await server.#app.listen({ host: "127.0.0.1", port: 0 });
    return server;
  }

  get port(): number {
    return (this.#app.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#sockets.clients.size;
  }

  /** Each tick is shown at its time, at once. */
  play(...ticks: readonly MarketTick[]): void {
    for (const each of ticks) {
      this.nowUs = Math.max(this.nowUs, each.timeUs);
      this.#played.push(each);
      this.data.play(each);
    }
    this.data.flush();
  }

  /** Time passes. */
  advance(timeUs: number): void {
    this.nowUs = timeUs;
    this.data.advance(timeUs);
    this.data.flush();
  }

  async get(path: string): Promise<{ status: number; body: Body }> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
    return { status: response.status, body: await response.json() };
  }

  url(path: string): string {
    return `ws://127.0.0.1:${this.port}${path}`;
  }

  async close(): Promise<void> {
    this.data.close();
    for (const socket of this.#sockets.clients) socket.terminate();
    await this.#app.close();
  }
}

let position = 0;

/** `seconds` after the start; ids count up. */
export function trade(
  instrument: Instrument,
  seconds: number,
  price: number,
  size = 100,
  fields: Partial<TradeTick> = {},
): TradeTick {
  const base = { position: ++position, index: instrument.index, timeUs: START_US + seconds * SECOND_US };
  const usual = { tradeId: position, aggressor: 0, conditions: ["@"], exchange: "Q", tape: "C" };
  return { kind: "trade", ...base, price, size, ...usual, ...fields };
}

export function quote(instrument: Instrument, seconds: number, bid: number, ask: number): QuoteTick {
  const base = { position: ++position, index: instrument.index, timeUs: START_US + seconds * SECOND_US };
  const sides = { bid, bidSize: 200, bidExchange: "N", ask, askSize: 300, askExchange: "P" };
  return { kind: "quote", ...base, ...sides, tape: "A" };
}

/** A tick of another kind. */
export function tick<Kind extends MarketTick["kind"]>(
  kind: Kind,
  instrument: Instrument,
  seconds: number,
  fields: Omit<Extract<MarketTick, { kind: Kind }>, "kind" | "position" | "index" | "timeUs">,
): MarketTick {
  const base = { position: ++position, index: instrument.index, timeUs: START_US + seconds * SECOND_US };
  return { kind, ...base, ...fields } as unknown as MarketTick;
}
