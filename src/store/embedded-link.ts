/**
 * The embedded database: PGlite in a worker thread, under a locked directory, as one session. Main thread only; it sends
 * requests and takes answers, and never blocks. When the worker dies, the next link starts another on the same files.
 */
import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { DriverCommand, DriverQueryResult } from "slonik";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import type { EmbeddedAnswer, EmbeddedRequest, EmbeddedResult } from "./embedded-worker.ts";
import type { Link, LinkOptions } from "./link.ts";
import { unavailable } from "./store-errors.ts";

interface Waiting {
  readonly resolve: (result: EmbeddedResult) => void;
  readonly reject: (error: Error) => void;
}

const CLOSE_MS = 5000;

export class EmbeddedDatabase {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #waiting = new Map<number, Waiting>();
  readonly #links = new Set<LinkOptions>();
  #worker: Promise<Worker> | null = null;
  #nextId = 1;

  /** Locks `dataDir`; throws `DATA_DIR_LOCKED` while another process has it. The files lie in its folder `postgres`. */
  constructor(dataDir: string) {
    this.#lock = lockDirectory(dataDir);
    this.#directory = join(dataDir, "postgres");
  }

  /** Opens the one session. What an earlier link left behind in a transaction is rolled back. */
  async open(options: LinkOptions): Promise<Link> {
    await this.#start();
    await this.#request("script", "ROLLBACK", []);
    this.#links.add(options);
    const onEnd = () => this.#links.delete(options);
    return new EmbeddedLink((kind, text, values) => this.#request(kind, text, values), options.deadlineMs, onEnd);
  }

  /** Closes the files cleanly, ends the worker and frees the directory. */
  async close(): Promise<void> {
    const worker = await this.#worker?.catch(() => null);
    if (worker) {
      const exited = once(worker, "exit");
      const timer = setTimeout(() => void worker.terminate(), CLOSE_MS);
      await this.#request("close", "", []).catch(() => undefined);
      await exited;
      clearTimeout(timer);
    }
    this.#lock.release();
  }

  #start(): Promise<Worker> {
    this.#worker ??= this.#launch();
    return this.#worker;
  }

  async #launch(): Promise<Worker> {
    const file = import.meta.url.endsWith(".ts") ? "./embedded-worker.ts" : "./embedded-worker.js";
    const worker = new Worker(new URL(file, import.meta.url), { workerData: { directory: this.#directory } });
    const fail = (error: Error) => this.#fail(error);
    worker.on("message", (answer: EmbeddedAnswer) => this.#settle(answer));
    worker.once("exit", () => fail(unavailable("the embedded database has stopped")));
    await new Promise<void>((resolve, reject) => {
      worker.once("message", () => resolve());
      worker.once("error", (error) => {
        const failure = unavailable(`the embedded database in ${this.#directory} failed: ${String(error)}`, error);
        fail(failure);
        reject(failure);
      });
    });
    return worker;
  }

  #fail(error: Error): void {
    this.#worker = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    for (const { onLost } of this.#links) onLost(error);
    this.#links.clear();
  }

  #settle(answer: EmbeddedAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (waiting === undefined) return;
    if (answer.result !== undefined) waiting.resolve(answer.result);
    else waiting.reject(Object.assign(new Error(answer.error?.message), answer.error));
  }

  async #request(kind: EmbeddedRequest["kind"], text: string, values: readonly unknown[]): Promise<EmbeddedResult> {
    if (this.#worker === null) throw unavailable("the embedded database has stopped");
    const worker = await this.#worker;
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ id, kind, text, values } satisfies EmbeddedRequest);
    });
  }
}

type Request = (kind: "query" | "script", text: string, values: readonly unknown[]) => Promise<EmbeddedResult>;

class EmbeddedLink implements Link {
  readonly #request: Request;
  readonly #deadlineMs: number;
  readonly #onEnd: () => void;
  #broken = false;

  constructor(request: Request, deadlineMs: number, onEnd: () => void) {
    this.#request = request;
    this.#onEnd = onEnd;
    this.#deadlineMs = deadlineMs;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<DriverQueryResult> {
    const result = await this.#inTime(this.#request("query", text, values));
    return {
      command: (/^\s*(\w+)/.exec(text)?.[1]?.toUpperCase() ?? "SELECT") as DriverCommand,
      fields: [...result.fields],
      rowCount: Math.max(result.rows.length, result.affectedRows),
      rows: [...result.rows],
    };
  }

  async script(text: string): Promise<void> {
    await this.#inTime(this.#request("script", text, []));
  }

  async end(): Promise<void> {
    this.#broken = true;
    this.#onEnd();
  }

  /** A statement past its deadline goes on in the worker; the session's next link waits for it and rolls back. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    if (this.#broken) throw unavailable("this session of the embedded database has ended");
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#broken = true;
        reject(unavailable("the embedded database did not answer in time"));
      }, this.#deadlineMs);
    });
    work.catch(() => undefined);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
