import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../../src/core/errors.ts";
import type { Fence } from "../../src/orders/journal.ts";
import { HistoryReader } from "../../src/store/history-reader.ts";
import { type BarEntry, HistoryWriter, type SignalEntry } from "../../src/store/history-writer.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { execution, fixed, intent, WIDE_LIMITS } from "../orders/journal-contract.ts";
import { createTestDatabase, skipWithoutDatabase, type TestDatabase } from "../support/database.ts";

const NEWEST = { limit: 1000, before: null };

function bar(startUs: number, close: number): BarEntry {
  return { kind: "bar", symbol: "AAA", intervalSeconds: 60, startUs, open: 1, high: 3, low: 0.5, close, volume: 10 };
}

function signal(value: number): SignalEntry {
  const base = { kind: "signal", instanceId: "alpha", symbol: "AAA", target: fixed("-1.5") } as const;
  return { ...base, reason: "cross", value, venueTimeUs: 1_700_000_000_000_000, outcome: "committed" };
}

void describe("history", { skip: skipWithoutDatabase }, () => {
  let database: TestDatabase;
  let store: Store;
  let reader: HistoryReader;

  before(async () => {
    database = await createTestDatabase();
    store = await openStore({ url: database.url, dataDir: "" });
    reader = new HistoryReader(store);
  });
  after(async () => {
    await store.close();
    await database.drop();
  });

  function writer(under: Store = store, capacity = 10_000): HistoryWriter {
    return new HistoryWriter({
      store: under,
      capacity,
      flushMs: 3_600_000,
      onRefused: (error) => assert.fail(String(error)),
    });
  }

  void it("reads bars back newest first, in pages, with the latest figures of each", async () => {
    const history = writer();
    for (const start of [1, 2, 3]) history.add(bar(start * 60_000_000, start));
    history.add(bar(120_000_000, 2.5));
    await history.close();
    const first = await reader.bars("AAA", 60, { limit: 2, before: null });
    assert.deepEqual(
      first.map((row) => [row.position, row.close]),
      [
        [180_000_000, 3],
        [120_000_000, 2.5],
      ],
    );
    const second = await reader.bars("AAA", 60, { limit: 2, before: first.at(-1)?.position as number });
    assert.deepEqual(
      second.map((row) => row.position),
      [60_000_000],
    );
    assert.deepEqual(await reader.bars("BBB", 60, NEWEST), []);
  });

  void it("shows bars of before a split at prices of after it", async () => {
    const history = writer();
    for (const [minute, close] of [
      [1, 700],
      [2, 707],
      [3, 101],
    ] as const) {
      history.add({ ...bar(minute * 60_000_000, close), symbol: "SPLT" });
    }
    await history.close();
    await store.rows(sql.type(z.unknown())`
      INSERT INTO splits (symbol, ratio, at_us) VALUES ('SPLT', 7, 150000000), ('OTHER', 2, 150000000)`);
    const rows = await reader.bars("SPLT", 60, NEWEST);
    assert.deepEqual(
      rows.map((row) => Math.round(row.close * 1e6) / 1e6),
      [101, 101, 100],
    );
    assert.equal(rows[0]?.close, 101, "nothing is touched after it");
  });

  void it("keeps a signal's target exact", async () => {
    const history = writer();
    history.add(signal(0.25));
    await history.close();
    const [row] = await reader.signals(NEWEST);
    const { position, ...rest } = row as NonNullable<typeof row>;
    assert.ok(position > 0);
    const { kind: _kind, ...expected } = signal(0.25);
    assert.deepEqual(rest, expected);
  });

  void it("thins the equity series to the last point of each stretch", async () => {
    const history = writer();
    for (let i = 0; i < 100; i++) history.add({ kind: "equity", atUs: i, equity: fixed(String(1000 + i)) });
    await history.close();
    const all = await reader.equity(0, 1000);
    assert.equal(all.length, 100);
    const thinned = await reader.equity(0, 4);
    assert.deepEqual(
      thinned.map((point) => point.atUs),
      [24, 49, 74, 99],
    );
    assert.equal(thinned.at(-1)?.equity, fixed("1099"));
    assert.equal((await reader.equity(90, 1000)).length, 10);
  });

  void it("keeps run summaries", async () => {
    const history = writer();
    history.add({
      kind: "run",
      runId: "r1",
      runKind: "backtest",
      startedAtMs: 5,
      summary: { profit: "1.5", trades: 3 },
    });
    await history.close();
    const [run] = await reader.runs(NEWEST);
    assert.equal(run?.runId, "r1");
    assert.deepEqual(run?.summary, { profit: "1.5", trades: 3 });
  });

  void it("drops the oldest rows, and counts them, while the database is away", async () => {
    const away: Store = {
      ...store,
      transaction: () => Promise.reject(new CodedError("STORE_UNAVAILABLE", "away")),
    };
    const history = writer(away, 10);
    for (let i = 0; i < 25; i++) history.add(signal(i));
    await history.flush();
    assert.equal(history.waiting, 10);
    assert.equal(history.dropped, 15);
    await history.close();
  });

  void it("writes what waited once the database is back, in order", async () => {
    let isAway = true;
    const flaky: Store = {
      kind: "postgres",
      rows: (query) => store.rows(query),
      transaction: (work) =>
        isAway ? Promise.reject(new CodedError("STORE_UNAVAILABLE", "away")) : store.transaction(work),
      close: async () => undefined,
    };
    const history = writer(flaky);
    for (let i = 0; i < 1500; i++) history.add(signal(i + 1000));
    await history.flush();
    assert.equal(history.waiting, 1500);
    isAway = false;
    await history.close();
    const values = (await reader.signals({ limit: 1000, before: null })).map((row) => row.value);
    assert.deepEqual(
      values,
      Array.from({ length: 1000 }, (_, i) => 2499 - i),
    );
  });

  void it("finds orders by either id and shows trades with profit and slippage", async () => {
    const journal = new SqlJournal({ store });
    await journal.bind({ brokerAccountId: "a", mode: "simulated", openingCash: fixed("100000"), openedAtUs: 0 });
    const fence = (await journal.acquireLease("owner", 60_000)) as Fence;
    const buy = intent({ midAtDecision: fixed("100"), limitPrice: fixed("102") });
    const sell = intent({ side: "sell", reducing: true, midAtDecision: fixed("110"), symbol: "AAA" });
    const open = intent({ symbol: "BBB" });
    await journal.commit(fence, [buy], WIDE_LIMITS);
    await journal.applyExecutions(fence, [execution(buy, "10", "101")]);
    await journal.commit(fence, [sell, open], WIDE_LIMITS);
    await journal.applyExecutions(fence, [
      execution(sell, "4", "110"),
      execution(sell, "6", "109.45", { fee: fixed("1") }),
    ]);
    await journal.transition(fence, [{ clientOrderId: open.clientOrderId, state: "accepted", brokerOrderId: "b-7" }]);

    assert.equal((await reader.order("b-7"))?.clientOrderId, open.clientOrderId);
    assert.equal((await reader.order(buy.clientOrderId))?.state, "filled");
    assert.equal(await reader.order("nothing"), null);
    const ids = async (state: "open" | "closed" | "all", symbol: string | null = null) =>
      (await reader.orders({ state, symbol }, NEWEST)).map((row) => row.order.clientOrderId);
    assert.deepEqual(await ids("open"), [open.clientOrderId]);
    assert.deepEqual(await ids("closed"), [sell.clientOrderId, buy.clientOrderId]);
    assert.deepEqual(await ids("all", "BBB"), [open.clientOrderId]);

    const trades = await reader.trades({ symbol: "AAA" }, NEWEST);
    assert.deepEqual(
      trades.map((trade) => [trade.price, trade.realised, trade.slippageBps]),
      [
        [fixed("109.45"), fixed("50.7"), 50],
        [fixed("110"), fixed("36"), 0],
        [fixed("101"), 0n, 100],
      ],
    );
    const page = await reader.trades({ symbol: null }, { limit: 1, before: trades[0]?.position as number });
    assert.equal(page[0]?.executionId, trades[1]?.executionId);
    const statistics = await reader.statistics();
    // (1010 × 100 + 440 × 0 + 656.7 × 50) / 2106.7
    assert.equal(statistics.averageSlippageBps?.toFixed(6), ((101_000 + 32_835) / 2106.7).toFixed(6));
    assert.deepEqual(
      { ...statistics, averageSlippageBps: 0 },
      { trades: 3, roundTrips: 1, wins: 1, averageSlippageBps: 0 },
    );
  });
});
