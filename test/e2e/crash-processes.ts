/**
 * What the crash tests share: a simulator with settings of its own, what is true of journal and ledger after a crash, and
 * random moments that can be repeated.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fixed, parseFixed } from "../../src/core/fixed.ts";
import { LEG_CLOSE, LEG_OPEN } from "../../src/core/order/intent.ts";
import { type JournalOrder, type JournalSnapshot, MANUAL_INSTANCE } from "../../src/orders/journal.ts";
import { strategyOrderId } from "../../src/orders/order-id.ts";
import { ApiKeys } from "../../src/store/api-keys.ts";
import { HistoryReader } from "../../src/store/history-reader.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore } from "../../src/store/store.ts";
import { SimulatorClient } from "./simulator-process.ts";
import { atEnd, type Body, type Scope } from "./wait.ts";

const SIMULATOR = join(import.meta.dirname, "..", "..", "src", "simulator", "process.ts");
const PAGE = 1000;
/** Of every demonstration. */
const STRATEGY_VERSION = 1;

/** The ledger of a bot's own simulator. */
export function ledgerFile(dataDir: string): string {
  return join(dataDir, "simulator-ledger.jsonl");
}

export interface SimulatorOptions {
  readonly ledgerFile: string;
  readonly speed: number;
  readonly deadConnectionSeconds?: number;
}

/** A simulator that bots share, with settings that no command has; it can be killed and started again. */
export class CrashSimulator {
  readonly port: number;
  readonly client: SimulatorClient;
  readonly #options: SimulatorOptions;
  #child: ChildProcess;

  private constructor(options: SimulatorOptions, child: ChildProcess, port: number) {
    this.#options = options;
    this.#child = child;
    this.port = port;
    this.client = new SimulatorClient(`http://127.0.0.1:${port}`);
  }

  static async start(scope: Scope, options: SimulatorOptions): Promise<CrashSimulator> {
    const child = launch(options, 0);
    const simulator = new CrashSimulator(options, child, await listening(child));
    atEnd(scope, () => simulator.kill());
    return simulator;
  }

  /** Another process on the same ledger and port. */
  async again(): Promise<void> {
    this.#child = launch(this.#options, this.port);
    await listening(this.#child);
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  /** A limit order to buy a little bitcoin at so many basis points below the bid, or above it where negative. */
  async bitcoinOrder(belowBps: number): Promise<Body> {
    const { quotes } = await this.client.get("/v1beta3/crypto/us/latest/quotes?symbols=BTC/USD");
    const price = quotes["BTC/USD"].bp * (1 - belowBps / 10_000);
    const order = { symbol: "BTC/USD", side: "buy", type: "limit", time_in_force: "gtc", quantity: "0.001" };
    return { ...order, limit_price: price.toFixed(2) };
  }

  /** The environment of a bot that uses it. */
  env(speed: number): Record<string, string> {
    const http = this.client.url;
    return {
      ALPACA_BASE_URL: http,
      ALPACA_DATA_URL: http,
      ALPACA_STREAM_URL: http.replace("http", "ws"),
      SIMULATOR_SPEED: String(speed),
    };
  }
}

function launch(options: SimulatorOptions, port: number): ChildProcess {
  const { PATH = "", HOME = "" } = process.env;
  return fork(SIMULATOR, {
    env: { PATH, HOME, SIMULATOR_CONFIG: JSON.stringify({ ...options, port }) },
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function listening(child: ChildProcess): Promise<number> {
  const [message] = (await once(child, "message")) as [{ readonly listening: number }];
  return message.listening;
}

/** A key that may do everything, made in the database before a bot uses it. */
export async function makeKey(url: string): Promise<string> {
  const store = await openStore({ url, dataDir: "" });
  try {
    return (await new ApiKeys({ store, nowMs: Date.now }).create({ name: "test", role: "admin", actor: "test" })).text;
  } finally {
    await store.close();
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
    // A ledger that began anew no longer tells every order; these tests are too short for that.
    assert.notEqual(entry.kind, "snapshot");
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
  assertDecidedOnce({ snapshot, orders });
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

/** A decision's orders carry the ids that follow from it, one for each leg: deciding again can make no other. */
function assertDecidedOnce({ snapshot, orders }: JournalTruth): void {
  for (const order of orders) {
    if (order.instanceId === MANUAL_INSTANCE) continue;
    const { instanceId, trigger } = order;
    const ids = [LEG_CLOSE, LEG_OPEN].map((leg) =>
      strategyOrderId(snapshot.bookId, instanceId, STRATEGY_VERSION, trigger, leg),
    );
    assert.ok(
      ids.includes(order.clientOrderId),
      `${order.clientOrderId} does not follow from ${instanceId} ${trigger}`,
    );
  }
  assert.equal(new Set(orders.map((order) => order.clientOrderId)).size, orders.length);
}

function nonZero(positions: ReadonlyMap<string, Fixed>): Record<string, Fixed> {
  return Object.fromEntries([...positions].filter(([, quantity]) => quantity !== 0n));
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
