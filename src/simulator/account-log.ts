/**
 * The newest of what has happened to the account, numbered from 1 without a gap, the same after a restart: the events that
 * clients are told of, and the movements of its position and cash. For streams that begin in the past. Owned by the
 * exchange; pure.
 */
import type { VenueActivity, VenueEvent } from "../venue/order.ts";
import { RecentList } from "../venue/recent-list.ts";

export interface NumberedEvent {
  readonly number: number;
  readonly event: VenueEvent;
}

/** A trade (its event), or something else that moved the account. */
export type Movement = { readonly number: number } & (
  | { readonly event: VenueEvent; readonly activity: null }
  | { readonly event: null; readonly activity: VenueActivity }
);

/** Of each kind; at most twice as many. */
const KEPT = 10_000;

/** The log at one moment; plain values that do not change afterwards. */
export interface AccountLogSnapshot {
  readonly eventCount: number;
  readonly toldCount: number;
  readonly movementCount: number;
  readonly events: readonly NumberedEvent[];
  readonly movements: readonly Movement[];
}

export class AccountLog {
  readonly #events = new RecentList<NumberedEvent>(KEPT);
  readonly #movements = new RecentList<Movement>(KEPT);
  #eventCount = 0;
  #toldCount = 0;
  #movementCount = 0;

  /** Events so far, the silent ones too. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Oldest first. */
  get events(): readonly NumberedEvent[] {
    return this.#events.items;
  }

  /** Oldest first. */
  get movements(): readonly Movement[] {
    return this.#movements.items;
  }

  /** Takes an event and the fee of its execution down and returns the number of the newest that clients are told of. */
  addEvent(event: VenueEvent, fee: VenueActivity | null): number {
    this.#eventCount++;
    if (event.kind !== "amended") this.#events.push({ number: ++this.#toldCount, event });
    if (event.execution !== null) this.#movements.push({ number: ++this.#movementCount, event, activity: null });
    if (fee !== null) this.addActivity(fee);
    return this.#toldCount;
  }

  snapshot(): AccountLogSnapshot {
    return {
      eventCount: this.#eventCount,
      toldCount: this.#toldCount,
      movementCount: this.#movementCount,
      events: [...this.events],
      movements: [...this.movements],
    };
  }

  /** Sets a new log to a snapshot. */
  restore(snapshot: AccountLogSnapshot): void {
    this.#eventCount = snapshot.eventCount;
    this.#toldCount = snapshot.toldCount;
    this.#movementCount = snapshot.movementCount;
    for (const event of snapshot.events) this.#events.push(event);
    for (const movement of snapshot.movements) this.#movements.push(movement);
  }

  addActivity(activity: VenueActivity): void {
    this.#movements.push({ number: ++this.#movementCount, event: null, activity });
  }
}
