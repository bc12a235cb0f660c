import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "pg";
import { createTestDatabase, skipWithoutDatabase } from "./database.ts";

void test("a test's database is its own, empty and durable", { skip: skipWithoutDatabase }, async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT current_database() AS name, current_setting('fsync') AS fsync");
    assert.deepEqual(rows, [{ name: database.name, fsync: "on" }]);
    const tables = await client.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'");
    assert.equal(tables.rowCount, 0);
  } finally {
    await client.end();
    await database.drop();
  }
});
