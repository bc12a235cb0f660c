import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BarBuilder, type BarSource } from "../../../src/core/market/bar-builder.ts";
import {
  FLAG_EXTENDED_HOURS,
  FLAG_INCOMPLETE,
  FLAG_NOT_HIGH_LOW,
  FLAG_NOT_LAST,
  FLAG_NOT_VOLUME,
  FLAG_ODD_LOT,
  FLAG_OPENING,
  FLAG_OUT_OF_SEQUENCE,
  FLAG_WARM_UP,
} from "../../../src/core/market/record.ts";
import { MISSING, microseconds, readRows } from "../support/market-data.ts";
import { RecordWriter } from "../support/record-writer.ts";

const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

type Row = readonly [startUs: number, open: number, high: number, low: number, close: number, volume: number];

/** Feeds one builder as an engine does, and keeps what it hands out. */
class Subject {
  readonly bars: Row[] = [];
  readonly builder: BarBuilder;
  readonly trades: RecordWriter;
  readonly quotes: RecordWriter;
  readonly records: RecordWriter;

  constructor(intervalSeconds: number, source: BarSource = "trades") {
    const builder = new BarBuilder(intervalSeconds, source);
    this.builder = builder;
    this.trades = new RecordWriter((records, slot) => {
      this.time(records.lane(slot, 1));
      builder.addTrade(records, slot);
    });
    this.quotes = new RecordWriter((records, slot) => {
      this.time(records.lane(slot, 1));
      builder.addQuote(records, slot);
    });
    this.records = new RecordWriter((records, slot) => {
      this.time(records.lane(slot, 1));
      if (builder.addBar(records, slot)) this.#keep();
    });
  }

  time(timeUs: number): void {
    if (timeUs >= this.builder.endUs) this.end();
  }

  end(): void {
    if (this.builder.close()) this.#keep();
  }

  #keep(): void {
    const { startUs, open, high, low, close, volume } = this.builder.bar;
    this.bars.push([startUs, open, high, low, close, volume]);
  }
}

describe("bars from trades", () => {
  it("begin at multiples of the interval and take open, high, low, close and volume", () => {
    const subject = new Subject(60);
    subject.trades.trade(MINUTE + 1, 10, 5);
    subject.trades.trade(MINUTE + 2, 12, 1);
    subject.trades.trade(2 * MINUTE - 1, 9, 2);
    subject.trades.trade(2 * MINUTE, 11, 7);
    assert.deepEqual(subject.bars, [[MINUTE, 10, 12, 9, 9, 8]]);
    subject.end();
    assert.deepEqual(subject.bars[1], [2 * MINUTE, 11, 11, 11, 11, 7]);
  });

  it("are not made of empty minutes", () => {
    const subject = new Subject(60);
    subject.trades.trade(0, 10, 1);
    subject.trades.trade(10 * MINUTE, 11, 1);
    subject.end();
    assert.deepEqual(
      subject.bars.map(([startUs]) => startUs),
      [0, 10 * MINUTE],
    );
  });

  const cases: readonly (readonly [name: string, flags: number, bar: Row])[] = [
    ["a plain trade sets everything", 0, [0, 10, 20, 5, 20, 3]],
    ["an opening print is a plain trade", FLAG_OPENING | FLAG_EXTENDED_HOURS, [0, 10, 20, 5, 20, 3]],
    ["a trade that may not be last leaves open and close", FLAG_NOT_LAST, [0, 10, 20, 5, 5, 3]],
    ["a trade that may not be high or low still closes", FLAG_NOT_HIGH_LOW, [0, 10, 20, 5, 20, 3]],
    ["a trade outside the volume adds none", FLAG_NOT_VOLUME, [0, 10, 20, 5, 20, 2]],
    ["an odd lot counts its volume only", FLAG_ODD_LOT, [0, 10, 10, 5, 5, 3]],
    ["a late print counts its volume only", FLAG_OUT_OF_SEQUENCE, [0, 10, 10, 5, 5, 3]],
    [
      "a trade that may set nothing sets nothing",
      FLAG_NOT_LAST | FLAG_NOT_HIGH_LOW | FLAG_NOT_VOLUME,
      [0, 10, 10, 5, 5, 2],
    ],
  ];
  for (const [name, flags, bar] of cases) {
    it(name, () => {
      const subject = new Subject(60);
      subject.trades.trade(1, 10, 1);
      subject.trades.trade(2, 5, 1);
      subject.trades.trade(3, 20, 1, flags);
      subject.end();
      assert.deepEqual(subject.bars, [bar]);
    });
  }

  it("need a price that may open them", () => {
    const subject = new Subject(60);
    subject.trades.trade(1, 10, 1, FLAG_ODD_LOT);
    subject.trades.trade(2, 11, 1, FLAG_NOT_LAST);
    subject.end();
    assert.deepEqual(subject.bars, []);
  });

  it("count late trades and leave them out", () => {
    const subject = new Subject(60);
    subject.trades.trade(MINUTE, 10, 1);
    subject.trades.trade(2 * MINUTE, 11, 1);
    subject.trades.trade(2 * MINUTE - 1, 99, 1);
    subject.end();
    assert.equal(subject.builder.lateTrades, 1);
    assert.deepEqual(subject.bars[1], [2 * MINUTE, 11, 11, 11, 11, 1]);
  });

  it("ignore prices and sizes that cannot be", () => {
    const subject = new Subject(60);
    for (const price of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) subject.trades.trade(1, price, 1);
    subject.trades.trade(1, 10, -1);
    subject.trades.trade(1, 10, Number.NaN);
    subject.end();
    assert.deepEqual(subject.bars, []);
  });
});

