/**
 * The venue as a broker in the same process: what the backtest's order path talks to instead of a socket. It answers at
 * once and tells of fills before it answers, as Alpaca's stream may.
 */
import type {
  Broker,
  BrokerAccount,
  BrokerOrder,
  CancelOutcome,
  NewOrder,
  ReadOutcome,
  SubmitOutcome,
  TradeUpdateHandler,
} from "../broker/broker.ts";
import { divideFixed } from "../core/fixed.ts";
import type { Venue } from "../venue/venue.ts";
import { type NewVenueOrder, PLAIN_ORDER, type VenueEvent, type VenueOrder } from "../venue/order.ts";

const UNSUPPORTED = { kind: "failed", cause: "a backtest has no such data" } as const;

export class VenueBroker implements Broker {
  readonly #venue: Venue;
  #handler: TradeUpdateHandler | null = null;

  constructor(venue: Venue) {
    this.#venue = venue;
  }

  /** Tells the order path what happened in the venue, in order. */
  tell(events: readonly VenueEvent[]): void {
    for (const event of events) {
      this.#handler?.update({
        event: event.kind,
        order: brokerOrder(event.order),
        executionId: event.execution === null ? null : `${event.order.id}@${event.order.filledQuantity}`,
        price: event.execution?.price ?? null,
        quantity: event.execution?.quantity ?? null,
        positionQuantity: event.execution?.positionQuantity ?? null,
        venueTimeUs: event.timeUs,
      });
    }
  }

  async submit(order: NewOrder): Promise<SubmitOutcome> {
    const result = this.#venue.submit(venueOrder(order), this.#venue.timeUs);
    this.tell(result.events);
    if (result.ok) return { kind: "accepted", order: brokerOrder(result.order) };
    return { kind: "rejected", code: String(result.refusal.code), message: result.refusal.message };
  }

  async replace(): Promise<SubmitOutcome> {
    return { kind: "rejected", code: "UNSUPPORTED", message: "a backtest replaces no orders" };
  }

  async closePosition() {
    return UNSUPPORTED;
  }

  async cancel(brokerOrderId: string): Promise<CancelOutcome> {
    const result = this.#venue.cancel(brokerOrderId, this.#venue.timeUs);
    this.tell(result.events);
    return result.ok ? { kind: "requested" } : { kind: "not_cancelable", message: result.refusal.message };
  }

  watch(handler: TradeUpdateHandler): void {
    this.#handler = handler;
    handler.connected();
  }

  async unwatch(): Promise<void> {
    this.#handler = null;
  }

  async account(): Promise<ReadOutcome<BrokerAccount>> {
    const figures = this.#venue.figures();
    return {
      kind: "ok",
      value: {
        id: "backtest",
        status: "ACTIVE",
        cash: this.#venue.cash,
        equity: figures.equity,
        lastEquity: figures.equity,
        buyingPower: figures.buyingPower,
        suspended: false,
      },
    };
  }

  async positions() {
    const value = [...this.#venue.positions()]
      .filter(([, holding]) => holding.quantity !== 0n)
      .map(([symbol, { quantity }]) => ({ symbol, quantity, averageEntryPrice: 0n, currentPrice: null }));
    return { kind: "ok", value } as const;
  }

  async order(brokerOrderId: string): Promise<ReadOutcome<BrokerOrder>> {
    return found(this.#venue.order(brokerOrderId));
  }

  async orderByClientId(clientOrderId: string): Promise<ReadOutcome<BrokerOrder>> {
    return found(this.#venue.orderByClientId(clientOrderId));
  }

  async clock() {
    return UNSUPPORTED;
  }

  async asset() {
    return UNSUPPORTED;
  }

  async ordersSince() {
    return UNSUPPORTED;
  }

  async openOrders() {
    return UNSUPPORTED;
  }

  async fillsSince() {
    return UNSUPPORTED;
  }

  async activitiesSince() {
    return UNSUPPORTED;
  }

  async bars() {
    return UNSUPPORTED;
  }

  async latestQuote() {
    return UNSUPPORTED;
  }

  async cancelAll() {
    return UNSUPPORTED;
  }

  async suspendTrade() {
    return UNSUPPORTED;
  }

  async close(): Promise<void> {
    this.#handler = null;
  }
}

function found(order: VenueOrder | undefined): ReadOutcome<BrokerOrder> {
  return order === undefined ? { kind: "not_found" } : { kind: "ok", value: brokerOrder(order) };
}

/** The venue has the exits as Alpaca's body has them. */
function venueOrder(order: NewOrder): NewVenueOrder {
  const { orderClass, limitPrice, takeProfitPrice, stopLossPrice, stopLossLimitPrice, ...terms } = order;
  const takeProfit = orderClass === "oco" ? limitPrice : takeProfitPrice;
  return {
    ...PLAIN_ORDER,
    ...terms,
    orderClass,
    limitPrice,
    takeProfit: takeProfit === null ? null : { limitPrice: takeProfit },
    stopLoss: stopLossPrice === null ? null : { stopPrice: stopLossPrice, limitPrice: stopLossLimitPrice },
  };
}

function brokerOrder(order: VenueOrder): BrokerOrder {
  const filled = order.filledQuantity;
  return {
    id: order.id,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    type: order.type,
    timeInForce: order.timeInForce,
    orderClass: order.orderClass,
    quantity: order.quantity,
    limitPrice: order.limitPrice,
    stopPrice: order.stopPrice,
    trailPrice: order.trailPrice,
    trailPercent: order.trailPercent,
    replaces: order.replaces,
    replacedBy: order.replacedBy,
    legs: [],
    filledQuantity: filled,
    filledAveragePrice: filled === 0n ? null : divideFixed(order.filledNotional, filled, "half_even"),
    status: order.status,
    submittedAtUs: order.submittedAtUs,
    updatedAtUs: order.updatedAtUs,
  };
}
