/**
 * Timers that fire when the test says so: time stands still until `advance`.
 */
import type { Timers } from "../../src/broker/alpaca/timers.ts";

interface Pending {
  readonly atMs: number;
  readonly work: () => void;
}

export class ManualTimers implements Timers {
  #nowMs = 1000;
  #pending: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, work: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, work };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((other) => other !== entry);
    };
  }

  /** Delays from now of all pending timers, ascending. */
  get delaysMs(): number[] {
    return this.#pending.map((entry) => entry.atMs - this.#nowMs).toSorted((a, b) => a - b);
  }

  /** Lets time pass, firing what falls due on the way, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = this.#pending.filter((entry) => entry.atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((entry) => entry !== due);
      this.#nowMs = due.atMs;
      due.work();
    }
    this.#nowMs = untilMs;
  }
}
