/** Waiting for what another process does: asks again until the answer fits, or fails with the last answer. */
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

const PAUSE_MS = 50;

/** Whatever the wire says. */
export type Body = any; // oxlint-disable-line typescript/no-explicit-any

/** Something with an end: a test's context, or `suiteScope()`. */
export interface Scope {
  after(work: () => Promise<void>): void;
}

/** The end of a whole suite. To be called in its body: inside a hook, `after` would mean the end of that hook. */
export function suiteScope(): Scope {
  const works: (() => Promise<void>)[] = [];
  after(async () => {
    for (const work of works) await work();
  });
  return { after: (work) => void works.push(work) };
}

const endings = new WeakMap<Scope, (() => Promise<void> | void)[]>();

/** Does `work` at the end of the scope, the latest first, whatever became of the others. */
export function atEnd(scope: Scope, work: () => Promise<void> | void): void {
  const known = endings.get(scope);
  if (known !== undefined) return void known.push(work);
  const stack = [work];
  endings.set(scope, stack);
  scope.after(async () => {
    const failures: unknown[] = [];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      try {
        await next();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "the test could not be cleaned up");
  });
}

/**
 * The first answer that fits. A question that fails is asked again. After `ms` it throws with the last answer or failure
 * and with what `detail` gives.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  fits: (answer: T) => boolean,
  ms: number,
  detail: () => string = () => "",
): Promise<T> {
  const endMs = performance.now() + ms;
  for (;;) {
    let last: string;
    try {
      const answer = await ask();
      if (fits(answer)) return answer;
      last = JSON.stringify(answer) ?? "nothing";
    } catch (error) {
      last = String(error);
    }
    if (performance.now() > endMs) {
      throw new Error(`not within ${ms} ms: ${what}; last answer ${last.slice(0, 2000)}\n${detail()}`);
    }
    await pause(PAUSE_MS);
  }
}

/** What `work` resolves to; throws after `ms`. */
export async function within<T>(what: string, work: Promise<T>, ms: number, detail: () => string): Promise<T> {
  const ended = new AbortController();
  const late = pause(ms, null, { signal: ended.signal }).then(() => {
    throw new Error(`not within ${ms} ms: ${what}\n${detail()}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}
