/** The newest items of a list that grows for ever; dropping the oldest costs constant time on average. */

export class RecentList<T> {
  readonly #most: number;
  #items: T[] = [];

  /** Keeps at least `most` items, and at most twice as many. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Oldest first. */
  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#most * 2) this.#items = this.#items.slice(-this.#most);
  }

  /** Puts another in the place of an item, or takes it out for null; nothing happens when it is not there. */
  replace(item: T, other: T | null): void {
    const place = this.#items.lastIndexOf(item);
    if (place === -1) return;
    if (other === null) this.#items.splice(place, 1);
    else this.#items[place] = other;
  }
}
