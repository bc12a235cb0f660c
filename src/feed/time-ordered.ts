/**
 * A recorded file that is sorted by symbol (bars, daily bars, corporate actions) → its ticks in time order, in bounded
 * memory: one reading writes the rows, binary, into a temporary file that is gone with the reading; then all symbols are
 * read from their places at once, a few rows of each. Owned by one thread.
 */
import { mkdtempSync, openSync, closeSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError } from "../core/errors.ts";
import { knownAtUs, rankOf } from "./merge-recordings.ts";
import type { Recording } from "./recorded-file.ts";
import { emptyTick, type MutableTick, type Tick, type TickKind } from "./tick.ts";

export interface TimeOrderedOptions {
  /** Every bar comes twice: its first price at its start, and the whole of it at its end. */
  readonly barOpens?: boolean;
}

/** The numbers of a row, in the order of their places in the file. */
const FIELDS = [
  "timeUs",
  "openUs",
  "closeUs",
  "intervalSeconds",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "bid",
  "bidSize",
  "ask",
  "askSize",
  "fromShares",
  "toShares",
  "amount",
] as const satisfies readonly (keyof Tick)[];
const KINDS: readonly TickKind[] = ["bar", "split", "dividend"];
const ROW_NUMBERS = FIELDS.length + 1;
const ROW_BYTES = ROW_NUMBERS * 8;
/** Rows that are held of each symbol. */
const HELD_ROWS = 64;
const WRITE_ROWS = 2048;
const BATCH_TICKS = 1024;

/** Wraps a recording of a by-symbol kind. Batches are valid until the next one is asked for. Throws what it throws. */
export async function* timeOrdered(
  recording: Recording,
  options: TimeOrderedOptions = {},
): AsyncGenerator<readonly Tick[], void, void> {
  const spool = new Spool();
  try {
    for await (const ticks of recording) for (const tick of ticks) spool.write(tick);
    const runs = spool.runs();
    yield* merged(runs, options.barOpens ?? false, recording.path);
  } finally {
    spool.close();
  }
}

