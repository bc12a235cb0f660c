import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parseFixed } from "../../src/core/fixed.ts";
import { BarAggregate } from "../../src/simulator/bar-aggregate.ts";
import type { MarketTick } from "../../src/simulator/market-source.ts";
import { RecordedMarket, type RecordedOptions } from "../../src/simulator/recorded-market.ts";
import { microseconds, MISSING, readRows } from "../core/support/market-data.ts";

const folder = mkdtempSync(join(tmpdir(), "recorded-market-"));
after(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(folder, `${name}.csv.gz`);
  writeFileSync(path, gzipSync(text));
  return path;
}

const open = (files: readonly string[], options: Partial<RecordedOptions> = {}) =>
  RecordedMarket.open({ files, quoteExchange: null, instruments: [], barStamp: "start", ...options });

async function play(market: RecordedMarket): Promise<MarketTick[]> {
  const ticks: MarketTick[] = [];
  for await (const batch of market.ticks()) ticks.push(...batch);
  return ticks;
}

/** `kind SYMBOL what` at whole seconds. */
function shown(market: RecordedMarket, ticks: readonly MarketTick[]): string[] {
  return ticks.map((tick) => {
    const name = `${tick.timeUs / 1e6} ${tick.kind} ${market.instruments[tick.index]?.symbol}`;
    switch (tick.kind) {
      case "quote":
        return `${name} ${tick.bid}`;
      case "trade":
      case "barOpen":
        return `${name} ${tick.price}`;
      case "bar":
        return `${name} ${tick.bar.close}`;
      case "book":
        return `${name} ${tick.bids.length}/${tick.asks.length}${tick.reset ? " whole" : ""}`;
      default:
        return name;
    }
  });
}

const at = (seconds: number) => `${seconds}000000000`;

