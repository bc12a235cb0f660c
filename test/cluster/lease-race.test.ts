import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { LeaseKeeper } from "../../src/cluster/lease-keeper.ts";
import type { Fence } from "../../src/orders/journal.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";

/** Real clocks, a real server and short leases; what is waited for are the keepers' own events. */
void describe("lease keepers on one database", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let stores: Store[];

  before(async () => {
    database = await createTestDatabase();
    stores = await Promise.all([0, 1, 2].map(() => openStore({ url: database.url, dataDir: "", poolSize: 1 })));
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database.drop();
  });

  void it("hand the lease on and never hold it together, also when a holder is cut off", async () => {
    const acquired: Fence[] = [];
    let onAcquired = (): void => undefined;
    const cutOff = new Set<string>();
    const keepers = stores.map((store, n) => {
      const journal = new SqlJournal({ store });
      const owner = `keeper-${n}`;
      return new LeaseKeeper({
        journal: {
          acquireLease: async (who, ttlMs) => {
            if (cutOff.has(who)) throw new Error("cut off");
            return journal.acquireLease(who, ttlMs);
          },
          releaseLease: (fence, untradedMs) => journal.releaseLease(fence, untradedMs),
        },
        owner,
        ttlMs: 300,
        renewMs: 60,
        pollMs: 20,
        lockDelayMs: 50,
        marginMs: 50,
        nowMs: () => performance.now(),
        random: Math.random,
        schedule: (work, afterMs) => {
          const timer = setTimeout(work, afterMs);
          return () => clearTimeout(timer);
        },
        handler: {
          acquired: (fence) => {
            const acting = keepers.filter((keeper) => keeper.fence() !== null);
            assert.equal(acting.length, 1, "two hold the lease");
            acquired.push(fence);
            onAcquired();
          },
          lost: () => undefined,
          standby: () => undefined,
        },
      });
    });
    const next = () => new Promise<void>((resolve) => (onAcquired = resolve));
    let held = next();
    for (const keeper of keepers) keeper.start();
    for (let round = 0; round < 6; round++) {
      await held;
      held = next();
      const holder = acquired.at(-1)?.owner as string;
      cutOff.clear();
      cutOff.add(holder);
    }
    await held;
    await Promise.all(keepers.map((keeper) => keeper.stop(0)));
    const generations = acquired.map((fence) => fence.generation);
    assert.deepEqual(
      generations,
      generations.toSorted((a, b) => (a < b ? -1 : 1)),
    );
    assert.equal(new Set(generations).size, generations.length, "no generation is given twice");
  });
});
