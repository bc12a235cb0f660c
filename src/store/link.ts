/**
 * One session on a database, whichever it is: what the Slonik driver and the migrations stand on. Main thread only.
 * Implemented over a socket to PostgreSQL (`postgres-link.ts`) and over a worker with PGlite (`embedded-link.ts`).
 */
import type { DriverQueryResult } from "slonik";

export interface Link {
  /** One statement with parameters; fails with `STORE_UNAVAILABLE` at the deadline, after which the link is broken. */
  query(text: string, values?: readonly unknown[]): Promise<DriverQueryResult>;
  /** Several statements without parameters. */
  script(text: string): Promise<void>;
  end(): Promise<void>;
}

export interface LinkOptions {
  /** A statement that takes longer is given up, and its session with it, ms. */
  readonly deadlineMs: number;
  /** Called once when the session is lost between statements. */
  readonly onLost: (error: Error) => void;
}

export type OpenLink = (options: LinkOptions) => Promise<Link>;

/** The longest that a transaction waits for a lock, and that it may stand idle, ms: a hung process must not delay a halt. */
export const LOCK_TIMEOUT_MS = 500;
