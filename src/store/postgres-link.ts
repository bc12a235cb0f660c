/**
 * A session on a PostgreSQL server. Main thread only. A statement past its deadline destroys the socket: a server or a
 * network that does not answer must never hold the order path.
 */
import { Client, type CustomTypesConfig, types } from "pg";
import type { DriverCommand, DriverQueryResult } from "slonik";
import { type Link, type LinkOptions, LOCK_TIMEOUT_MS, type OpenLink } from "./link.ts";
import { unavailable } from "./store-errors.ts";
import { VALUE_PARSERS } from "./value-parsers.ts";

export const CONNECT_TIMEOUT_MS = 3000;

const PARSERS = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    VALUE_PARSERS[oid] ?? types.getTypeParser(oid, format ?? "text"),
} as CustomTypesConfig;

/** Opens sessions on the server of `url`; each gives its statements up at the options' deadline. */
export function postgresLinks(url: string): OpenLink {
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
    client.on("error", options.onLost);
    try {
      await client.connect();
      await client.query("SET DateStyle TO 'ISO, YMD'; SET TimeZone TO 'UTC'; SET synchronous_commit TO on");
    } catch (error) {
      void client.end().catch(() => undefined);
      throw unavailable(
        `the database cannot be reached: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    }
    return new PostgresLink(client, options);
  };
}

class PostgresLink implements Link {
  readonly #client: Client;
  readonly #deadlineMs: number;

  constructor(client: Client, options: LinkOptions) {
    this.#client = client;
    this.#deadlineMs = options.deadlineMs;
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

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#destroySocket(), this.#deadlineMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the statement under way with a lost connection. */
  #destroySocket(): void {
    const connection = (this.#client as unknown as { connection: { stream: { destroy(error?: Error): void } } })
      .connection;
    connection.stream.destroy(unavailable("the database did not answer in time"));
  }
}
