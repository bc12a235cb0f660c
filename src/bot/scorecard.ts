/** Counts of this process's life for the faces and the summary: intents, orders, fills, refusals by code. Main thread only. */

export class Scorecard {
  readonly #refusals = new Map<string, number>();
  readonly #intents = new Map<string, number>();
  readonly #refusedOf = new Map<string, number>();
  fills = 0;
  orders = 0;
  /** Numbers the events of the channel `signals`. */
  signals = 0;

  intent(instanceId: string): void {
    this.#intents.set(instanceId, this.intentsOf(instanceId) + 1);
  }

  refused(code: string, instanceId: string): void {
    this.#refusals.set(code, (this.#refusals.get(code) ?? 0) + 1);
    this.#refusedOf.set(instanceId, this.refusalsOf(instanceId) + 1);
  }

  intentsOf(instanceId: string): number {
    return this.#intents.get(instanceId) ?? 0;
  }

  get intentsTotal(): number {
    return sum(this.#intents.values());
  }

  refusalsOf(instanceId: string): number {
    return this.#refusedOf.get(instanceId) ?? 0;
  }

  refusals(): Record<string, number> {
    return Object.fromEntries(this.#refusals);
  }

  get refusedTotal(): number {
    return sum(this.#refusals.values());
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
