/**
 * The matching engine: one account's orders against the markets of a set of instruments. Pure: no I/O and no clock; time
 * comes in with every call, never runs backwards, and everything due is done before what came with it. The backtest calls
 * it in process, the simulator puts a wire protocol in front of it.
 *
 * Life of an order: submit → (accepted, waits for its session) → new → partial_fill* → fill | canceled | expired.
 * Orders of one instrument are tried in order of submission after every quote of it. An order that becomes active at the
 * opening of a session trades on the first quote of that session, never on an older one.
 */
import { CodedError } from "../core/errors.ts";
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../core/fixed.ts";
import type { Calendar } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import {
  type AdmissionContext,
  availableQuantity,
  CODE_MALFORMED,
  CODE_NOT_FOUND,
  CODE_UNPROCESSABLE,
  refusalOf,
  refuse,
  type SizedOrder,
  type VenueSettings,
} from "./admission.ts";
import { type AccountFigures, accountFigures } from "./buying-power.ts";
import { type CashRounding, type Holding, Holdings, notionalOf } from "./holdings.ts";
import { VenueMarket } from "./market.ts";
import { nextPoint } from "./bar-walk.ts";
import type { DepthChange } from "./depth-book.ts";
import { barCorners } from "./models/bar-fill.ts";
import type {
  FeeModel,
  FillDecision,
  FillModel,
  LatencyModel,
  MarketCause,
  SlippageModel,
  VenueBar,
} from "./models/contract.ts";
import { NO_FEE } from "./models/fee.ts";
import { NO_LATENCY } from "./models/latency.ts";
import { quoteFill } from "./models/quote-fill.ts";
import { NO_SLIPPAGE } from "./models/slippage.ts";
import {
  type AmendTradeResult,
  type CancelResult,
  type ClosingSize,
  type CorporateActionResult,
  isFinal,
  type NewVenueOrder,
  PLAIN_ORDER,
  type Refused,
  remainingOf,
  type ReplaceRequest,
  type ReplaceResult,
  type SubmitResult,
  snapshotOf,
  type VenueEvent,
  type VenueEventKind,
  type VenueExecution,
  type VenueOrder,
  type VenuePositionIntent,
  type VenueRefusal,
  type VenueSide,
  type WorkingOrder,
} from "./order.ts";
import { OrderBook, workingOrder } from "./order-book.ts";
import { seedOf, seededUuid } from "./seeded-hash.ts";

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
  /** Final orders that are kept for look-ups; older ones leave only their client order id behind. Default 100,000. */
  readonly retainedOrders?: number;
}

/** What became of one order of a `cancelAll`; no refusal means that it is cancelled. */
export interface CancelRow {
  readonly id: string;
  readonly refusal: VenueRefusal | null;
}

const NO_EVENTS: readonly VenueEvent[] = Object.freeze([]);
const DEFAULT_RETAINED_ORDERS = 100_000;

export class Venue {
  readonly #markets: readonly VenueMarket[];
  readonly #bySymbol: ReadonlyMap<string, VenueMarket>;
  readonly #holdings: Holdings;
  readonly #book: OrderBook;
  readonly #fill: FillModel;
  readonly #fee: FeeModel;
  readonly #latency: LatencyModel;
  readonly #slippage: SlippageModel;
  readonly #idSeed: number;
  #settings: VenueSettings;
  #timeUs = 0;
  /** The earliest time at which something happens by itself: an activation or an expiry. */
  #wakeUs = Number.POSITIVE_INFINITY;
  #events: VenueEvent[] = [];

