import { after, before } from "node:test";
import { openStore, type Store } from "../../src/store/store.ts";
import { registerActivitiesContract } from "../orders/journal-activities-contract.ts";
import { registerJournalContract } from "../orders/journal-contract.ts";
import { registerTermsContract } from "../orders/journal-terms-contract.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";
import { journalOn } from "./journal-database.ts";

let database: TestDatabase;
let store: Store;

if (skipWithoutDatabase === false) {
  before(async () => {
    database = await createTestDatabase();
    store = await openStore({ url: database.url, dataDir: "" });
  });
  after(async () => {
    await store.close();
    await database.drop();
  });
}

registerJournalContract("PostgreSQL", () => journalOn(store), skipWithoutDatabase);
registerTermsContract("PostgreSQL", () => journalOn(store), skipWithoutDatabase);
registerActivitiesContract("PostgreSQL", () => journalOn(store), skipWithoutDatabase);
