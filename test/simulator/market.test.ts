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
import { PricePath } from "../../src/simulator/price-path.ts";
import { RecordedMarket } from "../../src/simulator/recorded-market.ts";
import { writeSampleDay } from "../../src/simulator/sample-data.ts";
import { SyntheticMarket } from "../../src/simulator/synthetic-market.ts";

const START_US = Date.parse("2026-03-02T14:00:00Z") * 1000;
const HOUR_US = 3_600_000_000;

/** Slots are a quarter of a second; a halt is 240 of them, and the next one brings the reopening print. */
function slotOf(timeUs: number): number {
  return Math.floor(timeUs / 250_000);
}

function market(seed: number, haltRate = 0): SyntheticMarket {
  const instruments = [
    syntheticInstrument({ symbol: "DEMO" }, equity(0, "DEMO", { calendar: "always" })),
    syntheticInstrument({ symbol: "BTC/USD" }, cryptoPair(1, "BTC/USD")),
    syntheticInstrument({ symbol: "DAY" }, equity(2, "DAY")),
  ];
  return new SyntheticMarket({ seed, instruments, haltRate, tickLimit: null });
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

  it("trades instruments of New York in the session only, between two auctions", async () => {
    const day = parseEpochDay("2026-03-02", "date");
    const open = newYorkTimeUs(day, 9 * 60 + 30);
    const close = newYorkTimeUs(day, 16 * 60);
    const ticks = [
      ...(await play(market(7), open - HOUR_US, HOUR_US * 1.01)),
      ...(await play(market(7), close - HOUR_US / 100, HOUR_US)),
    ].filter((tick) => tick.index === 2);
    assert.ok(ticks.every((tick) => tick.timeUs >= open && tick.timeUs <= close));
    const auctions = ticks.filter(isTrade).filter((tick) => (tick.conditions[1] ?? "I") !== "I");
    assert.deepEqual(
      auctions.map((tick) => [tick.timeUs, tick.conditions]),
      [
        [open, ["@", "O"]],
        [close, ["@", "6"]],
      ],
    );
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

  it("trades on before the halt of a half hour as after it", async () => {
    const ticks = (await play(market(3, 1), START_US, HOUR_US)).filter((tick) => tick.index === 0);
    const calm = (await play(market(3), START_US, HOUR_US)).filter((tick) => tick.index === 0);
    const halts = ticks.filter((tick) => tick.kind === "status" && tick.halted).map((tick) => slotOf(tick.timeUs));
    const halted = (timeUs: number) => halts.some((slot) => slotOf(timeUs) >= slot && slotOf(timeUs) <= slot + 240);
    const outside = (list: readonly MarketTick[]) =>
      list
        .filter((tick) => tick.kind !== "status" && !halted(tick.timeUs))
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
