/**
 * One connection to Redis, directly or to the master that the Sentinels name. It comes back by itself for ever, never queues
 * commands while it is away, asks now and then whether the server still answers, and says what is wrong. Main thread only.
 */
import { Redis } from "ioredis";
import type { RedisConfig } from "../config/config.ts";
import { faultOf, type RedisFault } from "./redis-fault.ts";

const CONNECT_MS = 2_000;
const COMMAND_MS = 1_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 2_000;
const PROBE_EVERY_MS = 1_000;
/** Looks in a row without an answer; one alone may be this process, held up for longer than an answer may take. */
const MISSES_MAX = 2;

export interface RedisConnectionOptions {
  readonly config: RedisConfig;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** It can be used, from now until `onFault` is called. */
  readonly onReady: (client: Redis) => void;
  /** Called again and again while it lasts. */
  readonly onFault: (fault: RedisFault) => void;
}

export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #client: Redis;
  readonly #prober: NodeJS.Timeout;
  #usable = false;
  #checking = false;
  #misses = 0;
  #closed = false;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.#client = createClient(options.config, options.name);
    this.#client.on("ready", () => void this.#check());
    this.#client.on("error", (error: unknown) => this.#fail(faultOf(error)));
    this.#client.on("close", () => {
      // Why it was closed is known already, unless it worked until now.
      if (this.#usable) this.#fail("unreachable");
    });
    this.#prober = setInterval(() => this.#probe(), PROBE_EVERY_MS).unref();
    this.#connect();
  }

  /** The client while commands can be sent; null otherwise. */
  get ready(): Redis | null {
    return this.#usable && this.#client.status === "ready" ? this.#client : null;
  }

  /** Begins a new connection, for instance to another master, unless one begins already. */
  reconnect(): void {
    const { status } = this.#client;
    // The client gives up for ever when it is told so while it asks the Sentinels.
    if (!this.#closed && (status === "ready" || status === "connect")) this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#prober);
    this.#client.disconnect();
  }

  #fail(fault: RedisFault): void {
    this.#usable = false;
    if (!this.#closed) this.#options.onFault(fault);
  }

  #probe(): void {
    if (this.#client.status === "ready") void this.#check();
    else if (this.#client.status === "end") this.#connect();
  }

  #connect(): void {
    // Its failures come as events too.
    this.#client.connect().catch(() => undefined);
  }

  /** Whether the server is a master, has its data and answers. Commands it refuses now may work at the next look. */
  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    const fault = await this.#look().finally(() => (this.#checking = false));
    if (this.#closed) return;
    this.#misses = fault === "unreachable" ? this.#misses + 1 : 0;
    if (fault === "unreachable" && this.#misses < MISSES_MAX && this.#client.status === "ready") return;
    this.#misses = 0;
    if (fault === null) {
      if (this.#usable) return;
      this.#usable = true;
      this.#options.onReady(this.#client);
      return;
    }
    this.#fail(fault);
    // The Sentinels may know another master by now.
    if (fault === "unreachable" || (fault === "read_only" && this.#options.config.url === null)) this.reconnect();
  }

  async #look(): Promise<RedisFault | null> {
    try {
      const [[role]] = await Promise.all([this.#client.role(), this.#client.ping()]);
      return role === "master" ? null : "read_only";
    } catch (error) {
      return faultOf(error);
    }
  }
}

function createClient({ url, sentinels, masterName, password }: RedisConfig, name: string): Redis {
  const options = {
    connectionName: name,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    retryStrategy: backoffMs,
  };
  if (url !== null) return new Redis(withPassword(url, password), options);
  return new Redis({
    ...options,
    ...(password === null ? {} : { password }),
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    name: masterName,
    ...(password === null ? {} : { sentinelPassword: password }),
    sentinelCommandTimeout: COMMAND_MS,
    sentinelRetryStrategy: backoffMs,
  });
}

/** What the URL says comes before the client's options. */
function withPassword(url: string, password: string | null): string {
  if (password === null) return url;
  const whole = new URL(url);
  whole.password = encodeURIComponent(password);
  return whole.href;
}

/** With jitter, so that replicas do not come back all at once. */
function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}
