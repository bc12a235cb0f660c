/**
 * Recorded market data: a gzip CSV file, streamed row by row into reused batches of ticks, never read whole. Owned by one
 * thread at a time. It does no pacing and writes nothing to rings; replay and backtest do.
 *
 * Formats (the header row decides; further columns are ignored):
 *   trades     ts_ns, symbol, price, size [, exchange, cond, corr, side | aggressor, trade_id]
 *   quotes     ts_ns, symbol, bid, ask [, bid_size, ask_size, exchange]        a blank side is 0
 *   bars       ts_ns, symbol, open, high, low, close [, volume]                ts_ns is the start
 *   quotebars  ts_ns, symbol, bid_open … bid_close, ask_open … ask_close [, bid_size, ask_size]
 *   daily      date, symbol, open, high, low, close [, volume]                 starts at midnight in New York
 *              [, split_ratio, ex_dividend]                                    new shares for an old one; of one share
 *   depth      ts_ns, symbol, update_id, snapshot, side, price, size           size 0 takes the level away
 *   actions    type, date, symbol, value      split: old price to new, 0.5 is two for one; dividend: of one share
 */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CodedError } from "../core/errors.ts";
import type { Calendar } from "../core/market/calendar.ts";
import { type RowLayout, readHeader } from "./recorded-header.ts";
import { RowParser } from "./recorded-row.ts";
import type { MutableTick, Tick } from "./tick.ts";
import { emptyTick } from "./tick.ts";

export { mergeRecordings, type TickSource } from "./merge-recordings.ts";
export type { Tick, TickKind } from "./tick.ts";

export interface RecordingOptions {
  /** Quote files: only this exchange's quotes (a per-exchange file is no consolidated best bid and offer). */
  readonly quoteExchange?: string;
  /** Only these symbols. */
  readonly symbols?: readonly string[];
  /** Bar files: seconds of a bar; by default the smallest step between bars of one symbol at the start of the file. */
  readonly intervalSeconds?: number;
  /** Bar files: what the stamps of the file mean; ticks always carry the start. */
  readonly barStamp?: "start" | "end";
  /** Daily files: the splits or dividends of the rows in place of the bars. */
  readonly only?: "splits" | "dividends";
  /** Daily files: where a symbol keeps sessions, its bars last from their opening to their close. */
  readonly sessions?: (symbol: string) => Calendar | null;
}

/** Counts of one reading of a file, complete when the iteration has ended. */
export interface RecordingStats {
  /** Rows yielded. */
  rows: number;
  /** Rows left out: other exchange or symbol. */
  filteredRows: number;
  /**
   * Rows left out because the tape cancelled the trade (`corr`), the bar has a blank price or belongs to a day without a
   * session, or the row has no action.
   */
  skippedRows: number;
}

export interface Recording extends AsyncIterable<readonly Tick[]> {
  readonly path: string;
  readonly stats: RecordingStats;
}

const BATCH_ROWS = 1024;
const READ_BYTES = 128 * 1024;
const MAX_LINE_BYTES = 4096;
const NEWLINE = 10;

/**
 * Opens a recording; the file is read as it is iterated, once. The batch array and its ticks are reused: they are valid
 * until the next one is asked for. Throws `DATA_FILE` when the file cannot be read and `DATA_FORMAT`, naming file, line
 * and column, for a truncated or damaged gzip stream, an unknown header, a malformed row or time going backwards.
 */
export function openRecording(path: string, options: RecordingOptions = {}): Recording {
  const stats: RecordingStats = { rows: 0, filteredRows: 0, skippedRows: 0 };
  return { path, stats, [Symbol.asyncIterator]: () => readBatches(path, options, stats) };
}

/** Reads the header row only. Throws as `openRecording`. */
export async function readLayout(path: string): Promise<RowLayout> {
  const file = basename(path);
  for await (const { bytes } of readLines(path, () => 0)) {
    return readHeader(bytes.toString("utf8", 0, bytes.indexOf(NEWLINE)), file);
  }
  throw emptyFile(file);
}

function emptyFile(file: string): CodedError {
  return new CodedError("DATA_FORMAT", `${file}: line 1: a header row is needed, the file is empty`);
}

