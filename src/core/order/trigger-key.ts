/**
 * The identity of the record that caused a decision. It is a fact of the data, never a counter of ours, so that a
 * replayed or repeated record gives the same order id and the broker refuses the second one.
 */
export interface TriggerKey {
  /** KIND_* of the record. */
  readonly kind: number;
  readonly symbol: string;
  readonly venueTimeUs: number;
  /** How many records of the same kind and instrument with the same venue time came before it. */
  readonly ordinal: number;
}

/** Text form used in hashes, the journal and logs. */
export function formatTriggerKey(key: TriggerKey): string {
  return `${key.kind}:${key.symbol}:${key.venueTimeUs}:${key.ordinal}`;
}
