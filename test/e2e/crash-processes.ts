/**
 * Real processes for the crash tests: bots and simulators that are started, killed and started again on the same data, and
 * what is true of journal and ledger afterwards. Owned by one test file at a time; `end` leaves nothing behind.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Fixed, parseFixed } from "../../src/core/fixed.ts";
import type { JournalOrder, JournalSnapshot } from "../../src/orders/journal.ts";
import { HistoryReader } from "../../src/store/history-reader.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore } from "../../src/store/store.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const MAIN = join(ROOT, "src", "main.ts");
const SIMULATOR = join(ROOT, "src", "simulator", "process.ts");
const POLL_MS = 50;
const PAGE = 1000;

// biome-ignore lint: bodies of a foreign protocol
export type Body = any; // oxlint-disable-line typescript/no-explicit-any

export interface Answer {
  readonly status: number;
  readonly body: Body;
}

/** Waits until `read` gives something else than null, undefined or false; says what was missing when it does not. */
export async function eventually<T>(
  what: string,
  read: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A child process with its output kept. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  #output = "";
  #isOver = false;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    const path = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
    this.child = spawn(process.execPath, argv, { env: { ...path, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const keep = (data: Buffer) => {
      this.#output += data.toString();
    };
    this.child.stdout?.on("data", keep);
    this.child.stderr?.on("data", keep);
    this.exited = new Promise((resolve) => {
      this.child.once("exit", (code, signal) => {
        this.#isOver = true;
        resolve(code ?? (signal as NodeJS.Signals));
      });
    });
  }

  get output(): string {
    return this.#output;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves once the output has the text; fails with the output when the process ends before. */
  async says(text: string, withinMs = 60_000): Promise<void> {
    await eventually(
      `"${text}" from the process, which said:\n${this.#output.slice(-4000)}`,
      () => {
        if (this.#output.includes(text)) return true;
        if (this.#isOver) throw new Error(`the process ended before it said "${text}":\n${this.#output.slice(-4000)}`);
        return false;
      },
      withinMs,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    if (!this.#isOver) this.child.kill("SIGKILL");
    await this.exited;
  }
}

export class BotProcess extends Program {
  #url: string | null = null;

  constructor(env: Readonly<Record<string, string>>) {
    super([MAIN, "start"], { API_PORT: "0", WS_PORT: "0", METRICS_PORT: "0", SIMULATOR_LISTEN_PORT: "0", ...env });
  }

  async call(method: string, path: string, options: { key?: string; body?: object } = {}): Promise<Answer> {
    if (this.#url === null) {
      await this.says("page   http");
      this.#url = (/page {3}(http:\/\/[^/]+)\//.exec(this.output) as RegExpExecArray)[1] as string;
    }
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
        ...(options.body === undefined
          ? {}
          : { "content-type": "application/json", "idempotency-key": crypto.randomUUID() }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }
}

/** Everything that one test starts; `end` kills what is left and removes the files. */
export class Place {
  readonly directory: string;
  readonly #programs: Program[] = [];

  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), `bot-crash-${name}-`));
  }

  get dataDir(): string {
    return join(this.directory, "data");
  }

  get ledgerFile(): string {
    return join(this.dataDir, "simulator-ledger.jsonl");
  }

  bot(env: Readonly<Record<string, string>>): BotProcess {
    const bot = new BotProcess({ DATA_DIR: this.dataDir, ...env });
    this.#programs.push(bot);
    return bot;
  }

  /** A simulator that several bots share. */
  async simulator(config: object): Promise<Program> {
    mkdirSync(this.dataDir, { recursive: true });
    const program = new Program([SIMULATOR], {
      SIMULATOR_CONFIG: JSON.stringify({ ledgerFile: this.ledgerFile, ...config }),
    });
    this.#programs.push(program);
    await program.says('"listening"');
    return program;
  }

  /** The simulator that a bot of this place has started, or null. */
  get simulatorPid(): number | null {
    try {
      return (JSON.parse(readFileSync(join(this.dataDir, "simulator.json"), "utf8")) as { pid: number }).pid;
    } catch {
      return null;
    }
  }

  killSimulator(): void {
    const pid = this.simulatorPid;
    if (pid === null) return;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }

  ledger(): Ledger {
    return new Ledger(this.ledgerFile);
  }

  async end(): Promise<void> {
    for (const program of this.#programs) {
      program.signal("SIGCONT");
      await program.kill();
    }
    this.killSimulator();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** The simulator's account as its file has it, read without any of its code. */
export class Ledger {
  /** One entry per accepted order, by client order id, in the order of acceptance. */
  readonly accepted: string[] = [];
  readonly #positions = new Map<string, Fixed>();
  readonly #executed = new Map<string, Fixed>();
  #cash: Fixed = 0n;
  #fills = 0;

  constructor(file: string) {
    if (!existsSync(file)) return;
    const text = readFileSync(file, "utf8");
    for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n"))
      if (line !== "") this.#take(JSON.parse(line));
  }

  get cash(): Fixed {
    return this.#cash;
  }

  get fills(): number {
    return this.#fills;
  }

  /** Positions that are not zero. */
  positions(): Record<string, Fixed> {
    return nonZero(this.#positions);
  }

  executedQuantity(clientOrderId: string): Fixed {
    return this.#executed.get(clientOrderId) ?? 0n;
  }

  #take(entry: Body): void {
    if (entry.kind === "head") this.#cash = parseFixed(entry.startingCash, "cash");
    if (entry.kind === "order") this.accepted.push(entry.order.clientOrderId);
    if (entry.kind !== "event" || entry.execution === null) return;
    const { execution, order } = entry;
    const quantity = parseFixed(execution.quantity, "quantity");
    this.#fills += 1;
    this.#cash = parseFixed(execution.cash, "cash");
    this.#positions.set(order.symbol, parseFixed(execution.positionQuantity, "quantity"));
    this.#executed.set(order.clientOrderId, this.executedQuantity(order.clientOrderId) + quantity);
  }
}

export interface JournalTruth {
  readonly snapshot: JournalSnapshot;
  readonly orders: readonly JournalOrder[];
}

/** Reads the journal of a bot: of a stopped one from its directory, or from PostgreSQL. */
export async function readJournal(
  from: { readonly dataDir: string } | { readonly url: string },
): Promise<JournalTruth> {
  const store = await openStore(
    "url" in from ? { url: from.url, dataDir: "" } : { url: null, dataDir: join(from.dataDir, "database") },
  );
  try {
    const reader = new HistoryReader(store);
    const orders: JournalOrder[] = [];
    for (let before: number | null = null; ; ) {
      const page = await reader.orders({ state: "all", symbol: null }, { limit: PAGE, before });
      orders.push(...page.map((row) => row.order));
      if (page.length < PAGE) break;
      before = (page.at(-1) as { position: number }).position;
    }
    return { snapshot: await new SqlJournal({ store }).load(), orders };
  } finally {
    await store.close();
  }
}

/** No order lost, none doubled, no decision repeated, books equal. */
export function assertNothingLostOrDoubled({ snapshot, orders }: JournalTruth, ledger: Ledger): void {
  assert.equal(new Set(ledger.accepted).size, ledger.accepted.length, "an order id was accepted twice");
  const journalled = new Map(orders.map((order) => [order.clientOrderId, order]));
  const strangers = ledger.accepted.filter((id) => !journalled.has(id));
  assert.deepEqual(strangers, [], "orders at the simulator that the journal does not know");
  const accepted = new Set(ledger.accepted);
  for (const order of orders) {
    const there = accepted.has(order.clientOrderId);
    assert.ok(there || order.state === "rejected", `${order.clientOrderId} is ${order.state}, the simulator has none`);
    assert.equal(order.filledQuantity, ledger.executedQuantity(order.clientOrderId), `${order.clientOrderId} filled`);
  }
  const decisions = orders.map((order) => `${order.instanceId} ${order.trigger}`);
  const repeated = decisions.filter((decision, index) => decisions.indexOf(decision) !== index);
  assert.deepEqual(repeated, [], "decisions made twice");
  const unresolved = orders.filter(({ state }) => state === "unknown" || state === "sending" || state === "journalled");
  assert.deepEqual(
    unresolved.map((order) => `${order.clientOrderId} ${order.state}`),
    [],
  );
  const positions = new Map<string, Fixed>();
  for (const row of snapshot.positions) positions.set(row.symbol, (positions.get(row.symbol) ?? 0n) + row.quantity);
  assert.deepEqual(nonZero(positions), ledger.positions());
  assert.equal(snapshot.cash, ledger.cash);
}

function nonZero(positions: ReadonlyMap<string, Fixed>): Record<string, Fixed> {
  return Object.fromEntries([...positions].filter(([, quantity]) => quantity !== 0n).toSorted());
}

/** A seed for the run's random moments, printed so that a failure can be run again. */
export function runSeed(name: string): number {
  const given = process.env["CRASH_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`${name}: CRASH_SEED=${seed}`);
  return seed;
}

/** mulberry32. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
