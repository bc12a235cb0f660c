/**
 * What the parts of the matching engine share: the account, its markets, the models, the venue's time, and the events that
 * have happened since they were last taken. No rules of its own.
 */
import type { Fixed } from "../core/fixed.ts";
import type { VenueSettings } from "./admission.ts";
import { type AccountFigures, accountFigures } from "./buying-power.ts";
import type { Holdings } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import type { FeeModel, FillModel, LatencyModel, SlippageModel } from "./models/contract.ts";
import {
  snapshotOf,
  type VenueActivity,
  type VenueEvent,
  type VenueEventKind,
  type VenueExecution,
  type WorkingOrder,
} from "./order.ts";
import type { OrderBook } from "./order-book.ts";
import { RecentList } from "./recent-list.ts";

export interface VenueModels {
  readonly fill: FillModel;
  readonly fee: FeeModel;
  readonly latency: LatencyModel;
  readonly slippage: SlippageModel;
}

const NO_EVENTS: readonly VenueEvent[] = Object.freeze([]);

export class VenueState {
  readonly markets: readonly VenueMarket[];
  readonly bySymbol: ReadonlyMap<string, VenueMarket>;
  readonly holdings: Holdings;
  readonly book: OrderBook;
  readonly models: VenueModels;
  /** Of order and execution ids. */
  readonly idSeed: number;
  readonly fills: RecentList<VenueEvent>;
  readonly activities: RecentList<VenueActivity>;
  settings: VenueSettings;
  /** The newest time that the venue has been told. */
  timeUs = 0;
  /** The earliest time at which something happens by itself: an activation or an expiry. */
  wakeUs = Number.POSITIVE_INFINITY;
  #events: VenueEvent[] = [];

  constructor(parts: {
    readonly markets: readonly VenueMarket[];
    readonly holdings: Holdings;
    readonly book: OrderBook;
    readonly models: VenueModels;
    readonly idSeed: number;
    readonly settings: VenueSettings;
    readonly retainedFills: number;
  }) {
    this.markets = parts.markets;
    this.bySymbol = new Map(parts.markets.map((market) => [market.instrument.symbol, market]));
    this.holdings = parts.holdings;
    this.book = parts.book;
    this.models = parts.models;
    this.idSeed = parts.idSeed;
    this.settings = parts.settings;
    this.fills = new RecentList(parts.retainedFills);
    this.activities = new RecentList(parts.retainedFills);
  }

  marketOf(order: { readonly symbol: string }): VenueMarket {
    return this.bySymbol.get(order.symbol) as VenueMarket;
  }

  positionOf(symbol: string): Fixed {
    return this.holdings.quantityOf(symbol);
  }

  figures(): AccountFigures {
    return accountFigures(this.holdings, this.bySymbol, this.settings.maxMarginMultiplier, this.timeUs);
  }

  /** In order of submission. */
  openOrders(): WorkingOrder[] {
    return this.markets.flatMap((market) => market.open).sort((a, b) => a.number - b.number);
  }

  schedule(timeUs: number): void {
    if (timeUs < this.wakeUs) this.wakeUs = timeUs;
  }

  emit(
    kind: VenueEventKind,
    order: WorkingOrder,
    execution: VenueExecution | null = null,
    reason: VenueEvent["reason"] = null,
  ): VenueEvent {
    order.updatedAtUs = this.timeUs;
    const event = { kind, order: snapshotOf(order), timeUs: this.timeUs, execution, reason };
    this.#events.push(event);
    return event;
  }

  /** The events since the last call. */
  take(): readonly VenueEvent[] {
    if (this.#events.length === 0) return NO_EVENTS;
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
