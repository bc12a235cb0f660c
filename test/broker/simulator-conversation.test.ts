/**
 * The adapter and the stream client against the simulator, over real sockets: two independent readings of one protocol.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import { SIMPLE_TERMS } from "../../src/orders/journal.ts";
import type { NewOrder, TradeUpdate } from "../../src/broker/broker.ts";
import { FIXED_ONE } from "../../src/core/fixed.ts";
import { KIND_QUOTE, KIND_TRADE } from "../../src/core/market/record.ts";
import { AlpacaStream } from "../../src/feed/alpaca-stream.ts";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";

const KEYS = { keyId: "key", secretKey: "secret" };

let simulator: Simulator;
let broker: AlpacaBroker;
let base: string;

before(async () => {
  simulator = await createSimulator({
    port: 0,
    keyId: KEYS.keyId,
    secret: KEYS.secretKey,
    seed: 5,
    speed: 60,
    haltRate: 0,
  });
  base = `127.0.0.1:${await simulator.listen()}`;
  broker = new AlpacaBroker({
    baseUrl: `http://${base}`,
    dataUrl: `http://${base}`,
    streamUrl: `ws://${base}/stream`,
    cryptoPairs: ["BTC/USD"],
    ...KEYS,
  });
});

after(async () => {
  await broker.close();
  await simulator.close();
});

const order = (overrides: Partial<NewOrder> = {}): NewOrder => ({
  ...SIMPLE_TERMS,
  notional: null,
  clientOrderId: "conversation-1",
  symbol: "DEMO",
  side: "buy",
  type: "market",
  timeInForce: "day",
  quantity: 3n * FIXED_ONE,
  ...overrides,
});

function must<T>(outcome: { kind: string; value?: T; cause?: string }): T {
  assert.equal(outcome.kind, "ok", outcome.cause);
  return outcome.value as T;
}

describe("a conversation with the simulator", () => {
  test("an order is accepted, filled on the stream, and the same by REST", { timeout: 20_000 }, async () => {
    const clock = must(await broker.clock());
    const account = must(await broker.account());
    assert.equal(account.cash, 100_000n * FIXED_ONE);
    assert.equal(must(await broker.asset("DEMO")).tradable, true);
    assert.deepEqual(await broker.asset("NOSUCH"), { kind: "not_found" });

    const updates: TradeUpdate[] = [];
    let filled: () => void = () => {};
    const allFilled = new Promise<void>((resolve) => {
      filled = resolve;
    });
    await new Promise<void>((resolve) => {
      broker.watch({
        connected: resolve,
        disconnected: () => {},
        update(update) {
          updates.push(update);
          if (update.event === "fill") filled();
        },
      });
    });
    const outcome = await broker.submit(order(), 4000);
    assert.equal(outcome.kind, "accepted");
    await allFilled;
    assert.deepEqual(await broker.submit(order(), 4000), { kind: "duplicate" });

    const fills = must(await broker.fillsSince(clock.venueTimeUs));
    const streamed = updates.filter((update) => update.executionId !== null);
    assert.deepEqual(
      fills.map((fill) => [fill.executionId, fill.price, fill.quantity, fill.symbol]),
      streamed.map((update) => [update.executionId, update.price, update.quantity, update.order.symbol]),
    );
    assert.equal(must(await broker.positions())[0]?.quantity, 3n * FIXED_ONE);
    assert.equal(must(await broker.orderByClientId("conversation-1")).status, "filled");
    assert.equal(must(await broker.ordersSince(clock.venueTimeUs)).length, 1);
  });

  test("a resting order is open until it is cancelled; cancelling is refused once it is over", async () => {
    const limit = order({ clientOrderId: "conversation-2", type: "limit", limitPrice: FIXED_ONE });
    const outcome = await broker.submit(limit, 4000);
    assert.ok(outcome.kind === "accepted");
    assert.deepEqual(
      must(await broker.openOrders()).map((open) => open.clientOrderId),
      ["conversation-2"],
    );
    assert.deepEqual(await broker.cancel(outcome.order.id), { kind: "requested" });
    assert.equal(must(await broker.order(outcome.order.id)).status, "canceled");
    assert.deepEqual(await broker.cancel("00000000-0000-4000-8000-000000000000"), { kind: "not_found" });
    assert.deepEqual(await broker.cancelAll(), { kind: "requested", orders: 0 });
  });

  test("suspended trade refuses orders with a code of ours", async () => {
    assert.deepEqual(await broker.suspendTrade(true), { kind: "requested" });
    assert.equal(must(await broker.account()).suspended, true);
    const outcome = await broker.submit(order({ clientOrderId: "conversation-3" }), 4000);
    assert.equal(outcome.kind === "rejected" && outcome.code, "BROKER_ACCOUNT_RESTRICTED");
    assert.deepEqual(await broker.suspendTrade(false), { kind: "requested" });
  });

  test("an order beyond the account's means is refused with a code of ours", async () => {
    const outcome = await broker.submit(
      order({ clientOrderId: "conversation-4", quantity: 1_000_000n * FIXED_ONE }),
      4000,
    );
    assert.equal(outcome.kind === "rejected" && outcome.code, "BROKER_BUYING_POWER");
  });

  test("history comes minute by minute", async () => {
    const nowUs = must(await broker.clock()).venueTimeUs;
    const startUs = Math.floor(nowUs / 60e6) * 60e6 - 3600e6;
    const bars = must(await broker.bars("DEMO", 60, startUs, startUs + 1800e6));
    assert.ok(bars.length > 0 && bars.length <= 30);
    for (const bar of bars) assert.ok(bar.low <= bar.open && bar.open <= bar.high && bar.startUs % 60e6 === 0);
  });

  test("the latest quote has two sides", async () => {
    const quote = must(await broker.latestQuote("DEMO"));
    assert.ok(quote !== null && quote.bid > 0 && quote.ask >= quote.bid, JSON.stringify(quote));
  });

  test("market data arrives as records of the instruments asked for", { timeout: 20_000 }, async () => {
    const kinds = new Set<number>();
    let both: () => void = () => {};
    const seen = new Promise<void>((resolve) => {
      both = resolve;
    });
    const stream = new AlpacaStream(
      { url: `ws://${base}/v2/iex`, instruments: [{ symbol: "DEMO", index: 7 }], ...KEYS },
      {
        frame(records, count) {
          for (let slot = 0; slot < count; slot++) {
            assert.equal(records.instrument(slot), 7);
            kinds.add(records.kind(slot));
          }
          if (kinds.has(KIND_QUOTE) && kinds.has(KIND_TRADE)) both();
        },
        connected: () => {},
        disconnected: () => {},
        stale: () => {},
      },
    );
    stream.start();
    await seen;
    assert.equal(stream.counters.malformedFrames, 0);
    await stream.close();
  });
});
