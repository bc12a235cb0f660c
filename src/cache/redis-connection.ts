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
const PROBE_EVERY_MS = 2_000;
/** Probes that may find a connection neither ready nor waiting to be tried again. */
const STUCK_PROBES_MAX = 2;

export interface RedisConnectionOptions {
  readonly config: RedisConfig;
  /** Shown by `CLIENT LIST`. */
  readonly name: string;
  /** It can be used, from now until `onFault` is called. */
  readonly onReady: (client: Redis) => void;
  readonly onFault: (fault: RedisFault) => void;
}

export class RedisConnection {
  readonly #client: Redis;
  readonly #onFault: (fault: RedisFault) => void;
  readonly #prober: NodeJS.Timeout;
  #stuckProbes = 0;
  #closed = false;

  constructor({ config, name, onReady, onFault }: RedisConnectionOptions) {
    this.#onFault = onFault;
    this.#client = createClient(config, name);
    this.#client.on("ready", () => onReady(this.#client));
    this.#client.on("error", (error: unknown) => this.#fail(error));
    this.#client.on("close", () => this.#fail(null));
    this.#prober = setInterval(() => void this.#probe(), PROBE_EVERY_MS).unref();
    // Its failures come as events too.
    this.#client.connect().catch(() => undefined);
  }

  /** The client while commands can be sent; null otherwise. */
  get ready(): Redis | null {
    return this.#client.status === "ready" ? this.#client : null;
  }

  /** Begins a new connection, for instance to another master. */
  reconnect(): void {
    if (!this.#closed) this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#prober);
    this.#client.disconnect();
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#onFault(error === null ? "unreachable" : faultOf(error));
  }

  async #probe(): Promise<void> {
    if (this.ready === null) {
      const isStuck = this.#client.status === "connect" || this.#client.status === "connecting";
      this.#stuckProbes = isStuck ? this.#stuckProbes + 1 : 0;
      if (this.#stuckProbes > STUCK_PROBES_MAX) this.reconnect();
      return;
    }
    this.#stuckProbes = 0;
    try {
      await this.ready.ping();
    } catch (error) {
      this.#fail(error);
      this.reconnect();
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
    maxLoadingRetryTime: COMMAND_MS,
    retryStrategy: backoffMs,
    ...(password === null ? {} : { password }),
  };
  if (url !== null) return new Redis(url, options);
  return new Redis({
    ...options,
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    name: masterName,
    ...(password === null ? {} : { sentinelPassword: password }),
    sentinelCommandTimeout: COMMAND_MS,
    sentinelRetryStrategy: backoffMs,
    failoverDetector: true,
  });
}

/** With jitter, so that replicas do not come back all at once. */
function backoffMs(attempt: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}
