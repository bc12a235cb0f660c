import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../../src/core/errors.ts";
import { ApiKeys } from "../../src/store/api-keys.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";

const DAY_MS = 86_400_000;

void describe("API keys", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let real: Store;
  let isAway = false;
  let reads = 0;
  let store: Store;
  let nowMs = Date.now();

  before(async () => {
    database = await createTestDatabase();
    real = await openStore({ url: database.url, dataDir: "" });
    const away = () => Promise.reject(new CodedError("STORE_UNAVAILABLE", "away"));
    store = {
      kind: "postgres",
      rows: (query) => {
        reads += 1;
        return isAway ? away() : real.rows(query);
      },
      transaction: (work) => (isAway ? away() : real.transaction(work)),
      close: async () => undefined,
    };
  });
  after(async () => {
    await real.close();
    await database.drop();
  });

  const replica = () => new ApiKeys({ store, nowMs: () => nowMs });
  const trader = { name: "desk", role: "trader", actor: "test" } as const;

  void it("verifies the key that it made, and no other", async () => {
    const keys = replica();
    const { key, text } = await keys.create(trader);
    assert.match(text, /^atb_[0-9a-f]{16}_[0-9a-f]{64}_[0-9a-f]{8}$/);
    assert.deepEqual(await keys.verify(text), { key, fresh: true });
    const other = await keys.create(trader);
    const swapped = other.text.replace(other.key.id, key.id);
    assert.equal(await keys.verify(swapped), null, "the checksum covers the id");
    for (const wrong of ["", "atb_", text.slice(1), `${text}0`, text.toUpperCase()]) {
      assert.equal(await keys.verify(wrong), null);
    }
  });

  void it("refuses a wrong secret whose checksum is right", async () => {
    const keys = replica();
    const { key } = await keys.create(trader);
    const body = `atb_${key.id}_${"0".repeat(64)}`;
    const forged = `${body}_${createHash("sha256").update(body).digest("hex").slice(0, 8)}`;
    assert.equal(await keys.verify(forged), null);
  });

  void it("keeps no text from which a key could be used", async () => {
    const { text } = await replica().create(trader);
    const rows = await real.rows(sql.type(z.object({ row: z.string() }))`
      SELECT to_jsonb(k)::text AS row FROM api_keys k UNION ALL SELECT to_jsonb(a)::text FROM audit a`);
    const secret = text.split("_")[2] as string;
    assert.ok(rows.length > 0);
    assert.ok(!rows.some(({ row }) => row.includes(secret)));
  });

  void it("expires after 90 days at most", async () => {
    const keys = replica();
    const { key, text } = await keys.create(trader);
    assert.ok(Math.abs(key.expiresAtMs - nowMs - 90 * DAY_MS) <= 1);
    const start = nowMs;
    nowMs = start + 90 * DAY_MS + 2;
    assert.equal(await keys.verify(text), null);
    nowMs = start;
    for (const [field, bad] of [
      ["days", { ...trader, days: 91 }],
      ["days", { ...trader, days: 0.5 }],
      ["name", { ...trader, name: "" }],
      ["role", { ...trader, role: "root" as "admin" }],
    ] as const) {
      const named = (error: unknown) =>
        error instanceof CodedError && error.code === "KEY_INVALID" && error.field === field;
      await assert.rejects(keys.create(bad), named);
    }
  });

  void it("stops a revoked key on another replica within five seconds", async () => {
    const [here, there] = [replica(), replica()];
    const { key, text } = await here.create(trader);
    assert.ok(await there.verify(text));
    assert.equal(await here.revoke(key.id, "test"), true);
    assert.equal(await here.revoke(key.id, "test"), false);
    assert.equal(await here.verify(text), null);
    assert.ok(await there.verify(text), "from its copy");
    nowMs += 5000;
    assert.equal(await there.verify(text), null);
    assert.ok((await here.list()).some((row) => row.id === key.id && row.revokedAtMs !== null));
  });

  void it("asks the database only when its copy is old", async () => {
    const keys = replica();
    const { text } = await keys.create(trader);
    await keys.verify(text);
    const readsBefore = reads;
    nowMs += 4999;
    await keys.verify(text);
    assert.equal(reads, readsBefore);
  });

  void it("knows a key that another replica has made when its copy was refreshed before the database went away", async () => {
    const [here, there] = [replica(), replica()];
    await there.load();
    const { key, text } = await here.create(trader);
    await there.refresh();
    isAway = true;
    nowMs += 60_000;
    assert.deepEqual(await there.verify(text), { key, fresh: false });
    isAway = false;
  });

  void it("tells whether there is any good key", async () => {
    const empty = await createTestDatabase();
    const other = await openStore({ url: empty.url, dataDir: "" });
    try {
      const keys = new ApiKeys({ store: other, nowMs: () => nowMs });
      await keys.load();
      assert.equal(await keys.exist(), false);
      const { key } = await new ApiKeys({ store: other, nowMs: () => nowMs }).create(trader);
      nowMs += 1000;
      assert.equal(await keys.exist(), true);
      await keys.revoke(key.id, "test");
      await keys.refresh();
      assert.equal(await keys.exist(), false);
    } finally {
      await other.close();
      await empty.drop();
    }
  });

  void it("knows its keys, though not freshly, while the database is away", async () => {
    const keys = replica();
    const { key, text } = await keys.create(trader);
    await keys.load();
    isAway = true;
    nowMs += 60_000;
    assert.deepEqual(await keys.verify(text), { key, fresh: false });
    isAway = false;
    assert.deepEqual(await keys.verify(text), { key, fresh: true });
  });

  void it("leaves an audit trail whose hashes follow from each other", async () => {
    const broken = await real.rows(sql.type(z.object({ seq: z.bigint() }))`
      SELECT seq FROM (SELECT a.*, coalesce(lag(hash) OVER (ORDER BY seq), '') AS before FROM audit a) AS chained
      WHERE hash <> audit_hash(before, seq, at_ms, actor, action, subject, detail)`);
    assert.deepEqual(broken, []);
  });
});
