/**
 * The store: one pool on PostgreSQL, or on the embedded database when no server is named. Opening it brings the schema up to
 * date. Main thread only. A call either answers within its deadline or throws `STORE_UNAVAILABLE`, which leaves open
 * whether it was done; the pool heals by itself.
 */
import {
  createPool,
  type DatabasePool,
  type DatabaseTransactionConnection,
  type DriverFactory,
  type Interceptor,
  type QuerySqlToken,
} from "slonik";
import type { z } from "zod";
import { createLinkDriver } from "./driver.ts";
import { EmbeddedDatabase } from "./embedded-link.ts";
import type { OpenLink } from "./link.ts";
import { MIGRATIONS, migrate } from "./migrate.ts";
import { CONNECT_TIMEOUT_MS, postgresLinks } from "./postgres-link.ts";
import { storeError, unavailable } from "./store-errors.ts";

export interface StoreConfig {
  /** A PostgreSQL URL; null for the embedded database. */
  readonly url: string | null;
  /** Where the embedded database keeps its files; locked while open (`DATA_DIR_LOCKED`). */
  readonly dataDir: string;
  /** A statement that takes longer is given up and its session destroyed, ms. */
  readonly deadlineMs?: number;
  /** Sessions at most on PostgreSQL. The embedded database has one. */
  readonly poolSize?: number;
  /** Folder of the migrations; this build's own when absent. */
  readonly migrations?: URL;
}

export interface Store {
  readonly kind: "postgres" | "embedded";
  /** All rows of a query, each validated by the query's schema. */
  rows<S extends z.ZodType>(query: QuerySqlToken<S>): Promise<readonly z.output<S>[]>;
  /** Runs `work` in one transaction, which is rolled back when it throws. */
  transaction<T>(work: (connection: DatabaseTransactionConnection) => Promise<T>): Promise<T>;
  /** Ends all sessions; the embedded database's files are closed and its directory freed. */
  close(): Promise<void>;
}

const POSTGRES_DEADLINE_MS = 2000;
/** The embedded database runs in WebAssembly on a shared machine and has no other user. */
const EMBEDDED_DEADLINE_MS = 10_000;
const POOL_SIZE = 8;
/** Migrations may build indexes; they run before anything trades. */
const MIGRATION_DEADLINE_MS = 120_000;

/**
 * Opens the store and migrates its schema. Throws `STORE_UNAVAILABLE`, `DATA_DIR_LOCKED` or the migration's codes
 * (`MIGRATION_CHANGED`, `MIGRATION_MISSING`, `MIGRATION_FAILED`).
 */
export async function openStore(config: StoreConfig): Promise<Store> {
  if (config.url !== null) {
    const settings = { poolSize: config.poolSize ?? POOL_SIZE, deadlineMs: config.deadlineMs ?? POSTGRES_DEADLINE_MS };
    return connectStore("postgres", postgresLinks(config.url), config, settings, async () => undefined);
  }
  const database = new EmbeddedDatabase(config.dataDir);
  const settings = { poolSize: 1, deadlineMs: config.deadlineMs ?? EMBEDDED_DEADLINE_MS };
  const open: OpenLink = (options) => database.open(options);
  return connectStore("embedded", open, config, settings, () => database.close());
}

async function connectStore(
  kind: Store["kind"],
  open: OpenLink,
  config: StoreConfig,
  settings: { readonly poolSize: number; readonly deadlineMs: number },
  closeDatabase: () => Promise<void>,
): Promise<Store> {
  try {
    const link = await open({ deadlineMs: MIGRATION_DEADLINE_MS, onLost: () => undefined });
    try {
      await migrate(link, config.migrations ?? MIGRATIONS);
    } finally {
      await link.end();
    }
    const pool = await openPool(createLinkDriver(open, settings.deadlineMs), settings.poolSize);
    return new PooledStore(kind, pool, CONNECT_TIMEOUT_MS + settings.deadlineMs, closeDatabase);
  } catch (error) {
    await closeDatabase();
    throw storeError(error);
  }
}

function openPool(driverFactory: DriverFactory, poolSize: number): Promise<DatabasePool> {
  return createPool("postgresql://store", {
    driverFactory,
    maxPoolSize: poolSize,
    // Callers decide what is tried again: a repeated statement is only safe where they know it to be.
    connectionRetryLimit: 0,
    queryRetryLimit: 0,
    transactionRetryLimit: 1,
    // Sessions have no state of ours; resetting them would halve throughput.
    resetConnection: async () => undefined,
    gracefulTerminationTimeout: 1000,
    idleTimeout: 60_000,
    typeParsers: [],
    interceptors: [validateRows],
  });
}

const validateRows: Interceptor = {
  name: "validate-rows",
  transformRow: ({ resultParser }, _query, row) =>
    resultParser === undefined ? row : ((resultParser as unknown as z.ZodType).parse(row) as typeof row),
};

class PooledStore implements Store {
  readonly kind: Store["kind"];
  readonly #pool: DatabasePool;
  readonly #deadlineMs: number;
  readonly #closeDatabase: () => Promise<void>;

  constructor(kind: Store["kind"], pool: DatabasePool, deadlineMs: number, closeDatabase: () => Promise<void>) {
    this.kind = kind;
    this.#pool = pool;
    this.#deadlineMs = deadlineMs;
    this.#closeDatabase = closeDatabase;
  }

  async rows<S extends z.ZodType>(query: QuerySqlToken<S>): Promise<readonly z.output<S>[]> {
    return this.#inTime(this.#pool.any(query)) as Promise<readonly z.output<S>[]>;
  }

  async transaction<T>(work: (connection: DatabaseTransactionConnection) => Promise<T>): Promise<T> {
    return this.#inTime(this.#pool.transaction(work));
  }

  async close(): Promise<void> {
    await this.#pool.end();
    await this.#closeDatabase();
  }

  /** Bounds the wait for a free session as well. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(unavailable("the database did not answer in time")), this.#deadlineMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw storeError(error);
    } finally {
      clearTimeout(timer);
    }
  }
}
