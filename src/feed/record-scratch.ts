/**
 * Where decoded records wait between the decoder and the rings. Owned by the thread of the feed.
 */
import { RecordBuffer } from "../core/market/record.ts";

/** Whoever hands out slots to write records into. */
export interface RecordTarget {
  readonly records: RecordBuffer;
  /** The next slot of `records`, or -1 when there is none. */
  claim(): number;
}

/** A buffer filled from the front and emptied at once. */
export class RecordScratch implements RecordTarget {
  readonly records: RecordBuffer;
  #count = 0;

  constructor(capacity: number) {
    this.records = RecordBuffer.allocate(capacity);
  }

  /** Records claimed since the last `clear`. */
  get count(): number {
    return this.#count;
  }

  claim(): number {
    return this.#count === this.records.capacity ? -1 : this.#count++;
  }

  clear(): void {
    this.#count = 0;
  }
}
