import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { Client } from "pg";
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../../src/core/errors.ts";
import { MIGRATIONS } from "../../src/store/migrate.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";

const one = sql.type(z.object({ one: z.number() }))`SELECT 1 AS one`;

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof CodedError && error.code === code;
}

/** A TCP relay that can stop passing bytes without closing anything, as a cut network does. */
class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #held = false;
  port = 0;

  constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const target = connect(targetPort, "127.0.0.1");
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(from);
        from.on("data", (data) => {
          if (!this.#held) to.write(data);
        });
        from.on("close", () => to.destroy());
        from.on("error", () => to.destroy());
      }
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as { port: number }).port;
  }

  hold(held: boolean): void {
    this.#held = held;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

void describe("store on PostgreSQL", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let store: Store;

  before(async () => {
    database = await createTestDatabase();
    store = await openStore({ url: database.url, dataDir: "", deadlineMs: 1000, poolSize: 2 });
  });
  after(async () => {
    await store.close();
    await database.drop();
  });

  void it("never makes a float of a numeric, and gives int8 as bigint and times as milliseconds", async () => {
    const row = z.object({ money: z.string(), big: z.bigint(), at: z.number() });
    const [values] = await store.rows(sql.type(row)`
      SELECT 9223372036.854775807::numeric(28, 9) AS money, 9007199254740993::int8 AS big,
        '2026-03-01 00:00:00.25+01'::timestamptz AS at`);
    assert.deepEqual(values, {
      money: "9223372036.854775807",
      big: 9_007_199_254_740_993n,
      at: Date.parse("2026-02-28T23:00:00.250Z"),
    });
  });

  void it("refuses a row that is not what the query promised", async () => {
    await assert.rejects(store.rows(sql.type(z.object({ one: z.string() }))`SELECT 1 AS one`), z.ZodError);
  });

  void it("takes a transaction back when its work throws", async () => {
    const failing = store.transaction(async (connection) => {
      await connection.query(sql.type(z.unknown())`CREATE TABLE half (a int)`);
      throw new Error("stop here");
    });
    await assert.rejects(failing, /stop here/);
    const [found] = await store.rows(
      sql.type(z.object({ name: z.string().nullable() }))`SELECT to_regclass('half')::text AS name`,
    );
    assert.equal(found?.name, null);
  });

  void it("calls a statement that takes too long unavailable, and works on", async () => {
    await assert.rejects(store.rows(sql.type(z.unknown())`SELECT pg_sleep(30)::text`), withCode("STORE_UNAVAILABLE"));
    assert.deepEqual(await store.rows(one), [{ one: 1 }]);
  });

  void it("gives a lock up within half a second", async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query("BEGIN; SELECT * FROM account FOR UPDATE");
      await assert.rejects(
        store.rows(sql.type(z.unknown())`SELECT * FROM account FOR UPDATE`),
        withCode("STORE_UNAVAILABLE"),
      );
    } finally {
      await client.end();
    }
  });

  void it("recovers by itself when the server ends its sessions", async () => {
    const end = sql.type(z.unknown())`
      SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`;
    await Promise.all([store.rows(one), store.rows(one)]);
    await store.rows(end);
    // The ended session may still be handed out once.
    await store.rows(one).catch((error: unknown) => assert.ok(withCode("STORE_UNAVAILABLE")(error)));
    assert.deepEqual(await store.rows(one), [{ one: 1 }]);
  });

  void it("destroys the socket of a server that stops answering, and comes back with the network", async () => {
    const relay = new Relay(Number(new URL(database.url).port));
    await relay.listen();
    const url = new URL(database.url);
    url.port = String(relay.port);
    const cut = await openStore({ url: url.href, dataDir: "", deadlineMs: 300, poolSize: 1 });
    try {
      assert.deepEqual(await cut.rows(one), [{ one: 1 }]);
      relay.hold(true);
      await assert.rejects(cut.rows(one), withCode("STORE_UNAVAILABLE"));
      relay.hold(false);
      assert.deepEqual(await cut.rows(one), [{ one: 1 }]);
    } finally {
      await cut.close();
      relay.close();
    }
  });

  void it("gives up every session on a server that has become a standby, and opens none there", async () => {
    const own = await createTestDatabase();
    const other = await openStore({ url: own.url, dataDir: "", deadlineMs: 1000, poolSize: 2 });
    const change = sql.type(z.unknown())`UPDATE lease SET owner = owner`;
    const pids = sql.type(z.object({ pid: z.number(), wait: z.string() }))`
      SELECT pg_backend_pid() AS pid, pg_sleep(0.1)::text AS wait`;
    try {
      const [first, second] = await Promise.all([other.rows(pids), other.rows(pids)]);
      // What a session sees whose server was deposed: reads go on, writes are refused.
      await Promise.all(
        [1, 2].map(() =>
          other.rows(sql.type(z.unknown())`
            SELECT set_config('default_transaction_read_only', 'on', false) AS a, pg_sleep(0.1)::text AS b`),
        ),
      );
      await assert.rejects(other.rows(change), withCode("STORE_UNAVAILABLE"));
      await other.rows(change);
      const earlier = [first?.[0]?.pid, second?.[0]?.pid];
      for (const [row] of await Promise.all([other.rows(pids), other.rows(pids)])) {
        assert.ok(!earlier.includes(row?.pid), "a session of before is still in use");
      }
      await administer(own.url, `ALTER DATABASE ${own.name} SET default_transaction_read_only TO on`);
      await administer(
        own.url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
      );
      await assert.rejects(other.rows(one), withCode("STORE_UNAVAILABLE"));
      await assert.rejects(other.rows(one), withCode("STORE_UNAVAILABLE"));
      await administer(
        own.url,
        "SET default_transaction_read_only TO off",
        `ALTER DATABASE ${own.name} RESET default_transaction_read_only`,
      );
      assert.deepEqual(await other.rows(one), [{ one: 1 }]);
    } finally {
      await other.close();
      await own.drop();
    }
  });

  void it("is done with all sessions on a silent server at the first deadline", async () => {
    const relay = new Relay(Number(new URL(database.url).port));
    await relay.listen();
    const url = new URL(database.url);
    url.port = String(relay.port);
    const cut = await openStore({ url: url.href, dataDir: "", deadlineMs: 300, poolSize: 4 });
    const nap = sql.type(z.unknown())`SELECT pg_sleep(0.1)::text`;
    try {
      await Promise.all([1, 2, 3, 4].map(() => cut.rows(nap)));
      relay.hold(true);
      await assert.rejects(cut.rows(one), withCode("STORE_UNAVAILABLE"));
      relay.hold(false);
      assert.deepEqual(await cut.rows(one), [{ one: 1 }]);
      assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => cut.rows(one))), Array(4).fill([{ one: 1 }]));
    } finally {
      await cut.close();
      relay.close();
    }
  });

  void it("is unavailable when there is no server", async () => {
    const nowhere = openStore({ url: "postgresql://postgres@127.0.0.1:1/none", dataDir: "" });
    await assert.rejects(nowhere, withCode("STORE_UNAVAILABLE"));
  });
});

