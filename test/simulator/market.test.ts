import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { newYorkTimeUs, parseEpochDay } from "../../src/core/market/calendar.ts";
import { cryptoPair, equity } from "../../src/core/market/instrument.ts";
import { syntheticInstrument } from "../../src/simulator/demonstration-market.ts";
import type { MarketTick, QuoteTick, StatusTick, TradeTick } from "../../src/simulator/market-source.ts";
import { PricePath } from "../../src/simulator/synthetic/price-path.ts";
import { RecordedMarket } from "../../src/simulator/recorded-market.ts";
import { writeSampleDay } from "../../src/simulator/sample-data.ts";
import { SyntheticMarket } from "../../src/simulator/synthetic/synthetic-market.ts";

const DAY = parseEpochDay("2026-03-02", "date");
const START_US = Date.parse("2026-03-02T14:00:00Z") * 1000;
const HOUR_US = 3_600_000_000;

/** Slots are a quarter of a second; a halt is 240 of them, and the next one brings the reopening print. */
function slotOf(timeUs: number): number {
  return Math.floor(timeUs / 250_000);
}

function market(seed: number, haltRate = 0, correctionRate = 0): SyntheticMarket {
  const instruments = [
    syntheticInstrument({ symbol: "DEMO", marketShare: 0.8 }, equity(0, "DEMO", { calendar: "always" })),
    syntheticInstrument({ symbol: "BTC/USD" }, cryptoPair(1, "BTC/USD")),
    syntheticInstrument({ symbol: "DAY" }, equity(2, "DAY")),
    syntheticInstrument({ symbol: "TWO", marketShare: 0.8 }, equity(3, "TWO", { calendar: "always" })),
  ];
  return new SyntheticMarket({ seed, instruments, haltRate, correctionRate, tickLimit: null });
}

async function play(source: SyntheticMarket, fromUs: number, lengthUs: number): Promise<MarketTick[]> {
  const ticks: MarketTick[] = [];
  for await (const batch of source.ticks(fromUs)) {
    ticks.push(...batch.filter((tick) => tick.timeUs < fromUs + lengthUs));
    if ((batch.at(-1)?.timeUs ?? 0) >= fromUs + lengthUs) return ticks;
  }
  return ticks;
}

const isTrade = (tick: MarketTick | undefined): tick is TradeTick => tick?.kind === "trade";
const isStatus = (tick: MarketTick | undefined): tick is StatusTick => tick?.kind === "status";