describe("bars with missing trades", () => {
  const repair = { open: 1, high: 4, low: 1, close: 2, volume: 9 };

  it("are not handed out", () => {
    const subject = new Subject(60);
    subject.trades.trade(1, 10, 1);
    subject.builder.gap(5);
    subject.trades.trade(MINUTE, 11, 1);
    subject.end();
    assert.deepEqual(
      subject.bars.map(([startUs]) => startUs),
      [MINUTE],
    );
    assert.equal(subject.builder.incompleteBars, 1);
  });

  it("include the bar that holds the gap's time when it has no trade yet", () => {
    const subject = new Subject(60);
    subject.builder.gap(5);
    subject.trades.trade(6, 10, 1);
    subject.end();
    assert.deepEqual(subject.bars, []);
  });

  for (const method of ["bar", "barUpdate"] as const) {
    it(`are repaired by a ${method} record of their start, before and after their end`, () => {
      for (const closedFirst of [false, true]) {
        const subject = new Subject(60);
        subject.trades.trade(1, 10, 1);
        subject.builder.gap(5);
        if (closedFirst) subject.trades.trade(MINUTE + 1, 11, 1);
        subject.records[method](0, 60, repair);
        if (!closedFirst) subject.trades.trade(MINUTE + 1, 11, 1);
        subject.end();
        assert.deepEqual(subject.bars, [
          [0, 1, 4, 1, 2, 9],
          [MINUTE, 11, 11, 11, 11, 1],
        ]);
      }
    });
  }

  it("stay unrepaired by a bar record that is incomplete itself", () => {
    const subject = new Subject(60);
    subject.records.bar(0, 60, repair, FLAG_INCOMPLETE);
    assert.deepEqual(subject.bars, []);
  });
});

describe("bar records", () => {
  const one = { open: 1, high: 3, low: 1, close: 2, volume: 10 };
  const two = { open: 2, high: 5, low: 2, close: 4, volume: 20 };

  it("of the interval are handed out once, in order", () => {
    const subject = new Subject(60);
    subject.records.bar(MINUTE, 60, one);
    subject.records.bar(MINUTE, 60, two);
    subject.records.barUpdate(0, 60, two);
    subject.records.bar(2 * MINUTE, 60, two);
    assert.deepEqual(subject.bars, [
      [MINUTE, 1, 3, 1, 2, 10],
      [2 * MINUTE, 2, 5, 2, 4, 20],
    ]);
    assert.equal(subject.builder.ignoredBars, 2);
  });

  it("of history are handed out to every reader that warms up, the open bar untouched", () => {
    const subject = new Subject(60);
    subject.records.bar(MINUTE, 60, one, FLAG_WARM_UP);
    subject.trades.trade(2 * MINUTE + 1, 10, 1);
    subject.records.bar(0, 60, two, FLAG_WARM_UP);
    subject.records.bar(MINUTE, 60, one, FLAG_WARM_UP);
    subject.end();
    assert.deepEqual(
      subject.bars.map(([startUs]) => startUs),
      [MINUTE, 0, MINUTE, 2 * MINUTE],
    );
  });

  it("of an interval that divides are put together", () => {
    const subject = new Subject(120);
    subject.records.bar(0, 60, one);
    assert.deepEqual(subject.bars, []);
    subject.records.bar(MINUTE, 60, two);
    subject.records.bar(3 * MINUTE, 60, one);
    assert.deepEqual(subject.bars, [
      [0, 1, 5, 1, 4, 30],
      [2 * MINUTE, 1, 3, 1, 2, 10],
    ]);
  });

  it("of another interval are left alone", () => {
    const subject = new Subject(90);
    subject.records.bar(0, 60, one);
    subject.records.bar(0, 120, one);
    subject.end();
    assert.deepEqual(subject.bars, []);
  });

  it("do not count what trades have counted, nor trades what they have counted", () => {
    const subject = new Subject(120);
    subject.trades.trade(30 * SECOND, 10, 1);
    subject.records.bar(0, 60, one);
    subject.trades.trade(MINUTE - 1, 11, 1);
    subject.records.bar(MINUTE, 60, two);
    assert.deepEqual(subject.bars, [[0, 10, 11, 2, 4, 22]]);
    const other = new Subject(120);
    other.records.bar(0, 60, one);
    other.trades.trade(30 * SECOND, 99, 1);
    other.trades.trade(MINUTE, 3, 1);
    other.end();
    assert.deepEqual(other.bars, [[0, 1, 3, 1, 3, 11]]);
  });

  it("that contradict themselves or do not begin at a multiple are ignored", () => {
    const subject = new Subject(60);
    subject.records.bar(0, 60, { ...one, close: 9 });
    subject.records.bar(0, 60, { ...one, low: 0 });
    subject.records.bar(0, 60, { ...one, volume: Number.NaN });
    subject.records.bar(1, 60, one);
    assert.deepEqual(subject.bars, []);
    assert.equal(subject.builder.ignoredBars, 4);
  });

  it("replace trades of the same bar that is still open", () => {
    const subject = new Subject(60);
    subject.trades.trade(1, 10, 1);
    subject.records.bar(0, 60, one);
    subject.trades.trade(2, 10, 1);
    subject.end();
    assert.deepEqual(subject.bars, [[0, 1, 3, 1, 2, 10]]);
    assert.equal(subject.builder.lateTrades, 1);
  });
});