void describe("migrations", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let folder: string;

  before(async () => {
    database = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), "bot-migrations-"));
    cpSync(MIGRATIONS, folder, { recursive: true });
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await database.drop();
  });

  const open = async (): Promise<void> => {
    const store = await openStore({ url: database.url, dataDir: "", migrations: pathToFileURL(`${folder}/`) });
    await store.close();
  };

  void it("run once when several processes start together, and not again", async () => {
    await Promise.all([open(), open(), open()]);
    await open();
  });

  void it("wait for a long transaction without holding up what trades meanwhile", async () => {
    const [dump, trader] = [await openClient(database.url), await openClient(database.url)];
    try {
      await dump.query("BEGIN");
      await dump.query("SELECT * FROM lease");
      writeFileSync(join(folder, "0800-lease.sql"), "ALTER TABLE lease ADD COLUMN tried integer;");
      let isDone = false;
      const opened = open().then(() => {
        isDone = true;
      });
      // As an older build renews: it gives up a lock that it has to wait for longer than this.
      await trader.query("SET lock_timeout = 500");
      for (const endMs = performance.now() + 2000; performance.now() < endMs; ) {
        await trader.query("SELECT journal_acquire_lease('older build', 6000)");
      }
      assert.equal(isDone, false);
      await dump.query("COMMIT");
      await opened;
      await trader.query("SELECT journal_acquire_lease('older build', 6000)");
    } finally {
      await Promise.all([dump.end(), trader.end()]);
    }
  });

  void it("are taken back as a whole when one fails", async () => {
    writeFileSync(join(folder, "0900-bad.sql"), "CREATE TABLE ninth (a int); SELECT nonsense;");
    await assert.rejects(open(), withCode("MIGRATION_FAILED"));
    writeFileSync(join(folder, "0900-bad.sql"), "CREATE TABLE ninth (a int);");
    await open();
  });

  void it("refuse when an applied one was changed or taken away", async () => {
    writeFileSync(join(folder, "0900-bad.sql"), "CREATE TABLE ninth (a int, b int);");
    await assert.rejects(open(), withCode("MIGRATION_CHANGED"));
    writeFileSync(join(folder, "0901-next.sql"), "SELECT 1;");
    rmSync(join(folder, "0900-bad.sql"));
    await assert.rejects(open(), withCode("MIGRATION_MISSING"));
  });

  void it("let an older build run on a newer schema", async () => {
    rmSync(join(folder, "0901-next.sql"));
    await open();
  });

  void it("must be named by number and words", async () => {
    writeFileSync(join(folder, "next.sql"), "SELECT 1;");
    await assert.rejects(open(), withCode("MIGRATION_NAME"));
  });
});

void describe("embedded store", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "bot-embedded-"));
  after(() => rmSync(dataDir, { recursive: true }));

  /** A process of its own that opens the store, commits row after row and says so. */
  function startWriter(): { child: ChildProcess; lines: AsyncIterableIterator<string> } {
    const argv = ["--import", "tsx", join(import.meta.dirname, "embedded-writer.ts"), dataDir];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    return { child, lines };
  }

  void it("loses nothing that was acknowledged, and frees its directory, when the process is killed", async () => {
    const { child, lines } = startWriter();
    let acknowledged = 0;
    while (acknowledged < 20) acknowledged = Number((await lines.next()).value);
    await assert.rejects(openStore({ url: null, dataDir }), withCode("DATA_DIR_LOCKED"));
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = await openStore({ url: null, dataDir });
    try {
      const [row] = await store.rows(
        sql.type(z.object({ count: z.bigint() }))`SELECT count(*) AS count FROM equity_points`,
      );
      assert.ok((row?.count as bigint) >= BigInt(acknowledged));
      await stayResponsive(store);
    } finally {
      await store.close();
    }
    const again = await openStore({ url: null, dataDir });
    await again.close();
  });

  /** While the database works, the main thread's timers go on: the worker does the work. */
  async function stayResponsive(store: Store): Promise<void> {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await store.rows(sql.type(z.unknown())`SELECT count(*) FROM generate_series(1, 300000)`);
    clearInterval(timer);
    assert.ok(turns > 0);
  }
});

async function openClient(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

async function administer(url: string, ...statements: string[]): Promise<void> {
  const client = await openClient(url);
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
