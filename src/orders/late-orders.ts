/**
 * News of orders with our prefix that are not alive here. Main thread only. Repeated news of one that has ended is nothing
 * new, but a fill is booked in any case: the journal takes each once, also after an order's end. One that lives at the broker
 * after its end here (settled by a person, or an anomaly) came late: it is cancelled, and a person is told.
 */
import type { Broker, BrokerOrder, TradeUpdate } from "../broker/broker.ts";
import type { Fixed } from "../core/fixed.ts";
import { isFinal } from "../core/order/order-state.ts";
import { stateOfStatus } from "./broker-status.ts";
import type { Journal, JournalOrder } from "./journal.ts";
import type { LiveOrders } from "./live-orders.ts";
import { ORDER_ID_PREFIX } from "./order-id.ts";

export interface LateFill {
  readonly executionId: string;
  readonly quantity: Fixed;
  readonly price: Fixed;
  readonly venueTimeUs: number;
}

export interface LateOrdersOptions {
  readonly journal: Journal;
  readonly broker: Broker;
  readonly live: LiveOrders;
  /** Runs the work after everything else of the symbol. */
  readonly inTurn: (symbol: string, work: () => Promise<void>) => void;
  readonly book: (order: JournalOrder, fill: LateFill) => void;
  readonly alert: (code: string, message: string, symbol: string | null) => void;
}

export class LateOrders {
  readonly #options: LateOrdersOptions;

  constructor(options: LateOrdersOptions) {
    this.#options = options;
  }

  onTradeUpdate(update: TradeUpdate): void {
    const { executionId, quantity, price, venueTimeUs } = update;
    const isFill = executionId !== null && quantity !== null && price !== null;
    this.take(update.order, isFill ? [{ executionId, quantity, price, venueTimeUs }] : []);
  }

  /** What the broker has of an order that is not alive here. */
  take(order: BrokerOrder, fills: readonly LateFill[]): void {
    if (!order.clientOrderId.startsWith(ORDER_ID_PREFIX)) return;
    const state = stateOfStatus(order.status);
    const isOver = (state !== null && isFinal(state)) || this.#options.live.hasEndedAs(order);
    if (fills.length === 0 && isOver) return;
    this.#options.inTurn(order.symbol, () => this.#settle(order, fills, isOver));
  }

  async #settle(order: BrokerOrder, fills: readonly LateFill[], isOver: boolean): Promise<void> {
    const { journal, alert, broker, book, live } = this.#options;
    // It may have been taken up while it waited for its turn.
    if (live.of(order) !== undefined) return;
    // Asking for a cancel changes nothing of an order that is over, and tells what the journal knows of it.
    const known = await journal.requestCancel(order.clientOrderId).catch(() => null);
    if (known === null) {
      const message = `${order.clientOrderId} has our prefix and is not in the journal, or the journal cannot be asked`;
      return alert("UNKNOWN_BROKER_ORDER", message, order.symbol);
    }
    for (const fill of fills) book(known, fill);
    if (isOver) return;
    alert("LATE_ORDER", `${known.clientOrderId} reached the broker after its end here: cancelled`, known.symbol);
    await broker.cancel(order.id);
  }
}
