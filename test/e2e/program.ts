/**
 * The program as a child process, through its real entry: what it prints, how it ends, and that it is gone when the test
 * is over, however the test ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd, type Scope, until, within } from "./wait.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const ENTRY = join(ROOT, "bin", "algo-trading-bot.mjs");
const TAIL_CHARACTERS = 8000;
const EXIT_MS = 45_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Ends with the test process even where no hook runs any more. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Program {
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";

  /**
   * Starts the command at once. Of the environment it gets only what a process needs, and `env`. It is killed at the end of
   * the scope if it still runs.
   */
  constructor(scope: Scope, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, [ENTRY, ...argv], {
      cwd: ROOT,
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      // "close" comes after the last output; a grandchild has output files of its own.
      child.once("close", (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
    atEnd(scope, async () => {
      await this.kill();
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get hasExited(): boolean {
    return !running.has(this.#child);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The end of its output, for messages of failed tests. */
  tail(): string {
    return `--- standard output\n${this.#stdout.slice(-TAIL_CHARACTERS)}\n--- standard error\n${this.#stderr.slice(-TAIL_CHARACTERS)}`;
  }

  /** Waits for its output to contain what fits; throws at once when it ends before. */
  async says(pattern: RegExp, ms: number): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null;
    await until(
      `output that fits ${pattern}`,
      () => {
        found = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        return found !== null || this.hasExited;
      },
      Boolean,
      ms,
      () => this.tail(),
    );
    if (found === null) throw new Error(`it ended without output that fits ${pattern}\n${this.tail()}`);
    return found;
  }

  /** Waits for the end; `ms` is how long it may take. */
  async end(ms = EXIT_MS): Promise<Exit> {
    return within("the end of the process", this.exited, ms, () => this.tail());
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Asks it to stop, and waits. */
  async stop(): Promise<Exit> {
    this.signal("SIGTERM");
    return this.end();
  }

  /** Kills it without warning, and waits. */
  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return this.end();
  }
}

/** A directory that is removed at the end of the scope. */
export function temporaryDirectory(scope: Scope): string {
  const directory = mkdtempSync(join(tmpdir(), "bot-e2e-"));
  atEnd(scope, () => rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
  return directory;
}
