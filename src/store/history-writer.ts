/**
 * Writes what people look at later: bars, signals, equity, runs. Main thread only. Rows wait in one bounded buffer and go out
 * in batches; while the database is away the oldest are dropped and counted. Orders and fills never go this way.
 */
import { type DatabaseTransactionConnection, sql } from "slonik";
import { z } from "zod";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import type { Store } from "./store.ts";

export interface BarEntry {
  readonly kind: "bar";
  readonly symbol: string;
  readonly intervalSeconds: number;
  readonly startUs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

export interface SignalEntry {
  readonly kind: "signal";
  readonly instanceId: string;
  readonly symbol: string;
  readonly target: Fixed;
  readonly reason: string;
  readonly value: number;
  readonly venueTimeUs: number;
  /** `committed`, `duplicate` or the refusal's code. */
  readonly outcome: string;
}

export interface EquityEntry {
  readonly kind: "equity";
  readonly atUs: number;
  readonly equity: Fixed;
}

export interface RunEntry {
  readonly kind: "run";
  readonly runId: string;
  /** What ran: `backtest`, `replay`, … */
  readonly runKind: string;
  readonly startedAtMs: number;
  /** Anything that JSON can hold; decimals as strings. */
  readonly summary: object;
}

export type HistoryEntry = BarEntry | SignalEntry | EquityEntry | RunEntry;

export interface HistoryWriterOptions {
  readonly store: Store;
  /** Rows that may wait; more drop the oldest. */
  readonly capacity: number;
  /** Pause between batches, ms. */
  readonly flushMs: number;
  /** Told of rows that the database refuses: a fault of ours. They are dropped. */
  readonly onRefused: (error: unknown, rows: number) => void;
}

const BATCH = 1000;

export class HistoryWriter {
  readonly #options: HistoryWriterOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: HistoryEntry[] = [];
  #flushing: Promise<void> | null = null;
  #dropped = 0;

  constructor(options: HistoryWriterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.flushMs);
    this.#timer.unref();
  }

  /** Rows that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Never waits and never throws. */
  add(entry: HistoryEntry): void {
    this.#waiting.push(entry);
    // Trimmed in steps: moving a full buffer for every row would cost a copy each.
    if (this.#waiting.length > this.#options.capacity + BATCH) this.#trim();
  }

  /** Writes what waits, as far as the database takes it. */
  flush(): Promise<void> {
    this.#flushing ??= this.#run().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Writes the rest once more and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    await this.flush();
  }

  #trim(): void {
    const surplus = this.#waiting.length - this.#options.capacity;
    if (surplus <= 0) return;
    this.#waiting.splice(0, surplus);
    this.#dropped += surplus;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        await this.#options.store.transaction((connection) => writeBatch(connection, batch));
      } catch (error) {
        if (error instanceof CodedError && error.code === "STORE_UNAVAILABLE") {
          this.#waiting = batch.concat(this.#waiting);
          this.#trim();
          return;
        }
        this.#dropped += batch.length;
        this.#options.onRefused(error, batch.length);
      }
    }
  }
}

async function writeBatch(connection: DatabaseTransactionConnection, batch: readonly HistoryEntry[]): Promise<void> {
  await writeBars(
    connection,
    newestByKey(ofKind(batch, "bar"), (bar) => `${bar.symbol}\n${bar.intervalSeconds}\n${bar.startUs}`),
  );
  await writeSignals(connection, ofKind(batch, "signal"));
  await writeEquity(
    connection,
    newestByKey(ofKind(batch, "equity"), (point) => String(point.atUs)),
  );
  for (const run of ofKind(batch, "run")) await writeRun(connection, run);
}

function ofKind<K extends HistoryEntry["kind"]>(
  batch: readonly HistoryEntry[],
  kind: K,
): Extract<HistoryEntry, { kind: K }>[] {
  return batch.filter((entry): entry is Extract<HistoryEntry, { kind: K }> => entry.kind === kind);
}

/** One statement may not touch a row twice. */
function newestByKey<T>(entries: readonly T[], key: (entry: T) => string): T[] {
  return [...new Map(entries.map((entry) => [key(entry), entry])).values()];
}

const nothing = z.unknown();

async function writeBars(connection: DatabaseTransactionConnection, bars: readonly BarEntry[]): Promise<void> {
  if (bars.length === 0) return;
  const rows = bars.map((b) => [b.symbol, b.intervalSeconds, b.startUs, b.open, b.high, b.low, b.close, b.volume]);
  const types = ["text", "int4", "int8", "float8", "float8", "float8", "float8", "float8"];
  await connection.query(sql.type(nothing)`
    INSERT INTO bars (symbol, interval_seconds, start_us, open, high, low, close, volume)
    SELECT * FROM ${sql.unnest(rows, types)}
    ON CONFLICT (symbol, interval_seconds, start_us) DO UPDATE SET open = excluded.open, high = excluded.high,
      low = excluded.low, close = excluded.close, volume = excluded.volume`);
}

async function writeSignals(connection: DatabaseTransactionConnection, signals: readonly SignalEntry[]): Promise<void> {
  if (signals.length === 0) return;
  const rows = signals.map((s) => [
    s.instanceId,
    s.symbol,
    formatFixed(s.target),
    s.reason,
    s.value,
    s.venueTimeUs,
    s.outcome,
  ]);
  const types = ["text", "text", "numeric", "text", "float8", "int8", "text"];
  await connection.query(sql.type(nothing)`
    INSERT INTO signals (instance_id, symbol, target, reason, value, venue_time_us, outcome)
    SELECT * FROM ${sql.unnest(rows, types)}`);
}

async function writeEquity(connection: DatabaseTransactionConnection, points: readonly EquityEntry[]): Promise<void> {
  if (points.length === 0) return;
  const rows = points.map((point) => [point.atUs, formatFixed(point.equity)]);
  await connection.query(sql.type(nothing)`
    INSERT INTO equity_points (at_us, equity) SELECT * FROM ${sql.unnest(rows, ["int8", "numeric"])}
    ON CONFLICT (at_us) DO UPDATE SET equity = excluded.equity`);
}

async function writeRun(connection: DatabaseTransactionConnection, run: RunEntry): Promise<void> {
  const summary = sql.jsonb(run.summary as Parameters<typeof sql.jsonb>[0]);
  await connection.query(sql.type(nothing)`
    INSERT INTO runs (run_id, kind, started_at_ms, summary)
    VALUES (${run.runId}, ${run.runKind}, ${run.startedAtMs}, ${summary})
    ON CONFLICT (run_id) DO UPDATE SET summary = excluded.summary`);
}
