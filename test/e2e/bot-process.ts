/**
 * The whole bot as a child process, for end-to-end tests: starts it through its real entry with a data directory and ports
 * of its own, talks to it as its users do, and ends it and its simulator in every outcome of the test.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WebSocket } from "ws";
import { freePorts } from "../support/free-ports.ts";
import { Program, temporaryDirectory } from "./program.ts";
import { type SharedSimulator, SimulatorClient } from "./simulator-process.ts";
import { atEnd, type Body, type Scope, until } from "./wait.ts";

export interface BotProcessOptions {
  /** By default one that is made, and removed at the end of the scope. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A PostgreSQL instead of the embedded database; there the bot prints no key. */
  readonly databaseUrl?: string;
  /** A simulator that several bots share instead of a child of its own. */
  readonly simulator?: SharedSimulator;
  /** A key of the API, where the bot is not the one that prints it. */
  readonly key?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Ports {
  readonly api: number;
  readonly ws: number;
  readonly metrics: number;
}

const READY_MS = 60_000;
const CALL_MS = 15_000;
const KEY = /^key\s+(\S+)/m;

export class BotProcess {
  readonly program: Program;
  readonly dataDir: string;
  readonly ports: Ports;
  readonly #options: BotProcessOptions;
  readonly #scope: Scope;

  private constructor(scope: Scope, dataDir: string, ports: Ports, options: BotProcessOptions) {
    this.#scope = scope;
    this.dataDir = dataDir;
    this.ports = ports;
    this.#options = options;
    const { args = [], env = {}, databaseUrl, simulator } = options;
    const argv = ["start", "--data-dir", dataDir, "--port", String(ports.api), "--ws-port", String(ports.ws)];
    argv.push("--metrics-port", String(ports.metrics), "--simulator-port", "0", ...args);
    this.program = new Program(scope, argv, {
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...simulator?.env,
      ...env,
    });
    atEnd(scope, async () => {
      await this.program.kill();
      this.killSimulator();
    });
  }

  /** Starts a bot and returns at once. */
  static async launch(scope: Scope, options: BotProcessOptions = {}): Promise<BotProcess> {
    const dataDir = options.dataDir ?? temporaryDirectory(scope);
    const [api, ws, metrics] = await freePorts(3);
    return new BotProcess(
      scope,
      dataDir,
      { api: api as number, ws: ws as number, metrics: metrics as number },
      options,
    );
  }

  /** Starts a bot and waits until it is ready. */
  static async start(scope: Scope, options: BotProcessOptions = {}): Promise<BotProcess> {
    const bot = await BotProcess.launch(scope, options);
    await bot.ready();
    return bot;
  }

