import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import ccxt, { type Order } from "ccxt";
import { CcxtAlpaca } from "./ccxt.ts";
import { createSimulator } from "../../src/simulator/simulator.ts";
import type { Arrivals } from "./arrivals.ts";
import { KEYS, MarketScript, ScriptedVenue, START_MS } from "./scripted-venue.ts";

const PAIR = "BTC/USD";
const SETTINGS = { instruments: [{ symbol: PAIR }] };

interface Desk {
  readonly venue: ScriptedVenue;
  readonly ccxt: CcxtAlpaca;
  readonly exchange: CcxtAlpaca["exchange"];
  readonly updates: Arrivals<Order>;
}

async function openDesk(t: TestContext, script: MarketScript, settings: object = SETTINGS): Promise<Desk> {
  const venue = await ScriptedVenue.start(t, script, settings);
  const client = venue.attach(await CcxtAlpaca.connect(venue.url));
  return { venue, ccxt: client, exchange: client.exchange, updates: await client.watchOrders() };
}

const quiet = () => new MarketScript().quote(PAIR, 10_000, 10_010, 5);

describe("ccxt's alpaca", () => {
  it("knows the market's time, the pair, its increments and the account's money", async (t) => {
    const { exchange } = await openDesk(t, quiet());
    assert.equal(await exchange.fetchTime(), START_MS);
    const market = exchange.market(PAIR);
    assert.deepEqual([market.id, market.base, market.quote, market.active], [PAIR, "BTC", "USD", true]);
    assert.equal(market.precision.amount, 1e-9);
    const balance = await exchange.fetchBalance();
    assert.equal(balance["USD"]?.total, 100_000);
  });

  it("buys at the ask and watches the order close", async (t) => {
    const { exchange, updates } = await openDesk(t, quiet());
    const sent = await exchange.createOrder(PAIR, "market", "buy", 0.5, undefined, { clientOrderId: "first" });
    assert.deepEqual([sent.clientOrderId, sent.status, sent.amount, sent.timeInForce], ["first", "open", 0.5, "GTC"]);
    const closed = await updates.find((order) => order.id === sent.id && order.status === "closed");
    assert.deepEqual([closed.average, closed.filled, closed.remaining, closed.cost], [10_010, 0.5, 0, 5005]);
    const [trade] = await exchange.fetchMyTrades(PAIR);
    assert.deepEqual([trade?.order, trade?.side, trade?.price, trade?.amount], [sent.id, "buy", 10_010, 0.5]);
    const balance = await exchange.fetchBalance();
    // 100,000 − 0.5 × 10,010
    assert.equal(balance["USD"]?.free, 94_995);
    assert.equal(balance["BTC"]?.total, 0.5);
  });

  it("rests a limit order, lists it as open, cancels it and lists it as closed", async (t) => {
    const { exchange, updates } = await openDesk(t, quiet());
    const { id } = await exchange.createOrder(PAIR, "limit", "buy", 0.1, 9000);
    await updates.find((order) => order.id === id && order.status === "open");
    assert.deepEqual(
      (await exchange.fetchOpenOrders(PAIR)).map((order) => [order.id, order.price]),
      [[id, 9000]],
    );
    await exchange.cancelOrder(id as string);
    await updates.find((order) => order.id === id && order.status === "canceled");
    assert.deepEqual(await exchange.fetchOpenOrders(PAIR), []);
    const [listed] = await exchange.fetchClosedOrders(PAIR);
    assert.deepEqual([listed?.id, listed?.status, listed?.filled], [id, "canceled", 0]);
    assert.equal((await exchange.fetchOrder(id as string)).status, "canceled");
  });

  it("cancels all orders", async (t) => {
    const { exchange, updates } = await openDesk(t, quiet());
    for (const price of [8000, 8500, 9000]) await exchange.createOrder(PAIR, "limit", "buy", 0.1, price);
    await exchange.cancelAllOrders();
    await updates.find((order) => order.price === 9000 && order.status === "canceled");
    assert.equal((await exchange.fetchOpenOrders()).length, 0);
  });

  it("edits a resting order and watches its successor fill", async (t) => {
    const { exchange, updates } = await openDesk(t, quiet());
    const first = await exchange.createOrder(PAIR, "limit", "buy", 0.1, 9000);
    await updates.find((order) => order.id === first.id && order.status === "open");
    const second = await exchange.editOrder(first.id as string, PAIR, "limit", "buy", 0.1, 10_010);
    assert.notEqual(second.id, first.id);
    const filled = await updates.find((order) => order.id === second.id && order.status === "closed");
    assert.deepEqual([filled.filled, filled.average], [0.1, 10_010]);
    assert.equal((await exchange.fetchOrder(first.id as string)).info["replaced_by"], second.id);
  });

  it("buys for an amount of money, and stops with a limit", async (t) => {
    const script = quiet().quote(PAIR, 9800, 9810, 5).trade(PAIR, 9800, 1).quote(PAIR, 9800, 9810, 5);
    const { venue, exchange, updates } = await openDesk(t, script);
    const bought = await exchange.createMarketBuyOrderWithCost(PAIR, 2002);
    // 2002 / 10,010
    assert.equal((await updates.find(({ id, status }) => id === bought.id && status === "closed")).filled, 0.2);
    const stop = await exchange.createOrder(PAIR, "limit", "sell", 0.2, 9700, { triggerPrice: 9850 });
    assert.equal((await exchange.fetchOrder(stop.id as string)).triggerPrice, 9850);
    await venue.play(2);
    const sold = await updates.find(({ id, status }) => id === stop.id && status === "closed");
    assert.deepEqual([sold.average, sold.filled], [9800, 0.2]);
  });

  it("pages orders from a time on, oldest first", async (t) => {
    const script = quiet().wait(1).quote(PAIR, 10_000, 10_010, 5).wait(1).quote(PAIR, 10_000, 10_010, 5);
    const { venue, exchange } = await openDesk(t, script.quote(PAIR, 1, 2));
    const ids: unknown[] = [];
    for (const price of [8000, 8500, 9000]) {
      ids.push((await exchange.createOrder(PAIR, "limit", "buy", 0.1, price)).id);
      if (price < 9000) await venue.play(1);
    }
    const first = await exchange.fetchOrders(PAIR, START_MS - 1, 2);
    const rest = await exchange.fetchOrders(PAIR, Number(first.at(-1)?.timestamp), 2);
    assert.deepEqual(
      [...first, ...rest].map(({ id }) => id),
      ids,
    );
  });

  it("refuses what ccxt knows as bad requests, insufficient funds and wrong keys", async (t) => {
    const { exchange } = await openDesk(t, quiet());
    await assert.rejects(exchange.createOrder(PAIR, "market", "sell", 1), ccxt.InsufficientFunds);
    await exchange.createOrder(PAIR, "limit", "buy", 0.1, 9000, { clientOrderId: "twice" });
    const again = exchange.createOrder(PAIR, "limit", "buy", 0.1, 9000, { clientOrderId: "twice" });
    await assert.rejects(again, ccxt.BadRequest);
    await assert.rejects(exchange.fetchOrder("00000000-0000-4000-8000-000000000000"), ccxt.InvalidOrder);
    exchange.secret = "wrong";
    await assert.rejects(exchange.fetchBalance(), ccxt.PermissionDenied);
  });

  it("watches quotes, trades and bars of a pair", async (t) => {
    const script = quiet().quote(PAIR, 9990, 10_000, 3).trade(PAIR, 10_000, 0.25).wait(60).trade(PAIR, 10_005, 1);
    const { venue, exchange, ccxt: client } = await openDesk(t, script.quote(PAIR, 1, 2));
    const [ticker, trades, bars] = [
      exchange.watchTicker(PAIR),
      exchange.watchTrades(PAIR),
      exchange.watchOHLCV(PAIR, "1m"),
    ];
    await client.subscribed(3);
    await venue.play(3);
    const { bid, ask, askVolume, timestamp } = await ticker;
    assert.deepEqual([bid, ask, askVolume, timestamp], [9990, 10_000, 3, START_MS + 1]);
    const [trade] = await trades;
    assert.deepEqual([trade?.price, trade?.amount, trade?.timestamp], [10_000, 0.25, START_MS + 2]);
    assert.deepEqual(await bars, [[START_MS, 10_000, 10_000, 10_000, 10_000, 0.25]]);
  });
});

