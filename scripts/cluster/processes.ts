/**
 * Processes that outlive the one that starts them. Each is known by its id and the time it started at: an id alone may
 * belong to somebody else later, so nothing is signalled unless both agree.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface RecordedProcess {
  readonly name: string;
  readonly pid: number;
  /** Clock ticks since the machine started, as the kernel tells them. */
  readonly startTicks: string;
}

export interface Launch {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** Standard output and error are added to this file. */
  readonly log: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

const POLL_MS = 50;
const STATE_FIELD = 0;
const START_FIELD = 19;

/** The kernel's start time of a living process, else null. A zombie does not live. */
export function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name, in parentheses, may hold anything; the fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[STATE_FIELD] === "Z" ? null : (fields[START_FIELD] ?? null);
  } catch {
    return null;
  }
}

export function identify(name: string, pid: number): RecordedProcess {
  const ticks = startTicks(pid);
  if (ticks === null) throw new Error(`${name} ended at once`);
  return { name, pid, startTicks: ticks };
}

export function isAlive({ pid, startTicks: recorded }: RecordedProcess): boolean {
  return startTicks(pid) === recorded;
}

/** Starts a process in a session of its own. Throws when the program cannot be run or ends at once. */
export async function launch({ name, argv, log, cwd = "/", env }: Launch): Promise<RecordedProcess> {
  const file = openSync(log, "a", 0o600);
  try {
    const [program, ...args] = argv;
    const child = spawn(program, args, { cwd, env: env ?? {}, detached: true, stdio: ["ignore", file, file] });
    await once(child, "spawn");
    child.unref();
    return identify(name, child.pid as number);
  } finally {
    closeSync(file);
  }
}

/** Signals a recorded process; false when it is not there any more. */
export function signal(recorded: RecordedProcess, name: NodeJS.Signals): boolean {
  if (!isAlive(recorded)) return false;
  try {
    return process.kill(recorded.pid, name);
  } catch {
    return false;
  }
}

/** Asks the processes to end, waits `graceMs` for all of them, then kills the rest and waits until they are gone. */
export async function stopAll(processes: readonly RecordedProcess[], graceMs: number): Promise<void> {
  for (const recorded of processes) signal(recorded, "SIGTERM");
  await allGone(processes, graceMs);
  for (const recorded of processes) signal(recorded, "SIGKILL");
  if (await allGone(processes, KILL_DEADLINE_MS)) return;
  const left = processes.filter(isAlive).map(({ name, pid }) => `${name} (${pid})`);
  throw new Error(`killed, but still there: ${left.join(", ")}`);
}

const KILL_DEADLINE_MS = 20_000;

async function allGone(processes: readonly RecordedProcess[], deadlineMs: number): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  while (processes.some(isAlive)) {
    if (performance.now() > until) return false;
    await sleep(POLL_MS);
  }
  return true;
}
