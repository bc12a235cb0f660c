/** Lines that tell a person what takes its time. On standard error: standard output belongs to results. */

export function say(line: string): void {
  console.error(`cluster: ${line}`);
}

/** Waits for all of them, also when one fails early, and throws the first failure: nothing goes on behind its back. */
export async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) {
    if (outcome.status === "rejected") throw outcome.reason;
  }
}

/** Does `work` and says how long it took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const result = await work();
  say(`${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return result;
}
