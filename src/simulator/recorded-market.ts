/**
 * Recorded files of any kind as the simulator's market, merged by time. The files are read once to the end before anything
 * is played, so that bad data stops the start and not the middle of a day, and so that the symbols and the length are known;
 * after that they are streamed.
 *
 * What a file becomes: quotes, trades and depth play as they are (depth rows of one update are one change). A bar plays
 * twice, its first price at its start and the whole of it at its end; that is what the venue's fills on bars need, and no
 * tick is made up. A daily bar of an instrument that keeps sessions lasts from the session's opening to its close; a row of
 * a day without a session is left out. Splits and dividends of an actions file, or of the columns `split_ratio` and
 * `ex_dividend` of a daily file, happen at midnight in New York, before the session of their date.
 */
import { basename } from "node:path";
import { CodedError } from "../core/errors.ts";
import { fixedFromNumber } from "../core/fixed.ts";
import { calendarOf } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import {
  mergeRecordings,
  openRecording,
  readLayout,
  type RecordingOptions,
  type Tick,
  type TickSource,
} from "../feed/recorded-file.ts";
import { isBySymbol, type RowLayout } from "../feed/recorded-header.ts";
import { timeOrdered } from "../feed/time-ordered.ts";
import { type SimulatorInstrument, venueInstrument } from "./config.ts";
import { DepthChanges } from "./depth-changes.ts";
import type { MarketSource, MarketTick } from "./market-source.ts";

export interface RecordedOptions {
  readonly files: readonly string[];
  readonly quoteExchange: string | null;
  /** All symbols of the files when empty. */
  readonly instruments: readonly SimulatorInstrument[];
  /** What the stamps of bars mean. */
  readonly barStamp: "start" | "end";
}

/** A file with what is read of it. */
interface RecordedFile {
  readonly path: string;
  readonly bySymbol: boolean;
  readonly options: RecordingOptions;
}

interface Contents {
  readonly symbols: readonly string[];
  readonly tickCount: number;
  readonly startUs: number;
  readonly barsOnly: boolean;
}

export class RecordedMarket implements MarketSource {
  readonly instruments: readonly Instrument[];
  readonly barsOnly: boolean;
  readonly startUs: number;
  readonly tickCount: number;
  readonly #files: readonly RecordedFile[];
  readonly #indexes: ReadonlyMap<string, number>;

  private constructor(files: readonly RecordedFile[], instruments: readonly Instrument[], contents: Contents) {
    this.#files = files;
    this.instruments = instruments;
    this.barsOnly = contents.barsOnly;
    this.startUs = contents.startUs;
    this.tickCount = contents.tickCount;
    this.#indexes = new Map(instruments.map((instrument) => [instrument.symbol, instrument.index]));
  }

  /**
   * Throws what the reader throws for bad files, `REPLAY_EMPTY` when they hold nothing to trade on, and `REPLAY_BARS` when
   * two of them hold bars of one symbol.
   */
  static async open(options: RecordedOptions): Promise<RecordedMarket> {
    const files = (await Promise.all(options.files.map((path) => filesOf(path, options)))).flat();
    const contents = await contentsOf(files);
    const given = options.instruments.length > 0 ? options.instruments : contents.symbols.map((symbol) => ({ symbol }));
    return new RecordedMarket(files, given.map(venueInstrument), contents);
  }

