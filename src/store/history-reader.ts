/**
 * Reads the past for the faces: orders, trades, signals, bars, equity, runs and the figures over all trades. Main thread only.
 * Pages go from the newest row back: `before` is the `position` of the last row of the page before.
 */
import { sql } from "slonik";
import { z } from "zod";
import type { Fixed } from "../core/fixed.ts";
import type { JournalOrder } from "../orders/journal.ts";
import { decimalColumn, orderRow } from "./journal-rows.ts";
import type { Store } from "./store.ts";

export interface HistoryPage {
  /** 1 to 1,000 rows. */
  readonly limit: number;
  /** Null for the newest rows. */
  readonly before: number | null;
}

const LIMIT_MAX = 1000;
const integer = z.union([z.bigint(), z.number()]).transform(Number);

const placedRow = z.object({ position: integer, order: orderRow });

const tradeRow = z.object({
  position: integer,
  executionId: z.string(),
  clientOrderId: z.string(),
  instanceId: z.string(),
  symbol: z.string(),
  side: z.enum(["buy", "sell"]),
  quantity: decimalColumn,
  price: decimalColumn,
  fee: decimalColumn,
  feeQuantity: decimalColumn,
  /** Before fees. */
  realised: decimalColumn,
  /** Against the mid at the decision, positive is worse; null when the mid was unknown. */
  slippageBps: z.number().nullable(),
  venueTimeUs: integer,
});
export type TradeRow = z.output<typeof tradeRow>;

const signalRow = z.object({
  position: integer,
  instanceId: z.string(),
  symbol: z.string(),
  target: decimalColumn,
  reason: z.string(),
  value: z.number(),
  venueTimeUs: integer,
  outcome: z.string(),
});
export type SignalRow = z.output<typeof signalRow>;

const barRow = z.object({
  /** The bar's start, µs: also its position in pages. */
  position: integer,
  symbol: z.string(),
  intervalSeconds: z.number(),
  open: z.number(),
  high: z.number(),
  low: z.number(),
  close: z.number(),
  volume: z.number(),
});
export type BarRow = z.output<typeof barRow>;

const equityRow = z.object({ atUs: integer, equity: decimalColumn });

const runRow = z.object({
  position: integer,
  runId: z.string(),
  kind: z.string(),
  startedAtMs: integer,
  summary: z.record(z.string(), z.unknown()),
});
export type RunRow = z.output<typeof runRow>;

const statisticsRow = z.object({
  trades: integer,
  roundTrips: integer,
  wins: integer,
  averageSlippageBps: z.number().nullable(),
});
/** Over all trades: how many round trips closed and how many of them with a profit after fees. */
export type TradeStatistics = z.output<typeof statisticsRow>;

export type OrderSelection = "open" | "closed" | "all";

const OPEN = sql.fragment`o.state IN ('journalled', 'sending', 'unknown', 'accepted', 'partially_filled')`;
const SELECTIONS = { open: OPEN, closed: sql.fragment`NOT (${OPEN})`, all: sql.fragment`true` } as const;

