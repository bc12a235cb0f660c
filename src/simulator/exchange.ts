/**
 * The account and its market behind the wire: the venue, its ledger, and everything that the protocol has to remember.
 * Whatever happens is in the ledger, on the disk, before anybody hears of it. Main thread of the simulator.
 */
import { createHash, randomUUID } from "node:crypto";
import { CodedError } from "../core/errors.ts";
import { type Fixed, formatFixed, parseFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import type {
  AmendTradeResult,
  CancelResult,
  CancelRow,
  ClosingSize,
  CorporateActionResult,
  NewVenueOrder,
  ReplaceRequest,
  ReplaceResult,
  SubmitResult,
  VenueActivity,
  VenueEvent,
  VenueOrder,
} from "../venue/order.ts";
import type { VenueSettings } from "../venue/admission.ts";
import { activityOfExecution } from "../venue/activity.ts";
import type { SplitRatio } from "../venue/corporate-actions.ts";
import { seedOf } from "../venue/seeded-hash.ts";
import { Venue } from "../venue/venue.ts";
import { AccountLog } from "./account-log.ts";
import { type AccountPreferences, DEFAULT_PREFERENCES } from "./account-preferences.ts";
import type { SimulatorConfig } from "./config.ts";
import { closeAfterSplit, closeOf, closeOfEntry, type DayClose, dayEntry, firstClose } from "./day-close.ts";
import { EquityHistory } from "./equity-history.ts";
import type { Ledger } from "./ledger.ts";
import {
  activityOfRecord,
  activityRecord,
  eventOfRecord,
  eventRecord,
  type HeadEntry,
  LEDGER_FORMAT,
  type LedgerEntry,
  orderOfRecord,
  orderRecord,
} from "./ledger-entry.ts";
import { ofFormat1 } from "./ledger-format-1.ts";
import { accountLines, openSnapshot, SnapshotReader } from "./ledger-snapshot.ts";
import { type FillConfig, feeModel, fillModel, latencyModel, slippageModel } from "./model-config.ts";
import type { MarketTick } from "./market-source.ts";
import { observeTick, playTick } from "./tick-play.ts";
import { Watchlists } from "./watchlists.ts";

export interface ExchangeOptions {
  readonly config: SimulatorConfig;
  readonly instruments: readonly Instrument[];
  /** What may not change under a ledger: the seed, or the files. */
  readonly market: string;
  readonly fill: FillConfig;
  readonly ledger: Ledger;
  readonly lines: readonly unknown[];
  /** Venue time of a new account, epoch microseconds. */
  readonly startUs: number;
}

export class Exchange {
  readonly venue: Venue;
  readonly ledger: Ledger;
  readonly head: HeadEntry;
  readonly log = new AccountLog();
  /** Told of every event that clients hear of, after it is on the disk, in order, with its number: it counts them from 1. */
  onEvent: (event: VenueEvent, number: number) => void = () => {};
  /** How the day before ended. */
  lastDay: DayClose;
  readonly equity: EquityHistory;
  readonly watchlists: Watchlists;
  preferences: AccountPreferences = DEFAULT_PREFERENCES;
  #position = 0;
  #recoveredTimeUs = 0;
  /** Each event's hash goes into the next one's, so that a ledger may begin anew. */
  #historyHash = "";
  #snapshot: SnapshotReader | null = null;
  readonly #compactBytes: number;

  constructor(options: ExchangeOptions) {
    const { config, instruments, ledger } = options;
    this.ledger = ledger;
    this.#compactBytes = config.ledgerCompactBytes;
    const [first, ...rest] = options.lines as LedgerEntry[];
    this.head = first === undefined ? this.#begin(options) : checkedHead(first, options);
    const startingCash = parseFixed(this.head.startingCash, "startingCash");
    this.lastDay = firstClose(this.head.startUs, startingCash);
    this.watchlists = new Watchlists((change) => ledger.append({ kind: "watchlist", ...change }));
    this.equity = new EquityHistory((sample) => {
      if (!sample.dayEnd) ledger.append({ kind: "equity", timeUs: sample.timeUs, equity: formatFixed(sample.equity) });
    });
    this.equity.restore({ timeUs: this.head.startUs, equity: startingCash, dayEnd: true });
    const seed = seedOf(this.head.accountId);
    this.venue = new Venue({
      instruments,
      startingCash,
      seed: this.head.accountId,
      cashRounding: config.cashRounding,
      settings: { maxMarginMultiplier: config.marginMultiplier },
      fill: fillModel(options.fill, config.partialFillRate, seed),
      fee: feeModel(config.fee),
      latency: latencyModel(config.latency, seed),
      slippage: slippageModel(config.slippage, seed),
    });
    for (const entry of rest) this.#recover(this.head.format === 1 ? ofFormat1(entry) : entry);
  }

  /** Those that are kept, oldest first. */
  get fills(): readonly VenueEvent[] {
    return this.venue.fills;
  }

  /** Of the account, other than fills; those that are kept, oldest first. */
  get activities(): readonly VenueActivity[] {
    return this.venue.activities;
  }

  /** Place of the newest tick that has been played, in this life or before. */
  get position(): number {
    return this.#position;
  }

  /** The newest venue time that the ledger knew at the start; 0 for a new account. */
  get recoveredTimeUs(): number {
    return this.#recoveredTimeUs;
  }

  /** Events of the account so far: order accepted, new, filled, and so on. */
  get eventCount(): number {
    return this.log.eventCount;
  }

  /** Of every event so far, by client order id: equal for equal histories, whatever the account and its order ids. */
  historyHash(): string {
    return this.#historyHash;
  }

  /** A tick of an earlier life: what it means to the market, without trading on it. */
  observe(tick: MarketTick): void {
    observeTick(this.venue, tick);
  }

  /** Plays a tick; returns how many events it caused (they follow through `onEvent`). */
  play(tick: MarketTick): number {
    this.#sample(tick.timeUs);
    this.#position = tick.position;
    if (tick.kind === "split") return this.split(this.#symbolOf(tick), tick, tick.timeUs).events.length;
    if (tick.kind === "dividend") return this.dividend(this.#symbolOf(tick), tick.amount, tick.timeUs).events.length;
    return this.#publish(playTick(this.venue, tick));
  }

  /** Time passes without a tick. */
  advance(timeUs: number): void {
    this.#sample(timeUs);
    this.#publish(this.venue.onTime(timeUs));
  }

  submit(request: NewVenueOrder, timeUs: number): SubmitResult {
    const result = this.venue.submit(request, timeUs);
    return this.#accepted(result, result.ok ? [result.order, ...result.legs] : []);
  }

  replace(id: string, request: ReplaceRequest, timeUs: number): ReplaceResult {
    const result = this.venue.replace(id, request, timeUs);
    return this.#accepted(result, result.ok ? [result.order] : []);
  }

  closePosition(symbol: string, size: ClosingSize, clientOrderId: string, timeUs: number): SubmitResult {
    const result = this.venue.closePosition(symbol, size, clientOrderId, timeUs);
    return this.#accepted(result, result.ok ? [result.order] : []);
  }

  cancel(id: string, timeUs: number): CancelResult {
    const result = this.venue.cancel(id, timeUs);
    this.#publish(result.events);
    return result;
  }

  /** One row for each order that was open. */
  cancelAll(timeUs: number): readonly CancelRow[] {
    const { rows, events } = this.venue.cancelAll(timeUs);
    this.#publish(events);
    return rows;
  }

  split(symbol: string, ratio: SplitRatio, timeUs: number): CorporateActionResult {
    const result = this.#acted(this.venue.split(symbol, ratio, timeUs));
    if (result.ok) {
      this.lastDay = closeAfterSplit(this.lastDay, symbol, ratio);
      this.ledger.append(dayEntry(this.lastDay));
    }
    return result;
  }

  dividend(symbol: string, perShare: Fixed, timeUs: number): CorporateActionResult {
    return this.#acted(this.venue.dividend(symbol, perShare, timeUs));
  }

  /** Undoes a trade; the account hears of it as an event. */
  bust(executionId: string, timeUs: number): AmendTradeResult {
    const result = this.venue.bust(executionId, timeUs);
    this.#publish(result.events);
    return result;
  }

  correct(executionId: string, price: Fixed, timeUs: number): AmendTradeResult {
    const result = this.venue.correct(executionId, price, timeUs);
    this.#publish(result.events);
    return result;
  }

  configure(change: Partial<VenueSettings>): void {
    this.venue.configure(change);
    this.ledger.append({ kind: "settings", settings: change });
  }

  prefer(change: Partial<AccountPreferences>): void {
    this.preferences = { ...this.preferences, ...change };
    this.ledger.append({ kind: "preferences", preferences: change });
  }

  /** The day is over: the next day's changes count from how it ended. */
  endDay(timeUs: number): void {
    this.#sample(timeUs);
    this.lastDay = closeOf(this.venue, timeUs);
    this.equity.endDay(timeUs, this.lastDay.equity);
    this.ledger.append(dayEntry(this.lastDay));
  }

  /** Shares have become hard or easy to borrow. */
  setBorrow(symbol: string, easy: boolean, timeUs: number): void {
    const market = this.venue.market(symbol);
    if (market === undefined) return;
    this.#publish(this.venue.onBorrow(market.instrument.index, easy, timeUs));
    this.ledger.append({ kind: "borrow", symbol, easy });
  }

  /** Writes down how far the market has been played; a ledger that has grown long begins anew. */
  markPosition(timeUs: number): void {
    this.ledger.append({ kind: "cursor", position: this.#position, timeUs });
    if (this.ledger.grownBytes >= this.#compactBytes) this.ledger.compact(this.#lines());
  }

  /** The account as a ledger that begins now. */
  #lines(): Iterable<LedgerEntry> {
    const { head, lastDay, preferences, venue } = this;
    return accountLines({
      head,
      position: this.#position,
      log: this.log.snapshot(),
      historyHash: this.#historyHash,
      venue: venue.snapshot(),
      settings: venue.settings,
      preferences,
      watchlists: this.watchlists.all(),
      // The first one is the account's beginning, which its head says.
      samples: this.equity.samples.slice(1),
      lastDay,
    });
  }

  /** Orders are in the ledger before their first event. */
  #accepted<Result extends { readonly events: readonly VenueEvent[] }>(
    result: Result,
    orders: readonly VenueOrder[],
  ): Result {
    for (const order of orders) {
      this.ledger.append({ kind: "order", position: this.#position, order: orderRecord(order) });
    }
    this.#publish(result.events);
    return result;
  }

  #acted(result: CorporateActionResult): CorporateActionResult {
    this.#publish(result.events);
    for (const activity of result.ok ? result.activities : []) {
      this.ledger.append({ kind: "activity", position: this.#position, activity: activityRecord(activity) });
      this.log.addActivity(activity);
    }
    return result;
  }

  /** Into the ledger, then to whoever listens; returns how many are told. */
  #publish(events: readonly VenueEvent[]): number {
    let told = 0;
    for (const event of events) {
      this.ledger.append({ kind: "event", position: this.#position, ...eventRecord(event) });
      const number = this.#count(event);
      if (!isTold(event)) continue;
      told += 1;
      this.ledger.afterCommit(() => this.onEvent(event, number));
    }
    return told;
  }

  /** Returns the number of the newest event that clients are told of. */
  #count(event: VenueEvent): number {
    const { kind, order, execution, timeUs } = event;
    const traded = execution === null ? "" : `${execution.quantity} ${execution.price}`;
    const line = `${order.clientOrderId} ${kind} ${order.side} ${order.symbol} ${traded} ${timeUs}`;
    this.#historyHash = createHash("sha256").update(`${this.#historyHash} ${line}`).digest("hex");
    const instrument = this.venue.market(order.symbol)?.instrument;
    return this.log.addEvent(event, instrument === undefined ? null : activityOfExecution(event, instrument));
  }

  #symbolOf(tick: MarketTick): string {
    return (this.venue.instruments()[tick.index] as Instrument).symbol;
  }

  #sample(timeUs: number): void {
    this.equity.observe(timeUs, () => this.venue.figures().equity);
  }

  #begin(options: ExchangeOptions): HeadEntry {
    const head: HeadEntry = {
      kind: "head",
      format: LEDGER_FORMAT,
      accountId: randomUUID(),
      startingCash: options.config.startingCash,
      market: options.market,
      startUs: options.startUs,
    };
    this.ledger.append(head);
    return head;
  }

  #recover(entry: LedgerEntry): void {
    switch (entry.kind) {
      case "order":
        this.#position = entry.position;
        this.venue.replayOrder(orderOfRecord(entry.order));
        this.#recoveredTimeUs = Math.max(this.#recoveredTimeUs, this.venue.timeUs);
        break;
      case "event": {
        const event = eventOfRecord(entry);
        this.#position = entry.position;
        this.#recoveredTimeUs = Math.max(this.#recoveredTimeUs, entry.timeUs);
        this.venue.replay(event);
        this.#count(event);
        break;
      }
      case "activity": {
        const activity = activityOfRecord(entry.activity);
        this.#position = entry.position;
        this.#recoveredTimeUs = Math.max(this.#recoveredTimeUs, activity.timeUs);
        this.venue.replayActivity(activity);
        this.log.addActivity(activity);
        break;
      }
      case "borrow":
        this.venue.replayBorrow(entry.symbol, entry.easy);
        break;
      case "snapshot":
        this.#snapshot = new SnapshotReader(entry);
        break;
      case "kept_order":
      case "kept_fill":
      case "kept_activity":
      case "kept_ids":
      case "kept_event":
      case "kept_movement":
        openSnapshot(this.#snapshot, entry.kind).add(entry);
        break;
      case "snapshot_end":
        this.#restore(openSnapshot(this.#snapshot, entry.kind));
        break;
      case "cursor":
        this.#position = entry.position;
        this.#recoveredTimeUs = Math.max(this.#recoveredTimeUs, entry.timeUs);
        break;
      case "settings":
        this.venue.configure(entry.settings as Partial<VenueSettings>);
        break;
      case "day":
        this.lastDay = closeOfEntry(entry);
        this.equity.restore({ timeUs: entry.timeUs, equity: this.lastDay.equity, dayEnd: true });
        break;
      case "equity":
        this.equity.restore({
          timeUs: entry.timeUs,
          equity: parseFixed(entry.equity, "equity"),
          dayEnd: entry.dayEnd === true,
        });
        break;
      case "preferences":
        this.preferences = { ...this.preferences, ...entry.preferences };
        break;
      case "watchlist":
        this.watchlists.restore(entry);
        break;
      default:
        throw new CodedError("LEDGER_FORMAT", `a ledger line has the unknown kind ${JSON.stringify(entry.kind)}`, {
          field: "ledgerFile",
        });
    }
  }

  #restore(reader: SnapshotReader): void {
    const { position, timeUs, historyHash } = reader.opening;
    const { venue, log } = reader.finish();
    this.venue.restore(venue);
    this.log.restore(log);
    this.#snapshot = null;
    this.#position = position;
    this.#recoveredTimeUs = Math.max(this.#recoveredTimeUs, timeUs);
    this.#historyHash = historyHash;
  }
}

/** Clients do not hear of what the venue changes of its own accord. */
function isTold(event: VenueEvent): boolean {
  return event.kind !== "amended";
}

function checkedHead(entry: LedgerEntry, options: ExchangeOptions): HeadEntry {
  if (entry.kind !== "head" || (entry.format !== LEDGER_FORMAT && entry.format !== 1)) {
    throw new CodedError(
      "LEDGER_FORMAT",
      `the first line of the ledger must be a head of format 1 or ${LEDGER_FORMAT}`,
      {
        field: "ledgerFile",
      },
    );
  }
  if (entry.market !== options.market) {
    throw new CodedError(
      "LEDGER_MISMATCH",
      `the ledger belongs to another market (${entry.market}, now ${options.market}): use another ledger file`,
      { field: "ledgerFile" },
    );
  }
  return entry;
}
