import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import { registerJournalContract } from "./journal-contract.ts";

registerJournalContract(
  "memory",
  async () => {
    let nowMs = 1_000_000;
    return {
      journal: new MemoryJournal({ nowMs: () => nowMs }),
      expireLease: async () => {
        nowMs += 120_000;
      },
      close: async () => undefined,
    };
  },
  false,
);
