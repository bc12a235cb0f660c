/** What arrives on a stream, kept in order, for tests that wait for it. */

/** What a stream has given so far, in order, and a way to wait for more. */
export class Arrivals<T> {
  readonly all: T[] = [];
  #waiting: (() => void)[] = [];

  add(item: T): void {
    this.all.push(item);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** The first that fits, of those that are there or to come. */
  async find(fits: (item: T) => boolean): Promise<T> {
    for (let at = 0; ; ) {
      for (; at < this.all.length; at++) if (fits(this.all[at] as T)) return this.all[at] as T;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The first ones, as soon as there are so many. */
  async first(count: number): Promise<T[]> {
    while (this.all.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.all.slice(0, count);
  }
}
