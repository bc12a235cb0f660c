/**
 * Binds the book to the broker's account, once and for ever, before anything may trade. Main thread only. It waits for a
 * broker or a database that is not there, but not past a mismatch.
 */
import type { Broker } from "../broker/broker.ts";
import type { Config } from "../config/config.ts";
import { CodedError } from "../core/errors.ts";
import type { Journal } from "../orders/journal.ts";

export interface BookBindingOptions {
  readonly broker: Broker;
  readonly journal: Pick<Journal, "bind">;
  readonly mode: Config["tradingMode"];
  readonly isStopping: () => boolean;
  /** Told of the first failure of several. */
  readonly onWaiting: (what: string, cause: unknown) => void;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface BoundBook {
  readonly bookId: string;
  readonly brokerAccountId: string;
  /** The broker's time just before, us. */
  readonly venueTimeUs: number;
}

const RETRY_MS = 1000;

/** Null when the process is told to stop first. Throws the journal's errors for a book of another account or mode. */
export async function bindBook(options: BookBindingOptions): Promise<BoundBook | null> {
  const { broker, journal, mode, isStopping, onWaiting, sleep } = options;
  for (let attempt = 0; !isStopping(); attempt++) {
    // The time first: what moves the account after it is an activity of the book's, what moved it before is its opening.
    const time = await broker.clock();
    const account = await broker.account();
    if (account.kind === "ok" && time.kind === "ok") {
      const { id, cash } = account.value;
      const openedAtUs = time.value.venueTimeUs;
      try {
        const bookId = await journal.bind({ brokerAccountId: id, mode, openingCash: cash, openedAtUs });
        return { bookId, brokerAccountId: id, venueTimeUs: openedAtUs };
      } catch (error) {
        if (!(error instanceof CodedError) || error.code !== "STORE_UNAVAILABLE") throw error;
        if (attempt === 0) onWaiting("the database does not answer", error.message);
      }
    } else if (attempt === 0) onWaiting("the broker does not answer yet", { account, time });
    await sleep(RETRY_MS);
  }
  return null;
}
