/**
 * The journal under several connections at once, on a real server: what locks and fences are for. The outcomes that must not
 * be are looked for in what the database holds afterwards.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../../src/core/errors.ts";
import type { Fence } from "../../src/orders/journal.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { execution, fixed, intent, manual, verdicts, WIDE_LIMITS } from "../orders/journal-contract.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";
import { emptyBook, expireLease } from "./journal-database.ts";

const REPLICAS = 4;

void describe("journal races", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let stores: Store[];
  let journals: SqlJournal[];

  before(async () => {
    database = await createTestDatabase();
    stores = await Promise.all(
      Array.from({ length: REPLICAS }, () => openStore({ url: database.url, dataDir: "", poolSize: 3 })),
    );
    journals = stores.map((store) => new SqlJournal({ store }));
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });
  beforeEach(async () => {
    await emptyBook(stores[0] as Store);
    await journals[0]?.bind({ brokerAccountId: "a", mode: "simulated", openingCash: fixed("100000"), openedAtUs: 0 });
  });

  const at = (index: number): SqlJournal => journals[index % REPLICAS] as SqlJournal;

  /** The answer, or `FENCED`; anything else is a failure. */
  async function unlessFenced<T>(work: Promise<T>): Promise<T | "FENCED"> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof CodedError && error.code === "FENCED") return "FENCED";
      throw error;
    }
  }

  void it("gives the lease to exactly one of those that ask at once, each time with a higher generation", async () => {
    let newest = 0n;
    for (let round = 0; round < 15; round++) {
      const asked = await Promise.all(
        journals.map((journal, n) => journal.acquireLease(`owner-${round}-${n}`, 60_000)),
      );
      const given = asked.filter((lease) => lease !== null);
      assert.equal(given.length, 1);
      assert.ok((given[0]?.generation as bigint) > newest);
      newest = given[0]?.generation as bigint;
      await expireLease(stores[0] as Store);
    }
  });

  void it("lets no write of an old owner in once another has the lease", async () => {
    const old = (await at(0).acquireLease("old", 60_000)) as Fence;
    let takenOver = false;
    const committedAfter: boolean[] = [];
    const writer = async (n: number): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const startedAfter = takenOver;
        const outcome = await unlessFenced(at(n).commit(old, [intent()], WIDE_LIMITS));
        if (startedAfter) committedAfter.push(outcome !== "FENCED");
      }
    };
    const takeover = async (): Promise<Fence> => {
      await expireLease(stores[1] as Store);
      const lease = (await at(1).acquireLease("new", 60_000)) as Fence;
      takenOver = true;
      return lease;
    };
    const [next] = await Promise.all([takeover(), writer(0), writer(2), writer(3)]);
    assert.ok(!committedAfter.includes(true));
    const mine = intent();
    assert.deepEqual(verdicts(await at(2).commit(next, [mine], WIDE_LIMITS)), ["committed"]);
    for (const stale of [
      old,
      { owner: "new", generation: old.generation },
      { owner: "old", generation: next.generation },
    ]) {
      assert.equal(await unlessFenced(at(3).commit(stale, [intent()], WIDE_LIMITS)), "FENCED");
      assert.equal(await unlessFenced(at(3).transition(stale, [{ clientOrderId: mine.clientOrderId }])), "FENCED");
      assert.equal(await unlessFenced(at(3).applyExecutions(stale, [execution(mine, "1", "1")])), "FENCED");
    }
  });

  void it("commits nothing that was asked for after a halt", async () => {
    const fence = (await at(0).acquireLease("owner", 60_000)) as Fence;
    for (let round = 0; round < 8; round++) {
      await at(0).setTradingState("account", "active", "tester", "again");
      let halted = false;
      const late: string[] = [];
      const writer = async (n: number): Promise<void> => {
        for (let i = 0; i < 6; i++) {
          const startedAfter = halted;
          const batch = n === 0 ? [intent({ quantity: 1n })] : [manual({ quantity: 1n })];
          const outcomes = await at(n).commit(n === 0 ? fence : null, batch, WIDE_LIMITS);
          if (startedAfter) late.push(...verdicts(outcomes));
        }
      };
      const halt = async (): Promise<void> => {
        await at(3).setTradingState("account", "halted", "tester", "race");
        halted = true;
      };
      await Promise.all([writer(0), writer(1), writer(2), halt()]);
      assert.ok(late.every((verdict) => verdict === "TRADING_HALTED"));
    }
    // Whatever the processes thought: by the database's own order no order is younger than the last halt.
    const [count] = await stores[0]!.rows(sql.type(z.object({ late: z.bigint() }))`
      SELECT count(*) AS late FROM orders o, trading_states t
      WHERE t.scope = 'account' AND t.state = 'halted' AND o.created_at > t.changed_at`);
    assert.equal(count?.late, 0n);
  });

  void it("takes an id once and never spends more than there is, whoever asks", async () => {
    const twin = manual({ quantity: fixed("1") });
    const asked = await Promise.all(journals.map((journal) => journal.commit(null, [twin], WIDE_LIMITS)));
    assert.deepEqual(asked.flatMap(verdicts).sort(), ["committed", "duplicate", "duplicate", "duplicate"]);
    // 99,900 are left; each of the twelve wants 20,000.
    const large = Array.from({ length: 12 }, () => manual({ symbol: "BBB", quantity: fixed("200") }));
    const outcomes = await Promise.all(large.map((one, n) => at(n).commit(null, [one], WIDE_LIMITS)));
    const kinds = outcomes.flatMap(verdicts);
    assert.equal(kinds.filter((kind) => kind === "committed").length, 4);
    assert.equal(kinds.filter((kind) => kind === "BUYING_POWER").length, 8);
  });

  void it("applies an execution once when several hand it in at once", async () => {
    const fence = (await at(0).acquireLease("owner", 60_000)) as Fence;
    const made = intent();
    await at(0).commit(fence, [made], WIDE_LIMITS);
    const fill = execution(made, "10", "100");
    const results = await Promise.all(journals.map((journal) => journal.applyExecutions(fence, [fill])));
    assert.equal(results.flat().filter((result) => result.first).length, 1);
    assert.equal((await at(1).load()).cash, fixed("99000"));
  });
});
