/**
 * One process per data directory: PGlite takes no lock of its own, and two processes on one directory lose tables. The lock
 * is a file that names its process by pid and start time, so that the lock of a killed process is seen to be stale, and
 * is touched now and then, so that the same holds between containers that cannot see each other's processes.
 */
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { CodedError } from "../core/errors.ts";

const TOUCH_MS = 2000;
/** A holder on another host that has not touched its lock for this long is gone. */
const FOREIGN_STALE_MS = 10_000;
const ATTEMPTS = 5;

interface Holder {
  readonly pid: number;
  /** As the operating system tells it; a reused pid has another one. */
  readonly started: string;
  readonly host: string;
}

export interface DirectoryLock {
  release(): void;
}

/** Creates `directory` when absent and locks it; throws `DATA_DIR_LOCKED` while another process holds it. */
export function lockDirectory(directory: string): DirectoryLock {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "lock");
  const mine = JSON.stringify({ pid: process.pid, started: startOf(process.pid), host: hostname() } satisfies Holder);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (take(path, mine)) return hold(path, mine);
    const found = read(path);
    if (found === null) continue;
    if (isAlive(found, path)) throw locked(directory, found);
    setAside(path, found);
  }
  throw locked(directory, read(path) ?? "");
}

/** A link is made with its contents or not at all, so no reader ever sees half a lock. */
function take(path: string, mine: string): boolean {
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(draft, mine);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function hold(path: string, mine: string): DirectoryLock {
  const timer = setInterval(() => touch(path), TOUCH_MS);
  timer.unref();
  return {
    release: () => {
      clearInterval(timer);
      if (read(path) === mine) rmSync(path, { force: true });
    },
  };
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // The directory was taken away; the database will say so.
  }
}

/** Moves a stale lock away; when a fresh one was caught instead, it is put back. */
function setAside(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
    if (read(aside) !== stale) linkSync(aside, path);
  } catch {
    // Somebody else was quicker; the next attempt sees what they left.
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function isAlive(text: string, path: string): boolean {
  const holder = parse(text);
  if (holder === null) return false;
  if (holder.host !== hostname())
    return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) < FOREIGN_STALE_MS;
  return startOf(holder.pid) === holder.started;
}

function parse(text: string): Holder | null {
  try {
    const value = JSON.parse(text) as Holder;
    return Number.isInteger(value.pid) && typeof value.started === "string" ? value : null;
  } catch {
    return null;
  }
}

/** When a process started, in the operating system's words; empty when there is no such process. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; field 22 counts from the start, the state behind it is field 3.
  if (stat !== null) return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  if (process.platform === "linux") return "";
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

function locked(directory: string, holder: string): CodedError {
  const pid = parse(holder)?.pid;
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new CodedError(
    "DATA_DIR_LOCKED",
    `${directory} is in use by ${who}: stop it, or give this one its own data directory`,
    {
      field: "dataDir",
    },
  );
}