describe("the synthetic market", () => {
  it("gives the same ticks for the same seed, whenever it is started, and others for another", async () => {
    const whole = await play(market(7), START_US, HOUR_US / 2);
    assert.deepEqual(await play(market(7), START_US, HOUR_US / 2), whole);
    const later = START_US + HOUR_US / 4;
    assert.deepEqual(
      await play(market(7), later, HOUR_US / 4),
      whole.filter((tick) => tick.timeUs >= later),
    );
    assert.notDeepEqual(await play(market(8), START_US, HOUR_US / 2), whole);
  });

  it("keeps time in order, quotes uncrossed and trades at the touch of the quote before", async () => {
    const quotes = new Map<number, QuoteTick>();
    let before = 0;
    for (const tick of await play(market(7), START_US, HOUR_US)) {
      assert.ok(tick.timeUs >= before);
      before = tick.timeUs;
      if (tick.kind === "quote") {
        assert.ok(tick.bid > 0 && tick.bid < tick.ask && tick.bidSize > 0 && tick.askSize > 0);
        quotes.set(tick.index, tick);
      } else if (isTrade(tick) && (tick.conditions.length < 2 || tick.conditions[1] === "I")) {
        const quote = quotes.get(tick.index) as QuoteTick;
        assert.ok(tick.price === quote.bid || tick.price === quote.ask);
      }
    }
  });

  it("trades shares of New York between two auctions, thinly before and after, and not at night", async () => {
    const open = newYorkTimeUs(DAY, 9 * 60 + 30);
    const close = newYorkTimeUs(DAY, 16 * 60);
    const trades = [
      ...market(7).past(2, open - 7 * HOUR_US, open + HOUR_US / 4),
      ...market(7).past(2, close - HOUR_US / 4, close + 6 * HOUR_US),
    ].filter(isTrade);
    const marked = (letter: string) => trades.filter(({ conditions }) => conditions.includes(letter));
    assert.deepEqual(
      ["O", "Q", "6", "M"].map((letter) => marked(letter).map(({ timeUs }) => timeUs)),
      [[open], [open], [close], [close]],
    );
    const [print, official] = [marked("6")[0], marked("M")[0]];
    assert.deepEqual([print?.price, print?.size], [official?.price, official?.size]);
    const outside = trades.filter(({ timeUs }) => timeUs < open || timeUs > close);
    assert.deepEqual(outside, marked("T"));
    assert.ok(outside.length > 100);
    const [first, last] = [outside[0], outside.at(-1)] as [TradeTick, TradeTick];
    assert.ok(first.timeUs >= newYorkTimeUs(DAY, 4 * 60) && last.timeUs < newYorkTimeUs(DAY, 20 * 60));
  });

  it("tells the imbalance before an auction, and comes near to its price", () => {
    for (const [minute, lengthUs, count] of [
      [9 * 60 + 30, 120_000_000, 12],
      [16 * 60, 600_000_000, 60],
    ] as const) {
      const auctionUs = newYorkTimeUs(DAY, minute);
      const ticks = market(7).past(2, auctionUs - HOUR_US / 4, auctionUs + 1);
      const imbalances = ticks.filter((tick) => tick.kind === "imbalance");
      assert.equal(imbalances.length, count);
      assert.equal(imbalances[0]?.timeUs, auctionUs - lengthUs);
      const print = ticks.filter(isTrade).findLast(({ timeUs }) => timeUs === auctionUs);
      const last = imbalances.at(-1)?.price ?? 0;
      assert.ok(Math.abs(last / (print?.price ?? 0) - 1) < 0.005, `${last} before ${print?.price}`);
    }
  });

  it("trades more, and more widely quoted, at the ends of the day than at noon", () => {
    const halfHour = (hour: number) => {
      const ticks = market(7).past(2, newYorkTimeUs(DAY, hour * 60), newYorkTimeUs(DAY, hour * 60 + 30));
      const quotes = ticks.filter((tick) => tick.kind === "quote");
      return {
        volume: ticks
          .filter(isTrade)
          .reduce((sum, { size, conditions }) => sum + (conditions.length > 1 ? 0 : size), 0),
        trades: ticks.filter(isTrade).length,
        spread: quotes.reduce((sum, { bid, ask }) => sum + ask - bid, 0) / quotes.length,
      };
    };
    const [opening, noon, closing] = [halfHour(9.5), halfHour(12.5), halfHour(15.5)];
    for (const end of [opening, closing]) {
      assert.ok(end.trades > 1.4 * noon.trades, `${end.trades} and ${noon.trades} trades`);
      assert.ok(end.volume > 2 * noon.volume, `${end.volume} and ${noon.volume} shares`);
      assert.ok(end.spread > 1.2 * noon.spread, `${end.spread} and ${noon.spread} wide`);
    }
  });

  it("moves its instruments together as the shares of the market say", () => {
    const source = market(7);
    const touches = (index: number) =>
      Array.from({ length: 1500 }, (_, n) => {
        const timeUs = START_US + n * 600_000_000;
        return Math.log(
          source.past(index, timeUs, timeUs + 20_000_000).find((tick) => tick.kind === "quote")?.bid ?? 0,
        );
      });
    const moves = (list: readonly number[]) => list.slice(1).map((value, n) => value - (list[n] as number));
    const [a, b] = [moves(touches(0)), moves(touches(3))];
    const product = (x: readonly number[], y: readonly number[]) =>
      x.reduce((sum, value, n) => sum + value * (y[n] as number), 0);
    const correlation = product(a, b) / Math.sqrt(product(a, a) * product(b, b));
    // √(0.8 × 0.8) is 0.8; regimes of their own and jumps take from it
    assert.ok(correlation > 0.6 && correlation < 0.95, `correlation ${correlation}`);
  });

  it("corrects and cancels trades that it has shown two seconds before", () => {
    // With halts: what was not traded is not corrected
    const ticks = market(7, 1, 0.1).past(0, START_US, START_US + HOUR_US / 2);
    const trades = new Map(ticks.filter(isTrade).map((tick) => [tick.tradeId, tick]));
    const corrections = ticks.filter((tick) => tick.kind === "correction");
    const cancels = ticks.filter((tick) => tick.kind === "cancelError");
    assert.ok(corrections.length > 10 && cancels.length > 10);
    for (const { original, timeUs, corrected } of corrections) {
      const trade = trades.get(original.tradeId);
      assert.ok(trade !== undefined && trade.aggressor !== 0);
      assert.deepEqual([original.price, original.size], [trade.price, trade.size]);
      assert.equal(slotOf(timeUs) - slotOf(trade.timeUs), 8);
      assert.equal(Math.round(Math.abs(corrected.price - original.price) * 100), 1);
    }
    for (const { tradeId, price } of cancels) assert.equal(trades.get(tradeId)?.price, price);
  });

  it("shows the depth of crypto: whole every ten seconds, and changes that leave ten levels on each side", () => {
    const books = market(7)
      .past(1, START_US, START_US + 60_000_000)
      .filter((tick) => tick.kind === "book");
    assert.equal(books.length, 60);
    const state = { bids: new Map<number, number>(), asks: new Map<number, number>() };
    let whole = 0;
    for (const book of books) {
      for (const side of ["bids", "asks"] as const) {
        const levels = new Map(book[side].map(({ price, size }) => [price, size]));
        if (book.reset) state[side] = levels;
        else {
          for (const [price, size] of levels) {
            state[side].delete(price);
            if (size > 0) state[side].set(price, size);
          }
        }
        assert.equal(state[side].size, 10);
      }
      if (book.reset) whole++;
      assert.ok(Math.max(...state.bids.keys()) < Math.min(...state.asks.keys()));
    }
    assert.equal(whole, 6);
  });

  it("halts now and then: a status, silence for a minute, a status and a reopening print", async () => {
    const ticks = (await play(market(3, 1), START_US, HOUR_US)).filter((tick) => tick.index === 0);
    const halts = ticks.flatMap((tick, at) => (tick.kind === "status" && tick.halted ? [at] : []));
    assert.equal(halts.length, 2);
    for (const at of halts) {
      const resumed = ticks[at + 1];
      assert.ok(isStatus(resumed) && !resumed.halted);
      assert.equal(resumed.timeUs - (ticks[at] as MarketTick).timeUs, 60_000_000);
      const reopening = ticks[at + 3];
      assert.ok(isTrade(reopening));
      assert.deepEqual(reopening.conditions, ["@", "5"]);
    }
  });

  it("pauses a share that runs into its band, and holds it there before", () => {
    const ticks = market(3, 1).past(0, START_US, START_US + 12 * HOUR_US);
    const pauses = ticks.filter((tick) => isStatus(tick) && tick.halted && tick.reasonCode === "LUDP");
    const news = ticks.filter((tick) => isStatus(tick) && tick.halted && tick.reasonCode === "T1");
    assert.ok(pauses.length > 5 && news.length > 5);
    for (const pause of pauses) {
      const before = ticks.slice(0, ticks.indexOf(pause)).filter(({ timeUs }) => timeUs > pause.timeUs - 30_000_000);
      const band = ticks.findLast((tick) => tick.kind === "luld" && tick.timeUs < pause.timeUs);
      assert.ok(band?.kind === "luld");
      const quotes = before.filter((tick) => tick.kind === "quote");
      const last = quotes.at(-1) as QuoteTick;
      assert.ok(
        last.ask === band.limitUp || last.bid === band.limitDown,
        `${last.bid} and ${last.ask} in ${band.limitUp}`,
      );
      for (const { bid, ask, timeUs } of quotes) {
        if (timeUs >= band.timeUs) assert.ok(bid >= band.limitDown && ask <= band.limitUp);
      }
    }
  });

  it("trades on before the halt of a half hour as after it", async () => {
    const ticks = (await play(market(3, 1), START_US, HOUR_US)).filter((tick) => tick.index === 0);
    const calm = (await play(market(3), START_US, HOUR_US)).filter((tick) => tick.index === 0);
    const halts = ticks.filter((tick) => tick.kind === "status" && tick.halted).map((tick) => slotOf(tick.timeUs));
    // From the run into the band until the return from it, where it was a pause
    const halted = (timeUs: number) =>
      halts.some((slot) => slotOf(timeUs) >= slot - 45 * 4 && slotOf(timeUs) <= slot + (60 + 600) * 4);
    const outside = (list: readonly MarketTick[]) =>
      list
        .filter((tick) => (tick.kind === "trade" || tick.kind === "quote") && !halted(tick.timeUs))
        .map((tick) => [tick.timeUs, tick.kind, isTrade(tick) ? tick.price : 0]);
    assert.deepEqual(outside(ticks), outside(calm));
  });

  it("has a history that is the aggregate of its own trades, odd lots in volume only", async () => {
    const trades = (await play(market(7), START_US, 5 * 60_000_000)).filter(isTrade).filter(({ index }) => index === 0);
    const minute = trades.filter((tick) => tick.timeUs < START_US + 60_000_000);
    const regular = minute.filter((tick) => !tick.conditions.includes("I")).map((tick) => tick.price);
    assert.ok(regular.length > 3 && regular.length < minute.length);
    const range = { startUs: START_US, endUs: START_US + HOUR_US, nowUs: START_US + 5 * 60_000_000, limit: 100 };
    const { bars, nextUs } = market(7).bars(0, 60, range);
    assert.deepEqual([bars.length, nextUs], [5, null]);
    const [bar] = bars;
    assert.deepEqual(
      [bar?.open, bar?.high, bar?.low, bar?.close, bar?.volume, bar?.tradeCount],
      [
        regular[0],
        Math.max(...regular),
        Math.min(...regular),
        regular.at(-1),
        minute.reduce((sum, tick) => sum + tick.size, 0),
        minute.length,
      ],
    );
  });

  it("cuts long pages of history short and says where they go on", () => {
    const range = { startUs: START_US - 400 * 24 * HOUR_US, endUs: START_US, nowUs: START_US, limit: 10_000 };
    const page = market(7).bars(1, 86_400, range);
    assert.ok(page.bars.length > 0 && page.bars.length < 5);
    const next = market(7).bars(1, 86_400, { ...range, startUs: page.nextUs as number });
    assert.equal(next.bars[0]?.startUs, (page.bars.at(-1)?.startUs ?? 0) + 24 * HOUR_US);
  });
});

