/** Where an engine writes its intents: the intent ring, or a list in memory. */
import type { IntentBuffer } from "./intent.ts";

export interface IntentSink {
  readonly intents: IntentBuffer;
  /** Free slots. */
  available(): number;
  /** Slot of the next intent; never fails while `available()` was positive. */
  claim(): number;
  /** Hands over everything claimed; called once per order or cancel, which is the last record claimed. */
  publish(): void;
}
