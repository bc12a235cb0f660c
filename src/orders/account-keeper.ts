/**
 * Keeps the book's account: reads what moved it at the broker without a trade (dividends, splits, fees, transfers) and has the
 * journal apply each once. Main thread only. What it does not know by its type is told to a person, and halts its symbol
 * where it moves a position.
 */
import type { Broker, BrokerActivity } from "../broker/broker.ts";
import { CodedError } from "../core/errors.ts";
import { divideFixed, type Fixed } from "../core/fixed.ts";
import { newYorkTimeUs, parseEpochDay } from "../core/market/calendar.ts";
import type { AccountActivity, ActivityKind, Fence, Journal, JournalSnapshot, PositionRow } from "./journal.ts";

/** Lists may lag: activities are asked for from this much before the newest one that the journal has. */
const MARGIN_US = 600_000_000;
/** How long a fee in kind waits for orders of its symbol that may still have fills to tell of, ms. */
const FILL_WAIT_MS = 10_000;

/** Alpaca's types by what they do. */
const KINDS: Readonly<Record<string, ActivityKind>> = {
  DIV: "income",
  DIVCGL: "income",
  DIVCGS: "income",
  DIVFT: "income",
  DIVNRA: "income",
  DIVROC: "income",
  DIVTW: "income",
  DIVTXEX: "income",
  INT: "income",
  INTNRA: "income",
  INTTW: "income",
  FEE: "fee",
  DIVFEE: "fee",
  PTC: "fee",
  PTR: "fee",
  CFEE: "fee_in_kind",
  CSD: "transfer",
  CSW: "transfer",
  JNLC: "transfer",
  ACATC: "transfer",
  TRANS: "transfer",
  SPLIT: "split",
  SSP: "split",
};

export interface AccountKeeperOptions {
  readonly broker: Broker;
  readonly journal: Journal;
  readonly fence: () => Fence | null;
  readonly alert: (code: string, message: string, symbol: string | null) => void;
  /** True while an order of the symbol may have fills that the journal does not have. */
  readonly awaitsFills: (symbol: string) => boolean;
  /** Monotonic real time, ms. */
  readonly nowMs: () => number;
}

export interface ActivityReport {
  readonly applied: number;
  /** Symbols whose prices and quantities are other ones from now on. */
  readonly splits: readonly string[];
}

export class AccountKeeper {
  readonly #options: AccountKeeperOptions;
  readonly #told = new Set<string>();
  /** Activities that the journal has, and those that wait, by id with the time at which they were seen first. */
  readonly #known = new Set<string>();
  readonly #waiting = new Map<string, number>();
  #pendingFees = new Map<string, Fixed>();

  constructor(options: AccountKeeperOptions) {
    this.#options = options;
  }

  /** Fees in kind of a symbol that were read and wait for their fills: the book has so much more than the broker. */
  pendingFee(symbol: string): Fixed {
    return this.#pendingFees.get(symbol) ?? 0n;
  }

  get hasPendingFees(): boolean {
    return this.#pendingFees.size > 0;
  }

