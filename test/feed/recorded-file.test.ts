import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { calendarOf } from "../../src/core/market/calendar.ts";
import { saleConditionFlags } from "../../src/core/market/sale-condition.ts";
import { parseDecimal } from "../../src/feed/decimal-field.ts";
import {
  mergeRecordings,
  openRecording,
  type RecordingOptions,
  type Tick,
  type TickSource,
} from "../../src/feed/recorded-file.ts";

const DATA = process.env["MARKET_DATA_DIR"] ?? resolve(import.meta.dirname, "../../../shared/data");
const withoutData = existsSync(join(DATA, "fixtures")) ? false : "no market data; set MARKET_DATA_DIR";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "recorded-file-"));
});
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(text: string): string {
  const path = join(folder, `file-${files++}.csv.gz`);
  writeFileSync(path, gzipSync(text));
  return path;
}

async function readAll(source: AsyncIterable<readonly Tick[]>): Promise<Tick[]> {
  const ticks: Tick[] = [];
  for await (const batch of source) for (const tick of batch) ticks.push({ ...tick });
  return ticks;
}

const read = (text: string, options?: RecordingOptions): Promise<Tick[]> =>
  readAll(openRecording(write(text), options));

const TRADES = "ts_ns,symbol,price,size,exchange,cond,corr\n";
const QUOTES = "ts_ns,symbol,bid,bid_size,ask,ask_size,exchange\n";
const BARS = "ts_ns,symbol,open,high,low,close,volume\n";

