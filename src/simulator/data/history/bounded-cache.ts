/** The newest so many values by key: the oldest goes when there is no room. Pure. */

export class BoundedCache<Value> {
  readonly #values = new Map<string, Value>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    if (this.#values.size === this.#capacity) this.#values.delete(this.#values.keys().next().value as string);
    this.#values.set(key, value);
  }
}
