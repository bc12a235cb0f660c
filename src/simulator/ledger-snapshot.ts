/**
 * The account as lines of a ledger that begins anew. The venue's part is a snapshot: one line that opens it, one for each
 * order, fill and activity that is kept, the hashes of client order ids that were used before, and one that closes it.
 * Pure.
 */
import { CodedError } from "../core/errors.ts";
import { formatFixed, parseFixed } from "../core/fixed.ts";
import type { VenueActivity, VenueEvent, VenueOrder } from "../venue/order.ts";
import type { VenueSettings } from "../venue/admission.ts";
import type { VenueSnapshot } from "../venue/replay.ts";
import type { AccountLogSnapshot, Movement, NumberedEvent } from "./account-log.ts";
import type { AccountPreferences } from "./account-preferences.ts";
import { type DayClose, dayEntry } from "./day-close.ts";
import type { EquitySample } from "./equity-history.ts";
import {
  activityOfRecord,
  activityRecord,
  eventOfRecord,
  eventRecord,
  type EventRecord,
  type HeadEntry,
  LEDGER_FORMAT,
  type LedgerEntry,
  orderOfRecord,
  orderRecord,
  type WireRecord,
} from "./ledger-entry.ts";
import type { Watchlist } from "./watchlists.ts";

/** Opens a snapshot. What follows until its end belongs to it. */
export interface SnapshotEntry {
  readonly kind: "snapshot";
  /** Of the newest tick that had been played. */
  readonly position: number;
  readonly timeUs: number;
  readonly cash: string;
  readonly holdings: readonly { readonly symbol: string; readonly quantity: string; readonly cost: string }[];
  readonly hardToBorrow: readonly string[];
  /** Of the account's log: events so far, those that clients were told of, and movements. */
  readonly eventCount: number;
  readonly toldCount: number;
  readonly movementCount: number;
  /** The chained hash over all events so far. */
  readonly historyHash: string;
}

export type KeptEntry =
  | { readonly kind: "kept_order"; readonly order: WireRecord }
  | { readonly kind: "kept_fill"; readonly fill: EventRecord }
  | { readonly kind: "kept_activity"; readonly activity: WireRecord }
  | { readonly kind: "kept_event"; readonly number: number; readonly event: KeptEvent }
  /** One of the two. */
  | {
      readonly kind: "kept_movement";
      readonly number: number;
      readonly event?: KeptEvent;
      readonly activity?: WireRecord;
    }
  /** Eight bytes for each id, base64. */
  | { readonly kind: "kept_ids"; readonly ids: string };

/** An event, or the place of the `kept_fill` that it is, counted from 0: most events are fills. */
export type KeptEvent = EventRecord | number;

export interface SnapshotEndEntry {
  readonly kind: "snapshot_end";
}

export type SnapshotLine = SnapshotEntry | KeptEntry | SnapshotEndEntry;

/** Bytes of ids in one line. */
const IDS_PER_LINE_BYTES = 48 * 1024;

/** An account at one moment; none of it changes afterwards. */
export interface AccountSnapshot extends Pick<SnapshotEntry, "position" | "historyHash"> {
  readonly head: HeadEntry;
  readonly log: AccountLogSnapshot;
  readonly venue: VenueSnapshot;
  readonly settings: VenueSettings;
  readonly preferences: AccountPreferences;
  readonly watchlists: readonly Watchlist[];
  /** After the account's beginning. */
  readonly samples: readonly EquitySample[];
  readonly lastDay: DayClose;
}

/** All lines of a ledger that begins with the account as it is; lazily, for there may be tens of thousands. */
export function* accountLines(account: AccountSnapshot): Generator<LedgerEntry> {
  const { lastDay } = account;
  yield { ...account.head, format: LEDGER_FORMAT };
  yield* snapshotLines(account);
  yield { kind: "settings", settings: { ...account.settings } };
  yield { kind: "preferences", preferences: account.preferences };
  for (const list of account.watchlists) yield { kind: "watchlist", id: list.id, list };
  for (const { timeUs, equity, dayEnd } of account.samples) {
    if (dayEnd && timeUs === lastDay.timeUs) yield dayEntry(lastDay);
    else yield { kind: "equity", timeUs, equity: formatFixed(equity), ...(dayEnd ? { dayEnd } : {}) };
  }
}

