/**
 * Events that wait to be sent to the other replicas: of those with a key only the latest counts, the others all do, and the
 * order among them stays. Bounded: above `EVENTS_MAX` all are dropped, which the receivers see as a gap.
 */
import type { StreamEvent } from "../api/bot-port.ts";

export const EVENTS_MAX = 5_000;

export class Outbox {
  readonly #events = new Map<string | symbol, StreamEvent>();

  get empty(): boolean {
    return this.#events.size === 0;
  }

  /** False when there were too many: none is left then. */
  add(event: StreamEvent): boolean {
    const key = event.key === null ? Symbol() : `${event.channel} ${event.key}`;
    // Deleting first moves a key to the end.
    this.#events.delete(key);
    this.#events.set(key, event);
    if (this.#events.size <= EVENTS_MAX) return true;
    this.#events.clear();
    return false;
  }

  /** All that wait; none does afterwards. */
  take(): StreamEvent[] {
    const events = [...this.#events.values()];
    this.#events.clear();
    return events;
  }
}