export class HistoryReader {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async orders(
    filter: { readonly state: OrderSelection; readonly symbol: string | null },
    page: HistoryPage,
  ): Promise<readonly { readonly position: number; readonly order: JournalOrder }[]> {
    return this.#store.rows(sql.type(placedRow)`
      SELECT o.seq AS position, order_json(o) AS order FROM orders o
      WHERE ${SELECTIONS[filter.state]} AND ${symbolIs("o", filter.symbol)} AND ${isBefore("o", page)}
      ORDER BY o.seq DESC LIMIT ${limitOf(page)}`);
  }

  /** By our id or the broker's; null when there is none. */
  async order(id: string): Promise<JournalOrder | null> {
    const rows = await this.#store.rows(sql.type(placedRow)`
      SELECT o.seq AS position, order_json(o) AS order FROM orders o
      WHERE o.client_order_id = ${id} OR o.broker_order_id = ${id} ORDER BY o.client_order_id = ${id} DESC LIMIT 1`);
    return rows[0]?.order ?? null;
  }

  async trades(filter: { readonly symbol: string | null }, page: HistoryPage): Promise<readonly TradeRow[]> {
    return this.#store.rows(sql.type(tradeRow)`
      SELECT x.seq AS position, x.execution_id AS "executionId", x.client_order_id AS "clientOrderId",
        x.instance_id AS "instanceId", x.symbol, x.side, x.quantity, x.price, x.fee, x.fee_quantity AS "feeQuantity",
        x.realised, x.slippage_bps AS "slippageBps", x.venue_time_us AS "venueTimeUs"
      FROM executions x WHERE ${symbolIs("x", filter.symbol)} AND ${isBefore("x", page)}
      ORDER BY x.seq DESC LIMIT ${limitOf(page)}`);
  }

  async signals(page: HistoryPage): Promise<readonly SignalRow[]> {
    return this.#store.rows(sql.type(signalRow)`
      SELECT s.seq AS position, s.instance_id AS "instanceId", s.symbol, s.target, s.reason, s.value,
        s.venue_time_us AS "venueTimeUs", s.outcome
      FROM signals s WHERE ${isBefore("s", page)} ORDER BY s.seq DESC LIMIT ${limitOf(page)}`);
  }

  /** Newest first, prices of before a split adjusted to after it; `before` is a start in µs. */
  async bars(symbol: string, intervalSeconds: number, page: HistoryPage): Promise<readonly BarRow[]> {
    return this.#store.rows(sql.type(barRow)`
      SELECT start_us AS position, symbol, interval_seconds AS "intervalSeconds", open / factor AS open,
        high / factor AS high, low / factor AS low, close / factor AS close, volume * factor AS volume
      FROM bars b CROSS JOIN LATERAL (SELECT coalesce(exp(sum(ln(s.ratio::float8))), 1) AS factor
        FROM splits s WHERE s.symbol = b.symbol AND s.at_us > b.start_us) AS adjustment
      WHERE symbol = ${symbol} AND interval_seconds = ${intervalSeconds}
        AND (${page.before}::bigint IS NULL OR start_us < ${page.before}::bigint)
      ORDER BY start_us DESC LIMIT ${limitOf(page)}`);
  }

  /** Oldest first, from `fromUs` on, thinned to at most `points` by the last of each equal stretch of time. */
  async equity(fromUs: number, points: number): Promise<readonly { readonly atUs: number; readonly equity: Fixed }[]> {
    return this.#store.rows(sql.type(equityRow)`
      SELECT at_us AS "atUs", equity FROM (
        SELECT DISTINCT ON (bucket) at_us, equity FROM (
          SELECT at_us, equity, div((at_us - min(at_us) OVER ()) * ${points}::numeric,
            max(at_us) OVER () - min(at_us) OVER () + 1) AS bucket
          FROM equity_points WHERE at_us >= ${fromUs}) AS placed
        ORDER BY bucket, at_us DESC) AS thinned
      ORDER BY at_us`);
  }

  async runs(page: HistoryPage): Promise<readonly RunRow[]> {
    return this.#store.rows(sql.type(runRow)`
      SELECT r.seq AS position, r.run_id AS "runId", r.kind, r.started_at_ms AS "startedAtMs", r.summary
      FROM runs r WHERE ${isBefore("r", page)} ORDER BY r.seq DESC LIMIT ${limitOf(page)}`);
  }

  /**
   * A round trip runs from flat to flat, or to the other side; it won when it realised more than its fees. Slippage is
   * weighted by notional.
   */
  async statistics(): Promise<TradeStatistics> {
    const rows = await this.#store.rows(sql.type(statisticsRow)`
      WITH marked AS (
        SELECT x.*, (closing AND (position_after = 0 OR (position_after > 0) = (side = 'buy'))) AS ends FROM executions x
      ), placed AS (
        SELECT m.*, count(*) FILTER (WHERE ends) OVER (PARTITION BY instance_id, symbol ORDER BY seq
          ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - ends::int AS trip FROM marked m
      ), trips AS (
        SELECT sum(realised - fee - fee_quantity * price) AS profit FROM placed
        GROUP BY instance_id, symbol, trip HAVING bool_or(ends)
      )
      SELECT (SELECT count(*) FROM executions) AS trades, count(*) AS "roundTrips",
        count(*) FILTER (WHERE profit > 0) AS wins,
        (SELECT sum(slippage_bps * notional::float8) / nullif(sum(notional::float8), 0) FROM executions
          WHERE slippage_bps IS NOT NULL) AS "averageSlippageBps"
      FROM trips`);
    return rows[0] as TradeStatistics;
  }
}

type Fragment = ReturnType<typeof sql.fragment>;

function limitOf(page: HistoryPage): number {
  return Math.min(Math.max(Math.trunc(page.limit), 1), LIMIT_MAX);
}

function isBefore(table: string, page: HistoryPage): Fragment {
  if (page.before === null) return sql.fragment`true`;
  return sql.fragment`${sql.identifier([table, "seq"])} < ${page.before}::bigint`;
}

function symbolIs(table: string, symbol: string | null): Fragment {
  if (symbol === null) return sql.fragment`true`;
  return sql.fragment`${sql.identifier([table, "symbol"])} = ${symbol}`;
}
