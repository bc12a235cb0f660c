/**
 * One row of a recorded file → one tick, by hand on the bytes: no split, no regular expression, no string per row. Owned
 * by the reading of one file.
 */
import { CodedError } from "../core/errors.ts";
import {
  type Calendar,
  CALENDAR_FIRST_YEAR,
  CALENDAR_LAST_YEAR,
  formatEpochDay,
  newYorkEpochDay,
} from "../core/market/calendar.ts";
import { saleConditionFlags } from "../core/market/sale-condition.ts";
import type { RecordingOptions, RecordingStats } from "./recorded-file.ts";
import { isBySymbol, type RowLayout } from "./recorded-header.ts";
import { wholeRatio } from "./whole-ratio.ts";
import { MAX_TEXTS, RowFields } from "./row-fields.ts";
import type { MutableTick } from "./tick.ts";

const DAY_SECONDS = 86_400;
/** Of trades the side that took, of depth the side of the book. */
const LETTERS_BUY = new Set(["b", "buy", "B", "BUY"]);
const LETTERS_SELL = new Set(["s", "sell", "S", "SELL", "A"]);
/** TAQ: 0 good, 1 corrected later and shown as corrected; everything else was cancelled or is a cancel message. */
const MAX_GOOD_CORRECTION = 1;

export class RowParser {
  readonly #layout: RowLayout;
  readonly #file: string;
  readonly #stats: RecordingStats;
  readonly #fields: RowFields;
  /** FLAG_* bits by text id, -1 where not asked yet. */
  readonly #conditionFlags = new Int32Array(MAX_TEXTS).fill(-1);
  readonly #aggressors = new Int8Array(MAX_TEXTS).fill(-1);
  readonly #symbolFilter: ReadonlySet<string> | null;
  readonly #quoteExchange: string | null;
  readonly #fill: (tick: MutableTick) => boolean;
  readonly #bySymbol: boolean;
  readonly #isBars: boolean;
  readonly #only: "splits" | "dividends" | null;
  readonly #sessions: ((symbol: string) => Calendar | null) | null;
  readonly #stampsEnd: boolean;
  #intervalSeconds: number;

  #lastTimeUs = Number.NEGATIVE_INFINITY;
  #lastSymbol = "";

  constructor(layout: RowLayout, file: string, options: RecordingOptions, stats: RecordingStats) {
    this.#layout = layout;
    this.#file = file;
    this.#stats = stats;
    this.#symbolFilter = options.symbols === undefined ? null : new Set(options.symbols);
    this.#quoteExchange = options.quoteExchange ?? null;
    this.#fields = new RowFields(layout, file);
    this.#bySymbol = isBySymbol(layout.kind);
    this.#isBars = this.#bySymbol && layout.kind !== "actions" && options.only === undefined;
    this.#only = options.only ?? null;
    this.#sessions = options.sessions ?? null;
    this.#stampsEnd = options.barStamp === "end";
    this.#intervalSeconds = layout.kind === "daily" ? DAY_SECONDS : (options.intervalSeconds ?? 0);
    this.#fill = this.#filler();
    if (options.quoteExchange !== undefined && layout.kind === "quotes" && layout.column("exchange") === -1) {
      throw missingColumn(file, "exchange", "to choose one exchange's quotes", "quoteExchange");
    }
  }

  /** Parses `bytes[start..newline)` into `tick`; false when the row is left out. Throws `DATA_FORMAT`. */
  parse(bytes: Uint8Array, start: number, newline: number, lineNumber: number, tick: MutableTick): boolean {
    this.#fields.take(bytes, start, newline, lineNumber);
    return this.#fill(tick);
  }

