/**
 * Changes of one channel that wait to be sent: by key only the latest counts, without a key all do. Bounded: keys by what
 * exists in the account and its watch list, unkeyed changes by `UNKEYED_MAX`.
 */
import type { Change } from "./protocol.ts";

/** A reader that lacks this many unkeyed changes is cut; it gets a snapshot when it comes back. */
export const UNKEYED_MAX = 1_000;

export class Backlog {
  readonly #byKey = new Map<string, Change>();
  readonly #unkeyed: Change[] = [];

  get empty(): boolean {
    return this.#byKey.size === 0 && this.#unkeyed.length === 0;
  }

  get overflowed(): boolean {
    return this.#unkeyed.length > UNKEYED_MAX;
  }

  add(change: Change): void {
    if (change.key === null) {
      this.#unkeyed.push(change);
      return;
    }
    // Deleting first moves the key to the end, so that numbers rise along the batch.
    this.#byKey.delete(change.key);
    this.#byKey.set(change.key, change);
  }

  /** All waiting changes with rising numbers; the backlog is empty afterwards. */
  take(): Change[] {
    const changes = [...this.#byKey.values(), ...this.#unkeyed];
    this.#byKey.clear();
    this.#unkeyed.length = 0;
    return changes;
  }
}
