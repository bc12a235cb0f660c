import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { openStore, type Store } from "../../src/store/store.ts";
import { registerActivitiesContract } from "../orders/journal-activities-contract.ts";
import { registerJournalContract } from "../orders/journal-contract.ts";
import { registerTermsContract } from "../orders/journal-terms-contract.ts";
import { journalOn } from "./journal-database.ts";

const dataDir = mkdtempSync(join(tmpdir(), "bot-embedded-"));
let store: Store;

before(async () => {
  store = await openStore({ url: null, dataDir });
});
after(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

registerJournalContract("embedded", () => journalOn(store), false);
registerTermsContract("embedded", () => journalOn(store), false);
registerActivitiesContract("embedded", () => journalOn(store), false);
