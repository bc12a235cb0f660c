/**
 * A session on a PostgreSQL server. Main thread only. A statement past its deadline destroys the socket: a server or a
 * network that does not answer must never hold the order path.
 */
import { Client, type CustomTypesConfig, types } from "pg";
import type { DriverCommand, DriverQueryResult } from "slonik";
import { type Link, type LinkOptions, LOCK_TIMEOUT_MS, type OpenLink } from "./link.ts";
import { sqlFailure, unavailable } from "./store-errors.ts";
import { VALUE_PARSERS } from "./value-parsers.ts";

export const CONNECT_TIMEOUT_MS = 3000;

const CHANGED = "the database has changed its server";

const PARSERS = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    VALUE_PARSERS[oid] ?? types.getTypeParser(oid, format ?? "text"),
} as CustomTypesConfig;

/** SQLSTATEs of a primary that has become a standby: read-only transaction, and what needs a write-ahead log of its own. */
const READ_ONLY_STATES = new Set(["25006", "55000"]);

/**
 * Opens sessions on the server of `url`; each gives its statements up at the options' deadline. One that finds its server
 * silent or turned into a standby ends those opened before it as well: the name leads elsewhere by now, and each of them
 * would have to find out for itself.
 */
export function postgresLinks(url: string): OpenLink {
  const open = new Set<PostgresLink>();
  const onDeposed = (): void => {
    for (const link of open) link.retire();
  };
  return async (options) => {
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      types: PARSERS,
      keepAlive: true,
      application_name: "algo-trading-bot",
      // The server gives up a little earlier than we do, so that it seldom works for nobody.
      statement_timeout: Math.max(1, options.deadlineMs - 100),
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: LOCK_TIMEOUT_MS,
    });
    const link = new PostgresLink(client, options, onDeposed);
    client.on("error", (error) => link.lose(error));
    client.on("end", () => open.delete(link));
    try {
      await client.connect();
      await client.query("SET DateStyle TO 'ISO, YMD'; SET TimeZone TO 'UTC'; SET synchronous_commit TO on");
      const { rows } = await client.query("SHOW transaction_read_only");
      if (rows[0]?.transaction_read_only === "on") throw new Error("the server is a standby");
    } catch (error) {
      void client.end().catch(() => undefined);
      throw unavailable(
        `the database cannot be reached: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
    open.add(link);
    return link;
  };
}

class PostgresLink implements Link {
  readonly #client: Client;
  readonly #options: LinkOptions;
  readonly #onDeposed: () => void;
  #underWay = 0;
  #isLost = false;

  constructor(client: Client, options: LinkOptions, onDeposed: () => void) {
    this.#client = client;
    this.#options = options;
    this.#onDeposed = onDeposed;
  }

  /** The session is gone: its owner hears of it once. */
  lose(error: Error): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#options.onLost(error);
  }

  async query(text: string, values: readonly unknown[] = []): Promise<DriverQueryResult> {
    const result = await this.#inTime(this.#client.query(text, [...values]));
    return {
      command: result.command as DriverCommand,
      fields: result.fields.map((field) => ({ dataTypeId: field.dataTypeID, name: field.name })),
      rowCount: result.rowCount,
      rows: result.rows as Record<string, unknown>[],
    };
  }

  async script(text: string): Promise<void> {
    await this.#inTime(this.#client.query(text));
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  /** Ends the session if nothing is under way on it; what is under way has its own deadline. */
  retire(): void {
    if (this.#underWay > 0) return;
    this.lose(unavailable(CHANGED));
    this.#destroySocket(CHANGED);
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#destroySocket("the database did not answer in time");
    }, this.#options.deadlineMs);
    this.#underWay += 1;
    try {
      return await work;
    } catch (error) {
      const isReadOnly = READ_ONLY_STATES.has(sqlFailure(error)?.code ?? "");
      if (isReadOnly) this.#destroySocket("the database has become a standby");
      if (isLate || isReadOnly) this.#onDeposed();
      throw isReadOnly ? unavailable("the database has become a standby", error) : error;
    } finally {
      this.#underWay -= 1;
      clearTimeout(timer);
    }
  }

  /** Ends the statement under way with a lost connection. */
  #destroySocket(cause: string): void {
    const connection = (this.#client as unknown as { connection: { stream: { destroy(error?: Error): void } } })
      .connection;
    connection.stream.destroy(unavailable(cause));
  }
}
