import { after, before, describe, it } from "node:test";
import { openStore, type Store } from "../../src/store/store.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";
import { proveEqual } from "./journal-commands.ts";

void describe("the SQL journal and its model, at length", { skip: skipWithoutDatabase }, () => {
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

  void it("give the same answers and the same book to any commands", async () => {
    await proveEqual(store, { numRuns: 1000 });
  });
});
