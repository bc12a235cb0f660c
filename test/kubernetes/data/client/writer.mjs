/**
 * Runs in a pod beside Redis and PostgreSQL, as any client of theirs: writes numbers one after the other until standard input
 * ends, then looks which of the acknowledged ones are gone. Speaks JSON, a line at a time: `writing` at the first
 * acknowledgement, `done` with the outcome.
 */
import { setTimeout as sleep } from "node:timers/promises";

const PAUSE_MS = 20;
const AFTER_FAILURE_MS = 50;

/**
 * `prepare` makes what is written into; `write(n)` resolves when the store has acknowledged n; `missing(ns)` gives those that it
 * does not have.
 */
export async function writeUntilTold(store) {
  const acknowledged = [];
  let ended = false;
  process.stdin.once("end", () => {
    ended = true;
  });
  process.stdin.resume();
  await untilDone("prepare", () => store.prepare());
  let lastMs = performance.now();
  let longestMs = 0;
  for (let n = 1; !ended; n++) {
    if ((await attempt(n, () => store.write(n))) === null) continue;
    const nowMs = performance.now();
    const gapMs = Math.round(nowMs - lastMs);
    lastMs = nowMs;
    if (acknowledged.length === 0) say({ event: "writing" });
    else longestMs = Math.max(longestMs, gapMs);
    acknowledged.push(n);
    await sleep(PAUSE_MS);
  }
  const lost = await untilDone("missing", () => store.missing(acknowledged));
  say({ event: "done", acknowledged: acknowledged.length, lost, longestMs });
  process.exit(0);
}

async function untilDone(what, work) {
  for (;;) {
    const outcome = await attempt(what, work);
    if (outcome !== null) return outcome.value;
  }
}

/** Null when it failed. */
async function attempt(what, work) {
  try {
    return { value: await work() };
  } catch (error) {
    console.error(`${what}: ${error.message}`);
    await sleep(AFTER_FAILURE_MS);
    return null;
  }
}

function say(line) {
  console.log(JSON.stringify(line));
}
