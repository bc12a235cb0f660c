/**
 * A 7:1 split and a dividend at the simulator while the bot holds the shares: the trader, its engine worker, adapter and
 * simulator over real sockets, the journal in memory.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { BarKeeper } from "../../src/bot/bar-keeper.ts";
import { AlpacaMarketFeed } from "../../src/bot/market-feed.ts";
import { Trader, type TraderObserver } from "../../src/bot/trader.ts";
import { VenueClock } from "../../src/bot/venue-clock.ts";
import { warmUpBars } from "../../src/bot/warm-up.ts";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import { silentLog } from "../../src/broker/alpaca/timers.ts";
import type { Broker, HistoricalBar, ReadOutcome, TradeUpdateHandler } from "../../src/broker/broker.ts";
import { journalLimits } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Engine, type EngineSpec } from "../../src/core/engine.ts";
import { formatFixed, parseFixed } from "../../src/core/fixed.ts";
import { IntentList } from "../../src/core/order/intent-list.ts";
import { Books } from "../../src/orders/books.ts";
import { type Fence, MANUAL_INSTANCE, SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import type { ReconcileReport } from "../../src/orders/reconciler.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { EngineThreads } from "../../src/workers/engine-threads.ts";
import { place, type PlacedInstance, type Placement } from "../../src/workers/placement.ts";
import { call, KEYS } from "../simulator/client.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");
const nowMs = (): number => performance.now();
const wallUs = (): number => (performance.timeOrigin + performance.now()) * 1000;

const INSTANCE = "demo-ema-cross-demo";

class World {
  readonly simulator: Simulator;
  readonly port: number;
  readonly broker: AlpacaBroker;
  readonly journal = new MemoryJournal({ nowMs, bookId: "book" });
  readonly books = new Books();
  readonly clock = new VenueClock(nowMs, 60);
  readonly config = loadConfig({ env: {}, file: null, options: new Map() }).config;
  readonly placement = place(this.config, 1);
  readonly threads = new EngineThreads({ count: 1, heap: null });
  readonly keeper = new BarKeeper(this.config.instruments.length, [], () => {});
  readonly alerts: string[] = [];
  readonly warmUps: { readonly instance: string; readonly since: number | null }[] = [];
  readonly reports: ReconcileReport[] = [];
  fence: Fence | null = null;
  splits: readonly string[] = [];

  private constructor(simulator: Simulator, port: number) {
    this.simulator = simulator;
    this.port = port;
    const url = `http://127.0.0.1:${port}`;
    this.broker = new AlpacaBroker({
      baseUrl: url,
      dataUrl: url,
      streamUrl: `ws://127.0.0.1:${port}/stream`,
      keyId: KEYS.keyId,
      secretKey: KEYS.secret,
      cryptoPairs: ["BTC/USD"],
      budget: { orders: 10_000, cancels: 10_000, queries: 10_000, data: 10_000 },
    });
  }

  static async open(): Promise<World> {
    const simulator = await createSimulator({
      ...KEYS,
      port: 0,
      seed: 3,
      haltRate: 0,
      startTime: "2026-03-02T15:00:00Z",
      speed: 60,
    });
    const world = new World(simulator, await simulator.listen());
    const [time, account] = [await world.broker.clock(), await world.broker.account()];
    assert.ok(time.kind === "ok" && account.kind === "ok");
    const openedAtUs = time.value.venueTimeUs;
    world.clock.set(openedAtUs);
    const { id, cash } = account.value;
    await world.journal.bind({ brokerAccountId: id, mode: "simulated", openingCash: cash, openedAtUs });
    world.fence = await world.journal.acquireLease("me", 3_600_000);
    return world;
  }

  async close(): Promise<void> {
    await this.threads.close();
    await this.broker.close();
    await this.simulator.close();
  }

  /** As the bot makes one after each takeover. Its strategies do not trade: the test does, by hand. */
  async trader(): Promise<Trader> {
    const { config, placement, journal, broker, books, keeper, clock } = this;
    for (const { id } of placement.instances) {
      await journal.setTradingState(`instance:${id}`, "halted", "test", "only the test trades");
    }
    const streamUrl = `ws://127.0.0.1:${this.port}`;
    const trader = new Trader({
      config,
      placement,
      threads: this.threads,
      journal,
      broker,
      books,
      keeper,
      clock,
      feed: new AlpacaMarketFeed({
        streamUrl,
        stockFeed: "iex",
        keyId: KEYS.keyId,
        secretKey: KEYS.secret,
        instruments: config.instruments,
        lockstep: false,
        wallUs,
        log: silentLog,
      }),
      bookId: "book",
      fence: () => this.fence,
      onDeciding: () => {},
      onFenced: () => assert.fail("the lease is held"),
      onSplit: (symbols) => {
        this.splits = symbols;
      },
      observer: this.#observer(),
      log: {
        info: (message, detail) => {
          if (message === "instance warmed up") this.warmUps.push(detail as (typeof this.warmUps)[number]);
        },
        warn: () => {},
        error: (message, detail) => void this.alerts.push(`${message} ${JSON.stringify(detail)}`),
      },
      recordings: null,
      lockstep: false,
      onReceived: () => {},
      nowMs,
      wallUs,
      sleep: (ms) => delay(ms),
    });
    await trader.start();
    return trader;
  }

  #observer(): TraderObserver {
    return {
      fill: (applied, execution) => {
        this.books.setPosition(applied.position);
        this.books.applyCash(execution);
      },
      alert: (code, message) => void this.alerts.push(`${code} ${message}`),
      reconciled: (report) => void this.reports.push(report),
      intent() {},
      intentRecord() {},
      marketRecord() {},
      workerDied: (_worker, error) => assert.fail(String(error)),
      order() {},
      outcome() {},
      storeDown() {},
      latency() {},
      feedDelayUs() {},
    };
  }

  /** Buys at the market by hand, and waits for the fill. */
  async buys(trader: Trader, symbol: string, quantity: string): Promise<void> {
    const intent = {
      ...SIMPLE_TERMS,
      clientOrderId: `atb-by-hand-${symbol.toLowerCase()}`,
      instanceId: MANUAL_INSTANCE,
      replaces: null,
      symbol,
      side: "buy",
      type: "market",
      timeInForce: "day",
      quantity: fixed(quantity),
      worstPrice: fixed("200"),
      reducing: false,
      trigger: "manual:1",
      reason: "manual",
      midAtDecision: null,
      decidedAtUs: Math.floor(this.clock.nowUs()),
      snapshot: null,
      snapshotTimeUs: null,
      fingerprint: null,
    } as const;
    const [outcome] = await this.journal.commit(null, [intent], journalLimits(this.config.risk));
    assert.equal(outcome?.kind, "committed", JSON.stringify(outcome));
    await trader.takeUpManual();
    while (this.books.position(MANUAL_INSTANCE, symbol)?.quantity !== fixed(quantity)) await delay(5);
  }

  async acts(action: object): Promise<void> {
    const { status, body } = await call(this.port, "POST", "/simulator/corporate-actions", action);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.activities.length, 1);
  }

  /** Both sides of the book: positions by symbol, and cash. */
  async compared(symbol: string): Promise<{ book: string[]; broker: string[] }> {
    const [account, positions] = [await this.broker.account(), await this.broker.positions()];
    assert.ok(account.kind === "ok" && positions.kind === "ok");
    const theirs = positions.value.find((position) => position.symbol === symbol)?.quantity ?? 0n;
    const ours = this.books.positions().filter((row) => row.symbol === symbol);
    return {
      book: [formatFixed(ours.reduce((sum, row) => sum + row.quantity, 0n)), formatFixed(this.books.cash)],
      broker: [formatFixed(theirs), formatFixed(account.value.cash)],
    };
  }
}

