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
  // Deleting is quicker than truncating, which makes new files; one block is one commit.
  await store.rows(sql.type(nothing)`
    DO $$ BEGIN
      DELETE FROM executions; DELETE FROM orders; DELETE FROM positions; DELETE FROM instance_states;
      DELETE FROM activities; DELETE FROM splits; DELETE FROM fees_in_kind; DELETE FROM refusals; DELETE FROM audit; DELETE FROM trading_states;
      INSERT INTO trading_states (scope, state, actor, reason) VALUES ('account', 'active', 'test', '');
      UPDATE account SET broker_account_id = NULL, mode = NULL, opening_cash = 0, cash = 0, last_execution_us = 0,
        last_activity_us = 0, opened_at_us = NULL, executions = 0;
      UPDATE lease SET owner = NULL, expires_at = 'epoch';
    END $$`);
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