describe("recorded files as a market", () => {
  it("merges files of all kinds by time: quotes and depth, trades, bars that end, bars that open", async () => {
    const market = await open([
      write("t", `ts_ns,symbol,price,size\n${at(100)},T,1,1\n${at(120)},T,2,1\n`),
      write("q", `ts_ns,symbol,bid,ask\n${at(120)},T,7,8\n`),
      write("b", `ts_ns,symbol,open,high,low,close,volume\n${at(60)},B,1,3,1,2,9\n${at(120)},B,4,6,4,5,9\n`),
      write("d", `ts_ns,symbol,update_id,snapshot,side,price,size\n${at(120)},T,1,0,B,7,1\n${at(120)},T,1,0,A,8,2\n`),
    ]);
    const ticks = await play(market);
    assert.deepEqual(shown(market, ticks), [
      "60 barOpen B 1",
      "100 trade T 1",
      "120 quote T 7",
      "120 book T 1/1",
      "120 trade T 2",
      "120 bar B 2",
      "120 barOpen B 4",
      "180 bar B 5",
    ]);
    assert.deepEqual(
      ticks.map(({ position }) => position),
      [1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.deepEqual([market.tickCount, market.startUs, market.barsOnly], [8, 60e6, false]);
  });

  it("knows a market of bars, and whether they are stamped at their end", async () => {
    const file = write(
      "e",
      `ts_ns,symbol,open,high,low,close,volume\n${at(120)},B,1,3,1,2,9\n${at(180)},B,4,6,4,5,9\n`,
    );
    const market = await open([file], { barStamp: "end" });
    assert.equal(market.barsOnly, true);
    assert.deepEqual(shown(market, await play(market)), [
      "60 barOpen B 1",
      "120 bar B 2",
      "120 barOpen B 4",
      "180 bar B 5",
    ]);
  });

  it("makes a change of the rows of one update; of those around a snapshot the newer ones count after it", async () => {
    const rows = [
      [1, 5, 0, "B", 10, 1],
      [1, 5, 0, "A", 11, 1],
      [1, 11, 0, "B", 10, 2],
      [2, 9, 1, "B", 10, 3],
      [2, 9, 1, "A", 11, 3],
      [3, 8, 0, "B", 10, 99],
      [3, 12, 0, "B", 10, 0],
    ].map(
      ([time, id, snapshot, side, price, size]) => `${at(time as number)},X,${id},${snapshot},${side},${price},${size}`,
    );
    const depth = write("s", `ts_ns,symbol,update_id,snapshot,side,price,size\n${rows.join("\n")}\n`);
    const quote = write("sq", `ts_ns,symbol,bid,ask\n${at(1)},X,10,11\n`);
    const market = await open([depth, quote]);
    assert.deepEqual(
      shown(market, await play(market)).filter((text) => text.includes("book")),
      ["1 book X 1/1", "1 book X 1/0", "2 book X 1/1 whole", "2 book X 1/0", "3 book X 1/0"],
    );
  });

  it("gives splits and dividends before the session of their date, of what is traded only", async () => {
    const actions = write(
      "a",
      "type,date,symbol,value\nsplit,2014-06-09,AAPL,0.142857\ndividend,2014-06-10,AAPL,0.47\ndividend,2014-06-09,ZZZ,1\n",
    );
    const days = ["2014-06-06", "2014-06-09", "2014-06-10"].map((date) => `${date},AAPL,1,1,1,1,5`);
    const daily = write("ad", `date,symbol,open,high,low,close,volume\n${days.join("\n")}\n`);
    const market = await open([daily, actions]);
    assert.deepEqual(
      market.instruments.map(({ symbol }) => symbol),
      ["AAPL"],
    );
    const ticks = await play(market);
    assert.deepEqual(
      ticks.map(({ kind, timeUs }) => [kind, new Date(timeUs / 1000).toISOString().slice(0, 16)]),
      [
        ["barOpen", "2014-06-06T13:30"],
        ["bar", "2014-06-06T20:00"],
        ["split", "2014-06-09T04:00"],
        ["barOpen", "2014-06-09T13:30"],
        ["bar", "2014-06-09T20:00"],
        ["dividend", "2014-06-10T04:00"],
        ["barOpen", "2014-06-10T13:30"],
        ["bar", "2014-06-10T20:00"],
      ],
    );
    const [split, dividend] = [ticks[2], ticks[5]];
    assert.ok(split?.kind === "split" && split.from === 1 && split.to === 7);
    assert.ok(dividend?.kind === "dividend" && dividend.amount === parseFixed("0.47", "amount"));
    assert.equal(market.tickCount, 8);
  });

  it("reads the actions of daily bars that carry them", async () => {
    const file = write(
      "w",
      "date,symbol,open,high,low,close,volume,ex_dividend,split_ratio\n2005-02-25,A,1,1,1,1,5,0,1\n2005-02-28,A,1,1,1,1,5,0.5,2\n",
    );
    const market = await open([file]);
    assert.deepEqual(
      (await play(market)).map(({ kind }) => kind),
      ["barOpen", "bar", "split", "dividend", "barOpen", "bar"],
    );
  });

  it("refuses two files of bars of one symbol, and files with nothing to trade on", async () => {
    const bars = (name: string) =>
      write(name, `ts_ns,symbol,open,high,low,close\n${at(60)},B,1,3,1,2\n${at(120)},B,4,6,4,5\n`);
    await assert.rejects(open([bars("one"), bars("two")]), { code: "REPLAY_BARS", message: /one.*two.*bars of B/ });
    const actions = write("only", "type,date,symbol,value\nsplit,2014-06-09,AAPL,0.5\n");
    await assert.rejects(open([actions]), { code: "REPLAY_EMPTY" });
  });
});

const DATA = process.env["MARKET_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));

describe("real recordings as a market", () => {
  /** Rows as the data's own list gives them; a bar plays twice. */
  const kinds: readonly (readonly [file: string, symbols: number, ticks: number, Partial<RecordedOptions>?])[] = [
    ["fixtures/bars1m_crypto_xrpeth_201910", 1, 2 * 2469],
    ["fixtures/bars1m_us_aapl_2016", 1, 2 * 8211, { barStamp: "end" }],
    ["fixtures/bars5m_crypto_alts_201801", 5, 2 * 28_758],
    ["fixtures/bars1m_fx_oanda_20140501_09", 2, 2 * 19_258],
    ["fixtures/daily_us_goog_2004_2013", 1, 2 * 2148],
    // 24,646 rows, of which 20 are stale ones of exchange holidays
    ["fixtures/daily_us_zipline9_2004_2014", 9, 2 * (24_646 - 20)],
    ["fixtures/ticks_us_taq_xxx_20180102_quotes", 1, 66_695],
    ["fixtures/ticks_crypto_btcusdt_binance_spot_20240808_trades", 1, 9757],
  ];
  for (const [name, symbols, tickCount, options] of kinds) {
    const file = `${DATA}/${name}.csv.gz`;
    it(`plays ${name}: every row, in order of time`, { skip: existsSync(file) ? false : MISSING }, async () => {
      const market = await open([file], options);
      assert.deepEqual([market.instruments.length, market.tickCount], [symbols, tickCount]);
      let [count, timeUs] = [0, 0];
      for await (const batch of market.ticks()) {
        for (const tick of batch) {
          assert.ok(tick.timeUs >= timeUs);
          timeUs = tick.timeUs;
          assert.equal(tick.position, ++count);
        }
      }
      assert.equal(count, tickCount);
    });
  }

  const trades = `${DATA}/fixtures/ticks_crypto_xrpeth_201910_trades.csv.gz`;
  it("rebuilds the exchange's candles from its trades", { skip: existsSync(trades) ? false : MISSING }, async () => {
    const market = await open([trades]);
    const bars: string[] = [];
    let bar: BarAggregate | null = null;
    const close = () => {
      const done = bar?.take() ?? null;
      if (done !== null) bars.push([done.startUs, done.open, done.high, done.low, done.close, done.volume].join(" "));
    };
    for await (const batch of market.ticks()) {
      for (const tick of batch) {
        assert.ok(tick.kind === "trade");
        const startUs = Math.floor(tick.timeUs / 60e6) * 60e6;
        if (bar?.startUs !== startUs) {
          close();
          bar = new BarAggregate(startUs);
        }
        bar.add(tick);
      }
    }
    close();
    const candles = readRows("fixtures/bars1m_crypto_xrpeth_201910.csv.gz") as string[][];
    assert.equal(candles.length, 2469);
    assert.deepEqual(
      bars,
      candles.map(([time, , ...numbers]) => [microseconds(time as string), ...numbers.map(Number)].join(" ")),
    );
  });

  const depth = `${DATA}/fixtures/ticks_crypto_btcusdt_binance_spot_20240808_depth.csv.gz`;
  it("plays depth as a book that is never crossed, with the quotes' touch", {
    skip: existsSync(depth) ? false : MISSING,
  }, async () => {
    const market = await open([depth, depth.replace("_depth", "_quotes")]);
    const sides = { bids: new Map<number, number>(), asks: new Map<number, number>() };
    let [whole, changes, near, bid] = [false, 0, 0, 0];
    for await (const batch of market.ticks()) {
      for (const tick of batch) {
        if (tick.kind === "quote") bid = tick.bid;
        if (tick.kind !== "book") continue;
        whole ||= tick.reset;
        for (const side of ["bids", "asks"] as const) {
          if (tick.reset) sides[side].clear();
          for (const { price, size } of tick[side]) {
            sides[side].delete(price);
            if (size > 0) sides[side].set(price, size);
          }
        }
        if (!whole) continue;
        changes++;
        const [bestBid, bestAsk] = [Math.max(...sides.bids.keys()), Math.min(...sides.asks.keys())];
        assert.ok(bestBid < bestAsk, `${bestBid} and ${bestAsk} at ${tick.timeUs}`);
        // The two streams are collected apart, so that one may be a tenth of a second ahead of the other.
        if (Math.abs(bestBid / bid - 1) < 1e-4) near++;
      }
    }
    assert.ok(changes > 3000 && near / changes > 0.99, `${near} of ${changes}`);
  });
});