async function* readBatches(
  path: string,
  options: RecordingOptions,
  stats: RecordingStats,
): AsyncGenerator<readonly Tick[], void, void> {
  const file = basename(path);
  const batch = new Batch();
  let layout: RowLayout | null = null;
  let parser: RowParser | null = null;
  let lineNumber = 0;
  for await (const block of readLines(path, () => lineNumber)) {
    let start = 0;
    const { bytes, end } = block;
    while (start < end) {
      const newline = bytes.indexOf(NEWLINE, start);
      lineNumber++;
      if (parser === null) {
        layout = readHeader(bytes.toString("utf8", start, newline), file);
        parser = new RowParser(layout, file, options, stats);
      } else {
        const tick = batch.next();
        if (parser.parse(bytes, start, newline, lineNumber, tick)) batch.keep();
        if (batch.full) yield* flush(batch, parser, stats);
      }
      start = newline + 1;
    }
  }
  if (parser === null) throw emptyFile(file);
  yield* flush(batch, parser, stats);
}

function* flush(batch: Batch, parser: RowParser, stats: RecordingStats): Generator<readonly Tick[], void, void> {
  const rows = batch.take();
  if (rows.length === 0) return;
  parser.finish(rows);
  stats.rows += rows.length;
  yield rows;
}

/** Whole lines, each ended by a newline, in `bytes[0..end)`; reused from block to block. */
interface LineBlock {
  bytes: Buffer;
  end: number;
}

async function* readLines(path: string, lineNumber: () => number): AsyncGenerator<LineBlock, void, void> {
  const file = basename(path);
  const block: LineBlock = { bytes: Buffer.allocUnsafe(READ_BYTES + MAX_LINE_BYTES), end: 0 };
  let kept = 0;
  try {
    for await (const chunk of inflate(path)) {
      const total = kept + chunk.length;
      if (total + 1 > block.bytes.length) block.bytes = Buffer.concat([block.bytes.subarray(0, kept)], total + 1);
      chunk.copy(block.bytes, kept);
      const last = block.bytes.lastIndexOf(NEWLINE, total - 1);
      block.end = last < kept ? 0 : last + 1;
      if (block.end > 0) yield block;
      kept = total - block.end;
      if (kept > MAX_LINE_BYTES) {
        throw new CodedError(
          "DATA_FORMAT",
          `${file}: line ${lineNumber() + 1}: a line may have at most ${MAX_LINE_BYTES} bytes`,
        );
      }
      block.bytes.copyWithin(0, block.end, total);
    }
  } catch (error) {
    throw readError(error, file, lineNumber());
  }
  if (kept > 0) {
    block.bytes[kept] = NEWLINE;
    block.end = kept + 1;
    yield block;
  }
}

async function* inflate(path: string): AsyncGenerator<Buffer, void, void> {
  const source = createReadStream(path, { highWaterMark: READ_BYTES });
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  source.on("error", (error) => gunzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gunzip) as Readable) yield chunk as Buffer;
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

function readError(error: unknown, file: string, lineNumber: number): CodedError {
  if (error instanceof CodedError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== undefined && code.startsWith("Z_")) {
    const fault = code === "Z_BUF_ERROR" ? "the gzip stream is cut off" : `not a sound gzip stream (${message})`;
    return new CodedError(
      "DATA_FORMAT",
      `${file}: after line ${lineNumber}: ${fault}; a whole gzip CSV file is needed`,
      {
        cause: error,
      },
    );
  }
  return new CodedError("DATA_FILE", `${file}: cannot be read: ${message}`, { field: "path", cause: error });
}

/** Ticks that live as long as the reading and are lent out in batches. */
class Batch {
  readonly #pool: MutableTick[] = Array.from({ length: BATCH_ROWS }, emptyTick);
  readonly #whole: readonly MutableTick[] = this.#pool;
  #count = 0;

  get full(): boolean {
    return this.#count === BATCH_ROWS;
  }

  next(): MutableTick {
    return this.#pool[this.#count] as MutableTick;
  }

  keep(): void {
    this.#count++;
  }

  take(): readonly MutableTick[] {
    const rows = this.full ? this.#whole : this.#pool.slice(0, this.#count);
    this.#count = 0;
    return rows;
  }
}
