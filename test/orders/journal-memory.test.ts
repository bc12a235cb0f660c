import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import { registerActivitiesContract } from "./journal-activities-contract.ts";
import { type JournalUnderTest, registerJournalContract } from "./journal-contract.ts";
import { registerTermsContract } from "./journal-terms-contract.ts";

async function openJournal(): Promise<JournalUnderTest> {
  let nowMs = 1_000_000;
  return {
    journal: new MemoryJournal({ nowMs: () => nowMs }),
    expireLease: async () => {
      nowMs += 120_000;
    },
    close: async () => undefined,
  };
}

registerJournalContract("memory", openJournal, false);
registerTermsContract("memory", openJournal, false);
registerActivitiesContract("memory", openJournal, false);
