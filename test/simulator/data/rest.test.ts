import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import fc from "fast-check";
import type { MarketTick } from "../../../src/simulator/market-source.ts";
import type { Body } from "../client.ts";
import { COIN, DataServer, OTHER, quote, START_US, STOCK, tick, trade } from "./data-server.ts";

let server: DataServer;

afterEach(() => server.close());

/** Seconds after 15:00Z of 2026-03-03. */
const HOUR = 3600;
const DAY = 24 * HOUR;

async function body(path: string): Promise<Body> {
  const answer = await server.get(path);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

/** Follows the tokens to the end; the pages' lists put together, and the largest page. */
async function paged(path: string, field: string): Promise<{ items: Record<string, Body[]>; largest: number }> {
  const items: Record<string, Body[]> = {};
  let largest = 0;
  for (let token: string | null = ""; token !== null; ) {
    const page: Body = await body(`${path}${token === "" ? "" : `&page_token=${encodeURIComponent(token)}`}`);
    let count = 0;
    for (const [symbol, list] of Object.entries(page[field] as Record<string, Body[]>)) {
      (items[symbol] ??= []).push(...list);
      count += list.length;
    }
    largest = Math.max(largest, count);
    token = page.next_page_token;
  }
  return { items, largest };
}

describe("trades and quotes of the past", () => {
  it("have the bodies of the stream without letter and symbol, several symbols in a map, one by its name", async () => {
    server = await DataServer.start();
    server.play(
      trade(STOCK, 1, 10.5, 7, { tradeId: 3 }),
      quote(STOCK, 2, 10, 11),
      trade(OTHER, 3, 20, 8, { tradeId: 4 }),
    );
    const first = { i: 3, x: "Q", p: 10.5, s: 7, c: ["@"], z: "C", t: "2026-03-03T15:00:01Z" };
    const second = { i: 4, x: "Q", p: 20, s: 8, c: ["@"], z: "C", t: "2026-03-03T15:00:03Z" };
    assert.deepEqual(await body("/v2/stocks/trades?symbols=ZEBRA,ACME,NOBODY"), {
      trades: { ACME: [first], ZEBRA: [second] },
      next_page_token: null,
    });
    assert.deepEqual(await body("/v2/stocks/ACME/trades?currency=USD"), {
      symbol: "ACME",
      trades: [first],
      next_page_token: null,
      currency: "USD",
    });
    assert.deepEqual(await body("/v2/stocks/ACME/quotes"), {
      symbol: "ACME",
      quotes: [{ bx: "N", bp: 10, bs: 200, ax: "P", ap: 11, as: 300, c: ["R"], z: "A", t: "2026-03-03T15:00:02Z" }],
      next_page_token: null,
    });
    assert.deepEqual(await body("/v2/stocks/ZEBRA/quotes"), { symbol: "ZEBRA", quotes: [], next_page_token: null });
  });

  it("of crypto need a pair, and no feed", async () => {
    server = await DataServer.start();
    server.play(trade(COIN, 1, 60_000, 0.5, { tradeId: 9, aggressor: 1 }), quote(COIN, 2, 59_999, 60_001));
    assert.deepEqual(await body("/v1beta3/crypto/us/trades?symbols=BTC/USD"), {
      trades: { "BTC/USD": [{ p: 60_000, s: 0.5, t: "2026-03-03T15:00:01Z", i: 9, tks: "B" }] },
      next_page_token: null,
    });
    const quotes = (await body("/v1beta3/crypto/eu-1/quotes?symbols=BTC%2FUSD")).quotes["BTC/USD"];
    assert.deepEqual(quotes, [{ bp: 59_999, bs: 200, ap: 60_001, as: 300, t: "2026-03-03T15:00:02Z" }]);
    const refused = [
      ["/v1beta3/crypto/us/trades?symbols=BTCUSD", "invalid symbol: BTCUSD"],
      ["/v1beta3/crypto/us/trades?symbols=BTC/USD&feed=sip", "unexpected parameter(s): feed"],
    ];
    for (const [path, message] of refused) {
      assert.deepEqual(await server.get(path as string), { status: 400, body: { message } });
    }
  });

  it("page through the same list in both directions, the limit counting all symbols", async () => {
    server = await DataServer.start();
    // Four trades an instant, so that pages end between equal times.
    const ticks: MarketTick[] = [];
    for (let i = 0; i < 40; i++) {
      const instrument = i % 3 === 0 ? OTHER : STOCK;
      ticks.push(trade(instrument, Math.floor(i / 4), 100 + i, 1, { tradeId: i }));
    }
    server.play(...ticks);
    const path = "/v2/stocks/trades?symbols=ACME,ZEBRA";
    const ids = (list: Body[] | undefined) => list?.map(({ i }) => i);
    for (const limit of [1, 2, 3, 7, 39, 40, 41]) {
      const forward = await paged(`${path}&limit=${limit}`, "trades");
      assert.ok(forward.largest <= limit);
      assert.deepEqual(
        ids(forward.items["ZEBRA"]),
        Array.from({ length: 14 }, (_, i) => i * 3),
      );
      assert.equal(forward.items["ACME"]?.length, 26);
      const backward = await paged(`${path}&limit=${limit}&sort=desc`, "trades");
      assert.deepEqual(ids(backward.items["ZEBRA"]), ids(forward.items["ZEBRA"])?.toReversed());
      assert.deepEqual(ids(backward.items["ACME"]), ids(forward.items["ACME"])?.toReversed());
    }
  });

  it("include both ends; a date is the whole day in New York, and nothing given is today", async () => {
    server = await DataServer.start({ startUs: START_US - DAY * 1e6 });
    // Midnight in New York is 05:00Z, ten hours before and fourteen after 15:00Z.
    const seconds = [-10 * HOUR - 1, -10 * HOUR, 0, 14 * HOUR - 1, 14 * HOUR];
    server.play(...seconds.map((at, i) => trade(STOCK, at, i + 1)));
    const prices = async (query: string) =>
      (await body(`/v2/stocks/ACME/trades?${query}`)).trades.map(({ p }: Body) => p);
    assert.deepEqual(await prices("start=2026-03-03T05:00:00Z&end=2026-03-03T15:00:00Z"), [2, 3]);
    assert.deepEqual(await prices("start=2026-03-03T00:00:00-05:00&end=2026-03-03T09:59:59.999999999-05:00"), [2]);
    assert.deepEqual(await prices("start=2026-03-03&end=2026-03-03"), [2, 3, 4]);
    assert.deepEqual(await prices("start=2026-03-02"), [1, 2, 3, 4, 5]);
    assert.deepEqual(await prices(""), [5]);
  });

  it("tell what became of trades that were corrected or cancelled", async () => {
    server = await DataServer.start();
    server.play(
      trade(STOCK, 1, 10, 100, { tradeId: 1 }),
      trade(STOCK, 2, 99, 100, { tradeId: 2 }),
      trade(STOCK, 3, 11, 100, { tradeId: 3 }),
      tick("cancelError", STOCK, 4, { tradeId: 2, price: 99, size: 100, exchange: "Q", action: "C", tape: "C" }),
      tick("correction", STOCK, 5, {
        original: { tradeId: 3, price: 11, size: 100, conditions: ["@"] },
        corrected: { tradeId: 5, price: 12, size: 50, conditions: ["@"] },
        exchange: "Q",
        tape: "C",
      }),
    );
    const { trades } = await body("/v2/stocks/ACME/trades");
    assert.deepEqual(
      trades.map(({ i, p, u }: Body) => [i, p, u]),
      [
        [1, 10, undefined],
        [2, 99, "canceled"],
        [3, 11, "incorrect"],
        [5, 12, "corrected"],
      ],
    );
  });

  it("that are not kept any more are read from the recording again", async () => {
    server = await DataServer.start({ config: { retainedTicks: 1000 } });
    server.play(...Array.from({ length: 2500 }, (_, i) => trade(STOCK, i / 10, i + 1, 1, { tradeId: i })));
    for (const sort of ["asc", "desc"]) {
      const { items } = await paged(`/v2/stocks/trades?symbols=ACME&limit=700&sort=${sort}`, "trades");
      const ids = items["ACME"]?.map(({ i }) => i) ?? [];
      assert.deepEqual(
        sort === "asc" ? ids : ids.toReversed(),
        Array.from({ length: 2500 }, (_, i) => i),
      );
    }
    const last = await body("/v2/stocks/ACME/trades?limit=2&sort=desc");
    assert.deepEqual(
      last.trades.map(({ i }: Body) => i),
      [2499, 2498],
    );
  });
});

describe("bars of the past", () => {
  /** Trades of Monday and Tuesday: two in one minute, one four minutes later, one in the next hour, one the day before. */
  async function twoDays(): Promise<void> {
    server = await DataServer.start({ startUs: START_US - 2 * DAY * 1e6 });
    server.play(
      trade(STOCK, -DAY, 8, 100), // Monday, 15:00Z
      trade(STOCK, 0, 10, 100),
      trade(STOCK, 30, 12, 300),
      trade(STOCK, 4 * 60, 9, 100),
      trade(STOCK, HOUR, 11, 500),
    );
    server.advance(START_US + 2 * HOUR * 1e6);
  }

  const rows = (bars: Body[]) => bars.map(({ o, h, l, c, v, n, vw, t }) => [o, h, l, c, v, n, vw, t]);

  it("join minutes to every time frame, in either direction, with the running bar", async () => {
    await twoDays();
    const path = "/v2/stocks/ACME/bars?start=2026-03-01";
    const bars = async (timeframe: string) => rows((await body(`${path}&timeframe=${timeframe}`)).bars);
    // (10·100 + 12·300) / 400 = 11.5, with 9·100: 5500 / 500 = 11, with 11·500: 11000 / 1000 = 11
    const monday = [8, 8, 8, 8, 100, 1, 8];
    assert.deepEqual(await bars("1Min"), [
      [...monday, "2026-03-02T15:00:00Z"],
      [10, 12, 10, 12, 400, 2, 11.5, "2026-03-03T15:00:00Z"],
      [9, 9, 9, 9, 100, 1, 9, "2026-03-03T15:04:00Z"],
      [11, 11, 11, 11, 500, 1, 11, "2026-03-03T16:00:00Z"],
    ]);
    assert.deepEqual((await bars("5T"))[1], [10, 12, 9, 9, 500, 3, 11, "2026-03-03T15:00:00Z"]);
    assert.deepEqual((await bars("1Hour")).length, 3);
    // Four hours from midnight in New York, 05:00Z: 13:00Z to 17:00Z.
    assert.deepEqual((await bars("4h"))[1], [10, 12, 9, 11, 1000, 4, 11, "2026-03-03T13:00:00Z"]);
    assert.deepEqual(await bars("1Day"), [
      [...monday, "2026-03-02T05:00:00Z"],
      [10, 12, 9, 11, 1000, 4, 11, "2026-03-03T05:00:00Z"],
    ]);
    // (8·100 + 11·1000) / 1100 = 10.727273
    const week = [8, 12, 8, 11, 1100, 5, 10.727273];
    assert.deepEqual(await bars("1Week"), [[...week, "2026-03-02T05:00:00Z"]]);
    assert.deepEqual(await bars("1Month"), [[...week, "2026-03-01T05:00:00Z"]]);
    // A bar that begins before the range is not in it: a quarter begins in January.
    assert.deepEqual(await bars("3M"), []);
    const descending = await body(`${path}&timeframe=1Day&sort=desc`);
    assert.deepEqual(
      descending.bars.map(({ t }: Body) => t),
      ["2026-03-03T05:00:00Z", "2026-03-02T05:00:00Z"],
    );
  });

  it("page like ticks do", async () => {
    await twoDays();
    for (const sort of ["asc", "desc"]) {
      const path = `/v2/stocks/bars?symbols=ACME&timeframe=1Min&start=2026-03-01&sort=${sort}`;
      const whole = (await body(path)).bars["ACME"];
      assert.equal(whole.length, 4);
      for (const limit of [1, 2, 3]) {
        const { items, largest } = await paged(`${path}&limit=${limit}`, "bars");
        assert.deepEqual(items["ACME"], whole);
        assert.equal(largest, limit);
      }
    }
  });

  it("of a running minute do not show", async () => {
    server = await DataServer.start();
    server.play(trade(STOCK, 1, 10), trade(STOCK, 59, 11));
    assert.deepEqual((await body("/v2/stocks/ACME/bars?timeframe=1Min")).bars, []);
  });

  it("are adjusted for splits and dividends of later days when that is asked for", async () => {
    server = await DataServer.start({ startUs: START_US - 2 * DAY * 1e6 });
    server.play(
      trade(STOCK, -DAY, 700, 100),
      tick("split", STOCK, -2 * HOUR, { from: 1, to: 7 }),
      tick("dividend", STOCK, -HOUR, { amount: 7_000_000_000n }), // 7 dollars: 1 % of 700, the last close
      trade(STOCK, 0, 99, 700),
    );
    server.advance(START_US + HOUR * 1e6);
    const closes = async (adjustment: string) => {
      const { bars } = await body(`/v2/stocks/ACME/bars?timeframe=1Day&start=2026-03-01&adjustment=${adjustment}`);
      return bars.map(({ c, v }: Body) => [c, v]);
    };
    const today = [99, 700];
    assert.deepEqual(await closes("raw"), [[700, 100], today]);
    assert.deepEqual(await closes("split"), [[100, 700], today]);
    assert.deepEqual(await closes("dividend"), [[693, 100], today]);
    assert.deepEqual(await closes("all"), [[99, 700], today]);
    assert.deepEqual(await closes("split,spin-off"), [[100, 700], today]);
  });

  it("of crypto begin their days at midnight UTC", async () => {
    server = await DataServer.start();
    server.play(trade(COIN, 1, 60_000, 0.25), trade(COIN, 9 * HOUR, 61_000, 0.25));
    server.advance(START_US + 10 * HOUR * 1e6);
    const { bars } = await body("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Day&start=2026-03-03");
    assert.deepEqual(
      bars["BTC/USD"].map(({ c, v, t }: Body) => [c, v, t]),
      [
        [60_000, 0.25, "2026-03-03T00:00:00Z"],
        [61_000, 0.25, "2026-03-04T00:00:00Z"],
      ],
    );
  });

  it("of recorded files of days are given as they are, and joined to weeks", async () => {
    server = await DataServer.start({ startUs: START_US - DAY * 1e6 });
    for (const day of [0, 1]) {
      const startUs = START_US + (day * DAY - 10 * HOUR) * 1e6;
      const bar = { startUs, open: 1, high: 3 + day, low: 1, close: 2, volume: 10, tradeCount: 0, vwap: 2 };
      server.play(
        tick("bar", STOCK, day * DAY + 6 * HOUR, { intervalSeconds: 86_400, openUs: startUs, bar, halfSpread: 0 }),
      );
    }
    const path = "/v2/stocks/ACME/bars?start=2026-03-01&timeframe=";
    assert.deepEqual(rows((await body(`${path}1Week`)).bars), [[1, 4, 1, 2, 20, 0, 2, "2026-03-02T05:00:00Z"]]);
    assert.deepEqual((await body(`${path}1Day`)).bars.length, 2);
    assert.deepEqual((await body(`${path}1Min`)).bars, []);
  });
});

describe("latest data", () => {
  it("is the newest quote, trade and minute of each symbol; trades that set no price do not count", async () => {
    server = await DataServer.start();
    server.play(
      quote(STOCK, 1, 10, 11),
      trade(STOCK, 2, 10.5, 100, { tradeId: 1 }),
      trade(STOCK, 3, 50, 1, { tradeId: 2, conditions: ["@", "I"] }),
      quote(STOCK, 4, 10, 12),
    );
    server.advance(START_US + 60e6);
    const { quotes } = await body("/v2/stocks/quotes/latest?symbols=ACME,ZEBRA,NOBODY");
    assert.deepEqual([Object.keys(quotes), quotes.ACME.ap], [["ACME"], 12]);
    const { symbol, trade: last } = await body("/v2/stocks/ACME/trades/latest");
    assert.deepEqual([symbol, last.i, last.p], ["ACME", 1, 10.5]);
    const { bars } = await body("/v2/stocks/bars/latest?symbols=ACME&feed=iex");
    assert.deepEqual([bars.ACME.c, bars.ACME.v, bars.ACME.t], [10.5, 101, "2026-03-03T15:00:00Z"]);
    const none = await server.get("/v2/stocks/NOBODY/quotes/latest");
    assert.deepEqual(none, { status: 404, body: { message: "no quote found for NOBODY" } });
  });

  it("is in snapshots, with the day and the day before", async () => {
    server = await DataServer.start({ startUs: START_US - 2 * DAY * 1e6 });
    server.play(trade(STOCK, -DAY, 8), trade(STOCK, 0, 10), quote(STOCK, 1, 9, 11));
    server.advance(START_US + 60e6);
    const snapshots = await body("/v2/stocks/snapshots?symbols=ACME,ZEBRA");
    assert.deepEqual(Object.keys(snapshots), ["ACME"]);
    const { ACME } = snapshots;
    assert.deepEqual(Object.keys(ACME), ["latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"]);
    assert.deepEqual([ACME.latestTrade.p, ACME.latestQuote.bp, ACME.minuteBar.c], [10, 9, 10]);
    assert.deepEqual([ACME.dailyBar.t, ACME.dailyBar.c], ["2026-03-03T05:00:00Z", 10]);
    assert.deepEqual([ACME.prevDailyBar.t, ACME.prevDailyBar.c], ["2026-03-02T05:00:00Z", 8]);
    assert.deepEqual(await body("/v2/stocks/ACME/snapshot"), { symbol: "ACME", ...ACME });
    server.play(trade(COIN, 61, 60_000, 1));
    const crypto = (await body("/v1beta3/crypto/us/snapshots?symbols=BTC/USD")).snapshots["BTC/USD"];
    assert.equal(crypto.latestTrade.p, 60_000);
  });

  it("has books of crypto, best price first", async () => {
    server = await DataServer.start();
    const level = (price: number, size: number) => ({ price, size });
    server.play(
      tick("book", COIN, 1, { reset: true, bids: [level(9, 1), level(10, 2)], asks: [level(12, 3), level(11, 4)] }),
      tick("book", COIN, 2, { reset: false, bids: [level(10, 0)], asks: [level(12, 5)] }),
    );
    assert.deepEqual(await body("/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD"), {
      orderbooks: {
        "BTC/USD": {
          t: "2026-03-03T15:00:02Z",
          b: [{ p: 9, s: 1 }],
          a: [
            { p: 11, s: 4 },
            { p: 12, s: 5 },
          ],
        },
      },
    });
  });
});

describe("feeds", () => {
  it("of the basic plan end a quarter of an hour ago for the consolidated tape", async () => {
    server = await DataServer.start({ config: { dataPlan: "basic" } });
    server.play(trade(STOCK, 0, 1), trade(STOCK, 600, 2), trade(STOCK, 1200, 3));
    const refused = { status: 403, body: { message: "subscription does not permit querying recent SIP data" } };
    const end = "end=2026-03-03T15:20:00Z";
    assert.deepEqual(await server.get(`/v2/stocks/ACME/trades?feed=sip&${end}`), refused);
    assert.deepEqual(await server.get("/v2/stocks/ACME/trades/latest?feed=sip"), refused);
    const prices = async (query: string) =>
      (await body(`/v2/stocks/ACME/trades?${query}`)).trades.map(({ p }: Body) => p);
    assert.deepEqual(await prices("feed=sip"), [1]);
    assert.deepEqual(await prices("feed=sip&end=2026-03-03T15:05:00Z"), [1]);
    assert.deepEqual(await prices("feed=iex"), [1, 2, 3]);
    assert.deepEqual(await prices(""), [1]);
    assert.deepEqual(await prices(end), [1, 2, 3]);
    const latest = async (feed: string) => (await body(`/v2/stocks/ACME/trades/latest?feed=${feed}`)).trade.p;
    assert.deepEqual([await latest("iex"), await latest("delayed_sip")], [3, 1]);
  });

  it("show the night only, or nothing, where that is what they are", async () => {
    server = await DataServer.start({ startUs: START_US - DAY * 1e6 });
    server.play(trade(STOCK, -12 * HOUR, 1), trade(STOCK, 0, 2));
    const prices = async (feed: string) =>
      (await body(`/v2/stocks/ACME/trades?start=2026-03-02&feed=${feed}`)).trades.map(({ p }: Body) => p);
    assert.deepEqual(await prices("sip"), [1, 2]);
    assert.deepEqual(await prices("boats"), [1]);
    assert.deepEqual(await prices("otc"), []);
    assert.deepEqual((await body("/v2/stocks/trades/latest?symbols=ACME&feed=overnight")).trades, {});
  });
});

describe("what else there is", () => {
  it("auctions of a day, each price, exchange and condition once", async () => {
    server = await DataServer.start({ startUs: START_US - DAY * 1e6 });
    const print = (seconds: number, price: number, condition: string, exchange = "Q") =>
      trade(STOCK, seconds, price, 500, { conditions: ["@", condition], exchange });
    // Half an hour before 15:00Z New York opens, six hours after it it closes.
    server.play(
      print(-1800, 10, "O"),
      print(-1799, 10, "Q"),
      print(-1798, 10, "Q"),
      trade(STOCK, -1797, 10.5),
      print(6 * HOUR, 12, "6"),
      print(6 * HOUR + 1, 12, "M", "P"),
    );
    const day = {
      d: "2026-03-03",
      o: [
        { c: "O", p: 10, s: 500, t: "2026-03-03T14:30:00Z", x: "Q" },
        { c: "Q", p: 10, s: 500, t: "2026-03-03T14:30:01Z", x: "Q" },
      ],
      c: [
        { c: "6", p: 12, s: 500, t: "2026-03-03T21:00:00Z", x: "Q" },
        { c: "M", p: 12, s: 500, t: "2026-03-03T21:00:01Z", x: "P" },
      ],
    };
    assert.deepEqual(await body("/v2/stocks/auctions?symbols=ACME,ZEBRA&start=2026-03-01"), {
      auctions: { ACME: [day] },
      next_page_token: null,
    });
    assert.deepEqual((await body("/v2/stocks/ACME/auctions")).auctions, [day]);
  });

  it("names of exchanges and conditions", async () => {
    server = await DataServer.start();
    const exchanges = await body("/v2/stocks/meta/exchanges");
    assert.deepEqual([exchanges.N, exchanges.V], ["New York Stock Exchange", "IEX"]);
    const trades = await body("/v2/stocks/meta/conditions/trade?tape=C");
    assert.deepEqual([trades["@"], trades.A, trades.B], ["Regular Sale", "Acquisition", "Bunched Trade"]);
    assert.equal((await body("/v2/stocks/meta/conditions/trade?tape=A")).B, "Average Price Trade");
    assert.equal((await body("/v2/stocks/meta/conditions/quote?tape=B")).R, "Regular, Two-Sided Open");
    assert.equal((await server.get("/v2/stocks/meta/conditions/trade?tape=X")).status, 400);
    assert.equal((await server.get("/v2/stocks/meta/conditions/option?tape=A")).status, 400);
  });

  it("news, newest first, by symbol, paged, with its content when asked for; none is an empty list", async () => {
    const fields = { headline: "H", summary: "", author: "", url: "", content: "text", source: "wire" };
    const article = (id: number, seconds: number, symbols: string[]) => {
      const timeUs = START_US + seconds * 1e6;
      return { id, ...fields, symbols, createdUs: timeUs, updatedUs: timeUs };
    };
    server = await DataServer.start({
      news: [article(1, 1, ["ACME"]), article(2, 2, ["ZEBRA"]), article(3, 3, ["ACME"])],
    });
    assert.deepEqual(await body("/v1beta1/news"), { news: [], next_page_token: null });
    server.advance(START_US + 60e6);
    const ids = async (query: string) => (await body(`/v1beta1/news?${query}`)).news.map(({ id }: Body) => id);
    assert.deepEqual(await ids(""), [3, 2, 1]);
    assert.deepEqual(await ids("symbols=ACME&sort=asc"), [1, 3]);
    assert.deepEqual(await ids("start=2026-03-03T15:00:02Z&end=2026-03-03T15:00:02Z"), [2]);
    const first = await body("/v1beta1/news?limit=2&include_content=true");
    assert.equal(first.news[0].content, "text");
    const second = await body(`/v1beta1/news?limit=2&page_token=${encodeURIComponent(first.next_page_token)}`);
    assert.deepEqual([second.news.map(({ id }: Body) => id), second.next_page_token], [[1], null]);
    assert.equal((await server.get("/v1beta1/news?limit=51")).status, 400);
  });

  it("errors that name the parameter in a message and have no number", async () => {
    server = await DataServer.start();
    const bars = "/v2/stocks/ACME/bars?timeframe=1Min";
    const cases: [string, string][] = [
      ["/v2/stocks/trades", "symbols is required"],
      ["/v2/stocks/trades?symbols=AC$ME", "invalid symbol: AC$ME"],
      ["/v2/stocks/trades?symbols=ACME&foo=1&bar=2", "unexpected parameter(s): foo, bar"],
      ["/v2/stocks/ACME/trades?timeframe=1Min", "unexpected parameter(s): timeframe"],
      [`${bars}&limit=0`, "invalid limit: 0, 1 to 10000 is allowed"],
      [`${bars}&limit=10001`, "invalid limit: 10001, 1 to 10000 is allowed"],
      [`${bars}&sort=up`, "invalid sort: up, asc or desc is allowed"],
      [`${bars}&start=yesterday`, "invalid start: yesterday, an RFC 3339 time or a date is needed"],
      [`${bars}&end=2026-02-30T25:00:00Z`, "invalid end: 2026-02-30T25:00:00Z, an RFC 3339 time or a date is needed"],
      [`${bars}&feed=delayed_sip`, "invalid feed: delayed_sip"],
      [`${bars}&adjustment=half`, "invalid adjustment: half"],
      [`${bars}&asof=never`, "invalid asof: never, a date or - is needed"],
      [`${bars}&currency=EUR`, "invalid currency: EUR, only USD is simulated"],
      [`${bars}&page_token=nonsense`, "invalid page_token"],
      [`${bars}&page_token=${Buffer.from("OTHER|2026-03-03T15:00:00Z|0").toString("base64")}`, "invalid page_token"],
    ];
    for (const [path, message] of cases) assert.deepEqual(await server.get(path), { status: 400, body: { message } });
    const repeated = await server.get(`${bars}&limit=1&limit=2`);
    assert.deepEqual(repeated, { status: 400, body: { message: "invalid limit: 1,2, 1 to 10000 is allowed" } });
    const nowhere = await server.get("/v1beta3/crypto/moon/trades?symbols=BTC/USD");
    assert.deepEqual(nowhere, { status: 400, body: { message: "invalid location: moon" } });
    for (const timeframe of ["", "0Min", "60Min", "24Hour", "2Day", "2Week", "5Month", "1Year", "Min", "1"]) {
      const { status, body: answer } = await server.get(`/v2/stocks/ACME/bars?timeframe=${timeframe}`);
      assert.deepEqual([status, Object.keys(answer)], [400, ["message"]]);
    }
  });

  it("an answer to whatever is asked: never an error of its own", { timeout: 60_000 }, async () => {
    server = await DataServer.start();
    server.play(trade(STOCK, 1, 10), quote(STOCK, 2, 10, 11), trade(COIN, 3, 60_000));
    const token = (text: string) => Buffer.from(text).toString("base64");
    const value = fc.oneof(
      fc.constantFrom("", "ACME", "ACME,ZEBRA", "BTC/USD", "*", "asc", "desc", "1Min", "1Day", "12Month", "sip", "-"),
      fc.constantFrom("1", "0", "-1", "1e9", "NaN", "1970-01-01", "2100-12-31", "0001-01-01T00:00:00Z", "9999-12-31"),
      fc.constantFrom(token("ACME|1970-01-01T00:00:00Z|0"), token("ACME|2026-03-03T15:00:01Z|999999999"), token("||")),
      fc.string({ unit: "binary", maxLength: 30 }),
    );
    const names = ["symbols", "start", "end", "limit", "sort", "page_token", "feed", "asof", "currency", "timeframe"];
    const path = fc.constantFrom(
      ...["bars", "quotes", "trades", "auctions"].flatMap((kind) => [`/v2/stocks/${kind}`, `/v2/stocks/ACME/${kind}`]),
      ...["bars", "trades", "latest/quotes", "latest/orderbooks", "snapshots"].map(
        (kind) => `/v1beta3/crypto/us/${kind}`,
      ),
      ...["bars/latest", "snapshots", "meta/conditions/trade"].map((kind) => `/v2/stocks/${kind}`),
      "/v1beta1/news",
    );
    const parameters = fc.dictionary(fc.constantFrom(...names, "adjustment", "tape"), value, { maxKeys: 5 });
    await fc.assert(
      fc.asyncProperty(path, parameters, async (where, asked) => {
        const { status } = await server.get(`${where}?${new URLSearchParams(asked).toString()}`);
        assert.ok([200, 400, 403, 404].includes(status), `${status} for ${where} ${JSON.stringify(asked)}`);
      }),
      { numRuns: 300 },
    );
  });
});