describe("bars from quotes", () => {
  it("follow the chosen line and have no volume", () => {
    const closes = (["bid", "ask", "mid"] as const).map((source) => {
      const subject = new Subject(60, source);
      subject.quotes.quote(1, 10, 12);
      subject.quotes.quote(2, 11, 12);
      subject.quotes.quote(3, 0, 14);
      subject.quotes.quote(4, 15, 13);
      subject.end();
      return subject.bars[0]?.slice(1);
    });
    assert.deepEqual(closes, [
      [10, 15, 10, 15, 0],
      [12, 14, 12, 13, 0],
      [11, 11.5, 11, 11.5, 0],
    ]);
  });
});

describe("bars of real ticks", () => {
  for (const [label, seconds, count] of [
    ["1m", 60, 2_469],
    ["5m", 300, 706],
  ] as const) {
    it(`are the exchange's own ${label} candles of XRP/ETH, every one`, (test) => {
      const trades = readRows("fixtures/ticks_crypto_xrpeth_201910_trades.csv.gz");
      const candles = readRows(`fixtures/bars${label}_crypto_xrpeth_201910.csv.gz`);
      if (trades === null || candles === null) return test.skip(MISSING);
      const subject = new Subject(seconds);
      for (const [time, , price, size] of trades) {
        subject.trades.trade(microseconds(time as string), Number(price), Number(size));
      }
      subject.end();
      const expected = candles.map(([time, , ...values]) => [microseconds(time as string), ...values.map(Number)]);
      assert.equal(subject.bars.length, count);
      // Sums of decimal sizes differ in the last bits of a double; the exchange gives volumes to eight decimals.
      assert.deepEqual(subject.bars.map(roundVolume), expected.map(roundVolume));
    });
  }

  it("are OANDA's own 1m bid and ask bars of EURUSD, every one", (test) => {
    const quotes = readRows("fixtures/ticks_fx_eurusd_oanda_20140505_09.csv.gz");
    const candles = readRows("fixtures/bars1m_fx_oanda_20140501_09.csv.gz");
    if (quotes === null || candles === null) return test.skip(MISSING);
    const bid = new Subject(60, "bid");
    const ask = new Subject(60, "ask");
    for (const [time, , bidPrice, askPrice] of quotes) {
      const timeUs = microseconds(time as string);
      bid.quotes.quote(timeUs, Number(bidPrice), Number(askPrice));
      ask.quotes.quote(timeUs, Number(bidPrice), Number(askPrice));
    }
    bid.end();
    ask.end();
    const firstUs = bid.bars[0]?.[0] ?? 0;
    const rows = candles
      .filter(([time, symbol]) => symbol === "EURUSD" && microseconds(time as string) >= firstUs)
      .map((row) => ({ startUs: microseconds(row[0] as string), bid: row.slice(2, 6), ask: row.slice(7, 11) }));
    assert.equal(rows.length, 6_810);
    const expect = (side: "bid" | "ask"): number[][] => rows.map((row) => [row.startUs, ...row[side].map(Number)]);
    assert.deepEqual(
      bid.bars.map((bar) => bar.slice(0, 5)),
      expect("bid"),
    );
    assert.deepEqual(
      ask.bars.map((bar) => bar.slice(0, 5)),
      expect("ask"),
    );
  });
});

function roundVolume(row: readonly number[]): readonly (number | string)[] {
  return [...row.slice(0, 5), (row[5] as number).toFixed(8)];
}