describe("an account that moves without the bot", () => {
  let world: World;

  before(async () => {
    world = await World.open();
  });
  after(() => world.close());

  test("a split and a dividend reach books, strategy state and warm-up, and reconciliation finds no break", {
    timeout: 60_000,
  }, async () => {
    const first = await world.trader();
    await world.buys(first, "DEMO", "10");
    const { cost } = world.books.position(MANUAL_INSTANCE, "DEMO") ?? { cost: 0n };
    // The state that a strategy has of now: its prices are those of before the split.
    await keepsState(world, Math.floor(world.clock.nowUs()));
    await world.acts({ symbol: "DEMO", dividend: "0.24" });
    await world.acts({ symbol: "DEMO", split: { from: 1, to: 7 } });

    await first.takeActivities();
    assert.deepEqual(world.splits, ["DEMO"], "the trader asks to begin anew");
    const held = world.books.position(MANUAL_INSTANCE, "DEMO");
    assert.deepEqual([held?.quantity, held?.cost, held?.realised], [fixed("70"), cost, fixed("2.4")]);
    const { book, broker } = await world.compared("DEMO");
    assert.deepEqual(book, broker);

    await first.drain(5000);
    world.warmUps.length = 0;
    const second = await world.trader();
    const report = world.reports.at(-1);
    assert.deepEqual([report?.breaks, report?.cashDifference], [[], 0n]);
    assert.equal(world.warmUps.find(({ instance }) => instance === INSTANCE)?.since, null, "the old state is not used");
    await second.drain(5000);

    // Once a state of after the split is there, it is used again.
    await keepsState(world, Math.floor(world.clock.nowUs()));
    world.warmUps.length = 0;
    const third = await world.trader();
    assert.notEqual(world.warmUps.find(({ instance }) => instance === INSTANCE)?.since, null);
    await third.drain(5000);
    assert.deepEqual(world.alerts, []);
    assert.deepEqual(
      (await world.journal.load()).splits.map(({ symbol, ratio }) => [symbol, formatFixed(ratio)]),
      [["DEMO", "7"]],
    );
  });

  test("a trade that is amended has the books compared, and a person told", { timeout: 60_000 }, async () => {
    const watch = world.broker.watch.bind(world.broker);
    let handler: TradeUpdateHandler | null = null;
    world.broker.watch = (given) => {
      handler = given;
      watch(given);
    };
    const trader = await world.trader();
    world.broker.watch = watch;
    world.reports.length = 0;
    const [order] = must(await world.broker.ordersSince(0));
    assert.ok(order !== undefined && handler !== null);
    const nothing = { executionId: null, price: null, quantity: null, positionQuantity: null };
    (handler as TradeUpdateHandler).update({ event: "trade_bust", order, ...nothing, venueTimeUs: 1 });
    while (world.reports.length === 0) await delay(5);
    assert.deepEqual(world.reports[0]?.breaks, []);
    assert.match(world.alerts.splice(0).join(), /TRADE_AMENDED trade_bust/);
    await trader.drain(5000);
  });

  test("a split and a dividend while nobody trades are found at the next start", { timeout: 60_000 }, async () => {
    const first = await world.trader();
    await world.buys(first, "ALFA", "9");
    await first.drain(5000);
    await world.acts({ symbol: "ALFA", split: { from: 3, to: 1 } });
    await world.acts({ symbol: "ALFA", dividend: "1.5" });
    const second = await world.trader();
    const report = world.reports.at(-1);
    assert.deepEqual([report?.breaks, report?.cashDifference], [[], 0n]);
    const held = world.books.position(MANUAL_INSTANCE, "ALFA");
    // 9 for 3, and 1.5 on each of them.
    assert.deepEqual([held?.quantity, held?.realised], [fixed("3"), fixed("4.5")]);
    await second.drain(5000);
  });
});