  /**
   * Every fill that is known must be in the journal. Throws `RECONCILE_FAILED` when the broker cannot be read and `FENCED`
   * without the lease.
   */
  async read(): Promise<ActivityReport> {
    const { broker, journal, fence } = this.#options;
    const snapshot = await journal.load();
    const { openedAtUs, lastActivityTimeUs } = snapshot;
    const found = await broker.activitiesSince(Math.max(openedAtUs, lastActivityTimeUs - MARGIN_US));
    if (found.kind !== "ok") {
      const cause = found.kind === "failed" ? found.cause : "not found";
      throw new CodedError("RECONCILE_FAILED", `the broker's activities could not be read: ${cause}`);
    }
    const rows = found.value.filter((row) => row.createdAtUs >= openedAtUs);
    const known = rows.filter((row) => kindOf(row) !== null);
    for (const row of rows) if (kindOf(row) === null) await this.#tellUnknown(row);
    let applied = 0;
    const splits: string[] = [];
    this.#pendingFees = new Map();
    // One by one: what a split makes of a position depends on those before it.
    for (const group of grouped(known)) {
      const held = fence();
      if (held === null) throw new CodedError("FENCED", "the lease went while activities were read");
      if (this.#waits(group)) continue;
      const activity = accountActivity(group, applied === 0 ? snapshot : await journal.load());
      if (activity === null) continue;
      const [isFirst] = await journal.applyActivities(held, [activity]);
      for (const id of activity.activityIds) this.#known.add(id);
      if (isFirst !== true) continue;
      applied += 1;
      if (activity.kind === "split" && activity.symbol !== null) splits.push(activity.symbol);
    }
    this.#forgetAllBut(new Set(rows.map(({ id }) => id)));
    return { applied, splits };
  }

  /**
   * A fee in kind may be read before its fill has come by the stream, which brings the same fee: booked now, it would be booked
   * twice. It waits for the orders of its symbol, but not for ever: one that rests has told of its fills by then.
   */
  #waits(group: readonly BrokerActivity[]): boolean {
    const { awaitsFills, nowMs } = this.#options;
    const { id, symbol, quantity } = group[0] as BrokerActivity;
    if (kindOf(group[0] as BrokerActivity) !== "fee_in_kind" || symbol === null || this.#known.has(id)) return false;
    const sinceMs = this.#waiting.get(id) ?? nowMs();
    if (!awaitsFills(symbol) || nowMs() - sinceMs >= FILL_WAIT_MS) {
      this.#waiting.delete(id);
      return false;
    }
    this.#waiting.set(id, sinceMs);
    this.#pendingFees.set(symbol, this.pendingFee(symbol) - (quantity ?? 0n));
    return true;
  }

  /** What is not listed any more does not come again. */
  #forgetAllBut(listed: ReadonlySet<string>): void {
    for (const id of this.#known) if (!listed.has(id)) this.#known.delete(id);
    for (const id of this.#waiting.keys()) if (!listed.has(id)) this.#waiting.delete(id);
  }

  async #tellUnknown(row: BrokerActivity): Promise<void> {
    const { journal, alert } = this.#options;
    if (this.#told.has(row.id)) return;
    const message = `activity ${row.id} of type ${row.type} (${row.status}) is not known: ${row.description}`;
    if (row.symbol !== null && row.quantity !== null && row.quantity !== 0n) {
      await journal.setTradingState(`symbol:${row.symbol}`, "halted", "reconciliation", message);
    }
    this.#told.add(row.id);
    alert("ACTIVITY_UNKNOWN", message, row.symbol);
  }
}

/** Null for what must not be applied by its type alone. */
function kindOf(row: BrokerActivity): ActivityKind | null {
  if (row.status !== "executed") return null;
  const kind = KINDS[row.type] ?? null;
  const movesShares = row.quantity !== null && row.quantity !== 0n;
  if (kind === "fee_in_kind") return movesShares && row.symbol !== null ? kind : "fee";
  if (kind === "split") return movesShares && row.symbol !== null ? kind : null;
  // Securities that come or go have a cost that nobody tells.
  return kind === "transfer" && movesShares ? null : kind;
}

/** The parts of one split belong together: old shares out, new ones in, the fraction paid. */
function grouped(rows: readonly BrokerActivity[]): (readonly BrokerActivity[])[] {
  const keyOf = (row: BrokerActivity) => (kindOf(row) === "split" ? `split ${row.symbol} ${row.date}` : row.id);
  return [...Map.groupBy(rows, keyOf).values()];
}

/** Null for a split of what the book does not hold, or whose other part is not there yet. */
function accountActivity(group: readonly BrokerActivity[], { positions }: JournalSnapshot): AccountActivity | null {
  const first = group[0] as BrokerActivity;
  const kind = kindOf(first) as ActivityKind;
  const movesShares = kind === "split" || kind === "fee_in_kind";
  const quantity = movesShares ? sum(group.map((row) => row.quantity ?? 0n)) : 0n;
  const cash = sum(group.map((row) => row.netAmount));
  const price = group.find((row) => row.price !== null)?.price ?? 0n;
  const createdAtUs = Math.max(...group.map((row) => row.createdAtUs));
  const activity = { activityIds: group.map((row) => row.id), kind, symbol: first.symbol, quantity, cash };
  if (kind !== "split") {
    return { ...activity, price: kind === "fee_in_kind" ? price : 0n, ratio: 0n, venueTimeUs: createdAtUs };
  }
  const ratio = splitRatio(
    positions,
    first.symbol,
    quantity,
    price === 0n ? 0n : divideFixed(cash, price, "half_even"),
  );
  if (ratio === null) return null;
  const dayUs = newYorkTimeUs(parseEpochDay(first.date, "date"), 0);
  return { ...activity, price: 0n, ratio, venueTimeUs: Math.max(createdAtUs, dayUs) };
}

/** New shares for each old one, the paid fraction included. */
function splitRatio(
  positions: readonly PositionRow[],
  symbol: string | null,
  change: Fixed,
  paidQuantity: Fixed,
): Fixed | null {
  const before = sum(positions.filter((row) => row.symbol === symbol).map((row) => row.quantity));
  const after = before + change + paidQuantity;
  if (before === 0n || after === 0n || after > 0n !== before > 0n) return null;
  return divideFixed(after, before, "half_even");
}

function sum(values: readonly Fixed[]): Fixed {
  return values.reduce((total, value) => total + value, 0n);
}
