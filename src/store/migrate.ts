/**
 * Brings the schema up to date: the SQL files of `migrations/`, in order, each once and in one transaction. Runs at start,
 * under an advisory lock, so that replicas starting together do it once. Files only ever expand the schema: the release
 * before must still run on it. A file that was applied may never change or go away.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { CodedError } from "../core/errors.ts";
import type { Link } from "./link.ts";
import { sqlFailure, storeError } from "./store-errors.ts";

/** Beside this file, in the source as in the build. */
export const MIGRATIONS = new URL("./migrations/", import.meta.url);

/** Any constant will do, as long as every release has the same. */
const ADVISORY_LOCK = 7_205_346;
/**
 * How long a migration waits for a lock. Whatever trades on the same tables queues behind one that waits, so it gives up
 * long before the order path would, and tries again when a dump or another long transaction is through.
 */
const LOCK_MS = 200;
const RETRY_MS = 500;
const LOCKED_MS = 60_000;
const LOCK_NOT_AVAILABLE = "55P03";
const NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** Applies what is missing. A schema newer than this build is left as it is: an older replica may run beside a newer one. */
export async function migrate(link: Link, folder: URL): Promise<void> {
  const migrations = readMigrations(folder);
  // The wait for another replica's migrations may be longer than the order path's lock time-out.
  await link.script("SET lock_timeout = 0; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0");
  await link.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
  try {
    await link.script(
      "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, " +
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    );
    const { rows } = await link.query("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
    checkApplied(migrations, rows as unknown as Applied[]);
    const done = new Set(rows.map((row) => row["version"]));
    for (const migration of migrations) if (!done.has(migration.version)) await applyUnlocked(link, migration);
  } finally {
    await link.query("SELECT pg_advisory_unlock($1)", [ADVISORY_LOCK]).catch(() => undefined);
  }
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

function readMigrations(folder: URL): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return names.sort().map((name) => {
    const version = Number(NAME.exec(name)?.[1]);
    if (Number.isNaN(version))
      throw new CodedError("MIGRATION_NAME", `${name} must be named NNNN-words-of-its-own.sql`);
    const text = readFileSync(new URL(name, folder), "utf8");
    return { version, name, text, checksum: createHash("sha256").update(text).digest("hex") };
  });
}

function checkApplied(migrations: readonly Migration[], applied: readonly Applied[]): void {
  const newest = migrations.at(-1)?.version ?? 0;
  for (const row of applied.filter(({ version }) => version <= newest)) {
    const migration = migrations.find(({ version }) => version === row.version);
    if (migration === undefined) {
      throw new CodedError(
        "MIGRATION_MISSING",
        `the database has migration ${row.name}, which this build does not have`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new CodedError(
        "MIGRATION_CHANGED",
        `migration ${migration.name} is not the one that the database was made with`,
      );
    }
  }
  const last = applied.at(-1)?.version ?? 0;
  const late = migrations.find(({ version }) => version < last && !applied.some((row) => row.version === version));
  if (late !== undefined) {
    throw new CodedError(
      "MIGRATION_MISSING",
      `migration ${late.name} comes before others that the database has already`,
    );
  }
}

/** Throws `STORE_UNAVAILABLE` when others hold the tables for too long. */
async function applyUnlocked(link: Link, migration: Migration): Promise<void> {
  const endMs = performance.now() + LOCKED_MS;
  for (;;) {
    try {
      return await apply(link, migration);
    } catch (error) {
      const isLocked = sqlFailure(error)?.code === LOCK_NOT_AVAILABLE;
      if (!isLocked || performance.now() > endMs) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function apply(link: Link, migration: Migration): Promise<void> {
  const { version, name, checksum, text } = migration;
  try {
    await link.script(`BEGIN; SET LOCAL lock_timeout = ${LOCK_MS}`);
    await link.script(text);
    await link.query("INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)", [
      version,
      name,
      checksum,
    ]);
    await link.script("COMMIT");
  } catch (error) {
    await link.script("ROLLBACK").catch(() => undefined);
    const failure = storeError(error);
    if (failure instanceof CodedError) throw failure;
    const message = error instanceof Error ? error.message : String(error);
    throw new CodedError("MIGRATION_FAILED", `migration ${name} failed and was taken back: ${message}`, {
      cause: error,
    });
  }
}
