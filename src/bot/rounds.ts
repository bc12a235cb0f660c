/**
 * Periodic work of the main thread: each task runs one round at a time, the first of failing rounds is reported and the
 * next one tries again, and after `stop` nothing starts any more.
 */

export class Rounds {
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  every(ms: number, round: () => void | Promise<void>): void {
    let current: Promise<void> | null = null;
    let fails = false;
    this.#timers.push(
      setInterval(() => {
        if (current !== null) return;
        const started = this.#run(round, fails).then((failed) => {
          fails = failed;
          this.#running.delete(started);
          current = null;
        });
        current = started;
        this.#running.add(started);
      }, ms),
    );
  }

  /** Resolves when the rounds under way have ended. */
  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    await Promise.all(this.#running);
  }

  /** True when the round failed. */
  async #run(round: () => void | Promise<void>, failedBefore: boolean): Promise<boolean> {
    try {
      await round();
      return false;
    } catch (error) {
      if (!failedBefore) this.#onFault(error);
      return true;
    }
  }
}