  /** Starts another process on the same data directory, with the same options and key, on other ports. */
  async again(changes: BotProcessOptions = {}): Promise<BotProcess> {
    const key = this.key;
    const kept = { ...this.#options, dataDir: this.dataDir, ...(key === null ? {} : { key }) };
    return BotProcess.start(this.#scope, { ...kept, ...changes });
  }

  /** The key that was given, or that it printed at its first start; null when there is none. */
  get key(): string | null {
    return this.#options.key ?? KEY.exec(this.program.stdout)?.[1] ?? null;
  }

  /** Its simulator: the one given, or its child as the data directory names it. */
  get simulator(): SimulatorClient {
    const { simulator } = this.#options;
    if (simulator !== undefined) return simulator.client;
    const child = simulatorChild(this.dataDir);
    if (child === null) throw new Error(`${this.dataDir} names no simulator`);
    return new SimulatorClient(`http://127.0.0.1:${child.port}`);
  }

  /** Waits until `/ready` answers 200 and it has said where its page is. */
  async ready(ms = READY_MS): Promise<void> {
    await until(
      "ready",
      async () => {
        if (this.program.hasExited) return "ended";
        return (await this.call("GET", "/ready")).status;
      },
      (status) => status === 200 || status === "ended",
      ms,
      () => this.program.tail(),
    );
    await this.program.says(/^page /m, ms);
  }

  /** Waits until every strategy instance of this process is warmed up and trades. */
  async trading(ms = READY_MS): Promise<void> {
    await this.eventually(
      "/api/v1/strategies",
      ({ items }) => items.length > 0 && items.every((item: Body) => item.state === "running"),
      ms,
    );
  }

  /**
   * Throws the kill switch and waits until no order is open. For the end of a test: what the simulator fills when no bot is there any
   * more, no journal has.
   */
  async rest(ms = READY_MS): Promise<void> {
    const thrown = await this.call("POST", "/api/v1/risk/kill", { body: { reason: "the end of the test" } });
    if (thrown.status !== 200) throw new Error(`the kill switch: ${thrown.status} ${JSON.stringify(thrown.body)}`);
    await this.eventually("/api/v1/orders?state=open&limit=1", ({ items }) => items.length === 0, ms);
  }

  /** One request to the REST API, with the key where there is one. */
  async call(method: string, path: string, { body, headers = {} }: CallOptions = {}): Promise<Answer> {
    const { key } = this;
    const answer = await fetch(`http://127.0.0.1:${this.ports.api}${path}`, {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_MS),
    });
    const text = await answer.text();
    return { status: answer.status, body: text === "" ? null : JSON.parse(text), headers: answer.headers };
  }

  /** The body of a 200 answer; throws for any other. */
  async get(path: string): Promise<Body> {
    const { status, body } = await this.call("GET", path);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Asks for `path` until the body fits; resolves to it. */
  async eventually(path: string, fits: (body: Body) => boolean, ms: number): Promise<Body> {
    return until(
      `${path} that fits`,
      () => this.get(path),
      fits,
      ms,
      () => this.program.tail(),
    );
  }

  /** Creates an order by hand. */
  async order(idempotencyKey: string, body: Body): Promise<Answer> {
    return this.call("POST", "/api/v1/orders", { body, headers: { "idempotency-key": idempotencyKey } });
  }

  /** The text that Prometheus scrapes. */
  async metrics(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.ports.metrics}/metrics`, {
      signal: AbortSignal.timeout(CALL_MS),
    });
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
    return answer.text();
  }

  /** Opens the WebSocket stream; it is closed at the end of the scope. */
  async stream(channels: readonly string[]): Promise<StreamReader> {
    const reader = await StreamReader.open(`ws://127.0.0.1:${this.ports.ws}/stream`, channels);
    atEnd(this.#scope, () => reader.close());
    return reader;
  }

  stop(): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
    return this.program.stop();
  }

  /** Kills the bot alone: its simulator lives on, as it does when the bot dies by itself. */
  async kill(): Promise<void> {
    await this.program.kill();
  }

  /** Kills the child simulator, if there is one. */
  killSimulator(): void {
    const child = simulatorChild(this.dataDir);
    if (child !== null && isAlive(child.pid)) process.kill(child.pid, "SIGKILL");
  }
}

/** Every message of the stream, in order. */
export class StreamReader {
  readonly messages: Body[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.messages.push(JSON.parse(data.toString("utf8"))));
    socket.on("error", () => socket.terminate());
  }

  static async open(url: string, channels: readonly string[]): Promise<StreamReader> {
    const socket = new WebSocket(url, "json");
    const reader = new StreamReader(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    socket.send(JSON.stringify({ action: "subscribe", channels }));
    return reader;
  }

  /** The first message so far or to come that fits. */
  async find(what: string, fits: (message: Body) => boolean, ms: number): Promise<Body> {
    return until(
      what,
      () => this.messages.find(fits),
      (found) => found !== undefined,
      ms,
    );
  }

  /** The data of all changes of a channel so far. */
  changes(channel: string): Body[] {
    return this.messages
      .filter((message) => message.type === "changes" && message.channel === channel)
      .flatMap((message) => message.changes.map((change: Body) => change.data));
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** What the data directory says about the bot's simulator; null when there is none. */
export function simulatorChild(dataDir: string): { readonly pid: number; readonly port: number } | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, "simulator.json"), "utf8"));
  } catch {
    return null;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
