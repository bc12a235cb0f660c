/**
 * The record that caused a decision, as the engine carries it until an intent is written. Reused, never allocated per
 * record.
 */
export class Trigger {
  /** KIND_* of the record. */
  kind = 0;
  /** Epoch microseconds by the venue's clock; of a bar its start. */
  venueTimeUs = 0;
  /** How many records of the same kind and instrument with the same venue time came before it. */
  ordinal = 0;
  receivedTimeUs = 0;
  /** Number of the inbound record. */
  inboundNumber = 0;

  copyFrom(other: Trigger): void {
    this.kind = other.kind;
    this.venueTimeUs = other.venueTimeUs;
    this.ordinal = other.ordinal;
    this.receivedTimeUs = other.receivedTimeUs;
    this.inboundNumber = other.inboundNumber;
  }

  /** Whether both name the same record. */
  sameAs(other: Trigger): boolean {
    return this.kind === other.kind && this.venueTimeUs === other.venueTimeUs && this.ordinal === other.ordinal;
  }
}
