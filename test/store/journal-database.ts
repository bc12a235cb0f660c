/**
 * A journal on a real database for the contract suite and the properties: one database is migrated once and emptied between
 * tests.
 */
import { sql } from "slonik";
import { z } from "zod";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import type { Store } from "../../src/store/store.ts";
import type { JournalUnderTest } from "../orders/journal-contract.ts";

const nothing = z.unknown();

/** Empties the book; the lease's generation goes on growing, as it must. */
export async function emptyBook(store: Store): Promise<void> {
  await store.rows(
    sql.type(nothing)`TRUNCATE orders, executions, positions, instance_states, refusals, audit, trading_states`,
  );
  await store.rows(
    sql.type(
      nothing,
    )`INSERT INTO trading_states (scope, state, actor, reason) VALUES ('account', 'active', 'test', '')`,
  );
  await store.rows(
    sql.type(
      nothing,
    )`UPDATE account SET broker_account_id = NULL, mode = NULL, opening_cash = 0, cash = 0, last_execution_us = 0`,
  );
  await store.rows(sql.type(nothing)`UPDATE lease SET owner = NULL, expires_at = 'epoch'`);
}

export async function expireLease(store: Store): Promise<void> {
  await store.rows(sql.type(nothing)`UPDATE lease SET expires_at = clock_timestamp() - interval '1 microsecond'`);
}

export async function journalOn(store: Store): Promise<JournalUnderTest> {
  await emptyBook(store);
  return {
    journal: new SqlJournal({ store }),
    expireLease: () => expireLease(store),
    close: async () => undefined,
  };
}