function must<T>(outcome: ReadOutcome<T>): T {
  assert.ok(outcome.kind === "ok");
  return outcome.value;
}

/** The state of an instance that has seen nothing yet. */
function stateOf({ specs }: Placement, { worker, index }: PlacedInstance): Uint8Array {
  const engine = new Engine(specs[worker] as EngineSpec, new IntentList());
  return new Uint8Array(engine.snapshotOf(index).buffer);
}

/** As if an instance had just decided: its snapshot goes into the journal with an intent. */
async function keepsState(world: World, timeUs: number): Promise<void> {
  const instance = world.placement.instances.find(({ id }) => id === INSTANCE) as PlacedInstance;
  const id = `atb-state-${timeUs}`;
  await world.journal.setTradingState(`instance:${INSTANCE}`, "active", "test", "to keep its state");
  const [outcome] = await world.journal.commit(
    world.fence,
    [
      {
        ...SIMPLE_TERMS,
        clientOrderId: id,
        instanceId: INSTANCE,
        replaces: null,
        symbol: "DEMO",
        side: "buy",
        type: "limit",
        timeInForce: "day",
        quantity: fixed("1"),
        limitPrice: fixed("1"),
        worstPrice: fixed("1"),
        reducing: false,
        trigger: `1:DEMO:${timeUs}:0`,
        reason: "test",
        midAtDecision: null,
        decidedAtUs: timeUs,
        snapshot: stateOf(world.placement, instance),
        snapshotTimeUs: timeUs,
        fingerprint: instance.fingerprint,
      },
    ],
    journalLimits(world.config.risk),
  );
  assert.equal(outcome?.kind, "committed", JSON.stringify(outcome));
  await world.journal.transition(world.fence as Fence, [{ clientOrderId: id, state: "rejected" }]);
}

describe("the warm-up after a split", () => {
  test("has the broker's adjusted bars up to the split, and own bars only from there on", async () => {
    const minute = (n: number): number => n * 60_000_000;
    const bar = (n: number, close: number): HistoricalBar => {
      return { startUs: minute(n), open: close, high: close, low: close, close, volume: 1 };
    };
    const asked: number[][] = [];
    const broker = {
      bars: async (_symbol: string, _interval: number, startUs: number, endUs: number) => {
        asked.push([startUs, endUs]);
        // Adjusted: a seventh of the 700 at which it traded.
        return { kind: "ok", value: [bar(96, 100), bar(97, 100)] } as const;
      },
    } as unknown as Broker;
    const own = [bar(96, 700), bar(97, 700), bar(98, 101), bar(99, 102)];
    const keeper = {
      since: (_instrument: number, _interval: number, startUs: number) => own.filter((kept) => kept.startUs >= startUs),
    } as unknown as BarKeeper;
    const instance = {
      barSeconds: 60,
      warmUpBars: 4,
      instruments: [0],
      symbols: ["NVDA"],
    } as unknown as PlacedInstance;
    const source = { broker, keeper, splitAtUs: () => minute(98), nowUs: minute(100) };
    const [bars] = await warmUpBars(instance, null, source);
    assert.deepEqual(
      bars?.map(({ close }) => close),
      [100, 100, 101, 102],
    );
    // Four times four bars back, up to the first own one after the split.
    assert.deepEqual(asked, [[minute(84), minute(98)]]);
  });
});