describe("the price path", () => {
  it("is continuous, moves about as much in a day as it is told to, and knows all regimes", () => {
    const path = new PricePath(5, 100, 0.02);
    const start = START_US / 1e6;
    for (let i = 0; i < 2000; i++) assert.ok(Math.abs(path.at(start + i + 0.001) / path.at(start + i) - 1) < 1e-4);
    let squares = 0;
    for (let day = 0; day < 400; day++) {
      squares += Math.log(path.at(start + (day + 1) * 86_400) / path.at(start + day * 86_400)) ** 2;
    }
    const volatility = Math.sqrt(squares / 400);
    assert.ok(volatility > 0.01 && volatility < 0.04, `daily volatility ${volatility}`);
    const regimes = new Set(Array.from({ length: 100 }, (_, block) => path.regimeAt(start + block * 1200)));
    assert.equal(regimes.size, 4);
  });
});

describe("the sample day", () => {
  const directory = mkdtempSync(join(tmpdir(), "sample-day-"));
  after(() => rmSync(directory, { recursive: true }));
  const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

  it("is the same to the byte for the same seed and can be replayed", { timeout: 60_000 }, async () => {
    const date = "2026-11-27"; // a short day: half the work
    const one = await writeSampleDay({ directory: join(directory, "one"), seed: 5, date });
    const two = await writeSampleDay({ directory: join(directory, "two"), seed: 5, date });
    assert.deepEqual(one.files.map(hashOf), two.files.map(hashOf));
    assert.equal(one.rows, two.rows);
    const source = await RecordedMarket.open({
      files: one.files,
      quoteExchange: null,
      instruments: [],
      barStamp: "start",
    });
    assert.deepEqual(source.instruments.map(({ symbol }) => symbol).sort(), ["ACME", "ORBT"]);
    assert.equal(source.tickCount, one.rows);
    assert.equal(source.startUs, Date.parse("2026-11-27T14:30:00Z") * 1000);
    const trades = gunzipSync(readFileSync(one.files[1])).toString("utf8");
    for (const condition of ["@ O", "@ 6", "@ I", "@ Z"]) assert.ok(trades.includes(`,${condition},0\n`), condition);
  });

  it("refuses a day without a session", async () => {
    await assert.rejects(writeSampleDay({ directory, seed: 1, date: "2026-12-25" }), { code: "SAMPLE_DATE" });
    await assert.rejects(writeSampleDay({ directory, seed: 1, date: "2026-13-01" }), { code: "DATE_SYNTAX" });
  });

  it("bad recorded files stop the start: damaged, empty, without ticks", async () => {
    const open = (file: string) =>
      RecordedMarket.open({ files: [file], quoteExchange: null, instruments: [], barStamp: "start" });
    const bad = join(directory, "bad_trades.csv.gz");
    writeFileSync(bad, gzipSync("ts_ns,symbol,price,size\n1514903400000000000,A,1,1\nnonsense\n"));
    await assert.rejects(open(bad), { code: "DATA_FORMAT", message: /bad_trades\.csv\.gz.*line 3/ });
    const empty = join(directory, "empty_trades.csv.gz");
    writeFileSync(empty, gzipSync("ts_ns,symbol,price,size\n"));
    await assert.rejects(open(empty), { code: "REPLAY_EMPTY" });
  });
});