function* merged(runs: readonly Run[], barOpens: boolean, path: string): Generator<readonly Tick[], void, void> {
  const heads = runs.map((run, index) => new RunHead(run, index, barOpens, path));
  const heap = new Heap(heads.filter((head) => head.advance()));
  const batch: Tick[] = [];
  for (let head = heap.first; head !== undefined; head = heap.first) {
    batch.push(head.copy());
    if (head.advance()) heap.sinkFirst();
    else heap.removeFirst();
    if (batch.length < BATCH_TICKS) continue;
    yield batch;
    batch.length = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Rows of one symbol that follow each other in the file. */
interface Run {
  readonly file: number;
  readonly symbol: string;
  readonly firstRow: number;
  rows: number;
}

class Spool {
  readonly #directory = mkdtempSync(join(tmpdir(), "time-ordered-"));
  readonly #file = openSync(join(this.#directory, "rows"), "w+", 0o600);
  readonly #buffer = new Float64Array(WRITE_ROWS * ROW_NUMBERS);
  readonly #runs: Run[] = [];
  #held = 0;
  #rows = 0;

  write(tick: Tick): void {
    let run = this.#runs.at(-1);
    if (run?.symbol !== tick.symbol) {
      run = { file: this.#file, symbol: tick.symbol, firstRow: this.#rows, rows: 0 };
      this.#runs.push(run);
    }
    run.rows++;
    this.#rows++;
    const start = this.#held++ * ROW_NUMBERS;
    this.#buffer[start] = KINDS.indexOf(tick.kind);
    for (let field = 0; field < FIELDS.length; field++) {
      this.#buffer[start + 1 + field] = tick[FIELDS[field] as (typeof FIELDS)[number]];
    }
    if (this.#held === WRITE_ROWS) this.#flush();
  }

  runs(): readonly Run[] {
    this.#flush();
    return this.#runs;
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #flush(): void {
    const bytes = Buffer.from(this.#buffer.buffer, 0, this.#held * ROW_BYTES);
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
    this.#held = 0;
  }
}

/** Reads a run, and shows its next tick; with `barOpens` a bar's open, then the bar. */
class RunHead {
  readonly #run: Run;
  readonly #index: number;
  readonly #barOpens: boolean;
  readonly #path: string;
  readonly #rows: Float64Array;
  readonly #bytes: Buffer;
  readonly #tick: MutableTick = emptyTick();
  #next = 0;
  /** The start of the bar whose open is shown. */
  #startUs = 0;
  timeUs = Number.NEGATIVE_INFINITY;
  rank = 0;

  constructor(run: Run, index: number, barOpens: boolean, path: string) {
    this.#run = run;
    this.#index = index;
    this.#barOpens = barOpens;
    this.#path = path;
    this.#rows = new Float64Array(Math.min(HELD_ROWS, run.rows) * ROW_NUMBERS);
    this.#bytes = Buffer.from(this.#rows.buffer);
    this.#tick.symbol = run.symbol;
  }

  precedes(other: RunHead): boolean {
    if (this.timeUs !== other.timeUs) return this.timeUs < other.timeUs;
    if (this.rank !== other.rank) return this.rank < other.rank;
    return this.#index < other.#index;
  }

  copy(): Tick {
    return { ...this.#tick };
  }

  /** To the next tick; false at the end. */
  advance(): boolean {
    const tick = this.#tick;
    if (tick.kind === "barOpen") {
      tick.kind = "bar";
      tick.timeUs = this.#startUs;
      return this.#look();
    }
    if (this.#next === this.#run.rows) return false;
    this.#load();
    if (tick.kind === "bar" && this.#barOpens) {
      this.#startUs = tick.timeUs;
      tick.kind = "barOpen";
      tick.timeUs = tick.openUs;
    }
    return this.#look();
  }

  #load(): void {
    const held = this.#rows.length / ROW_NUMBERS;
    const at = this.#next % held;
    if (at === 0) this.#read();
    const start = at * ROW_NUMBERS;
    this.#tick.kind = KINDS[this.#rows[start] as number] as TickKind;
    for (let field = 0; field < FIELDS.length; field++) {
      this.#tick[FIELDS[field] as (typeof FIELDS)[number]] = this.#rows[start + 1 + field] as number;
    }
    this.#next++;
  }

  #read(): void {
    const { file, firstRow, rows } = this.#run;
    const wanted = Math.min(this.#bytes.length, (rows - this.#next) * ROW_BYTES);
    const position = (firstRow + this.#next) * ROW_BYTES;
    for (let read = 0; read < wanted; ) {
      read += readSync(file, this.#bytes, read, wanted - read, position + read);
    }
  }

  #look(): boolean {
    const timeUs = knownAtUs(this.#tick);
    if (timeUs < this.timeUs) {
      throw new CodedError(
        "DATA_FORMAT",
        `${this.#path}: a bar of ${this.#tick.symbol} that ends at ${timeUs} us begins before the one before it has ended`,
        { field: "intervalSeconds" },
      );
    }
    this.timeUs = timeUs;
    this.rank = rankOf(this.#tick);
    return true;
  }
}

/** A binary heap with the earliest head at its top. */
class Heap {
  readonly #heads: RunHead[];

  constructor(heads: RunHead[]) {
    this.#heads = heads;
    for (let at = heads.length >> 1; at >= 0; at--) this.#sink(at);
  }

  get first(): RunHead | undefined {
    return this.#heads[0];
  }

  /** The first one has moved on. */
  sinkFirst(): void {
    this.#sink(0);
  }

  removeFirst(): void {
    const last = this.#heads.pop() as RunHead;
    if (this.#heads.length === 0) return;
    this.#heads[0] = last;
    this.#sink(0);
  }

  #sink(from: number): void {
    const heads = this.#heads;
    const head = heads[from];
    if (head === undefined) return;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heads.length) break;
      if (child + 1 < heads.length && (heads[child + 1] as RunHead).precedes(heads[child] as RunHead)) child++;
      if (!(heads[child] as RunHead).precedes(head)) break;
      heads[at] = heads[child] as RunHead;
      at = child;
    }
    heads[at] = head;
  }
}
