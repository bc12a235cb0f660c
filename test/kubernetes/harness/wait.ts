/** Waiting with a deadline, for what gives no event. */
import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MS = 250;

/**
 * Asks `probe` until it gives something other than null or undefined. Throws when `deadlineMs` is over, with `what` was
 * awaited and the last error of the probe. An error of the probe means "not yet".
 */
export async function eventually<T>(
  what: string,
  deadlineMs: number,
  probe: () => Promise<T | null | undefined> | T | null | undefined,
): Promise<T> {
  const until = performance.now() + deadlineMs;
  let last = "nothing came";
  for (;;) {
    try {
      const value = await probe();
      if (value !== null && value !== undefined) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > until) throw new Error(`${what}: not within ${deadlineMs} ms (${last})`);
    await sleep(PAUSE_MS);
  }
}
