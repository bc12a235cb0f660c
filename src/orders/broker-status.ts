/**
 * What Alpaca's order statuses and stream events mean to the journal. Pure tables; anything unknown means nothing.
 */
import type { OrderChange } from "./journal.ts";

type KnownState = NonNullable<OrderChange["state"]>;

const STATES: Readonly<Record<string, KnownState>> = {
  new: "accepted",
  accepted: "accepted",
  pending_new: "accepted",
  accepted_for_bidding: "accepted",
  held: "accepted",
  stopped: "accepted",
  suspended: "accepted",
  calculated: "accepted",
  pending_cancel: "accepted",
  pending_replace: "accepted",
  partially_filled: "partially_filled",
  filled: "filled",
  canceled: "canceled",
  expired: "expired",
  done_for_day: "accepted",
  rejected: "rejected",
  replaced: "replaced",
};

/** The journal's state for a status on the wire; null for one that we do not know. */
export function stateOfStatus(status: string): KnownState | null {
  return STATES[status] ?? null;
}
