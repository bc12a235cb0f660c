/**
 * The matching engine: one account's orders against the markets of a set of instruments. Pure: no I/O and no clock; time
 * comes in with every call, never runs backwards, and everything due is done before what came with it. The backtest calls
 * it in process, the simulator puts a wire protocol in front of it.
 *
 * Orders of one instrument are tried in order of submission after every quote of it. An order that becomes active at the
 * opening of a session trades on the first quote of that session, never on an older one. What happens to one order is in
 * `order-life.ts`, what else moves orders in files of their own; this one is the door to all of it.
 */
import { CodedError } from "../core/errors.ts";
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { type AdmissionContext, refusalOf, sizedOrder, type VenueSettings } from "./admission.ts";
import { auctionPrint } from "./auctions.ts";
import type { AccountFigures } from "./buying-power.ts";
import { applyDividend, applySplit, scaleMarket, type SplitRatio } from "./corporate-actions.ts";
import { type CashRounding, type Holding, Holdings } from "./holdings.ts";
import { type MarketObservation, VenueMarket } from "./market.ts";
import { playBar, playBarOpen } from "./bars.ts";
import type { DepthChange } from "./depth-book.ts";
import type { FeeModel, FillModel, LatencyModel, SlippageModel, VenueBar } from "./models/contract.ts";
import { NO_FEE } from "./models/fee.ts";
import { NO_LATENCY } from "./models/latency.ts";
import { quoteFill } from "./models/quote-fill.ts";
import { NO_SLIPPAGE } from "./models/slippage.ts";
import {
  type AmendTradeResult,
  type CancelResult,
  type CancelRow,
  type ClosingSize,
  type CorporateActionResult,
  inTransit,
  isFinal,
  type NewVenueOrder,
  PLAIN_ORDER,
  type Refused,
  type ReplaceRequest,
  type ReplaceResult,
  type SubmitResult,
  snapshotOf,
  type VenueActivity,
  type VenueEvent,
  type VenueOrder,
  type VenueRefusal,
} from "./order.ts";
import { beginOrders, enterOrder } from "./intake.ts";
import { OrderBook } from "./order-book.ts";
import { close, match } from "./order-life.ts";
import { CODE_MALFORMED, CODE_NOT_FOUND, refuse, unprocessable } from "./refusal.ts";
import { beginReplace, completeReplace, replaceRefusal } from "./replace.ts";
import { replayActivity, replayEvent, replayOrder, restoreState, snapshotState, type VenueSnapshot } from "./replay.ts";
import { availableQuantity } from "./reservations.ts";
import { advance, reschedule } from "./schedule.ts";
import { seedOf } from "./seeded-hash.ts";
import type { Auction } from "./sessions.ts";
import { bustFill, correctFill, fillOf } from "./trade-amendments.ts";
import { triggerStops } from "./triggers.ts";
import { VenueState } from "./venue-state.ts";

export interface VenueOptions {
  /** Each at the place that its `index` says. */
  readonly instruments: readonly Instrument[];
  readonly startingCash: Fixed;
  /** Order and execution ids are a function of it and of their number. */
  readonly seed: string;
  readonly settings?: Partial<VenueSettings>;
  readonly cashRounding?: CashRounding;
  readonly fill?: FillModel;
  readonly fee?: FeeModel;
  readonly latency?: LatencyModel;
  readonly slippage?: SlippageModel;
  /** Final orders that are kept for look-ups; older ones leave only their client order id behind. Default 20,000. */
  readonly retainedOrders?: number;
  /** Fills and account activities that are kept, each; at most twice as many. Default 10,000. */
  readonly retainedFills?: number;
}

const DEFAULT_RETAINED_ORDERS = 20_000;
const DEFAULT_RETAINED_FILLS = 10_000;

export class Venue {
  readonly #state: VenueState;

