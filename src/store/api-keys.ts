/**
 * The API's keys: made here, shown once, kept as a hash. Main thread only. Verification works from a copy that is at most five
 * seconds old while the database answers, and from the last copy when it does not, so that the kill switch stays within
 * reach; the caller learns which.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../core/errors.ts";
import type { Store } from "./store.ts";

export const ROLES = ["viewer", "trader", "risk", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
}

export interface VerifiedKey {
  readonly key: ApiKey;
  /** False when the database could not be asked: good for stopping things, not for starting them. */
  readonly fresh: boolean;
}

export interface NewApiKey {
  /** For people: whose it is or what for; 1 to 100 characters. */
  readonly name: string;
  readonly role: Role;
  /** Days until it expires, 1 to 90; 90 when absent. */
  readonly days?: number;
  /** Who makes it, for the audit. */
  readonly actor: string;
}

export interface ApiKeysOptions {
  readonly store: Store;
  /** Wall clock, epoch ms. */
  readonly nowMs: () => number;
}

const DAYS_MAX = 90;
const DAY_MS = 86_400_000;
const NAME_MAX = 100;
/** A copy older than this is read again before it is used. */
const STALE_MS = 5000;
/** An unknown id makes the copy be read again, but not more often than this. */
const MISS_MS = 1000;
/** How long a check waits for a database that does not answer before it uses the copy that it has. */
const PATIENCE_MS = 500;
const TEXT = /^(atb_([0-9a-f]{16})_[0-9a-f]{64})_([0-9a-f]{8})$/;

const keyRow = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  createdAtMs: z.number(),
  expiresAtMs: z.number(),
  revokedAtMs: z.number().nullable(),
});
const storedRow = keyRow.extend({ hash: z.instanceof(Uint8Array) });
type StoredKey = z.output<typeof storedRow>;

const COLUMNS = sql.fragment`id, name, role, created_at AS "createdAtMs", expires_at AS "expiresAtMs",
  revoked_at AS "revokedAtMs"`;

export class ApiKeys {
  readonly #options: ApiKeysOptions;
  #copy: ReadonlyMap<string, StoredKey> = new Map();
  #copiedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<boolean> | null = null;

  constructor(options: ApiKeysOptions) {
    this.#options = options;
  }

  /** Makes a key; its text is never shown again. Throws `KEY_INVALID` naming the field. */
  async create(request: NewApiKey): Promise<{ readonly key: ApiKey; readonly text: string }> {
    const { name, role, days = DAYS_MAX, actor } = request;
    checkRequest(name, role, days);
    const id = randomBytes(8).toString("hex");
    const text = withChecksum(`atb_${id}_${randomBytes(32).toString("hex")}`);
    const expiresAtMs = this.#options.nowMs() + days * DAY_MS;
    const key = await this.#options.store.transaction(async (connection) => {
      const made = await connection.one(sql.type(keyRow)`
        INSERT INTO api_keys (id, name, role, hash, expires_at)
        VALUES (${id}, ${name}, ${role}, ${sql.binary(digest(text))}, to_timestamp(${expiresAtMs}::float8 / 1000))
        RETURNING ${COLUMNS}`);
      await connection.query(
        sql.type(z.unknown())`SELECT audit_append(${actor}, 'key_create', ${id}, ${`${role} ${name}`})::text`,
      );
      return made;
    });
    this.#forget();
    return { key, text };
  }

  /** All keys, newest first, with the revoked and the expired. */
  async list(): Promise<readonly ApiKey[]> {
    return this.#options.store.rows(sql.type(keyRow)`SELECT ${COLUMNS} FROM api_keys ORDER BY created_at DESC, id`);
  }

  /** Ends a key everywhere within five seconds; false when there is no such key or it was revoked before. */
  async revoke(id: string, actor: string): Promise<boolean> {
    const revoked = await this.#options.store.transaction(async (connection) => {
      const rows = await connection.any(sql.type(z.object({ id: z.string() }))`
        UPDATE api_keys SET revoked_at = clock_timestamp() WHERE id = ${id} AND revoked_at IS NULL RETURNING id`);
      if (rows.length > 0)
        await connection.query(sql.type(z.unknown())`SELECT audit_append(${actor}, 'key_revoke', ${id}, '')::text`);
      return rows.length > 0;
    });
    this.#forget();
    return revoked;
  }

  /** Reads the copy, so that keys work from the start even if the database goes away. */
  async load(): Promise<void> {
    if (!(await this.#read())) throw new CodedError("STORE_UNAVAILABLE", "the API keys could not be read");
  }

  /** The key behind `text`, or null when it is malformed, unknown, expired or revoked. */
  async verify(text: string): Promise<VerifiedKey | null> {
    const parts = TEXT.exec(text);
    if (parts === null || withChecksum(parts[1] as string) !== text) return null;
    const id = parts[2] as string;
    const ageMs = this.#options.nowMs() - this.#copiedAtMs;
    const limitMs = this.#copy.has(id) ? STALE_MS : MISS_MS;
    const fresh = (ageMs >= 0 && ageMs < limitMs) || (await this.#readSoon());
    const stored = this.#copy.get(id);
    if (stored === undefined || !timingSafeEqual(stored.hash, digest(text))) return null;
    if (stored.revokedAtMs !== null || stored.expiresAtMs <= this.#options.nowMs()) return null;
    const { hash: _hash, ...key } = stored;
    return { key, fresh };
  }

  /** True when some key is good; false when there is none, and when the database cannot be asked for the first. */
  async exist(): Promise<boolean> {
    if (this.#hasGood()) return true;
    const ageMs = this.#options.nowMs() - this.#copiedAtMs;
    if (ageMs < 0 || ageMs >= MISS_MS) await this.#readSoon();
    return this.#hasGood();
  }

  /** Reads the copy again, if the database answers soon. */
  async refresh(): Promise<void> {
    await this.#readSoon();
  }

  #hasGood(): boolean {
    const nowMs = this.#options.nowMs();
    for (const key of this.#copy.values()) if (key.revokedAtMs === null && key.expiresAtMs > nowMs) return true;
    return false;
  }

  #forget(): void {
    this.#copiedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** False when the database does not answer soon. */
  async #readSoon(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
    });
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    const read = await Promise.race([this.#reading, late]);
    clearTimeout(timer);
    return read;
  }

  async #read(): Promise<boolean> {
    const askedAtMs = this.#options.nowMs();
    try {
      const rows = await this.#options.store.rows(sql.type(storedRow)`SELECT ${COLUMNS}, hash FROM api_keys`);
      this.#copy = new Map(rows.map((row) => [row.id, row]));
      this.#copiedAtMs = askedAtMs;
      return true;
    } catch (error) {
      if (error instanceof CodedError && error.code === "STORE_UNAVAILABLE") return false;
      throw error;
    }
  }
}

function checkRequest(name: string, role: string, days: number): void {
  const invalid = (field: string, message: string) => new CodedError("KEY_INVALID", message, { field });
  if (name.length < 1 || name.length > NAME_MAX || /\p{Cc}/u.test(name)) {
    throw invalid("name", `name must have 1 to ${NAME_MAX} characters`);
  }
  if (!ROLES.includes(role as Role)) throw invalid("role", `role must be one of ${ROLES.join(", ")}`);
  if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX)
    throw invalid("days", `days must be a whole number from 1 to ${DAYS_MAX}`);
}

/** The checksum tells a mistyped or cut key from a wrong one, without asking the database. */
function withChecksum(body: string): string {
  return `${body}_${digest(body).toString("hex").slice(0, 8)}`;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
