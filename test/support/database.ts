/**
 * A fresh database for one test on the server that the runner started. Outside the runner there is none: such tests skip.
 */
import { randomBytes } from "node:crypto";
import { Client } from "pg";

export const TEST_DATABASE_URL = process.env["TEST_DATABASE_URL"];
export const TEST_REDIS_URL = process.env["TEST_REDIS_URL"];

/** For `test(name, { skip: skipWithoutDatabase }, …)`: the reason to skip, or false. */
export const skipWithoutDatabase =
  TEST_DATABASE_URL === undefined ? "needs PostgreSQL: run the tests with `npm test`" : false;
export const skipWithoutRedis = TEST_REDIS_URL === undefined ? "needs Redis: run the tests with `npm test`" : false;

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Drops the database, ending whatever sessions are left on it. */
  drop(): Promise<void>;
}

/** Creates an empty database with a random name. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await administrate(`CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(TEST_DATABASE_URL as string);
  url.pathname = `/${name}`;
  return { url: url.href, name, drop: () => administrate(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function administrate(statement: string): Promise<void> {
  if (TEST_DATABASE_URL === undefined) throw new Error("TEST_DATABASE_URL is not set: run the tests with `npm test`");
  const client = new Client({ connectionString: TEST_DATABASE_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