describe("a recorded file", () => {
  test("of trades, with conditions, and without what the tape took back", async () => {
    const ticks = await read(
      `${TRADES}1514887281479000999,XXX,157.8,2,P,FTI,0\n1514887281479000999,XXX,157.81,100,N,,8\n1514887281480000000,XXX,1e-05,0.5,N,,1\n`,
    );
    assert.equal(ticks.length, 2);
    const [first, second] = ticks as [Tick, Tick];
    assert.deepEqual(
      [first.kind, first.symbol, first.timeUs, first.price, first.size, first.exchange, first.conditionText],
      ["trade", "XXX", 1_514_887_281_479_000, 157.8, 2, "P", "FTI"],
    );
    assert.equal(first.conditions, saleConditionFlags("FTI"));
    assert.deepEqual([second.price, second.size, second.conditions], [0.00001, 0.5, 0]);
  });

  test("of crypto trades, with the aggressor and the trade's number", async () => {
    const ticks = await read(
      "ts_ns,exch_ts_ns,symbol,price,size,aggressor,trade_id\n1000000,7,B,1,2,S,99\n1000000,7,B,1,2,B,100\n1000000,7,B,1,2,,101\n",
    );
    assert.deepEqual(
      ticks.map((tick) => [tick.aggressor, tick.tradeId]),
      [
        [2, 99],
        [1, 100],
        [0, 101],
      ],
    );
  });

  test("of quotes: a blank side is 0", async () => {
    const ticks = await read(`${QUOTES}1000000,X,,,158.85,100,P\n1001000,X,1.5,200,,,N\n`);
    assert.deepEqual(
      ticks.map(({ bid, bidSize, ask, askSize }) => [bid, bidSize, ask, askSize]),
      [
        [0, 0, 158.85, 100],
        [1.5, 200, 0, 0],
      ],
    );
  });

  test("of quotes, one exchange of several", async () => {
    const path = write(`${QUOTES}1000000,X,1,1,2,1,P\n1001000,X,1,1,2,1,N\n1002000,X,1,1,2,1,P\n`);
    const recording = openRecording(path, { quoteExchange: "N" });
    const ticks = await readAll(recording);
    assert.deepEqual(
      ticks.map((tick) => tick.timeUs),
      [1001],
    );
    assert.deepEqual(recording.stats, { rows: 1, filteredRows: 2, skippedRows: 0 });
  });

  test("of bars: the interval is the smallest step, or the given one; stamps may be the end", async () => {
    const rows =
      "60000000000,A,1,2,0.5,1.5,10\n180000000000,A,1,2,0.5,1.5,10\n240000000000,A,1,2,0.5,1.5,10\n0000,B,1,2,0.5,1.5,10\n";
    const bars = await read(BARS + rows);
    assert.deepEqual(
      bars.map((bar) => [bar.symbol, bar.timeUs, bar.intervalSeconds]),
      [
        ["A", 60e6, 60],
        ["A", 180e6, 60],
        ["A", 240e6, 60],
        ["B", 0, 60],
      ],
    );
    assert.deepEqual(
      [bars[0]?.open, bars[0]?.high, bars[0]?.low, bars[0]?.close, bars[0]?.volume],
      [1, 2, 0.5, 1.5, 10],
    );
    const ends = await read(BARS + rows, { intervalSeconds: 30, barStamp: "end", symbols: ["A"] });
    assert.deepEqual(
      ends.map((bar) => bar.timeUs),
      [30e6, 150e6, 210e6],
    );
  });

  test("of one bar needs its interval to be given", async () => {
    const text = `${BARS}60000000000,A,1,2,0.5,1.5,10\n`;
    await assert.rejects(read(text), { code: "DATA_FORMAT", field: "intervalSeconds" });
    assert.equal((await read(text, { intervalSeconds: 60 })).length, 1);
  });

  test("of daily bars begins at midnight in New York; bars with a blank price are left out", async () => {
    const path = write(
      "date,symbol,open,high,low,close,volume\n2017-01-03,A,1,1,1,1,5\n2017-07-03,A,,,,1,0\n2017-07-05,A,1,1,1,1,5\n",
    );
    const recording = openRecording(path);
    const bars = await readAll(recording);
    assert.deepEqual(
      bars.map((bar) => bar.timeUs / 1000),
      [Date.parse("2017-01-03T05:00:00Z"), Date.parse("2017-07-05T04:00:00Z")],
    );
    assert.equal(bars[0]?.intervalSeconds, 86_400);
    assert.equal(recording.stats.skippedRows, 1);
  });

  test("of quote bars gives the means and the closing quote", async () => {
    const header = "ts_ns,symbol,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close\n";
    const ticks = await read(`${header}0000,E,1,4,1,2,3,6,1.5,4\n60000000000,E,1,4,1,2,3,6,1.5,4\n`);
    const [bar] = ticks as [Tick];
    assert.deepEqual([bar.open, bar.high, bar.low, bar.close, bar.bid, bar.ask], [2, 5, 1.25, 3, 2, 4]);
  });

  test("may end without a newline and have Windows line ends", async () => {
    assert.equal((await read(`${QUOTES.trim()}\r\n1000000,X,1,1,2,1,P\r\n1001000,X,1,1,2,1,N`)).length, 2);
  });

  test("with more rows than a batch and a block comes whole and in order", async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `${i + 1}000,X,${i}.25,100,${i + 1}.5,${i},N`);
    const ticks = await read(`${QUOTES}${rows.join("\n")}\n`);
    assert.equal(ticks.length, 30_000);
    ticks.forEach((tick, i) => assert.ok(tick.timeUs === i + 1 && tick.bid === i + 0.25 && tick.askSize === i));
  });

  test("of depth, level by level", async () => {
    const ticks = await read(
      "ts_ns,exch_ts_ns,symbol,update_id,snapshot,side,price,size\n1000000,,X,7,1,B,10.5,3\n1000000,9,X,8,0,A,11,0\n",
    );
    assert.deepEqual(
      ticks.map(({ kind, timeUs, updateId, snapshot, bookSide, price, size }) => {
        return [kind, timeUs, updateId, snapshot, bookSide, price, size];
      }),
      [
        ["depth", 1000, 7, true, 1, 10.5, 3],
        ["depth", 1000, 8, false, 2, 11, 0],
      ],
    );
  });

  test("of corporate actions, with splits as whole shares", async () => {
    const ticks = await read(
      "type,date,symbol,value\nsplit,2005-02-28,AAPL,0.5\ndividend,2014-05-08,AAPL,0.47\nsplit,2014-06-09,AAPL,0.142857\nsplit,2014-07-01,AAPL,10\n",
    );
    assert.deepEqual(
      ticks.map(({ kind, timeUs, fromShares, toShares, amount }) => {
        return kind === "split" ? [timeUs, fromShares, toShares] : [timeUs, amount];
      }),
      [
        [Date.parse("2005-02-28T05:00:00Z") * 1000, 1, 2],
        [Date.parse("2014-05-08T04:00:00Z") * 1000, 0.47],
        [Date.parse("2014-06-09T04:00:00Z") * 1000, 1, 7],
        [Date.parse("2014-07-01T04:00:00Z") * 1000, 10, 1],
      ],
    );
  });

  test("of daily bars with actions gives either, and the session's times where there are sessions", async () => {
    const text =
      "date,symbol,open,high,low,close,volume,ex_dividend,split_ratio\n2013-12-24,A,1,1,1,1,5,0,1\n2013-12-25,A,1,1,1,1,0,0,1\n2013-12-26,A,1,1,1,1,5,0.25,3\n";
    const bars = await read(text, { sessions: () => calendarOf("nyse") });
    assert.deepEqual(
      bars.map(({ timeUs, openUs, closeUs }) =>
        [timeUs, openUs, closeUs].map((us) => new Date(us / 1000).toISOString()),
      ),
      [
        // A short day, and none on Christmas
        ["2013-12-24T05:00:00.000Z", "2013-12-24T14:30:00.000Z", "2013-12-24T18:00:00.000Z"],
        ["2013-12-26T05:00:00.000Z", "2013-12-26T14:30:00.000Z", "2013-12-26T21:00:00.000Z"],
      ],
    );
    const splits = await read(text, { only: "splits" });
    assert.deepEqual(
      splits.map(({ kind, fromShares, toShares }) => [kind, fromShares, toShares]),
      [["split", 1, 3]],
    );
    const dividends = await read(text, { only: "dividends" });
    assert.deepEqual(
      dividends.map(({ kind, amount }) => [kind, amount]),
      [["dividend", 0.25]],
    );
    await assert.rejects(read("date,symbol,open,high,low,close\n2013-12-24,A,1,1,1,1\n", { only: "splits" }), {
      code: "DATA_FORMAT",
      field: "split_ratio",
    });
  });

  test("of days before the exchange's calendar stops where there are sessions, and is read where there are none", async () => {
    const text = "date,symbol,open,high,low,close\n1980-12-12,A,1,1,1,1\n";
    await assert.rejects(read(text, { sessions: () => calendarOf("nyse") }), {
      code: "DATA_FORMAT",
      message: /line 2: column date is "1980-12-12"; allowed is a date from 1990 to 2035/,
    });
    assert.equal((await read(text, { sessions: () => calendarOf("always") })).length, 1);
  });

  const faults: [string, string, RegExp][] = [
    ["a missing column", `${TRADES}1000000,X,1,1,N,\n`, /line 2: 7 columns are needed, this row has 6/],
    ["a column too many", `${TRADES}1000000,X,1,1,N,,0,9\n`, /line 2: 7 columns are needed, this row has 8/],
    ["an empty line", `${QUOTES}1000000,X,1,1,2,1,P\n\n`, /line 3: 7 columns/],
    [
      "a price that is no number",
      `${TRADES}1000000,X,abc,1,N,,0\n`,
      /line 2: column price is "abc"; allowed is a decimal number/,
    ],
    ["a price of 0", `${TRADES}1000000,X,0,1,N,,0\n`, /column price is "0"; allowed is a number above 0/],
    ["a blank price", `${TRADES}1000000,X,,1,N,,0\n`, /column price/],
    ["a negative size", `${TRADES}1000000,X,1,-1,N,,0\n`, /column size/],
    ["an infinite bid", `${QUOTES}1000000,X,1e999,1,2,1,P\n`, /column bid/],
    ["a time that is no number", `${QUOTES}12a4567,X,1,1,2,1,P\n`, /line 2: column ts_ns is "12a4567"/],
    ["a negative time", `${QUOTES}-1000000,X,1,1,2,1,P\n`, /column ts_ns/],
    ["a time with more than 19 digits", `${QUOTES}${"1".repeat(20)},X,1,1,2,1,P\n`, /column ts_ns/],
    ["a blank symbol", `${QUOTES}1000000,,1,1,2,1,P\n`, /column symbol/],
    [
      "time going back",
      `${QUOTES}1001000,X,1,1,2,1,P\n1000000,X,1,1,2,1,P\n`,
      /line 3: column ts_ns is "1000000"; allowed is times that never fall/,
    ],
    ["an unknown aggressor", "ts_ns,symbol,price,size,side\n1000000,X,1,1,both\n", /column side/],
    [
      "a date that does not exist",
      "date,symbol,open,high,low,close\n2017-02-30,A,1,1,1,1\n",
      /column date is "2017-02-30"/,
    ],
    [
      "an unknown header",
      "time,price\n1,2\n",
      /line 1: unknown header "time,price"; known are depth .*, trades .*, actions/,
    ],
    [
      "a level of depth on no side",
      "ts_ns,symbol,update_id,snapshot,side,price,size\n1000000,X,1,0,,1,1\n",
      /line 2: column side is ""; allowed is B or A/,
    ],
    ["an unknown action", "type,date,symbol,value\nmerger,2014-06-09,A,1\n", /column type is "merger"/],
    ["a split into nothing", "type,date,symbol,value\nsplit,2014-06-09,A,0\n", /column value is "0"/],
    ["a split of no whole numbers", "type,date,symbol,value\nsplit,2014-06-09,A,0.0001234\n", /ratio of two whole/],
    ["an empty file", "", /line 1: a header row is needed/],
    ["a line without end", `${TRADES}${"1".repeat(400_000)}`, /line 2: a line may have at most/],
  ];
  for (const [label, text, message] of faults) {
    test(`with ${label} stops naming file, line and what is allowed`, async () => {
      await assert.rejects(read(text), (error: Error & { code: string }) => {
        assert.equal(error.code, "DATA_FORMAT");
        assert.match(error.message, /^file-\d+\.csv\.gz: /);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  test("that is cut off, damaged or no gzip at all stops naming the last line", async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => `${i + 1}000,X,${(i * 7919) % 1000}.5,1,2000,1,N`);
    const whole = gzipSync(`${QUOTES}${rows.join("\n")}\n`);
    const cut = join(folder, "cut.csv.gz");
    writeFileSync(cut, whole.subarray(0, whole.length >> 1));
    await assert.rejects(
      readAll(openRecording(cut)),
      /^CodedError: cut\.csv\.gz: after line \d+: the gzip stream is cut off/,
    );
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, whole.length >> 1, (whole.length >> 1) + 64);
    writeFileSync(cut, damaged);
    await assert.rejects(readAll(openRecording(cut)), { code: "DATA_FORMAT" });
    writeFileSync(cut, `${QUOTES}1000000,X,1,1,2,1,P\n`);
    await assert.rejects(readAll(openRecording(cut)), /not a sound gzip stream/);
  });

  test("that is not there is told", async () => {
    await assert.rejects(readAll(openRecording(join(folder, "none.csv.gz"))), { code: "DATA_FILE" });
  });

  test("decimals are the doubles that the language itself reads", () => {
    const text = fc.oneof(
      fc.double({ min: -1e15, max: 1e15, noNaN: true }).map(String),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}.${b}`),
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
    );
    fc.assert(
      fc.property(text, (digits) => {
        const bytes = Buffer.from(`x${digits}y`);
        assert.equal(parseDecimal(bytes, 1, bytes.length - 1), Number(digits.replace("-0", "-0")));
      }),
      { numRuns: 3000 },
    );
    for (const none of [
      "",
      "-",
      ".",
      ".5",
      "5.",
      "1.2.3",
      "1e",
      "e5",
      "+5",
      " 1",
      "1 ",
      "0x10",
      "NaN",
      "Infinity",
      "--1",
    ]) {
      assert.ok(Number.isNaN(parseDecimal(Buffer.from(none), 0, none.length)), none);
    }
  });
});

describe("merging", () => {
  test("goes by time; on equal stamps quotes, trades, bars at their end, then the order of sources", async () => {
    const trades = openRecording(
      write("ts_ns,symbol,price,size\n1000000,T,1,1\n60000000000,T,2,1\n60000000000,T,3,1\n"),
    );
    const bars = openRecording(write(`${BARS}0000,BAR,1,1,1,1,1\n60000000000,BAR,2,2,2,2,1\n`));
    const quotes = openRecording(write("ts_ns,symbol,bid,ask\n1000000,Q1,1,2\n60000000000,Q1,1,2\n"));
    const more = openRecording(write("ts_ns,symbol,bid,ask\n1000000,Q2,1,2\n"));
    const merged = await readAll(mergeRecordings([bars, trades, quotes, more]));
    assert.deepEqual(
      merged.map((tick) => `${tick.symbol} ${tick.kind === "bar" ? tick.close : tick.price}`),
      ["Q1 0", "Q2 0", "T 1", "Q1 0", "T 2", "T 3", "BAR 1", "BAR 2"],
    );
  });

  test("is stable and complete whatever the batches", async () => {
    const tick = fc.record({ timeUs: fc.nat(20), kind: fc.constantFrom("quote", "trade") });
    const source = fc.array(fc.array(tick, { maxLength: 6 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(source, { maxLength: 4 }), async (sources) => {
        const rank = (kind: string): number => (kind === "quote" ? 0 : 1);
        const made = sources.map((batches, index) => {
          const sorted = batches.flat().toSorted((a, b) => a.timeUs - b.timeUs || rank(a.kind) - rank(b.kind));
          const numbered = sorted.map((row, at) => ({ ...row, symbol: `${index}`, tradeId: at }) as Tick);
          let from = 0;
          return batches.map((batch) => numbered.slice(from, (from += batch.length)));
        });
        const merged = await readAll(mergeRecordings(made.map(lend)));
        const expected = made
          .flat(2)
          .toSorted(
            (a, b) =>
              a.timeUs - b.timeUs ||
              rank(a.kind) - rank(b.kind) ||
              Number(a.symbol) - Number(b.symbol) ||
              a.tradeId - b.tradeId,
          );
        assert.deepEqual(merged, expected);
      }),
      { numRuns: 200 },
    );
  });

  test("refuses a source that goes back in time", async () => {
    const bars = openRecording(
      write(`${BARS}60000000000,A,1,1,1,1,1\n120000000000,A,1,1,1,1,1\n60000000000,B,1,1,1,1,1\n`),
    );
    await assert.rejects(readAll(mergeRecordings([bars])), { code: "DATA_FORMAT", field: "symbols" });
  });

  test("closes its sources when the reader stops early", async () => {
    let closed = 0;
    const endless: TickSource = {
      async *[Symbol.asyncIterator]() {
        try {
          for (let timeUs = 0; ; timeUs++) yield [{ kind: "quote", timeUs } as Tick];
        } finally {
          closed++;
        }
      },
    };
    for await (const batch of mergeRecordings([endless, endless])) if ((batch[0]?.timeUs ?? 0) > 3) break;
    assert.equal(closed, 2);
  });
});

/** Batches whose array and ticks are reused, as the contract allows. */
function lend(batches: readonly (readonly Tick[])[]): TickSource {
  return {
    async *[Symbol.asyncIterator]() {
      const lent: Record<string, unknown>[] = [];
      for (const batch of batches) {
        lent.length = 0;
        for (const tick of batch) lent.push({ ...tick });
        yield lent as unknown as readonly Tick[];
        for (const tick of lent) tick["timeUs"] = Number.NaN;
      }
    },
  };
}

describe("recorded market data", { skip: withoutData }, () => {
  const path = (file: string): string => join(DATA, file);
  const rowsOf = (file: string): string[][] =>
    gunzipSync(readFileSync(path(file)))
      .toString("utf8")
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","));

  test("the TAQ day's trades and quotes equal a plain reading of the text", async () => {
    const [, ...trades] = rowsOf("fixtures/ticks_us_taq_xxx_20180102_trades.csv.gz");
    const ticks = await readAll(openRecording(path("fixtures/ticks_us_taq_xxx_20180102_trades.csv.gz")));
    assert.equal(ticks.length, 39_470);
    ticks.forEach((tick, i) => {
      const [time, symbol, price, size, exchange, cond] = trades[i] as [string, string, string, string, string, string];
      assert.equal(BigInt(tick.timeUs), BigInt(time) / 1000n);
      assert.ok(tick.symbol === symbol && tick.price === Number(price) && tick.size === Number(size));
      assert.ok(tick.exchange === exchange && tick.conditionText === cond);
    });
    const quotes = rowsOf("fixtures/ticks_us_taq_xxx_20180102_quotes.csv.gz").filter((row) => row[6] === "N");
    const recording = openRecording(path("fixtures/ticks_us_taq_xxx_20180102_quotes.csv.gz"), { quoteExchange: "N" });
    const quoteTicks = await readAll(recording);
    assert.equal(quoteTicks.length, quotes.length);
    quoteTicks.forEach((tick, i) => {
      const [, , bid, bidSize, ask, askSize] = quotes[i] as string[];
      assert.deepEqual([tick.bid, tick.bidSize, tick.ask, tick.askSize], [bid, bidSize, ask, askSize].map(Number));
    });
  });

  const expected: [string, string, number, number][] = [
    ["open/daily_us_sp500_2013_2018.csv.gz", "bar", 464_547, 86_400],
    ["fixtures/bars1m_crypto_coinbase.csv.gz", "bar", 16_312, 60],
    ["fixtures/bars5m_crypto_alts_201801.csv.gz", "bar", 28_758, 300],
    ["fixtures/bars1m_fx_oanda_20140501_09.csv.gz", "bar", 19_258, 60],
    ["fixtures/ticks_fx_eurusd_oanda_20140505_09.csv.gz", "quote", 246_875, 0],
    ["fixtures/ticks_crypto_btcusdt_binance_usdm_20240808_trades.csv.gz", "trade", 21_313, 0],
  ];
  for (const [file, kind, rows, intervalSeconds] of expected) {
    test(`${file} has its ${rows} rows`, async () => {
      let count = 0;
      let last: Tick | undefined;
      for await (const batch of openRecording(path(file))) {
        count += batch.length;
        last = batch[batch.length - 1];
      }
      assert.deepEqual([count, last?.kind, last?.intervalSeconds], [rows, kind, intervalSeconds]);
    });
  }
});