function* snapshotLines({ venue: snapshot, log, position, historyHash }: AccountSnapshot): Generator<SnapshotLine> {
  const { timeUs, hardToBorrow } = snapshot;
  const { eventCount, toldCount, movementCount } = log;
  const counts = { eventCount, toldCount, movementCount, historyHash };
  const holdings = snapshot.holdings.map(([symbol, { quantity, cost }]) => {
    return { symbol, quantity: formatFixed(quantity), cost: formatFixed(cost) };
  });
  yield { kind: "snapshot", position, ...counts, timeUs, cash: formatFixed(snapshot.cash), holdings, hardToBorrow };
  for (let at = 0; at < snapshot.forgottenIds.length; at += IDS_PER_LINE_BYTES) {
    const ids = snapshot.forgottenIds.subarray(at, at + IDS_PER_LINE_BYTES).toString("base64");
    yield { kind: "kept_ids", ids };
  }
  for (const order of snapshot.orders) yield { kind: "kept_order", order: orderRecord(order) };
  const places = new Map(snapshot.fills.map((fill, place) => [fill, place]));
  const kept = (event: VenueEvent): KeptEvent => places.get(event) ?? eventRecord(event);
  for (const fill of snapshot.fills) yield { kind: "kept_fill", fill: eventRecord(fill) };
  for (const activity of snapshot.activities) yield { kind: "kept_activity", activity: activityRecord(activity) };
  for (const { number, event } of log.events) yield { kind: "kept_event", number, event: kept(event) };
  for (const { number, event, activity } of log.movements) {
    if (event !== null) yield { kind: "kept_movement", number, event: kept(event) };
    else yield { kind: "kept_movement", number, activity: activityRecord(activity) };
  }
  yield { kind: "snapshot_end" };
}

/** Gathers the lines of a snapshot into the account that they say. */
export class SnapshotReader {
  readonly opening: SnapshotEntry;
  readonly #orders: VenueOrder[] = [];
  readonly #fills: VenueEvent[] = [];
  readonly #activities: VenueActivity[] = [];
  readonly #ids: Buffer[] = [];
  readonly #events: NumberedEvent[] = [];
  readonly #movements: Movement[] = [];

  constructor(opening: SnapshotEntry) {
    this.opening = opening;
  }

  add(entry: KeptEntry): void {
    switch (entry.kind) {
      case "kept_order":
        this.#orders.push(orderOfRecord(entry.order));
        break;
      case "kept_fill":
        this.#fills.push(eventOfRecord(entry.fill));
        break;
      case "kept_activity":
        this.#activities.push(activityOfRecord(entry.activity));
        break;
      case "kept_event":
        this.#events.push({ number: entry.number, event: this.#event(entry.event) });
        break;
      case "kept_movement":
        this.#movements.push(this.#movement(entry));
        break;
      case "kept_ids":
        this.#ids.push(Buffer.from(entry.ids, "base64"));
        break;
    }
  }

  #event(kept: KeptEvent): VenueEvent {
    if (typeof kept !== "number") return eventOfRecord(kept);
    const fill = this.#fills[kept];
    if (fill !== undefined) return fill;
    throw new CodedError("LEDGER_FORMAT", `a kept event is fill ${kept}, which is not there`, { field: "ledgerFile" });
  }

  #movement({ number, event, activity }: Extract<KeptEntry, { kind: "kept_movement" }>): Movement {
    if (event !== undefined) return { number, event: this.#event(event), activity: null };
    if (activity !== undefined) return { number, event: null, activity: activityOfRecord(activity) };
    throw new CodedError("LEDGER_FORMAT", "a kept_movement has neither an event nor an activity", {
      field: "ledgerFile",
    });
  }

  finish(): Pick<AccountSnapshot, "venue" | "log"> {
    return { venue: this.#venue(), log: this.#log() };
  }

  #log(): AccountLogSnapshot {
    const { eventCount, toldCount, movementCount } = this.opening;
    return { eventCount, toldCount, movementCount, events: this.#events, movements: this.#movements };
  }

  #venue(): VenueSnapshot {
    const { timeUs, cash, holdings, hardToBorrow } = this.opening;
    return {
      timeUs,
      cash: parseFixed(cash, "cash"),
      holdings: holdings.map(({ symbol, quantity, cost }) => [
        symbol,
        { quantity: parseFixed(quantity, "quantity"), cost: parseFixed(cost, "cost") },
      ]),
      orders: this.#orders,
      fills: this.#fills,
      activities: this.#activities,
      forgottenIds: Buffer.concat(this.#ids),
      hardToBorrow,
    };
  }
}

/** The open reader, for a line that is only at home in a snapshot. Throws `LEDGER_FORMAT` outside of one. */
export function openSnapshot(reader: SnapshotReader | null, kind: string): SnapshotReader {
  if (reader !== null) return reader;
  throw new CodedError("LEDGER_FORMAT", `a ledger line of kind ${kind} is outside a snapshot`, { field: "ledgerFile" });
}