  constructor(options: VenueOptions) {
    options.instruments.forEach((instrument, place) => {
      if (instrument.index !== place) {
        throw new CodedError(
          "VENUE_INSTRUMENTS",
          `${instrument.symbol} has the index ${instrument.index} at place ${place}`,
          {
            field: "instruments",
          },
        );
      }
    });
    this.#markets = options.instruments.map((instrument) => new VenueMarket(instrument));
    this.#bySymbol = new Map(this.#markets.map((market) => [market.instrument.symbol, market]));
    this.#holdings = new Holdings(options.startingCash, options.cashRounding ?? "exact");
    this.#book = new OrderBook(options.retainedOrders ?? DEFAULT_RETAINED_ORDERS);
    this.#fill = options.fill ?? quoteFill();
    this.#fee = options.fee ?? NO_FEE;
    this.#latency = options.latency ?? NO_LATENCY;
    this.#slippage = options.slippage ?? NO_SLIPPAGE;
    this.#idSeed = seedOf(options.seed);
    this.#settings = { suspendTrade: false, noShorting: false, maxMarginMultiplier: 4, ...options.settings };
  }

  /** The newest time that the venue has been told, epoch microseconds. */
  get timeUs(): number {
    return this.#timeUs;
  }

  get settings(): VenueSettings {
    return this.#settings;
  }

  configure(change: Partial<VenueSettings>): void {
    this.#settings = { ...this.#settings, ...change };
  }

  get cash(): Fixed {
    return this.#holdings.cash;
  }

  /** Signed; 0 when flat. */
  positionOf(symbol: string): Fixed {
    return this.#holdings.quantityOf(symbol);
  }

  positions(): IterableIterator<[string, Holding]> {
    return this.#holdings.all();
  }