  constructor(options: VenueOptions) {
    options.instruments.forEach((instrument, place) => {
      if (instrument.index !== place) {
        throw new CodedError(
          "VENUE_INSTRUMENTS",
          `${instrument.symbol} has the index ${instrument.index} at place ${place}`,
          { field: "instruments" },
        );
      }
    });
    this.#state = new VenueState({
      markets: options.instruments.map((instrument) => new VenueMarket(instrument)),
      holdings: new Holdings(options.startingCash, options.cashRounding ?? "exact"),
      book: new OrderBook(options.retainedOrders ?? DEFAULT_RETAINED_ORDERS),
      models: {
        fill: options.fill ?? quoteFill(),
        fee: options.fee ?? NO_FEE,
        latency: options.latency ?? NO_LATENCY,
        slippage: options.slippage ?? NO_SLIPPAGE,
      },
      idSeed: seedOf(options.seed),
      settings: { suspendTrade: false, noShorting: false, maxMarginMultiplier: 4, ...options.settings },
      retainedFills: options.retainedFills ?? DEFAULT_RETAINED_FILLS,
    });
  }

  /** The newest time that the venue has been told, epoch microseconds. */
  get timeUs(): number {
    return this.#state.timeUs;
  }

  get settings(): VenueSettings {
    return this.#state.settings;
  }

  configure(change: Partial<VenueSettings>): void {
    this.#state.settings = { ...this.#state.settings, ...change };
  }

  get cash(): Fixed {
    return this.#state.holdings.cash;
  }

  /** Signed; 0 when flat. */
  positionOf(symbol: string): Fixed {
    return this.#state.positionOf(symbol);
  }

  positions(): IterableIterator<[string, Holding]> {
    return this.#state.holdings.all();
  }

  /** What of a position no open order is closing already. */
  availableOf(symbol: string): Fixed {
    const market = this.#state.bySymbol.get(symbol);
    return market === undefined ? 0n : availableQuantity(market, this.#state.holdings);
  }

  figures(): AccountFigures {
    return this.#state.figures();
  }

  market(symbol: string): VenueMarket | undefined {
    return this.#state.bySymbol.get(symbol);
  }

  instruments(): readonly Instrument[] {
    return this.#state.markets.map((market) => market.instrument);
  }

  order(id: string): VenueOrder | undefined {
    return this.#state.book.byId(id);
  }

  orderByClientId(clientOrderId: string): VenueOrder | undefined {
    return this.#state.book.byClientId(clientOrderId);
  }

  /** All orders that are kept, in order of submission; live views, not to be changed. */
  orders(): Iterable<VenueOrder> {
    return this.#state.book.all();
  }

  /** Fills that are kept, oldest first; busted ones are not among them, corrected ones have the right price. */
  get fills(): readonly VenueEvent[] {
    return this.#state.fills.items;
  }

  /** Account activities other than fills that are kept, oldest first. */
  get activities(): readonly VenueActivity[] {
    return this.#state.activities.items;
  }

  /**
   * A quote of the instrument with this index; prices and sizes are doubles, 0 where a side is empty or a size not told.
   * Allocates nothing while no order is open.
   */
  onQuote(index: number, bid: number, ask: number, timeUs: number, bidSize = 0, askSize = 0): readonly VenueEvent[] {
    const state = this.#state;
    this.#advance(timeUs);
    const market = state.markets[index] as VenueMarket;
    market.bid = bid;
    market.ask = ask;
    market.bidSize = bidSize;
    market.askSize = askSize;
    market.timeUs = timeUs;
    if (market.open.length > 0) match(state, market, "quote");
    return state.take();
  }

  /** A trade. `aggressor`: 1 the buyer, 2 the seller, 0 not told; `auction`: the one that it is the print of. */
  onTrade(
    index: number,
    price: number,
    timeUs: number,
    size = 0,
    aggressor = 0,
    auction: Auction | null = null,
  ): readonly VenueEvent[] {
    const state = this.#state;
    this.#advance(timeUs);
    const market = state.markets[index] as VenueMarket;
    market.seeTrade(price, timeUs);
    market.lastSize = size;
    market.lastAggressor = aggressor;
    market.timeUs = timeUs;
    if (market.open.length > 0) {
      triggerStops(state, market, price);
      match(state, market, "trade");
      if (auction !== null) auctionPrint(state, market, auction, price);
    }
    return state.take();
  }

  /** Depth tells how much rests at a price; the touch comes with the quotes. */
  onDepth(index: number, change: DepthChange, timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    const market = this.#state.markets[index] as VenueMarket;
    market.seeDepth(change);
    market.timeUs = timeUs;
    if (market.open.length > 0) match(this.#state, market, "depth");
    return this.#state.take();
  }

  /** The first price of a bar, at its start: what a bar shows of itself before it ends. */
  onBarOpen(index: number, price: number, timeUs: number): readonly VenueEvent[] {
    playBarOpen(this.#state, this.#state.markets[index] as VenueMarket, price, timeUs);
    return this.#state.take();
  }

  /**
   * A whole bar, at its end. What happens in it has the time of its last microsecond, so that an order for the day still
   * trades at the close. Without `onBarOpen` before, the bar's open is seen first.
   */
  onBar(index: number, bar: VenueBar): readonly VenueEvent[] {
    playBar(this.#state, this.#state.markets[index] as VenueMarket, bar);
    return this.#state.take();
  }

  /** While halted, orders rest; after the halt they trade on the next quote. */
  onHalt(index: number, halted: boolean, timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    (this.#state.markets[index] as VenueMarket).halted = halted;
    return this.#state.take();
  }

  /** The shares have become hard or easy to borrow; open orders to sell them short are cancelled when they are hard. */
  onBorrow(index: number, easy: boolean, timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    const market = this.#state.markets[index] as VenueMarket;
    market.easyToBorrow = easy;
    if (easy) return this.#state.take();
    for (const order of market.open.slice()) {
      if (order.positionIntent === "sell_to_open" && !isFinal(order.status)) close(this.#state, order, "canceled");
    }
    return this.#state.take();
  }

  /** Time passes without market data: activations and expiries that are due. */
  onTime(timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    return this.#state.take();
  }

  submit(request: NewVenueOrder, timeUs: number): SubmitResult {
    this.#advance(timeUs);
    const market = this.#state.bySymbol.get(request.symbol);
    if (market === undefined) return this.#refused(unprocessable(`asset "${request.symbol}" not found`));
    const sized = sizedOrder(request, market, this.#state.timeUs);
    const refusal = this.#duplicate(request.clientOrderId) ?? refusalOf(sized, market, this.#context());
    if (refusal !== null) return this.#refused(refusal);
    const entered = enterOrder(this.#state, sized, market);
    const [order, ...legs] = entered.map(snapshotOf);
    beginOrders(this.#state, entered);
    return { ok: true, order: order as VenueOrder, legs, events: this.#state.take() };
  }

  cancel(id: string, timeUs: number): CancelResult {
    this.#advance(timeUs);
    const order = this.#state.book.working(id);
    if (order !== undefined) {
      if (order.status === "pending_replace" || inTransit(order)) {
        return this.#refused(unprocessable("order is pending replacement and cannot be canceled"));
      }
      close(this.#state, order, "canceled");
      return { ok: true, events: this.#state.take() };
    }
    const known = this.#state.book.byId(id);
    return this.#refused(
      known === undefined ? notFound(id) : unprocessable(`order is already in "${known.status}" state`),
    );
  }

  /** Cancels every open order, legs with their parents; one row for each that was open. */
  cancelAll(timeUs: number): { readonly rows: readonly CancelRow[]; readonly events: readonly VenueEvent[] } {
    this.#advance(timeUs);
    const events: VenueEvent[] = [...this.#state.take()];
    const rows: CancelRow[] = [];
    for (const order of this.#state.openOrders()) {
      const result = isFinal(order.status) ? null : this.cancel(order.id, timeUs);
      if (result !== null) events.push(...result.events);
      rows.push({ id: order.id, refusal: result === null || result.ok ? null : result.refusal });
    }
    return { rows, events };
  }

  /**
   * PATCH: puts a new order in the place of an open one. Statuses that refuse it: accepted, pending_new, pending_cancel,
   * pending_replace and the final ones.
   */
  replace(id: string, request: ReplaceRequest, timeUs: number): ReplaceResult {
    this.#advance(timeUs);
    const state = this.#state;
    const order = state.book.working(id);
    if (order === undefined) return this.#refused(irreplaceable(id, state.book.byId(id)));
    const market = state.marketOf(order);
    const refusal = this.#duplicate(request.clientOrderId) ?? replaceRefusal(order, request, market, this.#context());
    if (refusal !== null) return this.#refused(refusal);
    const replacement = beginReplace(state, order, request, market);
    const accepted = snapshotOf(replacement);
    if (order.status !== "held") {
      order.status = "pending_replace";
      state.emit("pending_replace", order);
    }
    state.emit("pending_new", replacement);
    if (replacement.activeAtUs <= state.timeUs) completeReplace(state, replacement);
    else state.schedule(replacement.activeAtUs);
    if (replacement.expiresAtUs !== null && !isFinal(replacement.status)) state.schedule(replacement.expiresAtUs);
    return { ok: true, order: accepted, events: state.take() };
  }

  /** A market order against a position: for the day, or good till cancelled where nothing closes. 404 without a position. */
  closePosition(symbol: string, size: ClosingSize, clientOrderId: string, timeUs: number): SubmitResult {
    this.#advance(timeUs);
    const market = this.#state.bySymbol.get(symbol);
    const held = this.positionOf(symbol);
    if (market === undefined || held === 0n) {
      return this.#refused(refuse(404, CODE_NOT_FOUND, "position does not exist"));
    }
    const before = this.#state.take();
    const result = this.submit(
      {
        ...PLAIN_ORDER,
        clientOrderId,
        symbol,
        side: held > 0n ? "sell" : "buy",
        type: "market",
        timeInForce: market.instrument.assetClass === "crypto" ? "gtc" : "day",
        quantity: closingQuantity(size, held > 0n ? held : -held),
      },
      timeUs,
    );
    return { ...result, events: [...before, ...result.events] };
  }

  /** A split. Open orders of the symbol are cancelled with the reason CORPORATE_ACTION. */
  split(symbol: string, ratio: SplitRatio, timeUs: number): CorporateActionResult {
    this.#advance(timeUs);
    const whole = (count: number) => Number.isSafeInteger(count) && count >= 1;
    if (!whole(ratio.from) || !whole(ratio.to) || ratio.from === ratio.to) {
      return this.#refused(unprocessable("a split needs two different whole numbers of shares, at least 1"));
    }
    return this.#act(symbol, (market) => applySplit(this.#state, market, ratio));
  }

  /** A cash dividend on the position at this time; a short position pays it. */
  dividend(symbol: string, perShare: Fixed, timeUs: number): CorporateActionResult {
    this.#advance(timeUs);
    if (perShare <= 0n) return this.#refused(unprocessable("a dividend must be > 0"));
    return this.#act(symbol, (market) => applyDividend(this.#state, market, perShare));
  }

  /** Undoes a trade that is among the fills that are kept. */
  bust(executionId: string, timeUs: number): AmendTradeResult {
    this.#advance(timeUs);
    return this.#amend(executionId, (fill) => bustFill(this.#state, fill));
  }

  /** Puts the price of a trade right that is among the fills that are kept. */
  correct(executionId: string, price: Fixed, timeUs: number): AmendTradeResult {
    this.#advance(timeUs);
    if (price <= 0n) return this.#refused(unprocessable(`price must be > 0, got ${formatFixed(price)}`));
    return this.#amend(executionId, (fill) => correctFill(this.#state, fill, price));
  }

  /** Takes over an order of an earlier life as it was accepted. */
  replayOrder(order: VenueOrder): void {
    replayOrder(this.#state, order);
    reschedule(this.#state);
  }

  /**
   * Takes over an event of an earlier life, in its order, instead of making it: for rebuilding from a ledger. Throws
   * `VENUE_REPLAY` when the cash that follows is not the cash that the event names.
   */
  replay(event: VenueEvent): void {
    replayEvent(this.#state, event);
    reschedule(this.#state);
  }

  /** Takes over a corporate action of an earlier life; throws `VENUE_REPLAY` as `replay` does. */
  replayActivity(activity: VenueActivity): void {
    replayActivity(this.#state, activity);
  }

  /** Takes over whether shares can be borrowed; the orders that it cancelled have events of their own. */
  replayBorrow(symbol: string, easy: boolean): void {
    const market = this.#state.bySymbol.get(symbol);
    if (market !== undefined) market.easyToBorrow = easy;
  }

  /** All of the account but its settings, for a ledger that begins anew. */
  snapshot(): VenueSnapshot {
    return snapshotState(this.#state);
  }

  /** Sets a new venue to a snapshot. */
  restore(snapshot: VenueSnapshot): void {
    restoreState(this.#state, snapshot);
    reschedule(this.#state);
  }

  /** Market data of an earlier life: sets the market without trading on it. What is not given stays. */
  observe(index: number, seen: MarketObservation, timeUs: number): void {
    (this.#state.markets[index] as VenueMarket).observe(seen, timeUs);
  }

  /** A split of an earlier life: what it means to the market; the account has it from its activity. */
  observeSplit(index: number, ratio: SplitRatio): void {
    scaleMarket(this.#state.markets[index] as VenueMarket, ratio);
  }

  #context(): AdmissionContext {
    const { settings, holdings, timeUs } = this.#state;
    return { settings, holdings, timeUs, figures: () => this.figures() };
  }

  #refused(refusal: VenueRefusal): Refused {
    return { ok: false, refusal, events: this.#state.take() };
  }

  #duplicate(clientOrderId: string): VenueRefusal | null {
    return this.#state.book.knows(clientOrderId) ? refuse(422, CODE_MALFORMED, "client_order_id must be unique") : null;
  }

  #act(symbol: string, action: (market: VenueMarket) => VenueActivity[]): CorporateActionResult {
    const market = this.#state.bySymbol.get(symbol);
    if (market === undefined) return this.#refused(unprocessable(`asset "${symbol}" not found`));
    const activities = action(market);
    return { ok: true, activities, events: this.#state.take() };
  }

  #amend(executionId: string, amend: (fill: VenueEvent) => void): AmendTradeResult {
    const fill = fillOf(this.#state, executionId);
    if (fill === undefined || this.order(fill.order.id) === undefined) {
      return this.#refused(refuse(404, CODE_NOT_FOUND, `no fill ${executionId} is kept`));
    }
    amend(fill);
    return { ok: true, events: this.#state.take() };
  }

  #advance(timeUs: number): void {
    advance(this.#state, timeUs);
  }
}

function closingQuantity(size: ClosingSize, held: Fixed): Fixed {
  if (size.kind === "all") return held;
  if (size.kind === "quantity") return size.quantity;
  return divideRounded(held * size.percentage, 100n * FIXED_ONE, "floor");
}

function notFound(id: string): VenueRefusal {
  return refuse(404, CODE_NOT_FOUND, `order not found for ${id}`);
}

function irreplaceable(id: string, known: VenueOrder | undefined): VenueRefusal {
  if (known === undefined) return notFound(id);
  if (known.status === "replaced") return unprocessable("order already replaced");
  return unprocessable(`cannot replace order in ${known.status} status`);
}
