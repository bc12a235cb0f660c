/**
 * The simulator's durable truth: an append-only file of JSON lines, flushed to the disk before anything that they say
 * leaves the process. Lines that come while a flush is under way share the next one. After a crash the file is read back;
 * a torn last line, which nobody was ever told of, is cut off.
 *
 * Everything that may leave only after what was appended before it goes through `afterCommit`, in order. Main thread of
 * the simulator.
 */
import { type FileHandle, open, readFile } from "node:fs/promises";
import { CodedError } from "../core/errors.ts";

const NEWLINE = 10;

export class Ledger {
  readonly #file: FileHandle | null;
  readonly #onFailure: (error: Error) => void;
  #pending: string[] = [];
  #waiting: (() => void)[] = [];
  #flushing = false;
  #failed = false;

  private constructor(file: FileHandle | null, onFailure: (error: Error) => void) {
    this.#file = file;
    this.#onFailure = onFailure;
  }

  /**
   * Opens or makes the file and returns its lines so far. `onFailure` is called once when writing fails: the process must
   * end then, since nothing may leave any more. Throws `LEDGER_FORMAT` naming the line for a damaged line that is not the
   * last. A null path keeps nothing and is always committed.
   */
  static async open(
    path: string | null,
    onFailure: (error: Error) => void,
  ): Promise<{ ledger: Ledger; lines: unknown[] }> {
    if (path === null) return { ledger: new Ledger(null, onFailure), lines: [] };
    const file = await open(path, "a+", 0o600);
    const bytes = await readFile(path);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    try {
      const lines = parseLines(bytes.toString("utf8", 0, end), path);
      if (end < bytes.length) await file.truncate(end);
      return { ledger: new Ledger(file, onFailure), lines };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  append(line: object): void {
    if (this.#file !== null) this.#pending.push(JSON.stringify(line));
  }

  /** Runs `action` once everything appended so far is on the disk; at once when it is. Actions keep their order. */
  afterCommit(action: () => void): void {
    if (this.#pending.length === 0 && this.#waiting.length === 0 && !this.#flushing) {
      action();
      return;
    }
    this.#waiting.push(action);
    if (!this.#flushing) void this.#flush();
  }

  /** Resolves once everything appended so far is on the disk and what waited for it has run. */
  committed(): Promise<void> {
    return new Promise((resolve) => this.afterCommit(resolve));
  }

  async close(): Promise<void> {
    if (!this.#failed) await this.committed();
    await this.#file?.close();
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    try {
      while (this.#waiting.length > 0) {
        const lines = this.#pending;
        const actions = this.#waiting;
        this.#pending = [];
        this.#waiting = [];
        if (lines.length > 0 && this.#file !== null) {
          await this.#file.appendFile(`${lines.join("\n")}\n`);
          await this.#file.datasync();
        }
        for (const action of actions) action();
      }
    } catch (error) {
      this.#failed = true;
      this.#onFailure(error as Error);
      return;
    }
    this.#flushing = false;
  }
}

function parseLines(text: string, path: string): unknown[] {
  if (text === "") return [];
  return text
    .slice(0, -1)
    .split("\n")
    .map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (error) {
        throw new CodedError("LEDGER_FORMAT", `${path}: line ${index + 1} is no JSON; only the last line may be torn`, {
          field: "ledgerFile",
          cause: error,
        });
      }
    });
}
