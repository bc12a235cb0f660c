import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { AuthError, NotFoundError, RateLimitError, ValidationError, withResponse } from "@alpacahq/alpaca-trade-api";
import { alpaca4 } from "./alpaca-4.ts";
import { MarketScript, ScriptedVenue, START_MS } from "./scripted-venue.ts";

const SETTINGS = { instruments: [{ symbol: "ACME" }, { symbol: "BTC/USD" }] };

async function start(t: TestContext, settings: object = {}) {
  const script = new MarketScript().quote("ACME", 100, 100.02).quote("BTC/USD", 10_000, 10_010, 5);
  const venue = await ScriptedVenue.start(t, script, { ...SETTINGS, ...settings });
  const client = alpaca4(venue.url);
  const stream = client.trading.stream({ url: `${venue.url.replace("http", "ws")}/stream` });
  venue.attach({ close: () => stream.disconnect() });
  return { client, stream };
}

describe("Alpaca's client, version 4, and the account", () => {
  it("checks its keys, and says which are wrong", async (t) => {
    const { client } = await start(t);
    const check = await client.trading.validateConnection();
    assert.equal(check.ok, true);
    const account = await client.trading.account.getAccount();
    assert.deepEqual(
      [account.status, account.cash, account.buyingPower, account.multiplier, account.currency],
      ["ACTIVE", "100000", "400000", "4", "USD"],
    );
    const headers = { "APCA-API-KEY-ID": "wrong" };
    await assert.rejects(client.trading.account.getAccount({ headers }), AuthError);
  });

  it("changes the account's configuration, part by part", async (t) => {
    const { client } = await start(t);
    const api = client.trading.accountConfigurations;
    const before = await api.getAccountConfig();
    assert.deepEqual([before.suspendTrade, before.noShorting, before.maxMarginMultiplier], [false, false, "4"]);
    const after = await api.patchAccountConfig({ accountConfigurations: { noShorting: true } });
    assert.deepEqual([after.noShorting, after.suspendTrade], [true, false]);
  });

  it("lists assets and finds one by symbol and by id, a pair with its slash", async (t) => {
    const { client } = await start(t);
    const api = client.trading.assets;
    const [acme] = await api.getV2Assets({ status: "active" });
    assert.deepEqual([acme?.symbol, acme?.tradable, acme?.shortable], ["ACME", true, true]);
    const [pair] = await api.getV2Assets({ assetClass: "crypto" });
    assert.equal(pair?.symbol, "BTC/USD");
    const bySymbol = await api.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "BTC/USD" });
    assert.deepEqual([bySymbol.id, bySymbol.minTradeIncrement], [pair?.id, "0.000000001"]);
    const byId = await api.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: acme?.id ?? "" });
    assert.equal(byId.symbol, "ACME");
    await assert.rejects(api.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "NONE" }), NotFoundError);
  });

  it("reads both versions of clock and calendar", async (t) => {
    const { client } = await start(t);
    const { clocks } = await client.trading.clock.clock({ markets: "NYSE" });
    assert.deepEqual(
      clocks.map(({ market, phase, timestamp }) => [market.acronym, phase, timestamp.getTime()]),
      [["NYSE", "core", START_MS]],
    );
    const clock = await client.trading.clock.legacyClock();
    // The session of 2018-01-02 ends at 16:00 in New York, five hours behind.
    assert.deepEqual([clock.isOpen, clock.nextClose.toISOString()], [true, "2018-01-02T21:00:00.000Z"]);
    const range = { start: new Date("2018-07-03"), end: new Date("2018-07-05") };
    const days = await client.trading.calendar.legacyCalendar(range);
    // The day before the Fourth of July is short; the Fourth is none.
    assert.deepEqual(
      days.map(({ date, open, close }) => [date.toISOString().slice(0, 10), open, close]),
      [
        ["2018-07-03", "09:30", "13:00"],
        ["2018-07-05", "09:30", "16:00"],
      ],
    );
    const { calendar } = await client.trading.calendar.calendar({ market: "NYSE", ...range });
    assert.deepEqual(
      calendar.map(({ coreStart, coreEnd }) => [coreStart.toISOString(), coreEnd.toISOString()]),
      [
        ["2018-07-03T13:30:00.000Z", "2018-07-03T17:00:00.000Z"],
        ["2018-07-05T13:30:00.000Z", "2018-07-05T20:00:00.000Z"],
      ],
    );
  });

  it("keeps watchlists", async (t) => {
    const { client } = await start(t);
    const api = client.trading.watchlists;
    const { id } = await api.postWatchlist({ createWatchlistRequest: { name: "mine", symbols: ["ACME"] } });
    await api.addAssetToWatchlist({ watchlistId: id, addAssetToWatchlistRequest: { symbol: "BTC/USD" } });
    const symbols = ({ assets }: { assets?: { symbol: string }[] }) => (assets ?? []).map(({ symbol }) => symbol);
    assert.deepEqual(symbols(await api.getWatchlistByName({ name: "mine" })), ["ACME", "BTC/USD"]);
    await api.removeAssetFromWatchlist({ watchlistId: id, symbol: "ACME" });
    const updateWatchlistRequest = { name: "other" };
    await api.updateWatchlistById({ watchlistId: id, updateWatchlistRequest });
    assert.deepEqual(
      (await api.getWatchlists()).map(({ name }) => name),
      ["other"],
    );
    await api.deleteWatchlistById({ watchlistId: id });
    await assert.rejects(api.getWatchlistById({ watchlistId: id }), NotFoundError);
  });

  it("reads the account's equity over time", async (t) => {
    const { client } = await start(t);
    const history = await client.trading.portfolioHistory.getAccountPortfolioHistory({
      period: "1D",
      timeframe: "5Min",
    });
    assert.deepEqual([history.timeframe, history.baseValue, history.equity.at(-1)], ["5Min", 100_000, 100_000]);
    assert.equal(history.timestamp.length, history.equity.length);
  });

  it("submits and waits for the fill, and pages fills and orders", async (t) => {
    const { client, stream } = await start(t);
    stream.connect();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const side = i % 2 === 0 ? "buy" : "sell";
      const order = await client.trading.submitAndWait({ type: "market", symbol: "ACME", qty: 1, side }, { stream });
      assert.deepEqual([order.status, order.filledQty], ["filled", "1"]);
      ids.push(order.id ?? "");
    }
    const fills = await client.trading.collectActivities({ activityTypes: ["FILL"], pageSize: 2, direction: "asc" });
    assert.deepEqual(
      fills.map((fill) => (fill as { orderId?: string }).orderId),
      ids,
    );
    const paged: string[] = [];
    for (let afterOrderId: string | undefined; ; ) {
      const after = afterOrderId === undefined ? {} : { afterOrderId };
      const page = await client.trading.orders.getAllOrders({ status: "all", limit: 2, direction: "asc", ...after });
      paged.push(...page.map(({ id }) => id ?? ""));
      if (page.length < 2) break;
      afterOrderId = paged.at(-1);
    }
    assert.deepEqual(paged, ids);
  });

  it("tells refusals apart, and reads the limit of requests", async (t) => {
    const { client } = await start(t, { requestsPerMinute: 4 });
    const { status, rateLimit } = await withResponse(client.trading.account.getAccountRaw());
    assert.deepEqual([status, rateLimit?.limit], [200, 4]);
    const bad = client.trading.orders.market({ symbol: "NONE", qty: 1, side: "buy" });
    await assert.rejects(bad, ValidationError);
    const burst = Promise.all(Array.from({ length: 9 }, () => client.trading.account.getAccount()));
    await assert.rejects(burst, RateLimitError);
  });
});
