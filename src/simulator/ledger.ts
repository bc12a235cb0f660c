/**
 * The simulator's durable truth: an append-only file of JSON lines, flushed to the disk before anything that they say
 * leaves the process. Lines that come while a flush is under way share the next one. After a crash the file is read back;
 * a torn last line, which nobody was ever told of, is cut off.
 *
 * A ledger that has grown long begins anew: the account as it is goes into a file beside it, with everything that is
 * appended meanwhile; once that file is on the disk it takes the ledger's name. A crash before leaves the old ledger, a
 * crash after the new one, both whole.
 *
 * Everything that may leave only after what was appended before it goes through `afterCommit`, in order. Main thread of
 * the simulator.
 */
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CodedError } from "../core/errors.ts";

const NEWLINE = 10;
/** Lines of a new ledger that are made and written between other work. */
const LINES_PER_TURN = 256;
const SUCCESSOR = ".new";

/** The ledger that is to come: its file holds the account as it was, `lines` is what has been appended since. */
interface Successor {
  readonly lines: string[];
  /** On the disk but for `lines`; null while it is being written. */
  file: FileHandle | null;
  /** Resolved when it has taken the ledger's name, or when writing has failed. */
  readonly done: PromiseWithResolvers<void>;
}

export class Ledger {
  readonly #path: string;
  #file: FileHandle | null;
  readonly #onFailure: (error: Error) => void;
  #successor: Successor | null = null;
  #writing: Promise<void> = Promise.resolve();
  #grownBytes: number;
  #pending: string[] = [];
  #waiting: (() => void)[] = [];
  #flushing = false;
  #failed = false;

  private constructor(path: string, file: FileHandle | null, bytes: number, onFailure: (error: Error) => void) {
    this.#path = path;
    this.#file = file;
    this.#grownBytes = bytes;
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
    if (path === null) return { ledger: new Ledger("", null, 0, onFailure), lines: [] };
    await rm(path + SUCCESSOR, { force: true });
    const file = await open(path, "a+", 0o600);
    const bytes = await readFile(path);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    try {
      const lines = parseLines(bytes.toString("utf8", 0, end), path);
      if (end < bytes.length) await file.truncate(end);
      return { ledger: new Ledger(path, file, end, onFailure), lines };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes since the ledger began anew; of one that has been opened, all of it. */
  get grownBytes(): number {
    return this.#grownBytes;
  }

  append(line: object): void {
    if (this.#file === null) return;
    const text = JSON.stringify(line);
    this.#pending.push(text);
    this.#successor?.lines.push(text);
  }

  /**
   * Begins anew with these lines, which must say all that has been appended so far; they are taken one by one while other
   * work goes on. Does nothing while another one is under way. `compacted` tells when it is done.
   */
  compact(lines: Iterable<object>): void {
    if (this.#file === null || this.#failed || this.#successor !== null) return;
    this.#successor = { lines: [], file: null, done: Promise.withResolvers() };
    this.#writing = this.#write(this.#successor, lines).catch(this.#fail);
  }

  /** Resolves when no new ledger is being written any more. */
  compacted(): Promise<void> {
    return this.#writing;
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
    await this.#writing;
    if (!this.#failed) await this.committed();
    await this.#successor?.file?.close();
    await this.#file?.close();
  }

  async #write(successor: Successor, lines: Iterable<object>): Promise<void> {
    const file = await open(this.#path + SUCCESSOR, "w", 0o600);
    let batch: string[] = [];
    for (const line of lines) {
      if (batch.push(JSON.stringify(line)) < LINES_PER_TURN) continue;
      await appendLines(file, batch);
      batch = [];
      await nextTurn();
    }
    await appendLines(file, batch);
    await file.datasync();
    successor.file = file;
    if (!this.#flushing) void this.#flush();
    await successor.done.promise;
  }

  /** The successor's turn: what has been appended meanwhile, the name, and the end of the old file. */
  async #succeed(successor: Successor, file: FileHandle): Promise<void> {
    await appendLines(file, successor.lines);
    await file.datasync();
    await rename(this.#path + SUCCESSOR, this.#path);
    const directory = await open(dirname(this.#path), "r");
    await directory.sync();
    await directory.close();
    await this.#file?.close();
    this.#file = file;
    this.#successor = null;
    this.#grownBytes = 0;
    successor.done.resolve();
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    try {
      while (this.#waiting.length > 0 || this.#successor?.file) await this.#flushOnce();
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#flushing = false;
  }

  async #flushOnce(): Promise<void> {
    const lines = this.#pending;
    const actions = this.#waiting;
    this.#pending = [];
    this.#waiting = [];
    const successor = this.#successor;
    // What is pending is among the successor's lines, or in the account that it begins with.
    if (successor?.file) await this.#succeed(successor, successor.file);
    else if (lines.length > 0 && this.#file !== null) {
      this.#grownBytes += await appendLines(this.#file, lines);
      await this.#file.datasync();
    }
    for (const action of actions) action();
  }

  readonly #fail = (error: Error): void => {
    this.#failed = true;
    this.#successor?.done.resolve();
    this.#onFailure(error);
  };
}

/** Returns how many bytes they are. */
async function appendLines(file: FileHandle, lines: readonly string[]): Promise<number> {
  if (lines.length === 0) return 0;
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  await file.appendFile(bytes);
  return bytes.length;
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