  /** Completes a batch: bars get their interval, taken from the file's first batch unless it was given. */
  finish(rows: readonly MutableTick[]): void {
    if (!this.#isBars) return;
    if (this.#intervalSeconds === 0) this.#intervalSeconds = this.#smallestStepSeconds(rows);
    const intervalUs = this.#intervalSeconds * 1e6;
    for (const row of rows) {
      row.intervalSeconds = this.#intervalSeconds;
      if (this.#stampsEnd) row.timeUs -= intervalUs;
      if (row.closeUs !== 0) continue;
      row.openUs = row.timeUs;
      row.closeUs = row.timeUs + intervalUs;
    }
  }

  #smallestStepSeconds(rows: readonly MutableTick[]): number {
    let stepUs = Number.POSITIVE_INFINITY;
    let previous: MutableTick | null = null;
    for (const row of rows) {
      if (previous !== null && previous.symbol === row.symbol && row.timeUs > previous.timeUs) {
        stepUs = Math.min(stepUs, row.timeUs - previous.timeUs);
      }
      previous = row;
    }
    const seconds = stepUs / 1e6;
    if (!Number.isInteger(seconds)) {
      throw new CodedError(
        "DATA_FORMAT",
        `${this.#file}: the bars' interval cannot be told from its first rows; give intervalSeconds`,
        { field: "intervalSeconds" },
      );
    }
    return seconds;
  }

  /** The function that fills a tick of this file's kind; column numbers are looked up once. */
  #filler(): (tick: MutableTick) => boolean {
    switch (this.#layout.kind) {
      case "trades":
        return this.#tradeFiller();
      case "quotes":
        return this.#quoteFiller();
      case "quotebars":
        return this.#quoteBarFiller();
      case "depth":
        return this.#depthFiller();
      case "actions":
        return this.#actionFiller();
      default:
        return this.#only === null ? this.#barFiller() : this.#dailyActionFiller(this.#only);
    }
  }

  #tradeFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const time = column("ts_ns");
    const symbol = column("symbol");
    const price = column("price");
    const size = column("size");
    const exchange = column("exchange");
    const condition = column("cond");
    const correction = column("corr");
    const side = Math.max(column("side"), column("aggressor"));
    const tradeId = column("trade_id");
    return (tick) => {
      if (!this.#begin(tick, time, symbol)) return false;
      if (correction !== -1 && this.#fields.integer(correction) > MAX_GOOD_CORRECTION) return this.#skip();
      tick.kind = "trade";
      tick.price = this.#fields.positive(price);
      tick.size = this.#fields.amount(size);
      tick.exchange = exchange === -1 ? "" : this.#fields.text(exchange);
      tick.tradeId = tradeId === -1 ? 0 : this.#fields.integer(tradeId);
      tick.aggressor = side === -1 ? 0 : this.#aggressor(side);
      if (condition !== -1) this.#conditions(condition, tick);
      return true;
    };
  }

  #quoteFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const time = column("ts_ns");
    const symbol = column("symbol");
    const bid = column("bid");
    const ask = column("ask");
    const bidSize = column("bid_size");
    const askSize = column("ask_size");
    const exchange = column("exchange");
    return (tick) => {
      if (!this.#begin(tick, time, symbol)) return false;
      tick.exchange = exchange === -1 ? "" : this.#fields.text(exchange);
      if (this.#quoteExchange !== null && tick.exchange !== this.#quoteExchange) return this.#filter();
      tick.kind = "quote";
      tick.bid = this.#fields.side(bid);
      tick.bidSize = bidSize === -1 ? 0 : this.#fields.side(bidSize);
      tick.ask = this.#fields.side(ask);
      tick.askSize = askSize === -1 ? 0 : this.#fields.side(askSize);
      return true;
    };
  }

  #barFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const daily = this.#layout.kind === "daily";
    const time = column(daily ? "date" : "ts_ns");
    const symbol = column("symbol");
    const [open, high, low, close] = ["open", "high", "low", "close"].map(column) as [number, number, number, number];
    const volume = column("volume");
    return (tick) => {
      if (!this.#begin(tick, time, symbol)) return false;
      if (this.#fields.blank(open) || this.#fields.blank(high) || this.#fields.blank(low) || this.#fields.blank(close))
        return this.#skip();
      if (!this.#session(tick)) return this.#skip();
      tick.kind = "bar";
      tick.open = this.#fields.decimal(open);
      tick.high = this.#fields.decimal(high);
      tick.low = this.#fields.decimal(low);
      tick.close = this.#fields.decimal(close);
      tick.volume = volume === -1 ? 0 : this.#fields.side(volume);
      return true;
    };
  }

  #quoteBarFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const time = column("ts_ns");
    const symbol = column("symbol");
    const bids = ["bid_open", "bid_high", "bid_low", "bid_close"].map(column) as [number, number, number, number];
    const asks = ["ask_open", "ask_high", "ask_low", "ask_close"].map(column) as [number, number, number, number];
    const bidSize = column("bid_size");
    const askSize = column("ask_size");
    return (tick) => {
      if (!this.#begin(tick, time, symbol)) return false;
      tick.kind = "bar";
      tick.openUs = 0;
      tick.closeUs = 0;
      tick.open = this.#mean(bids[0], asks[0]);
      tick.high = this.#mean(bids[1], asks[1]);
      tick.low = this.#mean(bids[2], asks[2]);
      tick.close = this.#mean(bids[3], asks[3]);
      tick.bid = this.#fields.decimal(bids[3]);
      tick.ask = this.#fields.decimal(asks[3]);
      tick.bidSize = bidSize === -1 ? 0 : this.#fields.side(bidSize);
      tick.askSize = askSize === -1 ? 0 : this.#fields.side(askSize);
      return true;
    };
  }

  #depthFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const names = ["ts_ns", "symbol", "update_id", "snapshot", "side", "price", "size"].map(column);
    const [time, symbol, updateId, snapshot, side, price, size] = names as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return (tick) => {
      if (!this.#begin(tick, time, symbol)) return false;
      tick.kind = "depth";
      tick.updateId = this.#fields.integer(updateId);
      tick.snapshot = this.#fields.integer(snapshot) !== 0;
      tick.bookSide = this.#aggressor(side);
      if (tick.bookSide === 0) throw this.#fields.columnFault(side, "B or A");
      tick.price = this.#fields.positive(price);
      tick.size = this.#fields.amount(size);
      return true;
    };
  }

  #actionFiller(): (tick: MutableTick) => boolean {
    const column = this.#layout.column;
    const [type, date, symbol, value] = ["type", "date", "symbol", "value"].map(column) as [
      number,
      number,
      number,
      number,
    ];
    return (tick) => {
      if (!this.#begin(tick, date, symbol)) return false;
      const kind = this.#fields.text(type);
      if (kind === "split") return this.#split(tick, value, 1 / this.#fields.positive(value));
      if (kind === "dividend") return this.#dividend(tick, this.#fields.positive(value));
      throw this.#fields.columnFault(type, "split or dividend");
    };
  }

  /** Of daily bars that carry actions: the ratio is new shares for an old one, the dividend that of one share. */
  #dailyActionFiller(only: "splits" | "dividends"): (tick: MutableTick) => boolean {
    const name = only === "splits" ? "split_ratio" : "ex_dividend";
    const value = this.#layout.column(name);
    if (value === -1) throw missingColumn(this.#file, name, `to read the file's ${only}`);
    const [date, symbol] = [this.#layout.column("date"), this.#layout.column("symbol")];
    return (tick) => {
      if (!this.#begin(tick, date, symbol)) return false;
      const number = this.#fields.amount(value);
      if (only === "dividends") return number === 0 ? this.#skip() : this.#dividend(tick, number);
      return number === 1 ? this.#skip() : this.#split(tick, value, number);
    };
  }

  #split(tick: MutableTick, column: number, newForOld: number): true {
    const ratio = wholeRatio(newForOld);
    if (ratio === null) throw this.#fields.columnFault(column, "the ratio of two whole numbers up to 1,000");
    tick.kind = "split";
    [tick.toShares, tick.fromShares] = ratio;
    return true;
  }

  #dividend(tick: MutableTick, amount: number): true {
    tick.kind = "dividend";
    tick.amount = amount;
    return true;
  }

  /** Gives a daily bar the times of its session; false where it has none. Without sessions a bar lasts its interval. */
  #session(tick: MutableTick): boolean {
    tick.openUs = 0;
    tick.closeUs = 0;
    const calendar = this.#layout.kind === "daily" ? this.#sessions?.(tick.symbol) : null;
    if (calendar === null || calendar === undefined || calendar.name === "always") return true;
    const day = newYorkEpochDay(tick.timeUs);
    if (!isInCalendar(day)) {
      const allowed = `a date from ${CALENDAR_FIRST_YEAR} to ${CALENDAR_LAST_YEAR}, where the instrument keeps sessions`;
      throw this.#fields.columnFault(this.#layout.column("date"), allowed);
    }
    const session = calendar.sessionOf(day);
    if (session === null) return false;
    tick.openUs = session.openUs;
    tick.closeUs = session.closeUs;
    return true;
  }

  /** Symbol, time and their order; false when the symbol is not wanted. */
  #begin(tick: MutableTick, timeColumn: number, symbolColumn: number): boolean {
    const symbol = this.#fields.text(symbolColumn);
    if (symbol === "") throw this.#fields.columnFault(symbolColumn, "a symbol");
    const dated = this.#layout.kind === "daily" || this.#layout.kind === "actions";
    const timeUs = dated ? this.#fields.date(timeColumn) : this.#fields.time(timeColumn);
    const newSymbol = symbol !== this.#lastSymbol;
    if (timeUs < this.#lastTimeUs && !(this.#bySymbol && newSymbol)) {
      const order = this.#bySymbol ? "times that never fall within a symbol" : "times that never fall";
      throw this.#fields.columnFault(timeColumn, order);
    }
    this.#lastTimeUs = timeUs;
    this.#lastSymbol = symbol;
    if (this.#symbolFilter !== null && newSymbol && !this.#symbolFilter.has(symbol)) return this.#filter();
    if (this.#symbolFilter !== null && !this.#symbolFilter.has(symbol)) return this.#filter();
    tick.symbol = symbol;
    tick.timeUs = timeUs;
    return true;
  }

  #filter(): false {
    this.#stats.filteredRows++;
    return false;
  }

  #skip(): false {
    this.#stats.skippedRows++;
    return false;
  }

  #mean(bidColumn: number, askColumn: number): number {
    return (this.#fields.positive(bidColumn) + this.#fields.positive(askColumn)) / 2;
  }

  #conditions(column: number, tick: MutableTick): void {
    const id = this.#fields.textId(column);
    const text = this.#fields.text(column);
    let flags = id === -1 ? -1 : (this.#conditionFlags[id] as number);
    if (flags === -1) {
      flags = saleConditionFlags(text);
      if (id !== -1) this.#conditionFlags[id] = flags;
    }
    tick.conditions = flags;
    tick.conditionText = text;
  }

  #aggressor(column: number): number {
    const id = this.#fields.textId(column);
    const known = id === -1 ? -1 : (this.#aggressors[id] as number);
    if (known !== -1) return known;
    const text = this.#fields.slice(column);
    const aggressor = LETTERS_BUY.has(text) ? 1 : LETTERS_SELL.has(text) ? 2 : text === "" ? 0 : -1;
    if (aggressor === -1) throw this.#fields.columnFault(column, "buy, sell, B, S, A or blank");
    if (id !== -1) this.#aggressors[id] = aggressor;
    return aggressor;
  }
}

function missingColumn(file: string, name: string, purpose: string, field = name): CodedError {
  return new CodedError("DATA_FORMAT", `${file}: line 1: column ${name} is needed ${purpose}`, { field });
}

function isInCalendar(epochDay: number): boolean {
  const year = Number(formatEpochDay(epochDay).slice(0, 4));
  return year >= CALENDAR_FIRST_YEAR && year <= CALENDAR_LAST_YEAR;
}
