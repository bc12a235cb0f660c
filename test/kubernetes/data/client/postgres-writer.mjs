/** Writes into PostgreSQL by way of the primary's Service, each statement with a deadline that ends its session, as the bot does. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { writeUntilTold } from "./writer.mjs";

const { Client } = createRequire("/app/package.json")("pg");
const DEADLINE_MS = 2000;
const secret = (key) => readFileSync(`/etc/algo-trading/secrets/${key}`, "utf8");
let session = null;

async function connect() {
  const client = new Client({
    host: "postgres-primary",
    database: "algo_trading_db",
    user: secret("DATABASE_USER"),
    password: secret("DATABASE_PASSWORD"),
    connectionTimeoutMillis: DEADLINE_MS,
  });
  client.on("error", (error) => console.error(error.message));
  await client.connect();
  return client;
}

async function query(text, values) {
  session ??= await connect();
  const { stream } = session.connection;
  const timer = setTimeout(() => stream.destroy(new Error("no answer in time")), DEADLINE_MS);
  try {
    return await session.query(text, values);
  } catch (error) {
    stream.destroy();
    session = null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

await writeUntilTold({
  prepare: async () => {
    await query("CREATE TABLE IF NOT EXISTS writes (n integer PRIMARY KEY)");
    await query("TRUNCATE writes");
  },
  write: (n) => query("INSERT INTO writes VALUES ($1)", [n]),
  missing: async (numbers) => {
    const { rows } = await query("SELECT unnest($1::integer[]) AS n EXCEPT SELECT n FROM writes", [numbers]);
    return rows.map(({ n }) => n);
  },
});