  /** What of a position no open order is closing already. */
  availableOf(symbol: string): Fixed {
    const market = this.#bySymbol.get(symbol);
    return market === undefined ? 0n : availableQuantity(market, this.#holdings);
  }

  figures(): AccountFigures {
    return accountFigures(this.#holdings, this.#bySymbol, BigInt(this.#settings.maxMarginMultiplier));
  }

  market(symbol: string): VenueMarket | undefined {
    return this.#bySymbol.get(symbol);
  }

  instruments(): readonly Instrument[] {
    return this.#markets.map((market) => market.instrument);
  }

  order(id: string): VenueOrder | undefined {
    return this.#book.byId(id);
  }

  orderByClientId(clientOrderId: string): VenueOrder | undefined {
    return this.#book.byClientId(clientOrderId);
  }

  /** All orders that are kept, in order of submission; live views, not to be changed. */
  orders(): Iterable<VenueOrder> {
    return this.#book.all();
  }

  /**
   * A quote of the instrument with this index; prices and sizes are doubles, 0 where a side is empty or a size not told.
   * Allocates nothing while no order is open.
   */
  onQuote(index: number, bid: number, ask: number, timeUs: number, bidSize = 0, askSize = 0): readonly VenueEvent[] {
    if (timeUs >= this.#wakeUs) this.#wake(timeUs);
    const market = this.#markets[index] as VenueMarket;
    market.bid = bid;
    market.ask = ask;
    market.bidSize = bidSize;
    market.askSize = askSize;
    market.timeUs = timeUs;
    if (timeUs > this.#timeUs) this.#timeUs = timeUs;
    if (market.open.length > 0) this.#match(market, "quote");
    return this.#take();
  }

  /** `aggressor`: 1 the buyer, 2 the seller, 0 not told. */
  onTrade(index: number, price: number, timeUs: number, size = 0, aggressor = 0): readonly VenueEvent[] {
    if (timeUs >= this.#wakeUs) this.#wake(timeUs);
    const market = this.#markets[index] as VenueMarket;
    market.last = price;
    market.lastSize = size;
    market.lastAggressor = aggressor;
    market.timeUs = timeUs;
    if (timeUs > this.#timeUs) this.#timeUs = timeUs;
    if (market.open.length > 0) this.#match(market, "trade");
    return this.#take();
  }

  /** Depth tells how much rests at a price; the touch comes with the quotes. */
  onDepth(index: number, change: DepthChange, timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    const market = this.#markets[index] as VenueMarket;
    market.seeDepth(change);
    market.timeUs = timeUs;
    if (market.open.length > 0) this.#match(market, "depth");
    return this.#take();
  }

  /** The first price of a bar, at its start: what a bar shows of itself before it ends. */
  onBarOpen(index: number, price: number, timeUs: number): readonly VenueEvent[] {
    this.#advance(timeUs);
    const market = this.#markets[index] as VenueMarket;
    market.barOpenUs = timeUs;
    market.timeUs = timeUs;
    this.#visit(market, price, "bar_open");
    return this.#take();
  }

  /**
   * A whole bar, at its end. What happens in it has the time of its last microsecond, so that an order for the day still
   * trades at the close. Without `onBarOpen` before, the bar's open is seen first.
   */
  onBar(index: number, bar: VenueBar): readonly VenueEvent[] {
    this.#advance(bar.startUs);
    const market = this.#markets[index] as VenueMarket;
    const [open, ...corners] = barCorners(bar);
    if (market.barOpenUs !== bar.startUs) this.#visit(market, open, "bar_open");
    this.#advance(bar.endUs - 1);
    market.timeUs = bar.endUs - 1;
    market.bar = bar;
    market.last = open;
    if (this.#fill.causes.has("bar_path")) for (const corner of corners) this.#walk(market, corner, bar);
    this.#visit(market, bar.close, "bar_close");
    this.#advance(bar.endUs);
    return this.#take();
  }

  #walk(market: VenueMarket, corner: number, bar: VenueBar): void {
    while (market.last !== corner) {
      this.#visit(market, nextPoint(market.last, corner, market.open, bar.halfSpread), "bar_path");
    }
  }

  #visit(market: VenueMarket, price: number, cause: MarketCause): void {
    market.last = price;
    if (market.open.length > 0) this.#match(market, cause);
  }

  /** While halted, orders rest; after the halt they trade on the next quote. */
  onHalt(index: number, halted: boolean, timeUs: number): readonly VenueEvent[] {
    if (timeUs >= this.#wakeUs) this.#wake(timeUs);
    (this.#markets[index] as VenueMarket).halted = halted;
    if (timeUs > this.#timeUs) this.#timeUs = timeUs;
    return this.#take();
  }

  /** Time passes without market data: activations and expiries that are due. */
  onTime(timeUs: number): readonly VenueEvent[] {
    if (timeUs >= this.#wakeUs) this.#wake(timeUs);
    if (timeUs > this.#timeUs) this.#timeUs = timeUs;
    return this.#take();
  }

  submit(request: NewVenueOrder, timeUs: number): SubmitResult {
    this.#advance(timeUs);
    const market = this.#bySymbol.get(request.symbol);
    if (market === undefined) {
      return this.#refused(refuse(422, CODE_UNPROCESSABLE, `asset "${request.symbol}" not found`));
    }
    const sized = { ...request, expectedQuantity: request.quantity ?? 0n };
    const refusal = this.#book.knows(request.clientOrderId)
      ? refuse(422, CODE_MALFORMED, "client_order_id must be unique")
      : refusalOf(sized, market, this.#context());
    if (refusal !== null) return this.#refused(refusal);
    const order = this.#enter(sized, market);
    const accepted = snapshotOf(order);
    if (order.activeAtUs <= this.#timeUs) this.#activate(order, market, true);
    else {
      if (order.status === "accepted") this.#emit("accepted", order, null);
      this.#schedule(order.activeAtUs);
    }
    if (order.expiresAtUs !== null && !isFinal(order.status)) this.#schedule(order.expiresAtUs);
    return { ok: true, order: accepted, legs: [], events: this.#take() };
  }

  cancel(id: string, timeUs: number): CancelResult {
    this.#advance(timeUs);
    const order = this.#book.working(id);
    if (order !== undefined) {
      order.canceledAtUs = this.#timeUs;
      this.#close(order, "canceled");
      return { ok: true, events: this.#take() };
    }
    const known = this.#book.byId(id);
    return this.#refused(
      known === undefined
        ? refuse(404, CODE_NOT_FOUND, `order not found for ${id}`)
        : refuse(422, CODE_UNPROCESSABLE, `order is already in "${known.status}" state`),
    );
  }

  /**
   * PATCH: puts a new order in the place of an open one. Statuses that refuse it: accepted, pending_new, pending_cancel,
   * pending_replace and the final ones.
   */
  replace(id: string, request: ReplaceRequest, timeUs: number): ReplaceResult {
    this.#advance(timeUs);
    return this.#unserved(`replacing order ${id} by ${request.clientOrderId}`);
  }

  /** Cancels every open order, legs with their parents; one row for each that was open. */
  cancelAll(timeUs: number): { readonly rows: readonly CancelRow[]; readonly events: readonly VenueEvent[] } {
    this.#advance(timeUs);
    const events = [...this.#take()];
    const rows: CancelRow[] = [];
    for (const { id } of this.#openOrders()) {
      const result = isFinal((this.#book.byId(id) as VenueOrder).status) ? null : this.cancel(id, timeUs);
      if (result !== null) events.push(...result.events);
      rows.push({ id, refusal: result === null || result.ok ? null : result.refusal });
    }
    return { rows, events };
  }

  /** A market order against a position: for the day, or good till cancelled where nothing closes. 404 without a position. */
  closePosition(symbol: string, size: ClosingSize, clientOrderId: string, timeUs: number): SubmitResult {
    this.#advance(timeUs);
    const held = this.positionOf(symbol);
    if (held === 0n) return this.#refused(refuse(404, CODE_NOT_FOUND, "position does not exist"));
    const market = this.#bySymbol.get(symbol) as VenueMarket;
    const before = this.#take();
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

  /** A split: `to` new shares for each `from` old ones. Open orders of the symbol are cancelled with CORPORATE_ACTION. */
  split(symbol: string, ratio: { readonly from: number; readonly to: number }, timeUs: number): CorporateActionResult {
    this.#advance(timeUs);
    return this.#unserved(`a ${ratio.to}:${ratio.from} split of ${symbol}`);
  }

  /** A cash dividend on the position at this time; a short position pays it. */
  dividend(symbol: string, perShare: Fixed, timeUs: number): CorporateActionResult {
    this.#advance(timeUs);
    return this.#unserved(`a dividend of ${formatFixed(perShare)} on ${symbol}`);
  }

  /** Undoes a trade that is among the fills that are kept. */
  bust(executionId: string, timeUs: number): AmendTradeResult {
    this.#advance(timeUs);
    return this.#unserved(`busting ${executionId}`);
  }

  /** Puts the price of a trade right that is among the fills that are kept. */
  correct(executionId: string, price: Fixed, timeUs: number): AmendTradeResult {
    this.#advance(timeUs);
    return this.#unserved(`correcting ${executionId} to ${formatFixed(price)}`);
  }

  #unserved(what: string): Refused {
    return this.#refused(refuse(422, CODE_UNPROCESSABLE, `${what} is not done by this venue yet`));
  }

  /**
   * Takes over an event of an earlier life, in its order, instead of making it: for rebuilding from a ledger. Throws
   * `VENUE_REPLAY` when the cash that follows is not the cash that the event names.
   */
  replay(event: Pick<VenueEvent, "order" | "execution">): void {
    const { order, execution } = event;
    const market = this.#bySymbol.get(order.symbol);
    if (market === undefined) {
      throw new CodedError("VENUE_REPLAY", `${order.symbol} is not an instrument of this venue`, { field: "symbol" });
    }
    if (execution !== null) {
      this.#holdings.apply(market.instrument, { side: order.side, ...execution });
      const { quantity, price } = execution;
      const filledBefore = order.filledQuantity - quantity;
      const { instrument } = market;
      this.#fee.booked({ instrument, side: order.side, quantity, price, filledBefore, timeUs: order.updatedAtUs });
      if (this.#holdings.cash !== execution.cash) {
        throw new CodedError("VENUE_REPLAY", `execution ${execution.id} leaves other cash than it says`, {
          field: "cash",
        });
      }
    }
    this.#book.restore(order, market);
    if (order.updatedAtUs > this.#timeUs) this.#timeUs = order.updatedAtUs;
    this.#reschedule();
  }

  /** Market data of an earlier life: sets the market without trading on it. Prices that are null stay. */
  observe(index: number, seen: { bid?: number; ask?: number; last?: number; halted?: boolean }, timeUs: number): void {
    const market = this.#markets[index] as VenueMarket;
    Object.assign(market, seen);
    market.timeUs = timeUs;
  }

  #context(): AdmissionContext {
    return {
      settings: this.#settings,
      holdings: this.#holdings,
      timeUs: this.#timeUs,
      figures: () => this.figures(),
    };
  }

  #refused(refusal: VenueRefusal): Refused {
    return { ok: false, refusal, events: this.#take() };
  }

  #enter(sized: SizedOrder, market: VenueMarket): WorkingOrder {
    const { takeProfit: _takeProfit, stopLoss: _stopLoss, ...request } = sized;
    const number = this.#book.nextNumber;
    const open = market.calendar.isOpen(this.#timeUs);
    const order = workingOrder(
      {
        ...request,
        id: seededUuid(this.#idSeed, number),
        number,
        positionIntent: request.positionIntent ?? intentOf(request.side, this.#holdings.quantityOf(request.symbol)),
        role: "entry",
        parentId: null,
        legIds: [],
        replaces: null,
        replacedBy: null,
        highWaterMark: null,
        status: open ? "pending_new" : "accepted",
        filledQuantity: 0n,
        filledNotional: 0n,
        fillCount: 0,
        submittedAtUs: this.#timeUs,
        updatedAtUs: this.#timeUs,
        activeAtUs: this.#timeUs,
        expiresAtUs: request.timeInForce === "day" ? sessionEndUs(market.calendar, this.#timeUs) : null,
        triggeredAtUs: null,
        filledAtUs: null,
        canceledAtUs: null,
        expiredAtUs: null,
        replacedAtUs: null,
        failedAtUs: null,
      },
      market,
    );
    order.activeAtUs = open ? this.#timeUs + this.#latency.latencyUs(order) : market.calendar.nextOpenUs(this.#timeUs);
    this.#book.enter(order, market);
    return order;
  }

  /** Into the market; `matchNow` is false where only a later quote may trade it. */
  #activate(order: WorkingOrder, market: VenueMarket, matchNow: boolean): void {
    order.status = "new";
    this.#emit("new", order, null);
    if (matchNow && !market.halted) this.#tryFill(order, market, "activation");
    if (order.timeInForce === "ioc" && !isFinal(order.status)) {
      order.canceledAtUs = this.#timeUs;
      this.#close(order, "canceled");
    }
  }

  #match(market: VenueMarket, cause: MarketCause): void {
    market.observation++;
    if (market.halted || !this.#fill.causes.has(cause)) return;
    // A copy, because an order that is filled leaves the list.
    for (const order of market.open.slice()) {
      if (order.status === "new" || order.status === "partially_filled") this.#tryFill(order, market, cause);
    }
  }

  #tryFill(order: WorkingOrder, market: VenueMarket, cause: MarketCause): void {
    if (!this.#fill.causes.has(cause) || !market.calendar.isOpen(this.#timeUs)) return;
    const decision = this.#fill.decide(order, market, cause);
    if (decision === null) return;
    this.#execute(order, market, decision);
  }

  #execute(order: WorkingOrder, market: VenueMarket, decision: FillDecision): void {
    const { instrument } = market;
    const price = withinLimit(order, this.#slippage.slip(order, decision.quantity, decision.price));
    const { quantity, liquidity } = decision;
    const filledBefore = order.filledQuantity;
    const fill = { instrument, side: order.side, quantity, price, filledBefore, timeUs: this.#timeUs };
    const { fee, feeQuantity } = this.#fee.feeOf(fill, liquidity);
    this.#fee.booked(fill);
    this.#holdings.apply(instrument, { side: order.side, quantity: decision.quantity, price, fee, feeQuantity });
    order.filledQuantity += decision.quantity;
    order.filledNotional += notionalOf(instrument, decision.quantity, price);
    order.fillCount++;
    const execution: VenueExecution = {
      id: seededUuid(this.#idSeed + 1, order.number * FILLS_PER_ORDER + order.fillCount),
      quantity: decision.quantity,
      price,
      fee,
      feeQuantity,
      positionQuantity: this.#holdings.quantityOf(instrument.symbol),
      cash: this.#holdings.cash,
      previousId: null,
    };
    if (remainingOf(order) > 0n) {
      order.status = "partially_filled";
      this.#emit("partial_fill", order, execution);
      return;
    }
    order.status = "filled";
    order.filledAtUs = this.#timeUs;
    this.#emit("fill", order, execution);
    this.#book.settle(order, market);
  }

  #close(order: WorkingOrder, kind: "canceled" | "expired"): void {
    order.status = kind;
    this.#emit(kind, order, null);
    this.#book.settle(order, this.#bySymbol.get(order.symbol) as VenueMarket);
  }

  #emit(kind: VenueEventKind, order: WorkingOrder, execution: VenueExecution | null): void {
    order.updatedAtUs = this.#timeUs;
    this.#events.push({ kind, order: snapshotOf(order), timeUs: this.#timeUs, execution, reason: null });
  }

  #take(): readonly VenueEvent[] {
    if (this.#events.length === 0) return NO_EVENTS;
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #advance(timeUs: number): void {
    if (timeUs >= this.#wakeUs) this.#wake(timeUs);
    if (timeUs > this.#timeUs) this.#timeUs = timeUs;
  }

  /** Does what is due up to `timeUs`, in order of time, then of submission; an expiry comes before an opening. */
  #wake(timeUs: number): void {
    while (this.#wakeUs <= timeUs) {
      const nowUs = this.#wakeUs;
      if (nowUs > this.#timeUs) this.#timeUs = nowUs;
      for (const order of this.#openOrders()) {
        if (order.expiresAtUs !== null && order.expiresAtUs <= nowUs) {
          order.expiredAtUs = this.#timeUs;
          this.#close(order, "expired");
        }
      }
      for (const order of this.#openOrders()) {
        if (!isWaiting(order) || order.activeAtUs > nowUs) continue;
        const market = this.#bySymbol.get(order.symbol) as VenueMarket;
        this.#activate(order, market, order.status === "pending_new");
      }
      this.#reschedule();
    }
  }

  #openOrders(): WorkingOrder[] {
    return this.#markets.flatMap((market) => market.open).sort((a, b) => a.number - b.number);
  }

  #schedule(timeUs: number): void {
    if (timeUs < this.#wakeUs) this.#wakeUs = timeUs;
  }

  #reschedule(): void {
    this.#wakeUs = Number.POSITIVE_INFINITY;
    for (const market of this.#markets) {
      for (const order of market.open) {
        if (isWaiting(order)) this.#schedule(order.activeAtUs);
        if (order.expiresAtUs !== null) this.#schedule(order.expiresAtUs);
      }
    }
  }
}

function intentOf(side: VenueSide, held: Fixed): VenuePositionIntent {
  if (side === "buy") return held >= 0n ? "buy_to_open" : "buy_to_close";
  return held <= 0n ? "sell_to_open" : "sell_to_close";
}

function closingQuantity(size: ClosingSize, held: Fixed): Fixed {
  if (size.kind === "all") return held;
  if (size.kind === "quantity") return size.quantity;
  return divideRounded(held * size.percentage, 100n * FIXED_ONE, "floor");
}

/** Room for the fills of one order in the numbers that execution ids are made of. */
const FILLS_PER_ORDER = 1_000_000;

function isWaiting(order: WorkingOrder): boolean {
  return order.status === "accepted" || order.status === "pending_new";
}

/** Slippage never breaks a limit. */
function withinLimit(order: WorkingOrder, price: Fixed): Fixed {
  const limit = order.limitPrice;
  if (limit === null) return price;
  return order.side === "buy" ? (price < limit ? price : limit) : price > limit ? price : limit;
}

/** The end of the session that an order of this time trades in: the running one, else the next. */
function sessionEndUs(calendar: Calendar, timeUs: number): number {
  if (calendar.name === "always") return calendar.sessionOf(Math.floor(timeUs / DAY_US))?.closeUs ?? timeUs;
  return calendar.nextCloseUs(timeUs);
}

const DAY_US = 86_400_000_000;
