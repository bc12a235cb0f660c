import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { sql } from "slonik";
import { z } from "zod";
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../../src/core/fixed.ts";
import { decimalColumn } from "../../src/store/journal-rows.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";

/** Small numbers and round ones make ties common; they are what rounding is wrong about. */
const edgy = fc.oneof(
  fc.bigInt({ min: 1n, max: 50n }),
  fc.bigInt({ min: 1n, max: 50n }).map((n) => (n * FIXED_ONE) / 2n),
  fc.bigInt({ min: 1n, max: 20n }).map((n) => n * FIXED_ONE + 500_000_000n),
  fc.bigInt({ min: 1n, max: 60_000n * FIXED_ONE }),
);

void describe("the SQL journal's arithmetic", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let store: Store;

  before(async () => {
    database = await createTestDatabase();
    store = await openStore({ url: database.url, dataDir: "" });
  });
  after(async () => {
    await store.close();
    await database.drop();
  });

  const resultRow = z.object({ rounded: decimalColumn, worst: decimalColumn, shared: decimalColumn });

  async function inSql(
    rows: readonly (readonly [Fixed, Fixed, Fixed])[],
  ): Promise<readonly z.output<typeof resultRow>[]> {
    const values = rows.map((row) => row.map(formatFixed));
    return store.rows(sql.type(resultRow)`
      SELECT round_half_even(a * b) AS rounded, worst_notional(abs(a), b) AS worst, share_of(a, b, b + c) AS shared
      FROM ${sql.unnest(values, ["numeric", "numeric", "numeric"])} WITH ORDINALITY AS u(a, b, c, n) ORDER BY n`);
  }

  void it("rounds products and shares as the one rounding function does", async () => {
    const signed = fc.tuple(edgy, fc.boolean()).map(([value, isNegative]) => (isNegative ? -value : value));
    const rows = fc.array(fc.tuple(signed, edgy, edgy), { minLength: 500, maxLength: 500 });
    const property = fc.asyncProperty(rows, async (list) => {
      const expected = list.map(([a, b, c]) => ({
        rounded: divideRounded(a * b, FIXED_ONE, "half_even"),
        worst: divideRounded((a < 0n ? -a : a) * b, FIXED_ONE, "ceil"),
        shared: divideRounded(a * b, b + c, "half_even"),
      }));
      assert.deepEqual(await inSql(list), expected);
    });
    await fc.assert(property, { numRuns: 20, endOnFailure: true });
  });
});
