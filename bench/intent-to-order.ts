/**
 * From an intent in the main thread's hands to its order at the broker, with a durable commit in between:
 *
 *   intent ─▶ order manager ─▶ journal (SQL, fsync) ─▶ Alpaca adapter ─▶ socket ─▶ a server that stamps its arrival
 *
 * Order manager, journal, store and adapter are the bot's own; the server answers as Alpaca does and is a thread of its
 * own. Each order is filled, and journalled as filled, before the next. PostgreSQL is started for it, with `fsync` on, as
 * for the tests; where that is not possible only the embedded database is measured.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { AlpacaBroker } from "../src/broker/alpaca/alpaca-broker.ts";
import type { TradeUpdate } from "../src/broker/broker.ts";
import { parseFixed } from "../src/core/fixed.ts";
import { equity } from "../src/core/market/instrument.ts";
import { KIND_QUOTE } from "../src/core/market/record.ts";
import { LEG_CLOSE, LEG_OPEN } from "../src/core/order/intent.ts";
import { REASON_CUSTOM } from "../src/core/strategy/reason.ts";
import type { DecodedOrder } from "../src/orders/intent-decoder.ts";
import type { JournalLimits, Lease } from "../src/orders/journal.ts";
import { orderIntent } from "../src/orders/order-intent.ts";
import { OrderManager } from "../src/orders/order-manager.ts";
import { SqlJournal } from "../src/store/journal-sql.ts";
import { openStore, type Store } from "../src/store/store.ts";
import { createTestDatabase, TEST_DATABASE_URL } from "../test/support/database.ts";
import { type Service, startPostgres } from "../test/support/services.ts";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer } from "./harness.ts";
import type { OrderArrived, OrderServerStarted } from "./order-server.ts";

const ORDERS = 300;
const WARM_UP_ORDERS = 100;
const QUICK_ORDERS = 4;
/** Between two intents: the figure is of single decisions, not of throughput. */
const PAUSE_MS = 5;
const SHARES = parseFixed("10", "quantity");
const PRICE = parseFixed("100", "price");
const INSTRUMENT = equity(0, "BENCH");
const INSTANCE = { id: "bench", version: 1, fingerprint: "bench" };
const COLLAR_BPS = 300;
const LIMITS: JournalLimits = {
  maxOrderNotional: parseFixed("1000000", "limit"),
  maxSymbolNotional: parseFixed("1000000", "limit"),
  maxGrossNotional: parseFixed("1000000", "limit"),
  maxOpenOrders: 100,
};

const wallUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

