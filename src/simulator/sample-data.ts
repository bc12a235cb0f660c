/**
 * Writes a seeded synthetic trading day as recorded files, so that a clone without any data can replay something: one file
 * of quotes, one of trades, two symbols, the regular session of a New York day with auctions, odd lots and late prints.
 * Streamed; the same options give the same bytes.
 */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { CodedError } from "../core/errors.ts";
import { calendarOf, parseEpochDay, type Session } from "../core/market/calendar.ts";
import { equity, type Instrument } from "../core/market/instrument.ts";
import { hashUnit } from "../venue/seeded-hash.ts";
import { syntheticInstrument } from "./demonstration-market.ts";
import type { MarketTick } from "./market-source.ts";
import { SLOT_US } from "./synthetic/synthetic-line.ts";
import { SyntheticMarket } from "./synthetic/synthetic-market.ts";

export interface SampleDayOptions {
  readonly directory: string;
  readonly seed: number;
  /** Trading date, such as `2018-01-02`. */
  readonly date: string;
}

export interface SampleDay {
  /** Quotes, then trades. */
  readonly files: readonly [string, string];
  readonly rows: number;
}

const SYMBOLS = [
  { symbol: "ACME", basePrice: 120 },
  { symbol: "ORBT", basePrice: 45 },
];
const ROWS_PER_CHUNK = 512;
const LATE_PRINT_RATE = 0.003;
const DRAW_LATE = 301;

/** Throws `DATE_SYNTAX`, and `SAMPLE_DATE` for a day without a session. */
export async function writeSampleDay(options: SampleDayOptions): Promise<SampleDay> {
  const session = calendarOf("nyse").sessionOf(parseEpochDay(options.date, "date"));
  if (session === null) {
    throw new CodedError(
      "SAMPLE_DATE",
      `date must be a trading day of the New York exchange, ${options.date} is none`,
      {
        field: "date",
      },
    );
  }
  const market = sampleMarket(options.seed);
  await mkdir(options.directory, { recursive: true });
  const count = { rows: 0 };
  const stem = `sample_${options.date.replaceAll("-", "")}_seed${options.seed}`;
  const quotes = join(options.directory, `${stem}_quotes.csv.gz`);
  const trades = join(options.directory, `${stem}_trades.csv.gz`);
  await write(quotes, QUOTE_HEADER, rows(market, session, quoteRow), count);
  await write(trades, TRADE_HEADER, rows(market, session, tradeRow(options.seed)), count);
  return { files: [quotes, trades], rows: count.rows };
}

function sampleMarket(seed: number): SyntheticMarket {
  const instruments = SYMBOLS.map(({ symbol, basePrice }, index) =>
    syntheticInstrument({ symbol, basePrice, dailyVolatilityPercent: 3 }, equity(index, symbol)),
  );
  return new SyntheticMarket({ seed, instruments, haltRate: 0, correctionRate: 0, tickLimit: null });
}

type Row = (tick: MarketTick, instrument: Instrument) => string | null;

/** The rows of one kind; the closing auction falls into the slot after the session. */
function* rows(market: SyntheticMarket, session: Session, row: Row): Generator<string, void, void> {
  const ticks: MarketTick[] = [];
  for (let slot = session.openUs / SLOT_US; slot <= session.closeUs / SLOT_US; slot++) {
    market.slot(slot, ticks);
    for (const tick of ticks) {
      const text = row(tick, market.instruments[tick.index] as Instrument);
      if (text !== null) yield text;
    }
    ticks.length = 0;
  }
}

const QUOTE_HEADER = "ts_ns,symbol,bid,bid_size,ask,ask_size,exchange";
const TRADE_HEADER = "ts_ns,symbol,price,size,exchange,cond,corr";

function quoteRow(tick: MarketTick, instrument: Instrument): string | null {
  if (tick.kind !== "quote") return null;
  const { timeUs, bid, bidSize, ask, askSize } = tick;
  return `${timeUs}000,${instrument.symbol},${bid},${bidSize},${ask},${askSize},Q\n`;
}

/** Some prints come late: their condition says that they are out of sequence. */
function tradeRow(seed: number): Row {
  return (tick, instrument) => {
    if (tick.kind !== "trade") return null;
    const late = tick.conditions.length === 1 && hashUnit(seed, tick.position, DRAW_LATE) < LATE_PRINT_RATE;
    const condition = late ? "@ Z" : tick.conditions.join(" ");
    return `${tick.timeUs}000,${instrument.symbol},${tick.price},${tick.size},${tick.exchange},${condition},0\n`;
  };
}

async function write(path: string, header: string, lines: Iterable<string>, count: { rows: number }): Promise<void> {
  await pipeline(Readable.from(chunks(header, lines, count)), createGzip(), createWriteStream(path));
}

function* chunks(header: string, lines: Iterable<string>, count: { rows: number }): Generator<string, void, void> {
  let chunk = `${header}\n`;
  let held = 0;
  for (const line of lines) {
    chunk += line;
    count.rows++;
    if (++held < ROWS_PER_CHUNK) continue;
    yield chunk;
    chunk = "";
    held = 0;
  }
  yield chunk;
}