describe("ccxt's alpaca and market data", () => {
  const script = () => {
    const ticks = quiet().trade(PAIR, 10_000, 0.1).trade(PAIR, 10_020, 0.2).quote(PAIR, 9990, 10_000, 3);
    for (const price of [10_005, 10_010, 10_015]) ticks.wait(60).trade(PAIR, price, 1);
    return ticks.quote(PAIR, 1, 2);
  };

  it("pages bars of the past, and reads trades, ticker and book", async (t) => {
    const { venue, exchange } = await openDesk(t, script());
    await venue.play(6);
    const paged = { paginate: true, paginationCalls: 9, limit: 1 };
    const bars = await exchange.fetchOHLCV(PAIR, "1m", START_MS, undefined, paged);
    // Open, high, low, close, volume of the three minutes that are over.
    assert.deepEqual(bars, [
      [START_MS, 10_000, 10_020, 10_000, 10_020, 0.3],
      [START_MS + 60_000, 10_005, 10_005, 10_005, 10_005, 1],
      [START_MS + 120_000, 10_010, 10_010, 10_010, 10_010, 1],
    ]);
    const trades = await exchange.fetchTrades(PAIR, START_MS, 2);
    assert.deepEqual(
      trades.map(({ price, amount }) => [price, amount]),
      [
        [10_000, 0.1],
        [10_020, 0.2],
      ],
    );
    const ticker = await exchange.fetchTicker(PAIR);
    // Its last price is the close of the day's bar, which grows minute by minute.
    assert.deepEqual([ticker.bid, ticker.ask, ticker.last], [9990, 10_000, 10_010]);
  });

  it("reads and watches the book of a pair", async (t) => {
    const simulator = await createSimulator({ port: 0, ...KEYS, ...SETTINGS, speed: 10 });
    const client = await CcxtAlpaca.connect(`http://127.0.0.1:${await simulator.listen()}`);
    t.after(async () => {
      await client.close();
      await simulator.close();
    });
    const watched = await client.exchange.watchOrderBook(PAIR);
    const read = await client.exchange.fetchOrderBook(PAIR);
    for (const { bids, asks } of [watched, read]) assert.ok(Number(asks[0]?.[0]) > Number(bids[0]?.[0]));
  });
});
