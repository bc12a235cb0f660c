/** What the market-data streams need to know of keys and limits. Pure. */
import type { DataPlan } from "../plan.ts";

export interface StreamSettings {
  readonly keyId: string;
  readonly secret: string;
  readonly plan: DataPlan;
  /** Connections at a time on one path. */
  readonly connectionLimit: number;
  /** Symbols with trades or quotes on one connection; null for no limit. */
  readonly symbolLimit: number | null;
  readonly authTimeoutMs: number;
  /** A reader that has left so much unread is cut. */
  readonly slowClientBytes: number;
}