export const intentToOrder: Benchmark = {
  name: "intent-to-order",
  description: "from an intent through order manager, durable journal and adapter to the broker's socket",
  async run(options) {
    const folder = mkdtempSync(join(tmpdir(), "bench-orders-"));
    const postgres = await findPostgres(options);
    try {
      const embedded = await measure("embedded database", { url: null, dataDir: folder }, options);
      if (postgres === null) return embedded;
      return [...(await measure("PostgreSQL", { url: postgres.url, dataDir: folder }, options)), ...embedded];
    } finally {
      await postgres?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A fresh database on the test runner's server, else a server of its own; null where there can be none. */
async function findPostgres(options: BenchOptions): Promise<Service | null> {
  options.progress("starting PostgreSQL");
  if (TEST_DATABASE_URL !== undefined) {
    const database = await createTestDatabase();
    return { url: database.url, stop: () => database.drop() };
  }
  try {
    return await startPostgres();
  } catch (error) {
    process.stderr.write(`without PostgreSQL: ${(error as Error).message}\n`);
    return null;
  }
}

async function measure(
  label: string,
  config: { readonly url: string | null; readonly dataDir: string },
  options: BenchOptions,
): Promise<BenchResult[]> {
  options.progress(`${label}: opening`);
  const store = await openStore(config);
  const server = new Worker(new URL("./order-server.ts", import.meta.url));
  try {
    const [{ port }] = (await once(server, "message")) as [OrderServerStarted];
    const path = await OrderPath.open(store, server, port);
    const orders = options.quick ? QUICK_ORDERS : ORDERS + WARM_UP_ORDERS;
    for (let number = 1; number <= orders; number++) {
      if (number % 50 === 0) options.progress(`${label}: ${number} of ${orders} orders`);
      await path.trade(number);
      await sleep(PAUSE_MS);
    }
    await path.close();
    const latenciesMs = path.latenciesMs.slice(options.quick ? 0 : WARM_UP_ORDERS).sort((a, b) => a - b);
    const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
    const note = `${latenciesMs.length} orders one by one, request received by the server`;
    return [
      { name: `p50, ${label}`, value: at(0.5), unit: "ms", checked: true, note },
      { name: `p99, ${label}`, value: at(0.99), unit: "ms", checked: true, note },
    ];
  } finally {
    await server.terminate();
    await store.close();
  }
}

/** The order path of one lease holder, trading one instrument to and fro. */
class OrderPath {
  readonly latenciesMs: number[] = [];
  readonly #journal: SqlJournal;
  readonly #lease: Lease;
  readonly #server: Worker;
  readonly #broker: AlpacaBroker;
  readonly #manager: OrderManager;
  readonly #faults: string[] = [];
  #fills = 0;
  #done: () => void = () => {};

  static async open(store: Store, server: Worker, port: number): Promise<OrderPath> {
    const journal = new SqlJournal({ store });
    const opening = {
      brokerAccountId: "bench",
      mode: "simulated",
      openingCash: parseFixed("100000", "cash"),
      openedAtUs: 0,
    } as const;
    const bookId = await journal.bind(opening);
    const lease = await journal.acquireLease("bench", 600_000);
    if (lease === null) throw new Error("another process holds the lease of the benchmark's database");
    return new OrderPath(journal, lease, bookId, server, port);
  }

  private constructor(journal: SqlJournal, lease: Lease, bookId: string, server: Worker, port: number) {
    this.#journal = journal;
    this.#lease = lease;
    this.#server = server;
    const url = `http://127.0.0.1:${port}`;
    const streamUrl = `ws://127.0.0.1:${port}/stream`;
    const budget = { orders: 60_000, cancels: 60_000, queries: 60_000, data: 60_000 };
    this.#broker = new AlpacaBroker({
      baseUrl: url,
      dataUrl: url,
      streamUrl,
      keyId: "bench",
      secretKey: "bench",
      budget,
    });
    this.#manager = new OrderManager({
      journal,
      broker: this.#broker,
      fence: () => lease,
      limits: LIMITS,
      feedback: {
        fill: () => {
          this.#fills++;
        },
        done: () => this.#done(),
        refused: (_owner, code) => this.#fault(`refused: ${code}`),
      },
      observer: {
        order() {},
        fill() {},
        outcome() {},
        storeDown: (_down, cause) => this.#fault(cause),
        fenced: () => this.#fault("fenced"),
        alert: (_code, message) => this.#fault(message),
        latency() {},
      },
      toIntent: (decoded) => orderIntent(decoded, INSTANCE, INSTRUMENT, bookId, COLLAR_BPS),
      postDeadlineMs: 4000,
      intentAgeMaxMs: 10_000,
      sequential: false,
      nowMs: () => performance.now(),
      wallUs,
      sleep: (ms) => sleep(ms),
    });
  }

  /** One order from intent to its fill in the journal. */
  async trade(number: number): Promise<void> {
    const decoded = decision(number, wallUs());
    const done = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    const arrival = once(this.#server, "message") as Promise<[OrderArrived]>;
    const startUs = wallUs();
    this.#manager.onOrder(decoded);
    const [{ orderId, clientOrderId, arrivedUs }] = await arrival;
    this.latenciesMs.push((arrivedUs - startUs) / 1000);
    this.#manager.onTradeUpdate(fillOf(decoded, orderId, clientOrderId));
    await done;
    await this.#manager.settle();
    if (this.#faults.length > 0) throw new Error(this.#faults.join("; "));
  }

  /** Checks the book: every order filled once, and the cash where it was. */
  async close(): Promise<void> {
    const trades = this.latenciesMs.length;
    const { openOrders, positions, cash, openingCash } = await this.#journal.load();
    checkAnswer("fills", this.#fills, trades);
    checkAnswer("open orders", openOrders.length, 0);
    const held = positions.reduce((sum, { quantity }) => sum + quantity, 0n);
    checkAnswer("shares held", Number(held), trades % 2 === 0 ? 0 : Number(SHARES));
    checkAnswer("cash", Number(cash - openingCash), trades % 2 === 0 ? 0 : -1000 * 1e9);
    await this.#journal.releaseLease(this.#lease, 0);
    await this.#broker.close();
  }

  #fault(cause: string): void {
    this.#faults.push(cause);
    this.#done();
  }
}

/** Odd numbers buy, even ones sell what was bought. */
function decision(number: number, nowUs: number): DecodedOrder {
  const buys = number % 2 === 1;
  return {
    kind: "order",
    owner: { worker: 0, instanceIndex: 0, instrumentIndex: 0, intentNumber: number },
    side: buys ? "buy" : "sell",
    type: "market",
    timeInForce: "day",
    reducing: !buys,
    leg: buys ? LEG_OPEN : LEG_CLOSE,
    reason: REASON_CUSTOM,
    triggerKind: KIND_QUOTE,
    triggerOrdinal: 0,
    triggerVenueTimeUs: Math.floor(nowUs),
    triggerReceivedTimeUs: nowUs,
    engineTimeUs: Math.floor(nowUs),
    quantity: SHARES,
    limitPrice: null,
    target: buys ? SHARES : 0n,
    mid: 100,
    farTouch: 100,
    signal: 0,
    inboundNumber: number,
    publishedUs: nowUs,
    snapshot: new Uint8Array(128),
  };
}

function fillOf(decoded: DecodedOrder, orderId: string, clientOrderId: string): TradeUpdate {
  const atUs = decoded.triggerVenueTimeUs;
  return {
    event: "fill",
    order: {
      id: orderId,
      clientOrderId,
      symbol: INSTRUMENT.symbol,
      side: decoded.side,
      type: "market",
      timeInForce: "day",
      orderClass: "",
      quantity: SHARES,
      limitPrice: null,
      stopPrice: null,
      trailPrice: null,
      trailPercent: null,
      replaces: null,
      replacedBy: null,
      legs: [],
      filledQuantity: SHARES,
      filledAveragePrice: PRICE,
      status: "filled",
      submittedAtUs: atUs,
      updatedAtUs: atUs,
    },
    executionId: `${orderId}@${SHARES}`,
    price: PRICE,
    quantity: SHARES,
    positionQuantity: null,
    venueTimeUs: atUs,
  };
}