  async *ticks(): AsyncGenerator<readonly MarketTick[], void, void> {
    const play = new Play((symbol) => this.#indexes.get(symbol));
    for await (const ticks of mergeRecordings(this.#files.map(sourceOf))) yield play.batch(ticks);
    yield play.rest();
  }
}

/** One way through the files: gives ticks their places in the order. */
class Play {
  readonly #indexOf: (symbol: string) => number | undefined;
  readonly #depth = new DepthChanges();
  #position = 0;

  /** `indexOf` gives a symbol's place in the table of instruments; ticks of others are left out. */
  constructor(indexOf: (symbol: string) => number | undefined) {
    this.#indexOf = indexOf;
  }

  batch(ticks: readonly Tick[]): readonly MarketTick[] {
    const batch: MarketTick[] = [];
    for (const tick of ticks) {
      const index = this.#indexOf(tick.symbol);
      if (index === undefined) continue;
      for (const change of this.#depth.before(tick, index)) batch.push({ ...change, position: ++this.#position });
      if (tick.kind !== "depth") batch.push(this.#tick(tick, index, ++this.#position));
    }
    return batch;
  }

  rest(): readonly MarketTick[] {
    return this.#depth.last().map((change) => ({ ...change, position: ++this.#position }));
  }

  #tick(tick: Tick, index: number, position: number): MarketTick {
    const { timeUs } = tick;
    switch (tick.kind) {
      case "quote":
        return quoteTick(tick, index, position);
      case "bar":
        return barTick(tick, index, position);
      case "barOpen":
        return { kind: "barOpen", position, index, timeUs, price: tick.open };
      case "split":
        return { kind: "split", position, index, timeUs, from: tick.fromShares, to: tick.toShares };
      case "dividend":
        return { kind: "dividend", position, index, timeUs, amount: fixedFromNumber(tick.amount, "dividend") };
      default:
        return tradeTick(tick, index, position);
    }
  }
}

/** The recorded formats do not name it. */
const UNKNOWN_TAPE = "";

function quoteTick(tick: Tick, index: number, position: number): MarketTick {
  return {
    kind: "quote",
    position,
    index,
    timeUs: tick.timeUs,
    bid: tick.bid,
    bidSize: tick.bidSize,
    bidExchange: tick.exchange,
    ask: tick.ask,
    askSize: tick.askSize,
    askExchange: tick.exchange,
    tape: UNKNOWN_TAPE,
  };
}

function tradeTick(tick: Tick, index: number, position: number): MarketTick {
  return {
    kind: "trade",
    position,
    index,
    timeUs: tick.timeUs,
    price: tick.price,
    size: tick.size,
    tradeId: tick.tradeId === 0 ? position : tick.tradeId,
    aggressor: tick.aggressor,
    conditions: lettersOf(tick.conditionText),
    exchange: tick.exchange,
    tape: UNKNOWN_TAPE,
  };
}

/** The files do not tell trades and averages: one trade, at the middle of the range. */
function barTick(tick: Tick, index: number, position: number): MarketTick {
  const { timeUs: startUs, open, high, low, close, volume } = tick;
  const vwap = (high + low + close) / 3;
  return {
    kind: "bar",
    position,
    index,
    timeUs: tick.closeUs,
    openUs: tick.openUs,
    intervalSeconds: tick.intervalSeconds,
    bar: { startUs, open, high, low, close, volume, tradeCount: 1, vwap },
    halfSpread: tick.ask > tick.bid ? (tick.ask - tick.bid) / 2 : 0,
  };
}

/** `F I` → `["F", "I"]`; nothing said is a regular sale. */
function lettersOf(text: string): readonly string[] {
  let letters = LETTERS.get(text);
  if (letters === undefined) {
    letters = text.replaceAll(" ", "") === "" ? ["@"] : text.replaceAll(" ", "").split("");
    LETTERS.set(text, letters);
  }
  return letters;
}

const LETTERS = new Map<string, readonly string[]>();

/** What is read of a file: a daily file with actions is read once more for each kind of them. */
async function filesOf(path: string, options: RecordedOptions): Promise<RecordedFile[]> {
  const layout = await readLayout(path);
  const bySymbol = isBySymbol(layout.kind);
  const symbols = options.instruments.map((instrument) => instrument.symbol);
  const common: RecordingOptions = {
    ...(symbols.length === 0 ? {} : { symbols }),
    sessions: (symbol) => calendarFor(symbol, options.instruments),
  };
  const readings: RecordingOptions[] = [
    {
      ...(options.quoteExchange === null || layout.kind !== "quotes" ? {} : { quoteExchange: options.quoteExchange }),
      ...(layout.kind === "bars" ? { barStamp: options.barStamp } : {}),
    },
    ...actionsOf(layout).map((only) => ({ only })),
  ];
  return readings.map((reading) => ({ path, bySymbol, options: { ...common, ...reading } }));
}

function actionsOf(layout: RowLayout): ("splits" | "dividends")[] {
  if (layout.kind !== "daily") return [];
  return [
    ...(layout.column("split_ratio") === -1 ? [] : ["splits" as const]),
    ...(layout.column("ex_dividend") === -1 ? [] : ["dividends" as const]),
  ];
}

function calendarFor(symbol: string, given: readonly SimulatorInstrument[]) {
  const instrument = given.find((each) => each.symbol === symbol) ?? { symbol };
  return calendarOf(venueInstrument(instrument, 0).calendar);
}

function sourceOf({ path, bySymbol, options }: RecordedFile): TickSource {
  const recording = openRecording(path, options);
  if (!bySymbol) return recording;
  return { path, [Symbol.asyncIterator]: () => timeOrdered(recording, { barOpens: true }) };
}

/** Of one symbol of the files. */
interface SymbolContents {
  readonly symbol: string;
  readonly index: number;
  tickCount: number;
  startUs: number;
  hasData: boolean;
  barFile: string | null;
}

/** One reading of everything, in order. */
async function contentsOf(files: readonly RecordedFile[]): Promise<Contents> {
  const found = new Map<string, SymbolContents>();
  const list: SymbolContents[] = [];
  const play = new Play((symbol) => {
    const known = found.get(symbol);
    if (known !== undefined) return known.index;
    const index = list.length;
    const entry = { symbol, index, tickCount: 0, startUs: Number.POSITIVE_INFINITY, hasData: false, barFile: null };
    found.set(symbol, entry);
    list.push(entry);
    return index;
  });
  let barsOnly = true;
  const count = (ticks: readonly MarketTick[]) => {
    for (const { kind, index, timeUs } of ticks) {
      const entry = list[index] as SymbolContents;
      entry.tickCount++;
      if (timeUs < entry.startUs) entry.startUs = timeUs;
      if (kind === "bar" || kind === "quote" || kind === "trade") entry.hasData = true;
      if (kind === "quote" || kind === "trade" || kind === "book") barsOnly = false;
    }
  };
  for await (const ticks of mergeRecordings(files.map((file) => oneBarFile(file, found)))) count(play.batch(ticks));
  count(play.rest());
  const played = list.filter(({ hasData }) => hasData);
  if (played.length === 0) {
    throw new CodedError("REPLAY_EMPTY", "the files hold no quote, no trade and no bar of the instruments", {
      field: "replay",
    });
  }
  return {
    symbols: played.map(({ symbol }) => symbol),
    tickCount: played.reduce((sum, { tickCount }) => sum + tickCount, 0),
    startUs: Math.min(...played.map(({ startUs }) => startUs)),
    barsOnly,
  };
}

/** The file's ticks; throws when a bar's symbol has bars in another file, too. */
function oneBarFile(file: RecordedFile, found: ReadonlyMap<string, SymbolContents>): TickSource {
  const source = sourceOf(file);
  if (!file.bySymbol) return source;
  const { path } = file;
  async function* checked() {
    for await (const ticks of source) {
      yield ticks;
      for (const { kind, symbol } of ticks) if (kind === "bar") claim(found.get(symbol), path);
    }
  }
  return { path, [Symbol.asyncIterator]: checked };
}

function claim(entry: SymbolContents | undefined, path: string): void {
  if (entry === undefined) return;
  entry.barFile ??= path;
  if (entry.barFile === path) return;
  throw new CodedError(
    "REPLAY_BARS",
    `${basename(entry.barFile)} and ${basename(path)} both hold bars of ${entry.symbol}; one file of bars plays a symbol`,
    { field: "replay" },
  );
}
